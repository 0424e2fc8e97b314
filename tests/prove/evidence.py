"""A history put in order for the checks: who typed what, who saw what, what stands in the log."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId, message_id
from shared.timeline import Entry
from tests.prove.history import (
    Answered,
    Closed,
    Done,
    Faulted,
    Glimpse,
    Joined,
    Live,
    Opened,
    Paged,
    Record,
    Sent,
    Typed,
    Viewed,
)
from tests.prove.truth import Truth

Check = Literal[
    "lost-write",
    "unseen",
    "skip",
    "ack-before-durable",
    "archive",
    "duplicate",
    "inconsistent-offset",
    "nonmonotonic-deliver",
    "fifo",
    "aborted-read",
    "outcome",
    "unsettled",
    "unwarranted",
    "dropped",
    "barred",
    "foreign",
    "after-revoke",
    "convergence",
    "unread",
]
"""What can be wrong; named after jepsen's where it has a name."""


NOTICED_S: Final = 1.0
"""How long after its end a fault may still reach a client: what is half done or half sent."""


class Violation(msgspec.Struct, frozen=True):
    """A promise that was not kept."""

    check: Check
    who: str
    """The client or the order concerned."""
    what: str


class Sight(NamedTuple):
    """Somebody saw an event."""

    client: str
    at: float
    order_id: OrderId
    event: Glimpse


class Evidence:
    """A history and the truth it is to be compared with."""

    def __init__(self, history: Iterable[Record], truth: Truth) -> None:
        self.truth = truth
        self.typed: dict[ClientId, Typed] = {}
        self.views: list[Viewed] = []
        self.faults: list[Faulted] = []
        self.clients: dict[str, list[Done]] = {}
        self.purposes: dict[str, tuple[OrderId, UserId]] = {}
        """What each client is for."""
        for record in history:
            if isinstance(record, Faulted):
                self.faults.append(record)
                continue
            self.clients.setdefault(record.client, []).append(record)
            if isinstance(record, Typed):
                self.typed[record.id] = record
            elif isinstance(record, Viewed):
                self.views.append(record)
            elif isinstance(record, Opened):
                self.purposes[record.client] = record.order_id, record.user_id
        self.sights = [
            Sight(client, record.at, record.order_id, event)
            for client, records in self.clients.items()
            for record in records
            if isinstance(record, Joined | Paged | Live)
            for event in events_of(record)
        ]
        self.entries: dict[tuple[OrderId, Seq], Entry] = {
            (order_id, entry.seq): entry
            for order_id, order in truth.orders.items()
            for entry in order.entries
        }
        self.standing: dict[MessageId, Entry] = {
            entry.id: entry for entry in self.entries.values() if entry.stands and entry.id
        }

        self._readers = {
            order_id: [
                (entry.seq, _readers_by(entry.event))
                for entry in order.entries
                if entry.stands and isinstance(entry.event, log.OrderChanged)
            ]
            for order_id, order in truth.orders.items()
        }

    def id_of(self, typed: Typed) -> MessageId:
        """The id of what was typed, in the log."""
        return message_id(typed.order_id, typed.by, typed.id)

    def acknowledged(self) -> dict[ClientId, Seq]:
        """What was typed and came back to the client that typed it, with the position it has."""
        return {
            typed.id: sight.event.seq
            for sight in self.sights
            if (typed := self._typed_by(sight)) is not None
        }

    def used_up(self) -> set[ClientId]:
        """What was refused for good."""
        return {id_ for id_, fate in self._fates() if fate.used_up}

    def denied(self) -> set[ClientId]:
        """What was refused for good, or so far every time."""
        return {id_ for id_, fate in self._fates() if fate.used_up or fate.only_refused}

    def may_read(self, order_id: OrderId, user_id: UserId, seq: Seq) -> bool:
        """Whether the order itself lets a user read what stands at a position."""
        readers: frozenset[UserId] = frozenset()
        for since, those in self._readers.get(order_id, ()):
            if since <= seq:
                readers = those
        return user_id in readers

    def ever_read(self, order_id: OrderId, user_id: UserId) -> bool:
        """Whether the order let a user read at any time."""
        return any(user_id in readers for _, readers in self._readers.get(order_id, ()))

    def is_shut_out(self, client: str) -> bool:
        """Whether the user of *client* may not read in the end what it was made to read."""
        order_id, user_id = self.purposes[client]
        order = self.truth.orders.get(order_id)
        return order is None or not self.may_read(order_id, user_id, order.state.head)

    def is_faulty(self, client: str, since: float, until: float) -> bool:
        """Whether something was broken for *client* at any time from *since* until *until*."""
        return any(
            (fault.clients is None or client in fault.clients)
            and fault.at <= until
            and since <= fault.until + NOTICED_S
            for fault in self.faults
        )

    def _fates(self) -> Iterator[tuple[ClientId, "_Fate"]]:
        for records in self.clients.values():
            yield from _fates(records).items()

    def _typed_by(self, sight: Sight) -> Typed | None:
        typed = self.typed.get(sight.event.client_id) if sight.event.client_id else None
        own = typed is not None and typed.client == sight.client and typed.by == sight.event.by
        return typed if own else None


def _readers_by(order: log.OrderChanged) -> frozenset[UserId]:
    return frozenset(
        party.user_id for party in order.participants if "read" in order.may.get(party.role, ())
    )


class _Fate(msgspec.Struct):
    """What became of the attempts under one id."""

    open: int = 0
    refused: bool = False
    used_up: bool = False
    may_be_logged: bool = False

    @property
    def only_refused(self) -> bool:
        return self.refused and not self.may_be_logged and not self.open


def _fates(records: Iterable[Done]) -> dict[ClientId, _Fate]:
    fates: dict[ClientId, _Fate] = {}
    for record in records:
        match record:
            case Sent(id=id_):
                fates.setdefault(id_, _Fate()).open += 1
            case Answered(id=id_) if id_ is not None and id_ in fates:
                fate = fates[id_]
                fate.open -= 1
                fate.refused |= record.outcome == "refused"
                fate.used_up |= record.outcome == "refused" and not record.retry
                fate.may_be_logged |= record.outcome == "unknown"
            case Closed():
                for fate in fates.values():
                    fate.may_be_logged |= fate.open > 0
                    fate.open = 0
            case _:
                pass
    return fates


def events_of(record: Done) -> Iterator[Glimpse]:
    """The events that came with one record, in the order shown."""
    match record:
        case Joined(events=events) | Paged(events=events):
            yield from events
        case Live(event=event):
            yield event
        case _:
            pass
