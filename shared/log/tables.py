"""The tables of the embedded log, on one connection: plain calls, by one thread at a time.

A record's key is `partition << 44 | offset`, so a partition's records lie side by side.
"""

import sqlite3
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from shared.contracts.ids import OFFSET_BITS
from shared.contracts.topics import TIMELINE
from shared.log.port import Draft, NotAppended, OutcomeUnknown, Record
from shared.sqlite import CommitFailed, transaction

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS partitions (number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    place INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT, type TEXT, v INTEGER, value BLOB
);
CREATE TABLE IF NOT EXISTS dead_letters (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    error TEXT NOT NULL, key TEXT, type TEXT, v INTEGER, value BLOB, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (
    share TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    PRIMARY KEY (share, partition)
) WITHOUT ROWID;
"""

_OVERHEAD_BYTES: Final = 256
"""About what a record takes beside its value while it waits."""


class Batch(NamedTuple):
    """Drafts for one partition, to be appended together."""

    partition: int
    drafts: Sequence[Draft]

    @property
    def size(self) -> int:
        """Bytes it takes while it waits."""
        return sum(_OVERHEAD_BYTES + len(draft.value) for draft in self.drafts)


class DeadLetter(NamedTuple):
    """A record that did not decode, and why."""

    record: Record
    error: str

    @property
    def size(self) -> int:
        """Bytes it takes while it waits."""
        return _OVERHEAD_BYTES + len(self.record.value or b"")


class Notes(NamedTuple):
    """How far partitions are done, for those who share them under a name."""

    share: str
    offsets: Mapping[int, int]

    @property
    def size(self) -> int:
        """Bytes it takes while it waits."""
        return _OVERHEAD_BYTES


Job = Batch | DeadLetter | Notes


def now_ms() -> int:
    """The time of day, in ms."""
    return time.time_ns() // 1_000_000


class LogTables:
    """What the one writer knows and does."""

    def __init__(
        self, connection: sqlite3.Connection, partitions: int, clock: Callable[[], int]
    ) -> None:
        connection.executescript(_SCHEMA)
        with transaction(connection):
            (stored,) = connection.execute("SELECT max(number) FROM partitions").fetchone()
            if stored is None:
                connection.execute("INSERT INTO partitions VALUES (?)", (partitions,))
            elif stored != partitions:
                raise ValueError(
                    f"the log has {stored} partitions, not {partitions}: their number is fixed"
                )
        last = [_last_record(connection, partition) for partition in range(partitions)]
        self._connection = connection
        self._clock = clock
        self._times = tuple(at for _, at in last)
        self.ends = tuple(offset + 1 for offset, _ in last)
        """Of every partition the offset its next record will get."""

    def write(self, jobs: Sequence[Job]) -> list[int]:
        """Do all *jobs* in one transaction; answer each batch's first offset, 0 for other jobs.

        Raises `NotAppended` if certainly nothing was written, else `OutcomeUnknown`.
        """
        now = self._clock()
        ends, times = list(self.ends), list(self._times)
        firsts, records, letters, notes = [], [], [], []
        for job in jobs:
            match job:
                case Batch(partition, drafts):
                    first = ends[partition]
                    # The clock may be set back; what is written never says so.
                    at = times[partition] = max(now, times[partition])
                    records += [
                        (place, at, draft.key, draft.type, draft.version, draft.value)
                        for place, draft in enumerate(drafts, _place(partition, first))
                    ]
                    ends[partition] += len(drafts)
                    firsts.append(first)
                case DeadLetter(bad, error):
                    where = (TIMELINE, bad.partition, bad.offset, error)
                    letters.append((*where, bad.key, bad.type, bad.version, bad.value, now))
                    firsts.append(0)
                case Notes(share, offsets):
                    notes += [(share, partition, offset) for partition, offset in offsets.items()]
                    firsts.append(0)
        self._insert(records, letters, notes)
        self.ends, self._times = tuple(ends), tuple(times)
        return firsts

    def _insert(
        self,
        records: Sequence[tuple[object, ...]],
        letters: Sequence[tuple[object, ...]],
        notes: Sequence[tuple[object, ...]],
    ) -> None:
        insert = self._connection.executemany
        try:
            with transaction(self._connection):
                insert("INSERT INTO records VALUES (?,?,?,?,?,?)", records)
                insert("INSERT INTO dead_letters VALUES (?,?,?,?,?,?,?,?,?)", letters)
                insert("INSERT OR REPLACE INTO notes VALUES (?,?,?)", notes)
        except CommitFailed as error:
            raise OutcomeUnknown(f"the log file could not be synced: {error}") from error
        except Exception as error:
            raise NotAppended(f"the log file could not be written: {error}") from error


def read_records(
    connection: sqlite3.Connection, stretches: Mapping[int, range]
) -> dict[int, list[Record]]:
    """Of every partition named, the records whose offsets lie in its stretch."""
    return {
        partition: [
            Record(partition, *row)
            for row in connection.execute(
                "SELECT place - ?, at, key, type, v, value FROM records "
                "WHERE place >= ? AND place < ? ORDER BY place",
                (
                    _place(partition, 0),
                    _place(partition, stretch.start),
                    _place(partition, stretch.stop),
                ),
            )
        ]
        for partition, stretch in stretches.items()
    }


def time_at(connection: sqlite3.Connection, partition: int, offset: int) -> int | None:
    """Append time of a record; null if it is not there."""
    row: tuple[int] | None = connection.execute(
        "SELECT at FROM records WHERE place = ?", (_place(partition, offset),)
    ).fetchone()
    return None if row is None else row[0]


def offset_at(connection: sqlite3.Connection, partition: int, at: int) -> int:
    """The first offset whose append time is *at* or later; the end if there is none.

    Looked for by halves: times only rise here, and there is no index of them.
    """

    def appended_at(offset: int) -> int:
        found = time_at(connection, partition, offset)
        assert found is not None  # offsets are dense
        return found

    end = _last_record(connection, partition)[0] + 1
    return bisect_left(range(end), at, key=appended_at)


def noted(connection: sqlite3.Connection, share: str, partition: int) -> int | None:
    """What was noted last of a partition under that name."""
    row: tuple[int] | None = connection.execute(
        'SELECT "offset" FROM notes WHERE share = ? AND partition = ?', (share, partition)
    ).fetchone()
    return None if row is None else row[0]


def _place(partition: int, offset: int) -> int:
    return (partition << OFFSET_BITS) + offset


def _last_record(connection: sqlite3.Connection, partition: int) -> tuple[int, int]:
    """Offset and append time of a partition's last record; (-1, 0) if it is empty."""
    begin, end = _place(partition, 0), _place(partition + 1, 0)
    row: tuple[int, int] | None = connection.execute(
        "SELECT place - ?, at FROM records WHERE place >= ? AND place < ? "
        "ORDER BY place DESC LIMIT 1",
        (begin, begin, end),
    ).fetchone()
    return (-1, 0) if row is None else row
