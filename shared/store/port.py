"""What services may rely on from a store, whichever engine it runs on.

Only the archiver writes, in three acknowledged steps: entries with their changes, conversations,
the watermark. Every write is guarded by the position that caused it, so it may be repeated, and a
second archiver that still believes a partition is its own writes nothing that differs.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from shared.contracts.ids import MessageId, OrderId, Seq
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


class StoreUnavailable(Exception):
    """The store did not answer in time, or cannot be reached; reads and writes may be repeated."""


class Reading(Protocol):
    """What gateways read. Answers reflect every write acknowledged before the call began."""

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
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


class Writing(Protocol):
    """What the archiver writes. Each call is acknowledged only when it is durable."""

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* where no entry of that order and seq is yet, then apply *changes*, which
        rise by position, to every entry they concern (`shared.timeline.apply`), these included.

        All entries are there before the first change is applied. Entries come without changes.
        """
        ...

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        ...

    async def raise_watermark(self, watermark: Watermark) -> None:
        """Store the watermark unless the one stored is the same or higher."""
        ...

    async def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else: only with every
        archiver stopped."""
        ...


class Store(Reading, Writing, Protocol):
    """Both sides, and its upkeep."""

    async def ping(self) -> None:
        """Raise `StoreUnavailable` if the store cannot be reached now."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
