"""What only the embedded log promises: its file, its disk, its clock."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.log.port import Draft, NotAppended, OutcomeUnknown
from shared.log.sqlite import SqliteLog
from shared.log.tables import Batch, LogTables, read_records
from shared.sqlite import InUse, connect
from tests.ports.crash import lines_before_kill


def draft(text: str = "hi") -> Draft:
    return Draft(key="o1", type="message", version=1, value=text.encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[SqliteLog]:
    log = await SqliteLog.open(path, partitions=2)
    yield log
    await log.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path)) as connection:
        yield connection


class TestClock:
    def test_a_clock_set_back_does_not_turn_time_back(self, connection: sqlite3.Connection) -> None:
        """Append times stay where they were until the clock has caught up."""
        clock = iter([1_000, 400, 1_001])
        tables = LogTables(connection, 2, lambda: next(clock))

        for _ in range(3):
            tables.write([Batch(0, [draft()])])

        records = read_records(connection, {0: range(3)})[0]
        assert [record.at for record in records] == [1_000, 1_000, 1_001]

    def test_nor_does_it_after_a_restart(self, connection: sqlite3.Connection) -> None:
        """The last time of each partition is remembered by its records; partitions differ."""
        LogTables(connection, 2, lambda: 1_000).write([Batch(0, [draft()])])

        LogTables(connection, 2, lambda: 400).write([Batch(0, [draft()]), Batch(1, [draft()])])

        read = read_records(connection, {0: range(2), 1: range(1)})
        assert {p: [record.at for record in records] for p, records in read.items()} == {
            0: [1_000, 1_000],
            1: [400],
        }


class TestOpening:
    async def test_the_number_of_partitions_is_fixed(self, path: Path) -> None:
        """Another number would put orders into other partitions; the message names both."""
        await (await SqliteLog.open(path, partitions=2)).close()

        with pytest.raises(ValueError, match="has 2 partitions, not 3"):
            await SqliteLog.open(path, partitions=3)
        await (await SqliteLog.open(path, partitions=2)).close()

    async def test_a_second_process_is_refused(self, path: Path) -> None:
        """It ends with one line that names the folder, and the first one's writes stay."""
        log = await SqliteLog.open(path, partitions=2)

        second = await asyncio.to_thread(open_in_another_process, path)

        assert second == f"InUse: the folder {path.parent} is in use by another process"
        await log.append(0, [draft()])
        await log.close()
        assert await asyncio.to_thread(open_in_another_process, path) == "opened"

    @pytest.mark.usefixtures("log")
    async def test_a_second_log_in_this_process_is_refused(self, path: Path) -> None:
        """Two writers would give the same offset twice."""
        with pytest.raises(InUse, match="open already"):
            await SqliteLog.open(path, partitions=2)

    async def test_a_file_that_is_no_database_is_refused(self, path: Path) -> None:
        """The message names it, nothing is written to it, and no lock stays behind."""
        path.write_text("something else" * 100)

        with pytest.raises(OSError, match=f"{path} cannot be opened"):
            await SqliteLog.open(path, partitions=2)

        assert path.read_text() == "something else" * 100
        path.unlink()
        await (await SqliteLog.open(path, partitions=2)).close()

    async def test_a_process_killed_leaves_no_lock_behind(self, path: Path) -> None:
        """The lock dies with its holder, however it died."""
        await asyncio.to_thread(lines_before_kill, HOLDER, str(path), lines=1)

        await (await SqliteLog.open(path, partitions=2)).close()


HOLDER = """
import asyncio, sys
from pathlib import Path
from shared.log.sqlite import SqliteLog

async def main():
    await SqliteLog.open(Path(sys.argv[1]), partitions=2)
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

OPENER = """
import asyncio, sys
from pathlib import Path
from shared.log.sqlite import SqliteLog

async def main():
    try:
        log = await SqliteLog.open(Path(sys.argv[1]), partitions=2)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        await log.close()
        print("opened")

asyncio.run(main())
"""


def open_in_another_process(path: Path) -> str:
    """What becomes of an attempt to open the log."""
    return subprocess.run(
        [sys.executable, "-c", OPENER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=True,
    ).stdout.rstrip("\n")


class TestFaults:
    def test_a_full_disk_appends_nothing(self, connection: sqlite3.Connection) -> None:
        """The batch is certainly not there; with room again, the next offset is the same."""
        tables = LogTables(connection, 2, lambda: 1)
        tables.write([Batch(0, [draft()])])
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(NotAppended, match="full"):
            tables.write([Batch(0, [draft("x" * 100_000)])])

        connection.execute("PRAGMA max_page_count = 100000")
        assert tables.write([Batch(0, [draft()])]) == [1]

    def test_a_read_only_file_appends_nothing(self, connection: sqlite3.Connection) -> None:
        """What cannot be begun was certainly not done."""
        tables = LogTables(connection, 2, lambda: 1)
        connection.execute("PRAGMA query_only = 1")

        with pytest.raises(NotAppended, match="readonly"):
            tables.write([Batch(0, [draft()])])

        assert tables.ends == (0, 0)

    def test_a_failing_commit_leaves_the_outcome_unknown(self, path: Path) -> None:
        """The commit mark may be on the disk; afterwards writing goes on without a hole."""
        result = subprocess.run(
            [sys.executable, "-c", FAILING_DISK, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            timeout=30,
            check=True,
        )

        assert result.stdout.split() == ["[0]", "OutcomeUnknown", "[1]", "2"]

    async def test_one_bad_draft_fails_its_group_and_nothing_else(self, log: SqliteLog) -> None:
        """A text no file can hold is certainly not appended, and the writer goes on."""
        with pytest.raises(NotAppended):
            await log.append(
                0, [draft(), Draft(key="\ud800", type="message", version=1, value=b"")]
            )

        assert await log.append(0, [draft()]) == 0

    async def test_what_the_disk_does_not_answer_in_time_is_unknown(
        self, log: SqliteLog, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may still come; what is appended afterwards stands after it."""
        monkeypatch.setattr("shared.log.sqlite.APPEND_TIMEOUT_S", 0.05)
        blocker = await asyncio.to_thread(sqlite3.connect, path, check_same_thread=False)
        blocker.execute("BEGIN IMMEDIATE")

        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft("late")])

        blocker.close()
        monkeypatch.undo()
        assert await log.append(0, [draft("next")]) == 1

    async def test_what_waits_for_the_disk_is_bounded(
        self, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Too much at once is refused, certainly not appended; later there is room again."""
        monkeypatch.setattr("shared.log.sqlite.WAITING_BYTES_MAX", 5_000)
        big = draft("x" * 1_000)

        outcomes = await asyncio.gather(
            *(log.append(0, [big]) for _ in range(10)), return_exceptions=True
        )

        assert outcomes[:3] == [0, 1, 2]
        assert all(isinstance(outcome, NotAppended) for outcome in outcomes[3:])
        assert await log.append(0, [big]) == 3

    async def test_a_file_that_cannot_be_read_is_an_os_error(
        self, log: SqliteLog, connection: sqlite3.Connection
    ) -> None:
        """No caller needs to know the library behind the file."""
        connection.execute("DROP TABLE records")

        with pytest.raises(OSError, match="could not be read"):
            await log.ping()


FAILING_DISK = """
import resource, sys
from pathlib import Path
from shared.log.port import Draft
from shared.log.tables import Batch, LogTables, read_records
from shared.sqlite import connect

path = Path(sys.argv[1])
connection = connect(path)
tables = LogTables(connection, 1, lambda: 1)
batch = Batch(0, [Draft(key="o", type="message", version=1, value=b"x" * 20_000)])
print(tables.write([batch]))
written = path.with_name(path.name + "-wal").stat().st_size
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (written + 10_000, hard))
try:
    tables.write([batch])
except Exception as error:
    print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(tables.write([batch]))
print(len(read_records(connection, {0: range(10)})[0]))
"""
