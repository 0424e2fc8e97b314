"""Building blocks for histories of one order: its people, its records, and a log that folds."""

from typing import Final
from uuid import UUID

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId, make_seq, message_id
from shared.conversation import Conversation, Outcome

ORDER: Final = OrderId("o-1042")
ANNA: Final = UserId("u-anna")
BEN: Final = UserId("u-ben")
CARA: Final = UserId("u-cara")
STRANGER: Final = UserId("u-stranger")
MODERATOR: Final = UserId("u-moira")
SERVICE: Final = UserId("service:orders")

CREATOR: Final = log.Participant(ANNA, "creator", "Anna Lindqvist")
ADVERTISER: Final = log.Participant(BEN, "advertiser", "Ben Okafor")
SUPPORT: Final = log.Participant(CARA, "support", "Cara Diaz")

ALL: Final[tuple[log.Action, ...]] = ("read", "send", "attach", "edit", "delete")
OPEN: Final = {"creator": ALL, "advertiser": ALL, "support": ALL}
WINDOW_MS: Final = 900_000
START_MS: Final = 1_795_417_429_000
FILE: Final = log.Attachment("a-7731", "storyboard.pdf", "application/pdf", 482_113)


def client_id(key: int) -> ClientId:
    """The UUID a client made for its attempt number *key*."""
    return ClientId(str(UUID(int=key)))


def id_of(by: UserId, key: int) -> MessageId:
    """The id of the attempt number *key* of *by*."""
    return message_id(ORDER, by, client_id(key))


def order(
    version: int = 1,
    *,
    status: str = "in_progress",
    parties: tuple[log.Participant, ...] = (CREATOR, ADVERTISER),
    may: dict[str, tuple[log.Action, ...]] = OPEN,
    edit_window_ms: int = WINDOW_MS,
    contact: log.Contact = "flagged",
    as_: log.Capacity = "service",
) -> log.OrderChanged:
    """The order as its service publishes it."""
    return log.OrderChanged(
        order_id=ORDER,
        by=SERVICE,
        as_=as_,
        version=version,
        status=status,
        previous_status=None,
        title="Summer reel, 3 videos",
        participants=parties,
        may=may,
        edit_window_ms=edit_window_ms,
        contact=contact,
    )


def message(
    by: UserId,
    key: int,
    *,
    base: int = 0,
    seen: int = 0,
    text: str = "Hi!",
    attachments: tuple[log.Attachment, ...] = (),
    as_: log.Capacity = "participant",
) -> log.Message:
    """Something said."""
    return log.Message(
        order_id=ORDER,
        by=by,
        as_=as_,
        id=id_of(by, key),
        base=base,
        client_id=client_id(key),
        seen=seen,
        text=text,
        attachments=attachments,
    )


def edit(
    by: UserId,
    key: int,
    target: MessageId,
    *,
    base: int = 0,
    text: str = "Hello!",
    as_: log.Capacity = "participant",
) -> log.Edit:
    """Another text for *target*."""
    return log.Edit(
        order_id=ORDER,
        by=by,
        as_=as_,
        id=id_of(by, key),
        base=base,
        client_id=client_id(key),
        target=target,
        text=text,
    )


def delete(
    by: UserId, key: int, target: MessageId, *, base: int = 0, as_: log.Capacity = "participant"
) -> log.Delete:
    """*target* is taken back."""
    return log.Delete(
        order_id=ORDER,
        by=by,
        as_=as_,
        id=id_of(by, key),
        base=base,
        client_id=client_id(key),
        target=target,
    )


def report(
    by: UserId, key: int, target: MessageId, *, base: int = 0, as_: log.Capacity = "participant"
) -> log.Report:
    """*target* is reported."""
    return log.Report(
        order_id=ORDER,
        by=by,
        as_=as_,
        id=id_of(by, key),
        base=base,
        client_id=client_id(key),
        target=target,
        reason="spam",
    )


def read(by: UserId, up_to: Seq, n: int, *, as_: log.Capacity = "participant") -> log.Read:
    """*by* has read up to message *n*."""
    return log.Read(order_id=ORDER, by=by, as_=as_, up_to=up_to, n=n)


class Moderator:
    """Verdicts in the name of *by*; each call takes the number of the attempt and its base."""

    def __init__(self, by: UserId = MODERATOR, as_: log.Capacity = "moderator") -> None:
        self._by = by
        self._as: log.Capacity = as_

    def redact(self, key: int, target: MessageId, base: int = 0) -> log.Redact:
        return log.Redact(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            target=target, reason="Contact details",
        )  # fmt: skip

    def restore(
        self,
        key: int,
        target: MessageId,
        base: int = 0,
        *,
        text: str = "Hi!",
        attachments: tuple[log.Attachment, ...] = (),
    ) -> log.Restore:
        return log.Restore(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            target=target, reason="It was fine", text=text, attachments=attachments,
        )  # fmt: skip

    def flag(self, key: int, target: MessageId, base: int = 0) -> log.Flag:
        return log.Flag(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            target=target, reason="Look at this",
        )  # fmt: skip

    def mute(self, key: int, user_id: UserId, base: int = 0, until: int | None = None) -> log.Mute:
        return log.Mute(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            user_id=user_id, until=until, reason="Second warning",
        )  # fmt: skip

    def unmute(self, key: int, user_id: UserId, base: int = 0) -> log.Unmute:
        return log.Unmute(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            user_id=user_id, reason="Settled",
        )  # fmt: skip

    def close(self, key: int, base: int = 0) -> log.Close:
        return log.Close(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            reason="Under review",
        )  # fmt: skip

    def reopen(self, key: int, base: int = 0) -> log.Reopen:
        return log.Reopen(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            reason="Review done",
        )  # fmt: skip

    def review(
        self,
        key: int,
        target: MessageId,
        base: int = 0,
        *,
        state: log.ReviewState = "open",
        assignee: UserId | None = None,
    ) -> log.Review:
        return log.Review(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            target=target, state=state, assignee=assignee,
        )  # fmt: skip

    def look(self, key: int, base: int = 0) -> log.Look:
        return log.Look(
            order_id=ORDER, by=self._by, as_=self._as, id=id_of(self._by, key), base=base,
            what="conversation",
        )  # fmt: skip


MOIRA: Final = Moderator()


HI: Final = id_of(ANNA, 1)
"""The id of Anna's first message."""


class Record(msgspec.Struct, frozen=True):
    """A record as every reader finds it."""

    seq: Seq
    at: int
    event: log.Event


class Story:
    """One order's log, folded while it is written; a second passes between two records."""

    def __init__(self, *events: log.Event) -> None:
        self.conversation = Conversation(order_id=ORDER)
        self.records: list[Record] = []
        for event in events:
            self.append(event)

    @property
    def now(self) -> int:
        """Append time of the last record."""
        return self.records[-1].at if self.records else START_MS

    @property
    def head(self) -> Seq:
        """Position of the last record."""
        return self.conversation.head

    def append(self, event: log.Event, *, after_ms: int = 1_000) -> Outcome:
        """Write *event* so long after the last one; answer what it came to."""
        record = Record(make_seq(1, 7 + 3 * len(self.records)), self.now + after_ms, event)
        self.records.append(record)
        return self.conversation.fold(record.seq, record.at, event)

    def chatter(self, count: int, *, key: int = 100_000) -> None:
        """*count* messages of Ben that stand, sent one after the other."""
        for number in range(count):
            base = self.conversation.places
            self.append(message(BEN, key + number, base=base, seen=self.conversation.n))


def greeted() -> Story:
    """An order in progress in which Anna has said hi."""
    return Story(order(), message(ANNA, 1))
