"""What services may rely on from a log, whichever engine it runs on."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from shared.risk import Risk


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A record to be written. `type` and `version` are its headers `type` and `v`."""

    key: str
    type: str
    version: int
    value: bytes


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as read. What others wrote may lack anything; `decode_event` judges it."""

    partition: int
    offset: int
    at: int
    """Append time in ms, given by the log, the same for every reader. It rises within a partition,
    but may step back where another machine, with another clock, takes the partition over."""
    key: str | None
    type: str | None
    version: int | None
    value: bytes | None


class NotAppended(Exception):
    """Nothing of the batch is or will be in the log; it may be tried again."""


class OutcomeUnknown(Exception):
    """The batch may or may not be in the log, now or later."""


class Log(Protocol):
    """A set of partitions, each a sequence of records with dense offsets from 0.

    * Durable before acknowledged: when `append` returns, the batch survives the death of any one
      process or machine the engine is configured to survive.
    * Batches appended to a partition one after the other stand in that order. Concurrent calls for
      one partition may be refused; callers keep one in flight.
    * What cannot be read now raises `OSError`, time-outs included.
    * Offsets are dense: no reader ever finds a hole, and offset n is written before n + 1.
    """

    @property
    def partitions(self) -> int:
        """How many partitions there are; fixed for ever."""
        ...

    async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
        """Append all of *drafts* in order; answer the offset of the first.

        What is too much for one batch of the engine is written in parts; records of others may come
        to stand between these.

        Raises `NotAppended` if certainly nothing was written. Every other error, a time-out or a
        cancelled call included, leaves the outcome unknown; adapters raise `OutcomeUnknown`.
        """
        ...

    async def ends(self) -> Sequence[int]:
        """Of every partition the offset its next record will get."""
        ...

    async def time_before(self, partition: int, offset: int) -> int | None:
        """Append time of the record before *offset*; null if there is none (any more)."""
        ...

    async def offset_at(self, partition: int, at: int) -> int:
        """The first offset whose append time is *at* (in ms) or later; the end if there is none."""
        ...

    def reader(self) -> "Reader":
        """A new reader, following nothing."""
        ...

    async def share(self, group: str) -> "Share":
        """A part in the partitions, divided among all that share under the name *group*.

        Raises `OSError` if the part could not be asked for.
        """
        ...

    async def dead_letter(self, record: Record, error: str) -> None:
        """Keep a record that did not decode, with where it came from and why; acknowledged as
        `append` is. The same record may be kept more than once."""
        ...

    async def risks(self) -> Sequence[Risk]:
        """How the engine is set that could lose what was acknowledged. Raises `OSError`."""
        ...

    async def ping(self) -> None:
        """Raise if the log cannot be reached now."""
        ...

    async def close(self) -> None:
        """Finish what was handed over, then let go of everything."""
        ...


class Reader(Protocol):
    """Reads partitions from given positions on. Used by one task at a time."""

    def follow(self, partition: int, offset: int) -> None:
        """Read *partition* from *offset* on with the next `fetch`; again to seek."""
        ...

    def unfollow(self, partition: int) -> None:
        """Stop reading *partition*."""
        ...

    async def fetch(self, *, max_wait_s: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Records that follow each partition's position, in offset order, and move past them.

        Waits up to *max_wait_s* while there are none; then the answer is empty. At most
        *max_records* in all, none skipped; no partition is starved by another.
        """
        ...

    def wake(self) -> None:
        """Let a waiting `fetch` return now: something else needs the task's attention."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class Share(Protocol):
    """One member's part of the partitions, while others come and go.

    A partition without a member is given to one before long. For a moment two members may hold the
    same partition, when one was given up for dead and does not know it yet: what is done under a
    share must bear being done twice.
    """

    @property
    def held(self) -> frozenset[int]:
        """The partitions that are this member's now."""
        ...

    def note(self, partition: int, offset: int) -> None:
        """Have it kept, for who holds *partition* next and for tools that watch lag, that it is
        done below *offset*. It is kept a little later, and the newest may get lost."""
        ...

    async def noted(self, partition: int) -> int | None:
        """What was kept last of *partition*, by whichever member of the group; null: nothing yet.
        Raises `OSError`."""
        ...

    async def close(self) -> None:
        """Give the part up, so that others have it at once."""
        ...
