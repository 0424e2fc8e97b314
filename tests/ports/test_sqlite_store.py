"""What only the embedded store promises: one file, shared with others of its process."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.sqlite import Lock, connect
from shared.store.port import StoreUnavailable, Watermark
from shared.store.sqlite import SqliteStore
from shared.store.tables import StoreTables
from tests.ports.entries import ORDER, changes_of, edit, id_of, message

MARK = Watermark(1, 0, 5, 50)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path)
    yield store
    await store.close()


@pytest.fixture
def other_writer(store: SqliteStore, path: Path) -> Iterator[sqlite3.Connection]:
    """Another part of the process, with tables of its own in the same file."""
    with closing(connect(path)) as connection:
        yield connection


def test_the_tables_need_no_file_and_no_thread() -> None:
    """Simulations use the same store in memory, call by call."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        tables = StoreTables(connection)

        tables.write_entries([message(1)], [])

        assert tables.find(ORDER, id_of("m1")) == message(1)


def test_a_write_that_fails_half_way_leaves_nothing() -> None:
    """Entries and the changes that came with them are there together or not at all."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        tables = StoreTables(connection)
        bad = message(2, "\ud800")

        with pytest.raises(UnicodeEncodeError):
            tables.write_entries([message(1), bad], [])

        assert tables.find(ORDER, id_of("m1")) is None


async def test_drop_leaves_the_tables_of_others(
    store: SqliteStore, other_writer: sqlite3.Connection
) -> None:
    """Orders live in the same file, and are their service's own truth."""
    other_writer.execute("CREATE TABLE orders (id TEXT)")
    other_writer.execute("INSERT INTO orders VALUES ('o1')")

    await store.drop()

    assert other_writer.execute("SELECT id FROM orders").fetchall() == [("o1",)]


async def test_a_write_waits_for_another_writer(
    store: SqliteStore, other_writer: sqlite3.Connection
) -> None:
    """Two writers of one file take turns, also where one reads before it writes."""
    await store.write_entries([message(1)], [])
    other_writer.execute("BEGIN IMMEDIATE")
    other_writer.execute("CREATE TABLE orders (id TEXT)")
    write = asyncio.create_task(store.write_entries([], changes_of(edit(2, "m1", "ho"))))
    await asyncio.wait([write], timeout=0.05)
    assert not write.done()

    other_writer.execute("COMMIT")

    await write
    found = await store.find(ORDER, id_of("m1"))
    assert found is not None
    assert found.edited_text == "ho"


async def test_reads_do_not_wait_for_a_write(
    store: SqliteStore, other_writer: sqlite3.Connection
) -> None:
    """While a write is stuck, readers are served what was there before it."""
    other_writer.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(store.raise_watermarks([MARK]))
    await asyncio.sleep(0)

    assert await store.watermark(1, 0) is None

    assert not write.done()
    other_writer.execute("ROLLBACK")
    await write


async def test_a_write_that_takes_too_long_is_unavailable(
    store: SqliteStore, other_writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be repeated, and then it is there once."""
    monkeypatch.setattr("shared.store.sqlite.WRITE_TIMEOUT_S", 0.05)
    other_writer.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable):
        await store.raise_watermarks([MARK])

    monkeypatch.undo()
    other_writer.execute("ROLLBACK")
    await store.raise_watermarks([MARK])
    assert await store.watermark(1, 0) == MARK


async def test_a_file_out_of_order_is_unavailable(
    store: SqliteStore, other_writer: sqlite3.Connection
) -> None:
    """Readers and writers learn it as the port says, not as the library does."""
    other_writer.execute("DROP TABLE watermarks")

    with pytest.raises(StoreUnavailable):
        await store.watermark(1, 0)
    with pytest.raises(StoreUnavailable):
        await store.raise_watermarks([MARK])


async def test_a_closed_store_is_unavailable(store: SqliteStore) -> None:
    """It may be closed twice, and answers nothing afterwards."""
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await store.ping()


async def test_too_many_waiting_calls_are_refused(
    store: SqliteStore, other_writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not keep up says so instead of queueing without end."""
    monkeypatch.setattr("shared.sqlite.WAITING_CALLS_MAX", 3)
    other_writer.execute("BEGIN IMMEDIATE")
    writes = [asyncio.create_task(store.raise_watermarks([MARK])) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(StoreUnavailable, match="too many"):
        await store.raise_watermarks([MARK])

    other_writer.execute("ROLLBACK")
    await asyncio.gather(*writes)


async def test_a_caller_who_gave_up_leaves_no_trace(
    store: SqliteStore, other_writer: sqlite3.Connection
) -> None:
    """Its answer, when it comes, goes nowhere, and later calls are served."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    other_writer.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(store.raise_watermarks([MARK]))
    await asyncio.sleep(0)
    write.cancel()
    other_writer.execute("ROLLBACK")

    await store.raise_watermarks([MARK])

    assert write.cancelled()
    assert failures == []


class TestLock:
    async def test_one_process_may_open_the_file_more_than_once(
        self, store: SqliteStore, path: Path
    ) -> None:
        """Other parts of the process keep their tables in it, and may close first."""
        other = await SqliteStore.open(path)
        await other.raise_watermarks([MARK])
        await other.close()

        assert await store.watermark(1, 0) == MARK
        assert "InUse" in await asyncio.to_thread(lock_in_another_process, path)

    def test_the_last_to_close_lets_others_in(self, path: Path) -> None:
        """Until then a second process is refused, with one line that names the folder."""
        first, second = Lock(path, alone=False), Lock(path, alone=False)
        first.release()
        refused = lock_in_another_process(path)
        second.release()

        assert refused == f"InUse: the folder {path.parent} is in use by another process"
        assert lock_in_another_process(path) == "locked"


LOCKER = """
import sys
from pathlib import Path
from shared.sqlite import Lock

try:
    Lock(Path(sys.argv[1]), alone=False)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
else:
    print("locked")
"""


def lock_in_another_process(path: Path) -> str:
    """What becomes of an attempt to hold the file's lock."""
    return subprocess.run(
        [sys.executable, "-c", LOCKER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=True,
    ).stdout.rstrip("\n")
