"""Who is here and who is typing: signals between gateways, of which any may be lost.

One worker carries out what sessions note, in order, so that a slow or dead signals engine costs
them nothing; what does not fit its queue is dropped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from chat_gateway.hub import Hub
from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from shared.signals.port import Signals, SignalsUnavailable

logger = logging.getLogger("order_chat.gateway")

TTL_S: Final = 60.0
RENEW_EVERY_S: Final = 20.0
RENEW_TURNS: Final = 100
OFFLINE_AFTER_S: Final = 30.0
"""A reload or a change of network within this time is nobody's business."""
WAITING_MAX: Final = 10_000
LOST_TOLD: Final = 1_000
"""One line stands for so many; the figure counts each."""
WORK_DEADLINE_S: Final = 2.0

Work = Callable[[], Awaitable[None]]
Key = tuple[OrderId, UserId]


class Presence:
    """The presence of one gateway's users, shown to the other gateways and the other way round."""

    def __init__(self, signals: Signals, hub: Hub, place: str) -> None:
        """*place* names this gateway among the others."""
        self._signals = signals
        self._hub = hub
        self._place = place
        self._here: dict[Key, int] = {}
        """How many connections each user has the order open on, here."""
        self._leaving: dict[Key, asyncio.TimerHandle] = {}
        self._listening: dict[OrderId, int] = {}
        """How many connections of this gateway have the order open, moderators' too."""
        self._work: asyncio.Queue[Work] = asyncio.Queue(WAITING_MAX)
        self.lost = 0
        """Signals dropped or failed since the start."""

    def listen(self, order_id: OrderId) -> None:
        """A connection opened the order: its signals are wanted."""
        self._listening[order_id] = self._listening.get(order_id, 0) + 1
        if self._listening[order_id] == 1:
            self._do(lambda: self._signals.subscribe(order_id, self._relay))

    def deafen(self, order_id: OrderId) -> None:
        """A connection closed the order."""
        self._listening[order_id] -= 1
        if not self._listening[order_id]:
            del self._listening[order_id]
            self._do(lambda: self._unsubscribe(order_id))

    def arrive(self, order_id: OrderId, user_id: UserId) -> None:
        """A participant opened the order on one more connection."""
        key = order_id, user_id
        self._here[key] = self._here.get(key, 0) + 1
        if (leaving := self._leaving.pop(key, None)) is not None:
            leaving.cancel()
        elif self._here[key] == 1:
            self._do(lambda: self._appear(key))

    def depart(self, order_id: OrderId, user_id: UserId) -> None:
        """A participant closed the order on one connection."""
        key = order_id, user_id
        if not self._here.get(key):
            return  # the order had too many participants to show who is there, when they came
        self._here[key] -= 1
        if not self._here[key]:
            loop = asyncio.get_running_loop()
            self._leaving[key] = loop.call_later(OFFLINE_AFTER_S, self._gone, key)

    def typing(self, order_id: OrderId, user_id: UserId, what: frames.Typing) -> None:
        """Show the others that somebody is at it."""
        frame = frames.TypingShown(order_id=order_id, user_id=user_id, what=what)
        self._do(lambda: self._signals.publish(order_id, frames.encode_frame(frame)))

    async def who(self, order_id: OrderId) -> list[UserId] | None:
        """Who has the order open anywhere; null while signals are down."""
        try:
            async with asyncio.timeout(WORK_DEADLINE_S):
                return sorted(await self._signals.present(order_id))
        except (SignalsUnavailable, TimeoutError):
            return None

    async def run(self) -> None:
        """Carry out what was noted, and renew, for as long as the gateway lives."""
        renewing = asyncio.create_task(self._renew())
        try:
            while True:
                work = await self._work.get()
                try:
                    async with asyncio.timeout(WORK_DEADLINE_S):
                        await work()
                except Exception as error:
                    # Whatever it was, the next one may do better; nothing depends on any of them.
                    self.lost += 1
                    logger.warning("a signal is lost", extra={"error": type(error).__name__})
        finally:
            renewing.cancel()
            for leaving in self._leaving.values():
                leaving.cancel()

    async def _renew(self) -> None:
        """Renew each once in `RENEW_EVERY_S`, a share of them at a time: a signal costs many times
        what a message does, and messages would wait behind all of them."""
        while True:
            for turn in range(RENEW_TURNS):
                await asyncio.sleep(RENEW_EVERY_S / RENEW_TURNS)
                for key in [key for key in self._here if hash(key) % RENEW_TURNS == turn]:
                    self._do(lambda key=key: self._appear(key))  # type: ignore[misc]  # bound now

    def _gone(self, key: Key) -> None:
        del self._leaving[key], self._here[key]
        self._do(lambda: self._disappear(key))

    async def _appear(self, key: Key) -> None:
        if await self._signals.appear(*key, self._place, TTL_S):
            await self._show(key, online=True)

    async def _disappear(self, key: Key) -> None:
        if await self._signals.disappear(*key, self._place):
            await self._show(key, online=False)

    async def _show(self, key: Key, *, online: bool) -> None:
        order_id, user_id = key
        frame = frames.Presence(order_id=order_id, user_id=user_id, online=online)
        await self._signals.publish(order_id, frames.encode_frame(frame))

    async def _unsubscribe(self, order_id: OrderId) -> None:
        if order_id not in self._listening:  # nobody came back meanwhile
            await self._signals.unsubscribe(order_id, self._relay)

    def _relay(self, payload: bytes) -> None:
        """Show a signal, which is a frame as clients get it, to everybody but who it is about."""
        if not payload:
            return  # signals were down: who is here is renewed, and nobody types for long
        try:
            frame = frames.decode_server_frame(payload)
        except msgspec.DecodeError:
            logger.warning("a signal cannot be read")
            return
        if isinstance(frame, frames.TypingShown | frames.Presence):
            self._hub.broadcast(frame.order_id, payload, but=frame.user_id)

    def _do(self, work: Work) -> None:
        try:
            self._work.put_nowait(work)
        except asyncio.QueueFull:
            if self.lost % LOST_TOLD == 0:  # a flood of signals is to make none of lines
                logger.warning("signals are too slow: they are lost")
            self.lost += 1
