"""A trial of the toy: honest clients, kills, cuts and crashes, one random step after the other."""

import random
from collections.abc import Callable
from typing import Final
from uuid import UUID

from shared.contracts import frames
from shared.contracts.ids import ClientId, UserId
from shared.log.port import Record
from tests.prove import history
from tests.prove.device import Device
from tests.prove.history import Ending, Faulted, History, Stamp, Typed, now
from tests.prove.session import Session
from tests.prove.story import ANNA, BEN, ORDER, PARTITION, PARTITIONS, order, to_record
from tests.prove.toy import Connection, Gateway
from tests.prove.toy_archive import Archive
from tests.prove.truth import Truth, fold

CARL, MALLORY = UserId("carl"), UserId("mallory")
"""A party that is removed half-way, and one that is none."""

STEPS: Final = 1_500
ROUNDS: Final = 60
"""After so many rounds of calm whatever has not settled never will."""
LONG_AGO_S: Final = 100.0

MakeGateway = Callable[[list[Record], Archive, random.Random], Gateway]
MakeArchive = Callable[[list[Record]], Archive]


class Actor:
    """An honest client: the same mind as in every other trial, and no line at all."""

    def __init__(self, device: Device, *, writes: bool) -> None:
        self.device = device
        self.writes = writes
        self.connection: Connection | None = None
        self.session: Session | None = None
        self.gateway: Gateway | None = None
        self._connections = 0
        self._count = 0

    @property
    def barred(self) -> bool:
        """Whether the order is closed to it for good."""
        return self.session is not None and self.session.ending == "barred"

    def connect(self, gateway: Gateway) -> None:
        """Open a connection, if there is none."""
        if self.connection is not None or self.barred:
            return
        device = self.device
        self._connections += 1
        self.session, self.gateway = Session(device, self._connections), gateway
        self.connection = Connection(device.name, device.user_id, device.token_ends)
        gateway.connections.append(self.connection)
        device.history.write(device.opened(self.stamp()))

    def speak(self) -> None:
        """Send what there is to send."""
        if self.connection is None or self.session is None or self.gateway is None:
            return
        for frame in self.session.frames_to_send():
            if not self.connection.closed:
                self.gateway.take(self.connection, frame)

    def hear(self, count: int) -> None:
        """Take some of what came, and the end of the connection behind it."""
        connection, session = self.connection, self.session
        if connection is None or session is None:
            return
        for _ in range(min(count, len(connection.down))):
            session.take(connection.down.pop(0))
        if session.ending is not None:
            self.lose(session.ending, None)
        elif connection.closed and not connection.down:
            self.lose("lost" if connection.code is None else "peer", connection.code)

    def lose(self, why: Ending, code: int | None) -> None:
        """The connection is over."""
        assert self.connection is not None
        assert self.gateway is not None
        if self.connection in self.gateway.connections:
            self.gateway.connections.remove(self.connection)
        self.connection.closed = True
        self.connection = None
        self.device.token_ends = None  # whoever was sent away for an old token fetches a new one
        self.device.outbox.disconnect()
        self.device.history.write(history.Closed(**self.stamp(), why=why, code=code))

    def write(self) -> None:
        """Say something, or say it better."""
        device, dice = self.device, self.device.random
        self._count += 1
        text = f"{device.name} {self._count}"
        id_ = ClientId(str(UUID(int=dice.getrandbits(128), version=4)))
        mine = device.view.own(device.user_id)
        frame: frames.Send | frames.Edit
        if mine and dice.random() < 0.2:
            target = dice.choice(mine).id
            frame = frames.Edit(ref=0, order_id=ORDER, id=id_, target=target, text=text)
        else:
            frame = frames.Send(ref=0, order_id=ORDER, id=id_, text=text, seen=device.view.n)
        kind: history.Kind = "message" if isinstance(frame, frames.Send) else "edit"
        by = device.user_id
        device.history.write(
            Typed(**self.stamp(), order_id=ORDER, by=by, id=id_, kind=kind, text=text)
        )
        device.outbox.add(frame)

    def stamp(self) -> Stamp:
        """Now, on the present connection."""
        return Stamp(at=now(), client=self.device.name, connection=self._connections)


class ToyTrial:
    """One run, from one seed."""

    def __init__(
        self,
        seed: int,
        make_gateway: MakeGateway = Gateway,
        make_archive: MakeArchive = Archive,
    ) -> None:
        self.history = History()
        self._dice = dice = random.Random(seed)
        self._log = [to_record(order(ANNA, BEN, CARL), 0)]
        self._archive = make_archive(self._log)
        self._gateways = [make_gateway(self._log, self._archive, dice) for _ in range(2)]
        self._actors = [
            Actor(self._device(user_id, number), writes=user_id != CARL)
            for user_id in (ANNA, BEN, CARL)
            for number in (1, 2)
        ]
        self._actors[-3].device.token_ends = now() - LONG_AGO_S

    def run(self) -> Truth:
        """Let it all happen, then come to rest; the truth to compare the history with."""
        acts = list(_WEIGHTS)
        for step in range(STEPS):
            if step == STEPS // 2:
                changed = order(ANNA, BEN, version=2)
                self._log.append(to_record(changed, len(self._log)))
            self._dice.choices(acts, list(_WEIGHTS.values()))[0](self)
        self._rest()
        truth = fold(self._log, PARTITIONS)
        stored = sorted(self._archive.stored.items())
        archived = fold((record for _, record in stored), PARTITIONS).orders.get(ORDER)
        entries = archived.entries if archived is not None else ()
        truth.orders[ORDER].archived = [entry for entry in entries if entry.stands]
        return truth

    # What may happen.

    def write(self) -> None:
        actor = self._dice.choice(self._actors)
        if actor.writes:
            actor.write()

    def speak(self) -> None:
        self._dice.choice(self._actors).speak()

    def hear(self) -> None:
        self._dice.choice(self._actors).hear(self._dice.randint(1, 4))

    def connect(self) -> None:
        self._dice.choice(self._actors).connect(self._dice.choice(self._gateways))

    def append(self) -> None:
        self._dice.choice(self._gateways).append(self._dice.randint(1, 3))

    def read(self) -> None:
        self._dice.choice(self._gateways).read(self._dice.randint(1, 3))

    def archive(self) -> None:
        self._archive.go_on()

    def crash(self) -> None:
        self._archive.crash()

    def cut(self) -> None:
        actor = self._dice.choice(self._actors)
        if actor.connection is not None:
            self._break("reset", frozenset({actor.device.name}))
            actor.lose("lost", None)

    def kill(self) -> None:
        gateway = self._dice.choice(self._gateways)
        self._break("kill", frozenset(one.client for one in gateway.connections))
        gateway.kill()

    def snoop(self) -> None:
        """A stranger asks for what it never opened."""
        gateway, stamp = (
            self._dice.choice(self._gateways),
            Stamp(at=now(), client="m", connection=1),
        )
        self.history.write(history.Opened(**stamp, order_id=ORDER, user_id=MALLORY))
        connection = Connection(MALLORY, MALLORY, None)
        gateway.take(connection, frames.History(ref=1, order_id=ORDER))
        for frame in connection.down:
            if isinstance(frame, frames.Page):
                events = tuple(history.glimpse(event) for event in frame.events)
                page = history.Paged(**stamp, order_id=ORDER, after=None, events=events)
                self.history.write(page)
        self.history.write(history.Closed(**stamp, why="left", code=None))

    # At rest.

    def _rest(self) -> None:
        for actor in self._actors:
            actor.device.wants_all = True
        for _ in range(ROUNDS):
            for actor in self._actors:
                actor.connect(self._dice.choice(self._gateways))
                actor.speak()
            for gateway in self._gateways:
                gateway.append(len(gateway.offers))
                gateway.read(len(self._log))
            for actor in self._actors:
                actor.hear(1_000)
            self._archive.go_on()
        for _ in range(len(self._log)):
            self._archive.go_on()
        for actor in self._actors:
            if actor.connection is not None:
                self.history.write(_view_of(actor))
                actor.lose("left", None)

    def _break(self, kind: history.FaultKind, clients: frozenset[str]) -> None:
        ends = [0] * PARTITIONS
        ends[PARTITION] = len(self._log)
        at = now()
        self.history.write(Faulted(at=at, kind=kind, until=at, clients=clients, ends=tuple(ends)))

    def _device(self, user_id: UserId, number: int) -> Device:
        name = f"{user_id}-{number}"
        dice = random.Random(f"{name} {self._dice.random()}")
        return Device(name, user_id, ORDER, "", self.history, dice)


def _view_of(actor: Actor) -> history.Viewed:
    device = actor.device
    return history.Viewed(
        **actor.stamp(),
        order_id=ORDER,
        user_id=device.user_id,
        messages=device.view.shown(),
        marks=dict(device.view.marks),
        unread=None,
    )


_WEIGHTS: Final[dict[Callable[[ToyTrial], None], float]] = {
    ToyTrial.write: 5,
    ToyTrial.speak: 12,
    ToyTrial.hear: 16,
    ToyTrial.connect: 5,
    ToyTrial.append: 10,
    ToyTrial.read: 10,
    ToyTrial.archive: 10,
    ToyTrial.crash: 1,
    ToyTrial.cut: 0.7,
    ToyTrial.kill: 0.4,
    ToyTrial.snoop: 0.5,
}
