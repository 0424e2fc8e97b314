"""What a process has written itself, its readers hand on unfetched, and as everybody reads it."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from shared.contracts.topics import RECORD_BYTES_MAX
from shared.log.kafka import KafkaLog
from shared.log.kafka_alone import IN_A_ROW
from shared.log.kafka_reader import KafkaReader
from shared.log.port import Log, Reader, Record
from tests.ports.log_engines import PARTITIONS, Kafka
from tests.ports.records import SOON_S, draft, read, read_all, texts

pytestmark = pytest.mark.connected


@pytest.fixture
async def log(kafka: Kafka) -> AsyncIterator[KafkaLog]:
    log = await kafka.open()
    yield log
    await log.close()


@pytest.fixture
async def other(kafka: Kafka) -> AsyncIterator[KafkaLog]:
    """The log as another process has it open."""
    log = await kafka.open()
    yield log
    await log.close()


async def following_all(log: KafkaLog) -> KafkaReader:
    """A reader at the end of every partition, connected."""
    reader = log.reader()
    for partition, end in enumerate(await log.ends()):
        reader.follow(partition, end)
    await reader.fetch(max_wait_s=0.2, max_records=10)
    return reader


def let_it_fetch_nothing(reader: KafkaReader) -> None:
    """Stop what aiokafka fetches by, without a word."""
    assert reader._consumer is not None
    reader._consumer[0]._fetcher._fetch_task.cancel()


async def test_it_is_read_without_being_fetched(log: KafkaLog) -> None:
    """A batch that the brokers have acknowledged stands, and what it says is known."""
    reader = await following_all(log)
    let_it_fetch_nothing(reader)

    for text in "abc":
        await log.append(0, [draft(text), draft(text.upper(), key="o2")])

    known = await read(reader, 6)
    assert texts(known) == ["a", "A", "b", "B", "c", "C"]
    assert known == await read_all(log, 0)


async def test_it_is_read_as_everybody_reads_it(log: KafkaLog, other: KafkaLog) -> None:
    """Two processes write to the same partitions, each with a reader of its own: all offsets, times
    and values are those of a third one, who wrote nothing."""
    dice = random.Random(7)
    readers = [await following_all(log), await following_all(other)]
    wanted = [0] * PARTITIONS

    async def write(log: Log, partition: int, name: str) -> None:
        for number in range(40):
            count = dice.randint(1, 4)
            wanted[partition] += count
            await log.append(partition, [draft(f"{name}{number}.{at}") for at in range(count)])
            await asyncio.sleep(dice.random() * 0.01)

    async def follow(reader: Reader, writing: asyncio.Future[None]) -> list[list[Record]]:
        met: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        while not writing.done() or [len(records) for records in met] != wanted:
            fetched = await reader.fetch(max_wait_s=0.1, max_records=dice.randint(1, 30))
            for partition, records in fetched.items():
                met[partition] += records
        return met

    writing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(4 * SOON_S), asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(follow(reader, writing)) for reader in readers]
        async with asyncio.TaskGroup() as writers:
            for partition in range(PARTITIONS):
                writers.create_task(write(log, partition, "a"))
                writers.create_task(write(other, partition, "b"))
        writing.set_result(None)

    third = [await read_all(log, partition) for partition in range(PARTITIONS)]
    assert [task.result() for task in following] == [third, third]


async def test_others_are_heard_however_much_is_written_here(
    log: KafkaLog, other: KafkaLog
) -> None:
    """What will be known in a moment is not fetched; that must not put off for ever what is not."""
    reader = await following_all(log)
    heard: list[str] = []

    async def expect_on() -> None:
        """As if something were written all the time."""
        while not heard:
            reader.expect()
            await asyncio.sleep(0.001)

    async with asyncio.timeout(5), asyncio.TaskGroup() as expecting:
        expecting.create_task(expect_on())
        await other.append(3, [draft("other")])
        heard += texts(await read(reader, 1))

    assert heard == ["other"]


async def write_alone(log: KafkaLog, reader: KafkaReader) -> list[Record]:
    """Write to all partitions, until the reader knows that nobody else does; what it read."""
    met: list[Record] = []
    async with asyncio.timeout(4 * SOON_S):
        while not reader._idle:
            for partition in range(PARTITIONS):
                await log.append(partition, [draft("own")])
            met += await read(reader, PARTITIONS)
    assert reader._consumer is not None
    assert reader._consumer[0].paused() == reader._consumer[0].assignment()
    return met


async def test_nothing_is_fetched_while_all_is_written_here(log: KafkaLog, other: KafkaLog) -> None:
    """All of it is read, and what others say once it has ended is heard."""
    reader = await following_all(log)

    met = await write_alone(log, reader)
    await other.append(1, [draft("other")])
    met += await read(reader, 1)

    assert met[-1].value == draft("other").value
    for partition in range(PARTITIONS):
        here = [record for record in met if record.partition == partition]
        assert here == await read_all(log, partition)


async def test_others_show_between_own_batches(
    log: KafkaLog, other: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long nothing would be fetched, were there no gap."""
    monkeypatch.setattr("shared.log.kafka_alone.ALONE_S", 600.0)
    reader = await following_all(log)
    await write_alone(log, reader)

    await other.append(1, [draft("other")])
    await log.append(1, [draft("after")])

    assert texts(await read(reader, 2)) == ["other", "after"]
    assert not reader._idle


async def test_nobody_waits_where_others_answer(
    log: KafkaLog, other: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they say is fetched as before, though no own batch stands behind it."""
    monkeypatch.setattr("shared.log.kafka_alone.ALONE_S", 600.0)
    reader = await following_all(log)

    for _ in range(IN_A_ROW // PARTITIONS + 2):
        for partition in range(PARTITIONS):
            await log.append(partition, [draft("own")])
        await other.append(0, [draft("answer")])
        assert len(await read(reader, PARTITIONS + 1)) == PARTITIONS + 1


async def test_who_begins_to_follow_while_all_is_written_here_reads_it(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that was not read so far is fetched from where it is asked for."""
    monkeypatch.setattr("shared.log.kafka_alone.ALONE_S", 600.0)
    await log.append(0, [draft("before")])
    reader = await following_all(log)
    reader.unfollow(0)
    async with asyncio.timeout(4 * SOON_S):
        while not reader._idle:
            for partition in range(1, PARTITIONS):
                await log.append(partition, [draft("own")])
            await read(reader, PARTITIONS - 1)

    reader.follow(0, 0)

    assert texts(await read(reader, 1)) == ["before"]


async def test_a_batch_in_parts_is_known_in_parts(log: KafkaLog) -> None:
    """Each part has an offset of its own."""
    reader = await following_all(log)
    let_it_fetch_nothing(reader)
    large = [draft(letter * (RECORD_BYTES_MAX // 2)) for letter in "abcde"]

    await log.append(0, large)

    known = await read(reader, 5)
    assert [(record.offset, record.value) for record in known] == [
        (offset, draft.value) for offset, draft in enumerate(large)
    ]


async def test_it_is_known_although_its_writer_has_given_up(log: KafkaLog) -> None:
    """Nobody waits for the answer any more; the record stands."""
    reader = await following_all(log)
    let_it_fetch_nothing(reader)
    append = asyncio.create_task(log.append(0, [draft("a")]))
    lanes = log._producer._lanes.values()
    async with asyncio.timeout(SOON_S):
        while all(lane.is_settled for lane in lanes):  # noqa: ASYNC110 (it is so for a moment)
            await asyncio.sleep(0)

    append.cancel()

    assert texts(await read(reader, 1)) == ["a"]


async def test_what_nobody_takes_is_bounded(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that is not asked keeps some, and fetches the rest when it is."""
    monkeypatch.setattr("shared.log.kafka_reader.KNOWN_MAX", 10)
    reader = await following_all(log)

    for number in range(30):
        await log.append(0, [draft(str(number))])

    assert len(reader._polled[0]) <= 11
    assert texts(await read(reader, 30)) == [str(number) for number in range(30)]


async def test_where_writers_give_the_times_it_is_fetched(kafka: Kafka, log: KafkaLog) -> None:
    """The brokers do not tell when it was appended; the times are everybody's all the same."""
    await kafka.give_times_by("CreateTime")
    reader = await following_all(log)

    await log.append(0, [draft("a")])

    assert await read(reader, 1) == await read_all(log, 0)
