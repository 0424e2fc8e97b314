"""The embedded store: a few tables of one SQLite file, which other tables may share.

One connection in a thread of its own writes, another one reads, so a slow write delays no reader.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from shared.contracts.events import ReviewState
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.risk import Risk
from shared.sqlite import CommitFailed, Lock, Worker
from shared.store.port import (
    CasePlace,
    InboxLine,
    InboxPlace,
    StoredConversation,
    StoreUnavailable,
    Tally,
    Watermark,
)
from shared.store.tables import StoreTables
from shared.timeline import Change, Entry

READ_TIMEOUT_S: Final = 5.0
WRITE_TIMEOUT_S: Final = 15.0
"""Above `shared.sqlite.BUSY_TIMEOUT_S`: the file has other writers too."""
DROP_TIMEOUT_S: Final = 300.0

Answer = TypeVar("Answer")


class SqliteStore:
    """`shared.store.port.Store` in one file, for one process."""

    def __init__(
        self,
        writing: Worker,
        writes: StoreTables,
        reading: Worker,
        reads: StoreTables,
        resources: AsyncExitStack,
    ) -> None:
        self._writing = writing
        self._writes = writes
        self._reading = reading
        self._reads = reads
        self._resources = resources

    @classmethod
    async def open(cls, path: Path) -> "SqliteStore":
        """Open the store at *path*, or make it.

        Raises `shared.sqlite.InUse` if another process has it open.
        """
        async with AsyncExitStack() as resources:
            lock = await asyncio.to_thread(partial(Lock, path, alone=False))
            resources.callback(lock.release)
            writing = await Worker.open("store writer", path)
            resources.push_async_callback(writing.close)
            writes = await writing.run(lambda: StoreTables(writing.connection), WRITE_TIMEOUT_S)
            reading = await Worker.open("store reader", path)
            resources.push_async_callback(reading.close)
            reads = await reading.run(lambda: StoreTables(reading.connection), WRITE_TIMEOUT_S)
            return cls(writing, writes, reading, reads, resources.pop_all())

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
        return await self._read(lambda tables: tables.watermark(epoch, partition))

    async def epochs(self) -> Sequence[int]:
        """The epochs of which anything was archived, rising."""
        return await self._read(lambda tables: tables.epochs())

    async def conversation(self, order_id: OrderId) -> StoredConversation | None:
        """The state of an order; null if no record of it was archived."""
        return await self._read(lambda tables: tables.conversation(order_id))

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
        """Standing entries of the open range (after, before), rising by seq, at most *limit*."""
        return await self._read(
            lambda tables: tables.page(
                order_id, after=after, before=before, limit=limit, newest=newest, types=types
            )
        )

    async def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        """The first entry that claimed an id, standing or void; null if none did."""
        return await self._read(lambda tables: tables.find(order_id, id_))

    async def carriers(
        self, order_id: OrderId, attachment_id: str, *, limit: int
    ) -> Sequence[Entry]:
        """Messages that carry a file, the newest first, at most *limit*."""
        return await self._read(lambda tables: tables.carriers(order_id, attachment_id, limit))

    async def inbox(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None = None,
        limit: int,
        orders: Collection[OrderId] | None = None,
    ) -> Sequence[InboxLine]:
        """The conversations of a user, the newest first, at most *limit*."""
        return await self._read(
            lambda tables: tables.inbox(user_id, before=before, limit=limit, orders=orders)
        )

    async def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None = None
    ) -> Tally:
        """The numbers of a user's conversations: the first *limit* one by one, then a sum."""
        return await self._read(lambda tables: tables.tally(user_id, limit=limit, orders=orders))

    async def cases(
        self,
        *,
        state: ReviewState,
        assignee: UserId | None = None,
        after: CasePlace | None = None,
        limit: int,
    ) -> Sequence[Entry]:
        """The reports and flags in a state, the oldest first, at most *limit*."""
        return await self._read(
            lambda tables: tables.cases(state=state, assignee=assignee, after=after, limit=limit)
        )

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* that are new, then apply *changes* to every entry they concern."""
        await self._write(lambda tables: tables.write_entries(entries, changes), WRITE_TIMEOUT_S)

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        await self._write(lambda tables: tables.write_conversations(conversations), WRITE_TIMEOUT_S)

    async def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        """Store each watermark unless the one stored is the same or higher."""
        await self._write(lambda tables: tables.raise_watermarks(watermarks), WRITE_TIMEOUT_S)

    async def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else."""
        await self._write(StoreTables.drop, DROP_TIMEOUT_S)

    async def risks(self) -> Sequence[Risk]:
        """None: the file is opened by us, as it must be."""
        return ()

    async def ping(self) -> None:
        """Raise `StoreUnavailable` if the file cannot be read now."""
        await self.watermark(0, 0)

    async def close(self) -> None:
        """Let what was begun end, then close the file."""
        await self._resources.aclose()

    async def _read(self, call: Callable[[StoreTables], Answer]) -> Answer:
        try:
            return await self._reading.run(lambda: call(self._reads), READ_TIMEOUT_S)
        except (OSError, sqlite3.OperationalError) as error:
            raise StoreUnavailable(f"the store could not be read: {error}") from error

    async def _write(self, call: Callable[[StoreTables], None], timeout_s: float) -> None:
        try:
            await self._writing.run(lambda: call(self._writes), timeout_s)
        except (OSError, sqlite3.OperationalError, CommitFailed) as error:
            raise StoreUnavailable(f"the store could not be written: {error}") from error
