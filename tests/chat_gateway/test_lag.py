"""How far the archiver is behind, measured with real engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chat_gateway import lag as lag_module
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.lag import ArchiverBehind, ArchiverLag
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from shared.store.sqlite import SqliteStore

NOW_S = 1_800_000_000.0


class Place:
    """A log whose clock the test sets, a store, and the lag between them."""

    def __init__(self, log: SqliteLog, store: SqliteStore, now: list[float]) -> None:
        self.log = log
        self.store = store
        self.now = now
        self.lag = ArchiverLag(log, store, epoch=1, clock=lambda: now[0])

    async def append(self, *partitions: int) -> None:
        """Append a record that is no event to each partition."""
        for partition in partitions:
            await self.log.append(partition, [Draft("o1", "message", 1, b"{}")])

    async def archive(self) -> None:
        """Bring the store up to date."""
        await Archiver(self.log, self.store, epoch=1).run_to(await self.log.ends())


@pytest_asyncio.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(lag_module, "MEASURE_EVERY_S", 0.0)
    now = [NOW_S]
    log = await SqliteLog.open(tmp_path / "log.db", partitions=4, clock=lambda: int(now[0] * 1000))
    store = await SqliteStore.open(tmp_path / "store.db")
    yield Place(log, store, now)
    await store.close()
    await log.close()


async def test_records_that_wait_are_counted_and_the_oldest_tells_the_time(place: Place) -> None:
    """Over all partitions."""
    await place.append(0, 0, 1)
    place.now[0] += 5
    await place.append(2)
    place.now[0] += 10

    await place.lag.measure()

    assert (place.lag.records, place.lag.seconds) == (4, 15.0)


async def test_what_is_archived_waits_no_more(place: Place) -> None:
    """Time counts from the first record that is not archived."""
    await place.append(0)
    await place.archive()
    place.now[0] += 100
    await place.append(0)
    place.now[0] += 1

    await place.lag.measure()
    behind = place.lag.records, place.lag.seconds
    await place.archive()
    await place.lag.measure()

    assert behind == (1, 1.0)
    assert (place.lag.records, place.lag.seconds) == (0, 0.0)


async def test_more_than_a_minute_is_out_of_order(place: Place) -> None:
    """Up to that it is a busy moment."""
    await place.append(3)
    place.now[0] += 60
    await place.lag.ping()

    place.now[0] += 1
    with pytest.raises(ArchiverBehind):
        await place.lag.ping()
