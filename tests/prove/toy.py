"""The whole system as small as it can be: a log, gateways, an archive, all in memory, step by step.

It keeps every promise. The checker's tests take single parts of it and make them wrong; so each
method is one thing that can be got wrong.
"""

import random
from typing import Final

import msgspec

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import NOTHING, ClientId, MessageId, Seq, UserId, make_seq, message_id
from shared.conversation import Conversation
from shared.log.port import Record
from shared.timeline import PAGED, Entry, apply_all, change_of, make_entry, show
from tests.prove.history import now
from tests.prove.story import ORDER, to_record
from tests.prove.toy_archive import Archive
from tests.prove.toy_frames import event_of, joined, put_off, refused, tag_of
from tests.prove.truth import EPOCH

TOKEN_GRACE_S: Final = 5.0
Frame = frames.ServerFrame | frames.EventShown


class Connection(msgspec.Struct, eq=False):
    """One client's connection to a gateway, as the gateway sees it."""

    client: str
    user_id: UserId
    token_ends: float | None
    down: list[Frame] = []
    """What is on its way to the client."""
    joined: bool = False
    answered: Seq = NOTHING
    unresolved: list[ClientId] = []
    """What has to be sent again, in this order, before anything else is taken."""
    closed: bool = False
    code: int | None = None


class Offer(msgspec.Struct, eq=False):
    """An event on its way to the log."""

    event: log.Identified
    connection: Connection
    frame: frames.Attempt


class Gateway:
    """Folds the log, tells its clients, and takes what they write."""

    def __init__(self, records: list[Record], archive: Archive, dice: random.Random) -> None:
        self.connections: list[Connection] = []
        self.offers: list[Offer] = []
        self.dice = dice
        self._log = records
        self._archive = archive
        self.start()

    # Its life.

    def start(self) -> None:
        """Take from the archive what is there, and read the log on from there."""
        self.state = Conversation(ORDER)
        self.entries: list[Entry] = []
        self._flights: dict[MessageId, Offer] = {}
        for offset in range(self._archive.watermark):
            if offset in self._archive.stored:
                self._fold(self._archive.stored[offset])
        self._position = self.beginning()

    def beginning(self) -> int:
        """Where the log is read from after a start."""
        return self._archive.watermark

    def kill(self) -> None:
        """End it wherever it is; what it had not written is gone."""
        for connection in self.connections:
            connection.closed = True
        self.connections.clear()
        self.offers.clear()
        self.start()

    # The log.

    def append(self, count: int) -> None:
        """Write some of what was offered. Now and then the answer of the log gets lost, or what was
        to be written."""
        for offer in self.offers[:count]:
            if offer not in self.offers:
                continue  # what came before it on its connection failed
            self.offers.remove(offer)
            fate = self.dice.random()
            if fate > 0.1:
                self._log.append(to_record(offer.event, len(self._log)))
            if fate < 0.2:
                self._lose_sight(offer)

    def read(self, count: int) -> None:
        """Fold some records and tell everybody."""
        for record in self._log[self._position : self._position + count]:
            self._position = record.offset + 1
            self.publish(self._fold(record))

    def publish(self, entry: Entry) -> None:
        """Tell the clients what was just folded."""
        id_ = getattr(entry.event, "id", MessageId(""))
        client_id = getattr(entry.event, "client_id", None)
        offer = self._flights.pop(id_, None)
        if offer is not None and not entry.stands:
            self._settle(offer.connection, offer.frame, offer.event.id)
        if isinstance(entry.event, log.OrderChanged):
            self.withdraw()
        for connection in self.connections:
            if connection.user_id == entry.event.by and client_id in connection.unresolved:
                connection.unresolved.remove(client_id)
            if connection.joined and entry.shown and entry.seq > connection.answered:
                self.deliver(connection, show(entry))

    def withdraw(self) -> None:
        """Send away who may not read any more."""
        for connection in self.connections:
            if connection.joined and not self.state.may(connection.user_id, "read"):
                connection.joined = False
                connection.down.append(
                    frames.Left(ref=None, order_id=ORDER, code=ErrorCode.FORBIDDEN)
                )

    def deliver(self, connection: Connection, event: frames.EventShown) -> None:
        """Send an event."""
        connection.down.append(event)

    # The clients.

    def take(self, connection: Connection, frame: frames.ClientFrame) -> None:
        """Answer a frame, now or later."""
        match frame:
            case frames.Hello() if not self.accepts(connection):
                connection.closed, connection.code = True, 4001
                self.connections.remove(connection)
            case frames.Join() if not connection.closed:
                self._join(connection, frame)
            case frames.History():
                self._page(connection, frame)
            case frames.Send() | frames.Edit():
                self._attempt(connection, frame)
            case _:
                pass

    def accepts(self, connection: Connection) -> bool:
        """Whether the token shown is still good."""
        return connection.token_ends is None or now() < connection.token_ends + TOKEN_GRACE_S

    def may_page(self, connection: Connection) -> bool:
        """Whether history is told on this connection."""
        return connection.joined

    def id_of(self, connection: Connection, frame: frames.Attempt) -> MessageId:
        """The id of what is written: the same for every try."""
        return message_id(ORDER, connection.user_id, frame.id)

    def _attempt(self, connection: Connection, frame: frames.Send | frames.Edit) -> None:
        id_ = self.id_of(connection, frame)
        if connection.unresolved and frame.id != connection.unresolved[0]:
            self._put_off(connection, frame, id_)
            return
        if frame.id in connection.unresolved:
            connection.unresolved.remove(frame.id)
        if frame.retry:
            self.read(len(self._log))
            if id_ in self.state.remembered:
                self._settle(connection, frame, id_)
                return
        offer = Offer(
            event_of(connection.user_id, id_, frame, self.state.places), connection, frame
        )
        self.offer(offer)

    def offer(self, offer: Offer) -> None:
        """Take an event for the log, once: of two connections the newer one waits for it."""
        before = self._flights.get(offer.event.id)
        self._flights[offer.event.id] = offer
        if before is None or before not in self.offers:
            self.offers.append(offer)
        elif before.connection is not offer.connection:
            _say_unknown(before)
            self.offers[self.offers.index(before)] = offer

    def _lose_sight(self, offer: Offer) -> None:
        """Say that the outcome is unknown, and write nothing of this connection before it is sent
        again."""
        if offer.event.id in self.state.remembered:
            return  # another copy stands, and its writer was told
        offer.connection.unresolved.append(offer.frame.id)
        _say_unknown(offer)
        for later in [o for o in self.offers if o.connection is offer.connection]:
            self.offers.remove(later)
            self._flights.pop(later.event.id, None)
            self._put_off(later.connection, later.frame, later.event.id)

    def _put_off(self, connection: Connection, frame: frames.Attempt, id_: MessageId) -> None:
        if frame.id not in connection.unresolved and id_ not in self.state.remembered:
            connection.unresolved.append(frame.id)
        connection.down.append(put_off(frame))

    def _settle(self, connection: Connection, frame: frames.Attempt, id_: MessageId) -> None:
        """Tell what became of an id that the fold remembers."""
        claim = self.state.remembered[id_]
        for entry in self.entries:
            if entry.seq == claim.seq and entry.stands:
                self.deliver(connection, show(entry))
                return
        code = ErrorCode(claim.verdict.value)
        connection.down.append(
            frames.Refused(ref=frame.ref, id=frame.id, code=code, message="", retry=False)
        )

    def _join(self, connection: Connection, join: frames.Join) -> None:
        self.read(len(self._log))
        if self.state.order is None or self.state.role_of(connection.user_id) is None:
            connection.down.append(refused(join.ref, ErrorCode.NOT_FOUND, retry=False))
            return
        shown = self._shown(join.after, None)
        if join.after is None:
            shown = [entry for entry in shown if tag_of(entry) in PAGED][-join.limit :]
        complete = join.after is not None or len(shown) == len(self._shown(None, None))
        connection.joined, connection.answered = True, self.state.shown
        connection.down.append(
            joined(join.ref, self.state, self.state.order, connection.user_id, shown, complete)
        )

    def _page(self, connection: Connection, asked: frames.History) -> None:
        if not self.may_page(connection):
            connection.down.append(refused(asked.ref, ErrorCode.NOT_JOINED, retry=True))
            return
        shown = self._shown(asked.after, asked.before)
        if asked.after is None:
            older = [entry for entry in shown if tag_of(entry) in PAGED]
            shown, complete = older[-asked.limit :], len(older) <= asked.limit
        else:
            shown, complete = shown[: asked.limit], len(shown) <= asked.limit
        events = [show(entry) for entry in shown]
        page = frames.Page(ref=asked.ref, order_id=ORDER, events=events, complete=complete)
        connection.down.append(page)

    def _shown(self, after: Seq | None, before: Seq | None) -> list[Entry]:
        """What the parties see of an open range."""
        below = self.state.head + 1 if before is None else before
        return [e for e in self.entries if e.shown and (after or NOTHING) < e.seq < below]

    def _fold(self, record: Record) -> Entry:
        event = log.decode_event(record.key, record.type, record.version, record.value)
        seq = make_seq(EPOCH, record.offset)
        entry = make_entry(seq, record.at, event, self.state.fold(seq, record.at, event))
        self.entries.append(entry)
        if (change := change_of(entry)) is not None:
            apply_all([change], self.entries)
        return entry


def _say_unknown(offer: Offer) -> None:
    unknown = frames.Unknown(ref=offer.frame.ref, id=offer.frame.id, retry_after_ms=0)
    offer.connection.down.append(unknown)
