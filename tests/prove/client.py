"""An honest client: connects, comes back after every loss, and types, edits, reads meanwhile."""

import asyncio
import contextlib
import secrets
from typing import Final
from uuid import UUID

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from shared.contracts import frames
from shared.contracts.ids import NOTHING, ClientId
from tests.prove import history
from tests.prove.device import Device
from tests.prove.history import Ending, now
from tests.prove.session import Session

TICK_S: Final = 0.1
"""How often deadlines are looked at."""

EDITABLE: Final = 20
"""How far back a user changes own messages."""


class Pace(msgspec.Struct, frozen=True):
    """Deadlines and back-off in seconds; shorter than a browser's, to see more in a given time."""

    open: float = 3.0
    answer: float = 10.0
    """For joins, pages and attempts: a gateway says `unknown` well before."""
    ping_every: float = 1.0
    ping: float = 2.0
    back_off_first: float = 0.05
    back_off_most: float = 1.0


class Habits(msgspec.Struct, frozen=True):
    """How a user behaves: once every so many seconds on average one of these, by weight."""

    every_s: float = 0.6
    messages: float = 10
    burst_most: int = 6
    floods: float = 0.5
    """Of a flood size: more at once than may be in flight."""
    flood: int = 40
    edits: float = 0
    deletes: float = 0
    marks: float = 0
    typing: float = 0


class Client:
    """A user at a device with one order open. `run` it as a task; it ends after `leave`."""

    def __init__(self, device: Device, url: str, habits: Habits, pace: Pace) -> None:
        self._device = device
        self._url = url
        self._habits = habits
        self._pace = pace
        self._connection = 0
        self._session: Session | None = None
        self._leaving = asyncio.Event()
        self._quiet = False
        self._wake = asyncio.Event()
        self._count = 0

    @property
    def device(self) -> Device:
        """What this client holds."""
        return self._device

    @property
    def settled(self) -> bool:
        """Whether the order is open and nothing typed waits for its outcome."""
        return self._session is not None and self._session.joined and not self._device.outbox

    def hush(self) -> None:
        """Type no more; what was typed is still brought to its end."""
        self._quiet = True

    def want_all(self) -> None:
        """Page back until the screen holds everything (`view.complete`)."""
        self._device.wants_all = True
        self._wake.set()

    def leave(self) -> None:
        """Close the connection and end `run`."""
        self._leaving.set()
        self._wake.set()

    async def run(self) -> None:
        """Stay connected until told to leave."""
        async with asyncio.TaskGroup() as tasks:
            user = tasks.create_task(self._use())
            await self._stay_connected()
            user.cancel()

    # The line.

    async def _stay_connected(self) -> None:
        failures = 0
        while not self._leaving.is_set():
            last = await self._connect_once()
            failures = 0 if last is not None and last.joined else failures + 1
            ceiling = min(self._pace.back_off_first * 2**failures, self._pace.back_off_most)
            away_s = self._device.random.uniform(0, ceiling)
            if last is not None and last.away_s is not None:
                away_s = last.away_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(away_s):
                    await self._leaving.wait()

    async def _connect_once(self) -> Session | None:
        """Hold one connection as long as it lasts; null if there was none."""
        try:
            socket = await connect(
                self._url,
                compression=None,
                open_timeout=self._pace.open,
                ping_interval=self._pace.ping_every,
                ping_timeout=self._pace.ping,
                close_timeout=1,
                max_size=2**22,
                proxy=None,
            )
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
            return None
        self._connection += 1
        self._session = session = Session(self._device, self._connection)
        self._device.history.write(self._device.opened(self._stamp()))
        ending, code = await self._hold(socket, session)
        self._device.history.write(history.Closed(**self._stamp(), why=ending, code=code))
        self._session = None
        self._device.outbox.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await socket.close()
        socket.transport.abort()  # a peer that fell silent would keep the socket open for long
        return session

    async def _hold(self, socket: ClientConnection, session: Session) -> tuple[Ending, int | None]:
        tasks = [
            asyncio.create_task(self._read(socket, session)),
            asyncio.create_task(self._write(socket, session)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result(), None
        except ConnectionClosed as closed:
            return ("peer", closed.rcvd.code) if closed.rcvd else ("lost", None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, socket: ClientConnection, session: Session) -> Ending:
        while session.ending is None:
            try:
                async with asyncio.timeout(session.silence_s):
                    data = await socket.recv()
            except TimeoutError:
                return "overdue"
            session.take(frames.decode_server_frame(data))
            self._wake.set()
        return session.ending

    async def _write(self, socket: ClientConnection, session: Session) -> Ending:
        while session.ending is None:
            if self._leaving.is_set():
                return "left"
            try:
                async with asyncio.timeout(self._pace.answer):
                    for frame in session.frames_to_send():
                        await socket.send(frames.encode_frame(frame), text=True)
            except TimeoutError:
                return "overdue"
            since = session.waiting_since()
            if since is not None and now() - since > self._pace.answer:
                return "overdue"
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()
        return session.ending

    # The user.

    async def _use(self) -> None:
        dice, habits = self._device.random, self._habits
        acts = [self._say, self._flood, self._edit, self._delete, self._mark, self._show_typing]
        weights = [
            habits.messages,
            habits.floods,
            habits.edits,
            habits.deletes,
            habits.marks,
            habits.typing,
        ]
        while True:
            await asyncio.sleep(dice.expovariate(1 / habits.every_s))
            if not self._quiet:
                dice.choices(acts, weights)[0]()
                self._wake.set()

    def _say(self) -> None:
        for _ in range(self._device.random.randint(1, self._habits.burst_most)):
            self._type_message()

    def _flood(self) -> None:
        if not self._device.outbox:  # a user who waits for forty does not type forty more
            for _ in range(self._habits.flood):
                self._type_message()

    def _type_message(self) -> None:
        device, text = self._device, self._new_text()
        frame = frames.Send(
            ref=0,
            order_id=device.order_id,
            id=self._new_id(),
            text=text,
            seen=device.view.n if device.view.head != NOTHING else None,
        )
        self._keep(frame, "message", text)

    def _edit(self) -> None:
        mine = self._device.view.own(self._device.user_id)[-EDITABLE:]
        if mine:
            target, text = self._device.random.choice(mine).id, self._new_text()
            order_id = self._device.order_id
            frame = frames.Edit(
                ref=0, order_id=order_id, id=self._new_id(), target=target, text=text
            )
            self._keep(frame, "edit", text)

    def _delete(self) -> None:
        mine = self._device.view.own(self._device.user_id)[-EDITABLE:]
        if mine:
            target, order_id = self._device.random.choice(mine).id, self._device.order_id
            frame = frames.Delete(ref=0, order_id=order_id, id=self._new_id(), target=target)
            self._keep(frame, "delete", None)

    def _mark(self) -> None:
        if self._session is not None:
            device = self._device
            self._session.post(frames.Read(order_id=device.order_id, up_to=device.view.head))

    def _show_typing(self) -> None:
        if self._session is not None:
            self._session.post(frames.Type(order_id=self._device.order_id, what="text"))

    def _keep(self, frame: frames.Attempt, kind: history.Kind, text: str | None) -> None:
        self._device.history.write(
            history.Typed(
                **self._stamp(),
                order_id=frame.order_id,
                by=self._device.user_id,
                id=frame.id,
                kind=kind,
                text=text,
            )
        )
        self._device.outbox.add(frame)

    def _new_text(self) -> str:
        self._count += 1
        return f"{self._device.name} {self._count}"

    def _stamp(self) -> history.Stamp:
        return history.Stamp(at=now(), client=self._device.name, connection=self._connection)

    def _new_id(self) -> ClientId:
        """A UUID of version 7, as clients make them by habit: the time of day, then dice."""
        at_ms = int(self._device.clock() * 1_000)
        tail = secrets.randbits(74)
        value = at_ms << 80 | 7 << 76 | tail >> 62 << 64 | 2 << 62 | tail & (1 << 62) - 1
        return ClientId(str(UUID(int=value)))
