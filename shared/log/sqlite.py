"""The embedded log: one SQLite file, one writer, and readers that every commit wakes.

Appends are handed to one thread, which takes all that wait and commits them together: one
transaction and one fsync, however many writers there are. Readers know from the log's ends where
there is news, and query nothing else.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from shared.log.port import Draft, NotAppended, OutcomeUnknown, Record
from shared.log.tables import (
    Batch,
    DeadLetter,
    Job,
    LogTables,
    Notes,
    noted,
    now_ms,
    offset_at,
    read_records,
    time_at,
)
from shared.log.turns import divide
from shared.risk import Risk
from shared.sqlite import CLOSE_TIMEOUT_S, Lock, Worker

logger = logging.getLogger("order_chat.log")

APPEND_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 10.0

NOTE_EVERY_S: Final = 1.0
"""How long notes wait for each other: every commit costs a disk's turn."""

WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What may wait for the disk; more is refused."""

Answer = TypeVar("Answer")


class _Waiting(NamedTuple):
    job: Job
    outcome: asyncio.Future[int]


class SqliteLog:
    """`shared.log.port.Log` in one file, for one process."""

    def __init__(
        self, tables: LogTables, writing: Worker, reading: Worker, resources: AsyncExitStack
    ) -> None:
        self._tables = tables
        self._writing = writing
        self._reading = reading
        self._resources = resources
        self._waiting: list[_Waiting] = []
        self._unsettled_bytes = 0
        self._commits: asyncio.Task[None] | None = None
        self._readers: set[SqliteReader] = set()
        self._shares: set[WholeShare] = set()
        self._closed = False
        self.committed = tables.ends
        """Of every partition the offset its next record will get."""

    @classmethod
    async def open(
        cls, path: Path, *, partitions: int, clock: Callable[[], int] = now_ms
    ) -> "SqliteLog":
        """Open the log at *path*, or make it with that many partitions, fixed from then on.

        *clock* tells the time of day in ms. Raises `shared.sqlite.InUse` if the log is open
        already, here or in another process, and `ValueError` if it has other partitions.
        """
        async with AsyncExitStack() as resources:
            lock = await asyncio.to_thread(partial(Lock, path, alone=True))
            resources.callback(lock.release)
            writing = await Worker.open("log writer", path)
            resources.push_async_callback(writing.close)
            tables = await writing.run(
                lambda: LogTables(writing.connection, partitions, clock), APPEND_TIMEOUT_S
            )
            reading = await Worker.open("log reader", path)
            resources.push_async_callback(reading.close)
            return cls(tables, writing, reading, resources.pop_all())

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return len(self.committed)

    async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
        """Append *drafts* in one transaction with whatever else waits."""
        if not drafts:
            raise ValueError("an append needs at least one record")
        self.check(partition)
        return await self._hand_over(Batch(partition, tuple(drafts)))

    async def dead_letter(self, record: Record, error: str) -> None:
        """Keep *record* in the table `dead_letters` of the same file."""
        await self._hand_over(DeadLetter(record, error))

    async def ends(self) -> Sequence[int]:
        """Of every partition the offset its next record will get."""
        return self.committed

    async def time_before(self, partition: int, offset: int) -> int | None:
        """Append time of the record before *offset*; null if there is none."""
        self.check(partition)
        return await self._read(lambda connection: time_at(connection, partition, offset - 1))

    async def offset_at(self, partition: int, at: int) -> int:
        """The first offset whose append time is *at* or later; the end if there is none."""
        self.check(partition)
        return await self._read(lambda connection: offset_at(connection, partition, at))

    def reader(self) -> "SqliteReader":
        """A new reader, following nothing."""
        reader = SqliteReader(self, on_close=self._readers.discard)
        self._readers.add(reader)
        return reader

    async def share(self, group: str) -> "WholeShare":
        """All partitions: there is no other process to share them with."""
        share = WholeShare(self, group, on_close=self._shares.discard)
        self._shares.add(share)
        return share

    async def risks(self) -> Sequence[Risk]:
        """None: the file is opened by us, as it must be."""
        return ()

    async def ping(self) -> None:
        """Raise `OSError` if the file cannot be read now."""
        await self.time_before(0, 0)

    async def close(self) -> None:
        """Commit what was handed over, then close the file and let others have it."""
        if self._closed:
            return
        for share in list(self._shares):
            await share.close()
        self._closed = True
        if self._commits is not None:
            await asyncio.wait([self._commits], timeout=CLOSE_TIMEOUT_S)
        await self._resources.aclose()

    async def write_notes(self, notes: Notes) -> None:
        """Keep how far partitions are done. Raises as `append` does."""
        await self._hand_over(notes)

    async def noted(self, group: str, partition: int) -> int | None:
        """What was kept last of *partition* under that name."""
        self.check(partition)
        return await self._read(lambda connection: noted(connection, group, partition))

    async def read(self, stretches: Mapping[int, range]) -> dict[int, list[Record]]:
        """Of every partition named, the records whose offsets lie in its stretch."""
        return await self._read(lambda connection: read_records(connection, stretches))

    def check(self, partition: int) -> None:
        """Raise `ValueError` unless there is such a partition."""
        if not 0 <= partition < self.partitions:
            raise ValueError(f"there is no partition {partition} among {self.partitions}")

    async def _hand_over(self, job: Job) -> int:
        if self._closed:
            raise NotAppended("the log is closed")
        if self._unsettled_bytes + job.size > WAITING_BYTES_MAX:
            raise NotAppended("too much waits for the disk")
        self._unsettled_bytes += job.size
        outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(job, outcome))
        if self._commits is None:
            self._commits = asyncio.create_task(self._commit_all())
        try:
            async with asyncio.timeout(APPEND_TIMEOUT_S):
                return await outcome
        except TimeoutError:
            raise OutcomeUnknown("the disk did not answer in time") from None

    async def _commit_all(self) -> None:
        """Commit until nothing waits; what comes meanwhile makes the next transaction."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._commit(group)
                self._unsettled_bytes -= sum(job.size for job, _ in group)
        finally:
            self._commits = None

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        jobs = [job for job, _ in group]
        pending = [outcome for _, outcome in group]
        try:
            # Without a deadline: every caller has its own, and the order of groups must hold.
            firsts = await self._writing.run(lambda: self._tables.write(jobs), None)
        except (NotAppended, OutcomeUnknown) as error:
            for outcome in pending:
                if not outcome.done():
                    outcome.set_exception(type(error)(*error.args))
            return
        self.committed = self._tables.ends
        for outcome, first in zip(pending, firsts, strict=True):
            if not outcome.done():  # its caller gave up
                outcome.set_result(first)
        for reader in self._readers:
            reader.look()

    async def _read(self, call: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            return await self._reading.run(lambda: call(self._reading.connection), READ_TIMEOUT_S)
        except sqlite3.Error as error:
            raise OSError(f"the log file could not be read: {error}") from error


class WholeShare:
    """`shared.log.port.Share` of a log that has one process."""

    def __init__(
        self, log: SqliteLog, group: str, *, on_close: Callable[["WholeShare"], None]
    ) -> None:
        self.held = frozenset(range(log.partitions))
        self._log = log
        self._group = group
        self._on_close = on_close
        self._untold: dict[int, int] = {}
        """What is to be kept."""
        self._keeping: asyncio.Task[None] | None = None

    def note(self, partition: int, offset: int) -> None:
        """Keep *offset* for *partition* before long; the newest alone, and only while held."""
        if partition not in self.held:
            return
        self._untold[partition] = offset
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_soon())

    async def noted(self, partition: int) -> int | None:
        """What was kept last of *partition*."""
        return await self._log.noted(self._group, partition)

    async def close(self) -> None:
        """Hold nothing any more, and keep what was noted; nobody waits for it."""
        self._on_close(self)
        self.held = frozenset()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self._keep()

    async def _keep_soon(self) -> None:
        await asyncio.sleep(NOTE_EVERY_S)
        self._keeping = None  # what is noted from here on is for the next one
        await self._keep()

    async def _keep(self) -> None:
        untold, self._untold = self._untold, {}
        if not untold:
            return
        try:
            await self._log.write_notes(Notes(self._group, untold))
        except (NotAppended, OutcomeUnknown) as error:
            logger.info("nothing noted", extra={"error": type(error).__name__})


class SqliteReader:
    """`shared.log.port.Reader` over a `SqliteLog`."""

    def __init__(self, log: SqliteLog, *, on_close: Callable[["SqliteReader"], None]) -> None:
        self._log = log
        self._on_close = on_close
        self._positions: dict[int, int] = {}
        """By partition, the one served longest ago first."""
        self._stirred = asyncio.Event()
        """Something happened that a waiting `fetch` should look at."""
        self._woken = False

    def follow(self, partition: int, offset: int) -> None:
        """Read *partition* from *offset* on with the next `fetch`; again to seek."""
        self._log.check(partition)
        self._positions[partition] = offset

    def unfollow(self, partition: int) -> None:
        """Stop reading *partition*."""
        self._positions.pop(partition, None)

    async def fetch(self, *, max_wait_s: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Records that follow each partition's position, and move past them."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max_wait_s
        while not (news := self._news(max_records)) and not self._woken:
            self._stirred.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._stirred.wait()
            except TimeoutError:
                break
        self._woken = False
        if not news:
            return {}
        records = await self._log.read(news)
        # Positions move here, after the last await: a fetch that is cancelled skips nothing.
        for partition, stretch in news.items():
            del self._positions[partition]
            self._positions[partition] = stretch.stop
        return records

    def wake(self) -> None:
        """Let the `fetch` that waits, or else the next one, return without waiting."""
        self._woken = True
        self._stirred.set()

    def look(self) -> None:
        """The log has grown: let a waiting `fetch` see whether that concerns it."""
        self._stirred.set()

    async def close(self) -> None:
        """Stop reading."""
        self._positions.clear()
        self._on_close(self)

    def _news(self, max_records: int) -> dict[int, range]:
        """What to read next."""
        ends = self._log.committed
        behind = {
            partition: ends[partition] - position
            for partition, position in self._positions.items()
            if position < ends[partition]
        }
        return {
            partition: range(self._positions[partition], self._positions[partition] + share)
            for partition, share in divide(max_records, behind).items()
        }
