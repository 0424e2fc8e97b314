"""An order with Anna and Ben as one gateway has it open, and recorders for what lies outside.

Room, hub, publisher, lanes and sessions are the real ones. Recorded are the two things a session
and a lane talk to: the socket, and the desk that does what takes time. The scripted log stands for
an engine, because no real one fails on demand.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from chat_gateway.admission import Admission
from chat_gateway.contact import Guard
from chat_gateway.counts import Counts
from chat_gateway.hub import Hub
from chat_gateway.lane import Lane
from chat_gateway.limits import Rates, lifted
from chat_gateway.moderation.engine.find import find
from chat_gateway.moderation.engine.rules import load
from chat_gateway.publisher import Publisher
from chat_gateway.seam import Answer, Opened, Shown
from chat_gateway.session import Session
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import NOTHING, OrderId, Seq, UserId, make_seq
from shared.conversation import Conversation
from shared.grants import GRANT_S, Grants
from shared.log.port import Draft, Reader, Record, Share
from shared.risk import Risk
from shared.seal import Seal
from shared.timeline import Entry, may_see, show
from shared.tokens import Identity, Role
from tests.chat_gateway.recorders import (
    NOW_MS,
    RecordingDesk,
    RecordingOutlet,
    RecordingSocket,
)
from tests.shared.story import ANNA, ORDER, client_id, message, order

GRANT_SECRET = b"the secret of grants in the tests"
GRANTS = Grants(GRANT_SECRET)
SEAL = Seal([b"the secret of originals in the tests"])
RULES = load()
EXPIRES_AT = NOW_MS / 1_000 + 3_600


def room_with(*said: log.Event) -> Room:
    """An order in progress, and what was said in it so far."""
    room = Room(Conversation(ORDER))
    for event in (order(), *said):
        fold_next(room, event)
    return room


def fold_next(room: Room, event: log.Event, *, at: int = NOW_MS) -> Entry:
    """The reader meets one more record of the order."""
    head = room.conversation.head
    return room.fold(make_seq(1, 0) if head == NOTHING else Seq(head + 1), at, event)


def messages(by: UserId, count: int, *, first: int = 9_000) -> list[log.Message]:
    """*count* messages that stand, one after the other."""
    return [message(by, first + key, base=key) for key in range(count)]


def identity(
    user_id: UserId = ANNA,
    *,
    role: Role = "user",
    orders: set[OrderId] | None = None,
    expires_at: float = EXPIRES_AT,
) -> Identity:
    """What a good token says."""
    named = None if orders is None else frozenset(orders)
    return Identity(user_id, frozenset({role}), expires_at, orders=named)


def send(
    key: int,
    *,
    text: str = "Hi!",
    seen: int | None = 0,
    retry: bool = False,
    ref: int = 1,
    attachments: tuple[str, ...] = (),
) -> frames.Send:
    """A client's frame that says something; *key* makes its id."""
    return frames.Send(
        ref=ref,
        order_id=ORDER,
        id=client_id(key),
        text=text,
        attachments=attachments,
        seen=seen,
        retry=retry,
    )


def picture(key: int = 1) -> log.Attachment:
    """A file that passed inspection."""
    return log.Attachment(f"file-{key}", f"{key}.png", "image/png", 1_234, 640, 480)


def grant(
    key: int = 1,
    *,
    order_id: OrderId = ORDER,
    by: UserId = ANNA,
    good_for_s: int = GRANT_S,
    secret: bytes = GRANT_SECRET,
) -> str:
    """A grant for the picture of this key, that ends in so many seconds."""
    issued = NOW_MS / 1000 + good_for_s - GRANT_S
    return Grants(secret, clock=lambda: issued).issue(order_id, by, picture(key))[0]


class Batch(NamedTuple):
    """A batch that was handed to the log, which owes an answer."""

    events: list[log.Event]
    answer: asyncio.Future[int]

    def end(self, failure: Exception | None = None) -> None:
        """Acknowledge it, or fail."""
        if self.answer.done():
            return  # whoever waited has given up
        if failure is None:
            self.answer.set_result(0)
        else:
            self.answer.set_exception(failure)


class ScriptedLog:
    """A log of one partition, of which the test says how each batch ends."""

    partitions = 1

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
        events = [log.decode_event(d.key, d.type, d.version, d.value) for d in drafts]
        batch = Batch(events, asyncio.get_running_loop().create_future())
        self.batches.append(batch)
        return await batch.answer

    async def ends(self) -> Sequence[int]:
        return [0]

    async def time_before(self, partition: int, offset: int) -> int | None:
        return None

    async def offset_at(self, partition: int, at: int) -> int:
        return 0

    def reader(self) -> Reader:
        raise NotImplementedError

    async def share(self, group: str) -> Share:
        raise NotImplementedError

    async def dead_letter(self, record: Record, error: str) -> None:
        raise NotImplementedError

    async def risks(self) -> Sequence[Risk]:
        return ()

    async def ping(self) -> None:
        return

    async def close(self) -> None:
        return


async def turns(count: int = 8) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


class House:
    """One gateway's room, hub and publisher over a scripted log; made on a running loop."""

    def __init__(
        self, *said: log.Event, limits: frames.Limits | None = None, room: Room | None = None
    ) -> None:
        self.log = ScriptedLog()
        self.hub = Hub()
        self.desk = RecordingDesk()
        self.room = room or room_with(*said)
        self.limits = limits or frames.Limits()
        self.publisher = Publisher(self.log, asyncio.get_running_loop(), append_every_s=0)
        # The clock stands still, so rates are for the tests that name some.
        self.rates = Rates(limits or lifted(self.limits))
        self.admission = Admission(self.limits)
        self.guard = Guard(partial(find, rules=RULES), SEAL)

    def now(self) -> float:
        """The clock that deadlines go by."""
        return asyncio.get_running_loop().time()

    # Lanes alone.

    def lane(self, by: UserId = ANNA) -> tuple[Lane, RecordingOutlet]:
        """A lane of one of a user's connections."""
        outlet = RecordingOutlet()
        return Lane(self.room, by, self.publisher, 0, outlet, self.guard), outlet

    # Whole sessions.

    def connect(self) -> tuple[Session, RecordingSocket]:
        """A connection of which nothing is known yet."""
        socket = RecordingSocket()
        ticket = self.admission.admit("192.0.2.1", 0.0)
        assert ticket is not None
        session = Session(
            socket,
            self.desk,
            self.hub,
            self.publisher,
            self.rates,
            ticket,
            session_id="s",
            limits=self.limits,
            grants=GRANTS,
            guard=self.guard,
            counts=Counts(),
        )
        return session, socket

    def greet(self, who: Identity) -> tuple[Session, RecordingSocket]:
        """A connection that was welcomed."""
        session, socket = self.connect()
        session.receive(frames.encode_frame(frames.Hello(token="t")))
        session.welcome(who)
        socket.take()
        return session, socket

    def join(self, who: Identity | None = None) -> tuple[Session, RecordingSocket]:
        """A connection that has the order open."""
        session, socket = self.greet(who or identity())
        open_order(session, self.room)
        socket.take()
        return session, socket

    # The reader.

    def meet(self, event: log.Event, *, at: int = NOW_MS) -> Entry:
        """The reader meets a record: fold, publish, settle, as the feed does."""
        entry = fold_next(self.room, event, at=at)
        self.hub.publish(self.room, entry)
        self.publisher.settle(entry)
        return entry

    async def handed_over(self) -> list[log.Event]:
        """The events of the one batch that waits for the log's answer."""
        await turns()
        (batch,) = self.log.batches
        return batch.events

    async def end_batch(self, failure: Exception | None = None) -> list[log.Event]:
        """End the oldest batch so, and give what was in it."""
        await turns()
        batch = self.log.batches.pop(0)
        batch.end(failure)
        await turns()
        return batch.events


def answer_from(
    room: Room, after: Seq | None, reader: UserId, *, moderator: bool = False
) -> Answer:
    """What a join is answered from a room that holds all of its order."""
    shown = [
        Shown(entry.seq, frames.encode_frame(show(entry, moderator=moderator)))
        for entry in room.entries
        if entry.seq > (after or NOTHING) and may_see(entry, reader, moderator=moderator)
    ]
    return Answer(shown, complete=True)


def open_order(session: Session, room: Room, *, ref: int = 1, after: Seq | None = None) -> None:
    """Answer a join of this session."""
    who = session.identity
    assert who is not None
    moderator = "moderator" in who.roles
    answer = answer_from(room, after, who.user_id, moderator=moderator)
    join = frames.Join(ref=ref, order_id=room.conversation.order_id, after=after)
    session.opened(join, Opened(room, answer), [])


def say(session: Session, *frames_: frames.ClientFrame) -> None:
    """The client sends these frames."""
    for frame in frames_:
        session.receive(frames.encode_frame(frame))
