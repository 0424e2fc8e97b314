"""The embedded store: three tables of one SQLite file, which other tables may share.

`StoreTables` is the store on one connection, without threads; `SqliteStore` runs one in a thread
for writes and one in a thread for reads, so a slow write delays no reader.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from shared.contracts.ids import MessageId, OrderId, Seq
from shared.sqlite import CommitFailed, Lock, Worker, transaction
from shared.store.port import StoredConversation, StoreUnavailable, Watermark
from shared.timeline import Change, Entry, apply

READ_TIMEOUT_S: Final = 5.0
WRITE_TIMEOUT_S: Final = 15.0
"""Above `shared.sqlite.BUSY_TIMEOUT_S`: the file has other writers too."""
DROP_TIMEOUT_S: Final = 300.0

# The columns beside `entry` are what entries are found by; they never change once written. An
# order's entries lie side by side; without being told (INDEXED BY) SQLite would rather look
# through all of them than use another index.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS timeline (
    order_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, stands INTEGER NOT NULL,
    id TEXT, text_of TEXT, entry BLOB NOT NULL, PRIMARY KEY (order_id, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timeline_by_id ON timeline (order_id, id, seq) WHERE id IS NOT NULL;
CREATE INDEX IF NOT EXISTS timeline_by_text
    ON timeline (order_id, text_of, seq) WHERE text_of IS NOT NULL;
CREATE TABLE IF NOT EXISTS conversations (
    order_id TEXT PRIMARY KEY, head INTEGER NOT NULL, snapshot BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS watermarks (
    epoch INTEGER NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    at_before INTEGER, PRIMARY KEY (epoch, partition)
) WITHOUT ROWID;
"""
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Entry).decode

Answer = TypeVar("Answer")


class StoreTables:
    """`shared.store.port.Store` as plain calls on one connection, by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        self._connection = connection

    def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
        row = self._connection.execute(
            'SELECT "offset", at_before FROM watermarks WHERE epoch = ? AND partition = ?',
            (epoch, partition),
        ).fetchone()
        return None if row is None else Watermark(epoch, partition, *row)

    def conversation(self, order_id: OrderId) -> StoredConversation | None:
        """The state of an order; null if no record of it was archived."""
        row = self._connection.execute(
            "SELECT head, snapshot FROM conversations WHERE order_id = ?", (order_id,)
        ).fetchone()
        return None if row is None else StoredConversation(order_id, *row)

    def page(
        self,
        order_id: OrderId,
        *,
        after: Seq,
        before: Seq | None,
        limit: int,
        newest: bool,
        types: Collection[str] | None = None,
    ) -> list[Entry]:
        """Standing entries of the open range (after, before), rising by seq, at most *limit*."""
        query = "SELECT entry FROM timeline WHERE order_id = ? AND seq > ? AND stands"
        values: list[str | int] = [order_id, after]
        if before is not None:
            query += " AND seq < ?"
            values.append(before)
        if types is not None:
            query += f" AND type IN ({', '.join('?' * len(types))})"
            values += types
        query += f" ORDER BY seq {'DESC' if newest else 'ASC'} LIMIT ?"
        entries = [_DECODE(row[0]) for row in self._connection.execute(query, (*values, limit))]
        return entries[::-1] if newest else entries

    def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        """The first entry that claimed an id, standing or void; null if none did."""
        row = self._connection.execute(
            "SELECT entry FROM timeline INDEXED BY timeline_by_id "
            "WHERE order_id = ? AND id = ? ORDER BY seq LIMIT 1",
            (order_id, id_),
        ).fetchone()
        return None if row is None else _DECODE(row[0])

    def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* that are new, then apply *changes* to every entry they concern."""
        rows = [
            (
                entry.order_id,
                entry.seq,
                entry.type,
                entry.stands,
                entry.id,
                entry.text_of,
                _ENCODE(entry),
            )
            for entry in entries
        ]
        by_text: defaultdict[tuple[OrderId, MessageId], list[Change]] = defaultdict(list)
        for change in changes:
            by_text[change.order_id, change.target].append(change)
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO timeline VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", rows
            )
            for (order_id, target), same_text in by_text.items():
                self._apply(order_id, target, same_text)

    def _apply(self, order_id: OrderId, target: MessageId, changes: Sequence[Change]) -> None:
        """Apply *changes* of one message's text to the entries that show it."""
        showing = self._connection.execute(
            "SELECT entry FROM timeline INDEXED BY timeline_by_text "
            "WHERE order_id = ? AND text_of = ?",
            (order_id, target),
        ).fetchall()
        changed = []
        for (blob,) in showing:
            entry = _DECODE(blob)
            news = [change for change in changes if apply(change, entry)]
            if news:
                changed.append((_ENCODE(entry), order_id, entry.seq))
        self._connection.executemany(
            "UPDATE timeline SET entry = ? WHERE order_id = ? AND seq = ?", changed
        )

    def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO conversations VALUES (?,?,?) ON CONFLICT DO UPDATE "
                "SET head = excluded.head, snapshot = excluded.snapshot "
                "WHERE head < excluded.head",
                [(each.order_id, each.head, each.snapshot) for each in conversations],
            )

    def raise_watermark(self, watermark: Watermark) -> None:
        """Store the watermark unless the one stored is the same or higher."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO watermarks VALUES (?,?,?,?) ON CONFLICT DO UPDATE "
                'SET "offset" = excluded."offset", at_before = excluded.at_before '
                'WHERE "offset" < excluded."offset"',
                (watermark.epoch, watermark.partition, watermark.offset, watermark.at_before),
            )

    def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else."""
        with transaction(self._connection):
            for table in ("timeline", "conversations", "watermarks"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)


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

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* that are new, then apply *changes* to every entry they concern."""
        await self._write(lambda tables: tables.write_entries(entries, changes), WRITE_TIMEOUT_S)

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        await self._write(lambda tables: tables.write_conversations(conversations), WRITE_TIMEOUT_S)

    async def raise_watermark(self, watermark: Watermark) -> None:
        """Store the watermark unless the one stored is the same or higher."""
        await self._write(lambda tables: tables.raise_watermark(watermark), WRITE_TIMEOUT_S)

    async def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else."""
        await self._write(StoreTables.drop, DROP_TIMEOUT_S)

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
