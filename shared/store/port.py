"""What services may rely on from a store, whichever engine it runs on.

Only the archiver writes, in three acknowledged steps: entries with their changes, conversations,
the watermark. Every write is guarded by the position that caused it, so it may be repeated, and a
second archiver that still believes a partition is its own writes nothing that differs.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from shared.contracts.events import ReviewState
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.risk import Risk
from shared.summary import Summary
from shared.timeline import Change, Entry


class Watermark(msgspec.Struct, frozen=True):
    """Everything of a partition below `offset` is in the timeline and in its conversation."""

    epoch: int
    partition: int
    offset: int
    at_before: int | None
    """Append time of the record before `offset`; tells a log that was replaced from ours."""


class StoredConversation(msgspec.Struct, frozen=True):
    """A conversation's state: `head` is the last record folded into `snapshot`."""

    order_id: OrderId
    head: Seq
    snapshot: bytes
    """As `shared.conversation.to_snapshot` makes it."""
    summary: Summary | None = None
    """As `shared.summary.summarize` makes it of the same state: what inboxes are found by."""


class InboxPlace(NamedTuple):
    """Where a conversation stands in an inbox: the newest first, then by order id."""

    updated_at: int
    order_id: OrderId


class InboxLine(msgspec.Struct, frozen=True):
    """A conversation in an inbox."""

    summary: Summary
    last: Entry | None
    """Its last message as it stands now; null if nothing was said."""


class Standing(msgspec.Struct, frozen=True):
    """How much of a conversation somebody has not read, as of its record `head`."""

    order_id: OrderId
    head: Seq
    unread: int


class Tally(msgspec.Struct, frozen=True):
    """An inbox in numbers: the newest conversations one by one, the others as a sum."""

    standings: list[Standing]
    others: int
    """Unread messages of all the others, counted no further than `UNREAD_MAX`."""


class CasePlace(NamedTuple):
    """Where a report or a flag stands among all of them: the oldest first. It stays there whatever
    becomes of it."""

    at: int
    """When it was appended to the log."""
    order_id: OrderId
    seq: Seq


UNREAD_MAX: Final = 1_000
"""Nobody is told of more unread messages than this."""


class StoreUnavailable(Exception):
    """The store did not answer in time, or cannot be reached; reads and writes may be repeated."""


class Reading(Protocol):
    """What gateways read. Answers reflect every write acknowledged before the call began."""

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
        ...

    async def epochs(self) -> Sequence[int]:
        """The epochs of which anything was archived, rising."""
        ...

    async def conversation(self, order_id: OrderId) -> StoredConversation | None:
        """The state of an order; null if no record of it was archived."""
        ...

    async def page(
        self,
        order_id: OrderId,
        *,
        after: Seq,
        before: Seq | None,
        limit: int,
        newest: bool,
        types: Collection[str] | None = None,
    ) -> Sequence[Entry]:
        """Standing entries of the open range (after, before), rising by seq, at most *limit*.

        With *newest* the last ones of the range, else the first; null *before* is no upper bound;
        *types* keeps only events of these types. Each entry is as one write left it, never torn.
        """
        ...

    async def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        """The entry that claimed an id, standing or void; null if none did. Copies and late records
        claim none. Should several have claimed it, the first."""
        ...

    async def carriers(
        self, order_id: OrderId, attachment_id: str, *, limit: int
    ) -> Sequence[Entry]:
        """Messages of an order that carry a file, standing ones and such as are gone by now; the
        newest first, at most *limit*."""
        ...

    async def inbox(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None = None,
        limit: int,
        orders: Collection[OrderId] | None = None,
    ) -> Sequence[InboxLine]:
        """The conversations whose summary has a number for the user, in the order of their places.

        At most *limit*, those that follow on the place *before* if one is given; of *orders* alone
        if they are named. Summary and last message are as one moment had them.
        """
        ...

    async def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None = None
    ) -> Tally:
        """The numbers of the same conversations: the first *limit* one by one, the others as a sum.
        Each counts once, as of some moment during the call."""
        ...

    async def cases(
        self,
        *,
        state: ReviewState,
        assignee: UserId | None = None,
        after: CasePlace | None = None,
        limit: int,
    ) -> Sequence[Entry]:
        """The reports and flags of all orders that are in *state*, in the order of their places; of
        *assignee* alone if one is named.

        At most *limit*, those that follow on the place *after* if one is given. What is archived
        later may stand before that. Each entry is as one write left it, never torn.
        """
        ...


class Writing(Protocol):
    """What the archiver writes. Each call is acknowledged only when it is durable."""

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* where no entry of that order and seq is yet, then apply *changes*, which
        rise by position, to every entry they concern (`shared.timeline.apply`), these included.

        All entries are there before the first change is applied. Entries come without changes.
        """
        ...

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head; with it,
        all at once, what its summary says to inboxes, in place of what they held of it."""
        ...

    async def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        """Store each watermark unless the one stored is the same or higher."""
        ...

    async def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else: only with every
        archiver stopped."""
        ...


class Store(Reading, Writing, Protocol):
    """Both sides, and its upkeep."""

    async def risks(self) -> Sequence[Risk]:
        """How the engine is set that could lose what was acknowledged. Raises
        `StoreUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `StoreUnavailable` if the store cannot be reached now."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
