"""The log's contract, over every engine: writing, time, durability, dead letters."""

import asyncio
import time
from pathlib import Path

import pytest

from shared.log import open_log
from shared.log.port import Draft, Log, NotAppended, Record
from tests.ports.crash import lines_before_kill
from tests.ports.log_engines import PARTITIONS, Engine, Kept
from tests.ports.records import SOON_S, draft, read_all, texts


class TestAppend:
    async def test_offsets_are_dense_from_zero_in_each_partition(self, log: Log) -> None:
        """An append answers the offset of its first record; none is left out."""
        answered = [
            await log.append(0, [draft("a"), draft("b")]),
            await log.append(1, [draft("c")]),
            await log.append(0, [draft("d")]),
        ]

        assert answered == [0, 0, 2]
        assert list(await log.ends()) == [3, 1, 0, 0]
        assert [record.offset for record in await read_all(log, 0)] == [0, 1, 2]

    async def test_a_record_is_read_as_it_was_written(self, log: Log) -> None:
        """Key, type, version and value come back unchanged, with place and time."""
        written = Draft(key="order-ü", type="edit", version=7, value=bytes(range(256)))
        before_ms = time.time_ns() // 1_000_000

        await log.append(2, [written])

        [record] = await read_all(log, 2)
        assert (record.key, record.type, record.version, record.value) == (
            written.key,
            written.type,
            written.version,
            written.value,
        )
        assert (record.partition, record.offset) == (2, 0)
        assert before_ms <= record.at <= time.time_ns() // 1_000_000

    async def test_batches_one_after_the_other_stand_in_that_order(self, log: Log) -> None:
        """Order within a batch, and between batches, is kept."""
        for batch in (["a", "b"], ["c"], ["d", "e", "f"]):
            await log.append(0, [draft(text) for text in batch])

        assert texts(await read_all(log, 0)) == ["a", "b", "c", "d", "e", "f"]

    async def test_nothing_cannot_be_appended(self, log: Log) -> None:
        """An empty batch has no first offset to answer."""
        with pytest.raises(ValueError, match="at least one"):
            await log.append(0, [])

    @pytest.mark.parametrize("partition", [-1, PARTITIONS])
    async def test_there_is_no_other_partition(self, log: Log, partition: int) -> None:
        """A partition out of range is refused, for writing and for reading."""
        with pytest.raises(ValueError, match="no partition"):
            await log.append(partition, [draft("a")])
        with pytest.raises(ValueError, match="no partition"):
            log.reader().follow(partition, 0)

    async def test_concurrent_writers_leave_no_hole_and_no_mixture(self, log: Log) -> None:
        """Batches of many writers stand whole, each where its append said."""

        async def write(writer: int) -> None:
            for turn in range(5):
                batch = [f"{writer}/{turn}/{each}" for each in range(3)]
                first = await log.append(writer % PARTITIONS, [draft(text) for text in batch])
                stands_at[writer % PARTITIONS, first] = batch

        stands_at: dict[tuple[int, int], list[str]] = {}
        async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as writers:
            for writer in range(20):
                writers.create_task(write(writer))

        assert list(await log.ends()) == [75] * PARTITIONS
        for partition in range(PARTITIONS):
            records = await read_all(log, partition)
            assert [record.offset for record in records] == list(range(75))
            for first in range(0, 75, 3):
                assert texts(records[first : first + 3]) == stands_at[partition, first]

    async def test_a_cancelled_append_breaks_nothing(self, log: Log) -> None:
        """Its batch is there whole or not at all, and what comes later is dense."""
        cancelled = asyncio.create_task(log.append(0, [draft("a"), draft("b")]))
        await asyncio.sleep(0)
        cancelled.cancel()

        first = await log.append(0, [draft("c")])

        assert cancelled.cancelled() or cancelled.cancelling()
        there = texts(await read_all(log, 0))
        assert there in (["c"], ["a", "b", "c"])
        assert there[first] == "c"


class TestTime:
    async def test_it_never_falls_within_a_partition(self, log: Log) -> None:
        """Append times rise with offsets, or stay."""
        for text in "abcdef":
            await log.append(0, [draft(text), draft(text)])

        times = [record.at for record in await read_all(log, 0)]
        assert times == sorted(times)

    async def test_time_before_is_that_of_the_previous_record(self, log: Log) -> None:
        """It tells a log that was replaced from the one that was read."""
        await log.append(1, [draft("a"), draft("b")])
        [_, second] = await read_all(log, 1)

        assert await log.time_before(1, 2) == second.at

    @pytest.mark.parametrize("offset", [0, 3])
    async def test_there_may_be_no_record_before(self, log: Log, offset: int) -> None:
        """Before the first, and past the end, there is none."""
        await log.append(0, [draft("other partition")] * 5)
        await log.append(1, [draft("a")])

        assert await log.time_before(1, offset) is None

    async def test_an_offset_is_found_by_its_time(self, log: Log) -> None:
        """The first that was appended then or later; the partitions have nothing in common."""
        async with asyncio.timeout(SOON_S):
            while len({record.at for record in await read_all(log, 1)}) < 3:
                await log.append(1, [draft("a"), draft("b")])
        times = [record.at for record in await read_all(log, 1)]

        found = [await log.offset_at(1, at) for at in (0, *times, times[-1] + 1)]

        assert found == [0, *(times.index(at) for at in times), len(times)]
        assert await log.offset_at(1, times[2] - 1) <= 2
        assert await log.offset_at(2, 0) == 0


class TestDurability:
    async def test_all_is_there_when_it_is_opened_again(self, log_engine: Engine) -> None:
        """Records, ends and times outlive the process that wrote them."""
        log = await log_engine.open()
        await log.append(3, [draft("a"), draft("b")])
        records = await read_all(log, 3)
        await log.close()

        log = await log_engine.open()

        assert list(await log.ends()) == [0, 0, 0, 2]
        assert await read_all(log, 3) == records
        assert await log.append(3, [draft("c")]) == 2
        await log.close()

    async def test_close_finishes_what_was_handed_over(self, log_engine: Engine) -> None:
        """Appends under way when the log is closed are settled, and durable."""
        log = await log_engine.open()
        appends = []
        for n in range(10):
            appends.append(asyncio.create_task(log.append(0, [draft(str(n))])))
            await asyncio.sleep(0)  # some are on their way to the disk, others wait behind them

        await log.close()

        assert await asyncio.gather(*appends) == list(range(10))
        log = await log_engine.open()
        assert len(await read_all(log, 0)) == 10
        await log.close()

    async def test_nothing_is_taken_once_closed(self, log_engine: Engine) -> None:
        """Closed is closed: certainly not appended, not reachable, closed again for nothing."""
        log = await log_engine.open()
        await log.close()
        await log.close()

        with pytest.raises(NotAppended):
            await log.append(0, [draft("a")])
        with pytest.raises(OSError, match="closed"):
            await log.ping()

    async def test_what_was_acknowledged_outlives_kill_9(self, log_engine: Engine) -> None:
        """A writer killed in the middle loses nothing it had been told was there."""
        acknowledged = await asyncio.to_thread(
            lines_before_kill, log_engine.opener + WRITER, lines=200
        )

        log = await log_engine.open()
        there = {
            f"{record.partition} {record.offset} {(record.value or b'').decode()}"
            for partition in range(PARTITIONS)
            for record in await read_all(log, partition)
        }
        assert set(acknowledged) <= there
        assert len(acknowledged) >= 200
        assert len(there) == sum(await log.ends())
        await log.close()


WRITER = f"""
import asyncio
from shared.log.port import Draft

async def write(log, writer):
    for turn in range(1_000_000):
        text = f"{{writer}}-{{turn}}"
        draft = Draft(key="o", type="message", version=1, value=text.encode())
        partition = turn % {PARTITIONS}
        offset = await log.append(partition, [draft])
        print(partition, offset, text, flush=True)

async def main():
    log = await open_it()
    await asyncio.gather(*(write(log, writer) for writer in range(10)))

asyncio.run(main())
"""


class TestDeadLetters:
    async def test_a_dead_letter_is_kept_with_place_and_reason(
        self, log_engine: Engine, log: Log
    ) -> None:
        """Whatever the record lacks, it is kept; the same one may be kept twice."""
        bad = Record(
            partition=3, offset=17, at=5, key=None, type=None, version=None, value=b"\xff\x00"
        )

        await log.dead_letter(bad, "key is missing")
        await log.dead_letter(bad, "key is missing")

        kept = Kept(3, 17, "key is missing", None, None, None, b"\xff\x00")
        assert await log_engine.dead_letters() == [kept, kept]
        assert list(await log.ends()) == [0] * PARTITIONS


async def test_a_reachable_log_answers_a_ping(log: Log) -> None:
    """Nothing is raised while all is well."""
    await log.ping()


@pytest.mark.parametrize("url", ["redis://secret@host", "log.db"])
async def test_an_unknown_scheme_is_named_with_its_setting(url: str, tmp_path: Path) -> None:
    """The message says what to mend, and nothing of what stands behind the scheme."""
    with pytest.raises(ValueError, match=r"^ORDER_CHAT_LOG_URL: .* sqlite$") as caught:
        await open_log(url, tmp_path)
    assert "secret" not in str(caught.value)
