"""What only the log on Kafka promises: reading what is broken, from brokers that do not answer."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from shared.log.kafka import KafkaLog
from shared.log.port import Log, NotAppended, Reader, Record
from tests.faults.weather import BLACK_HOLE, FAIR
from tests.ports.log_engines import PARTITIONS, Kafka, fronted
from tests.ports.records import SOON_S, draft, read, read_all, texts

pytestmark = pytest.mark.connected


@pytest.fixture
async def log(kafka: Kafka) -> AsyncIterator[KafkaLog]:
    log = await kafka.open()
    yield log
    await log.close()


async def complaint_of(reader: Reader) -> tuple[str, list[str]]:
    """What the reader complains of, sooner or later, and what it had read by then."""
    before: list[str] = []
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                fetched = await reader.fetch(max_wait_s=0.1, max_records=10)
            except OSError as error:
                return str(error), before
            before += [text for records in fetched.values() for text in texts(records)]


class TestBrokenPartition:
    async def test_a_hole_is_not_passed_over(self, kafka: Kafka, log: KafkaLog) -> None:
        """Every reader asserts that offsets are dense; a marker of a transaction is none of ours.
        The other partitions are read on, and the place before the hole is kept."""
        async with AIOKafkaProducer(
            bootstrap_servers=kafka.servers, transactional_id=kafka.timeline
        ) as writer:
            for text in (b"a", b"b"):
                async with writer.transaction():
                    await writer.send_and_wait(kafka.timeline, text, partition=0)
        await log.append(1, [draft("other")])
        reader = log.reader()
        reader.follow(0, 1)
        reader.follow(1, 0)

        complaint, before = await complaint_of(reader)

        assert complaint == "the log is not dense: partition 0: 2 to 2 where 1 was due"
        await log.append(1, [draft("more")])
        after = texts(await read(reader, 2 - len(before)))
        assert before + after == ["other", "more"]

    async def test_what_was_dropped_is_missed(self, kafka: Kafka, log: KafkaLog) -> None:
        """A position before the log's beginning (A8) is an error, not a jump; it is complained of
        once in a while, and the others are read."""
        await log.append(0, [draft(text) for text in "abc"])
        await log.append(1, [draft("other")])
        await drop_before(kafka, 0, 2)
        reader = log.reader()
        reader.follow(0, 0)
        reader.follow(1, 0)

        complaint, before = await complaint_of(reader)

        assert complaint == "partition 0: records 0 to 1 are gone"
        assert before + texts(await read(reader, 1 - len(before))) == ["other"]
        for text in "0123456789":
            await log.append(1, [draft(text)])
            assert texts(await read(reader, 1)) == [text]
        reader.follow(0, 2)
        assert texts(await read(reader, 1)) == ["c"]
        assert await log.time_before(0, 2) is None

    async def test_a_log_that_got_shorter_is_noticed(self, kafka: Kafka, log: KafkaLog) -> None:
        """What was read and is there no more was lost by the brokers."""
        await log.append(0, [draft(text) for text in "abc"])
        reader = log.reader()
        reader.follow(0, 0)
        await read(reader, 3)

        await make_anew(kafka)

        complaint, _ = await complaint_of(reader)
        assert complaint == "partition 0 was read up to 3, and now ends at 0"


class TestReading:
    async def test_a_fetch_cancelled_at_any_moment_skips_nothing(self, log: KafkaLog) -> None:
        """Whatever it had taken from aiokafka by then, the next one answers."""
        dice = random.Random(1)
        reader = log.reader()
        for partition in range(PARTITIONS):
            reader.follow(partition, 0)
        offsets: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
        cancelled = 0

        for turn in range(300):
            fetch = asyncio.create_task(reader.fetch(max_wait_s=SOON_S, max_records=3))
            if turn % 2 == 0:
                await log.append(turn // 2 % PARTITIONS, [draft("a"), draft("b")])
            await asyncio.sleep(dice.random() * 0.006)
            fetch.cancel()
            try:
                fetched = await fetch
            except asyncio.CancelledError:
                cancelled += 1
                continue
            for partition, records in fetched.items():
                offsets[partition] += [record.offset for record in records]

        ends = await log.ends()
        while sum(map(len, offsets.values())) < sum(ends):
            for record in await read(reader, 1):
                offsets[record.partition].append(record.offset)
        assert cancelled > 50
        assert offsets == {partition: list(range(end)) for partition, end in enumerate(ends)}

    async def test_a_partition_followed_later_is_read_before_long(self, log: KafkaLog) -> None:
        """It waits for the fetch that is under way (A6), and no longer than that."""
        await log.append(1, [draft("a")])
        reader = log.reader()
        reader.follow(0, 0)
        await reader.fetch(max_wait_s=0.3, max_records=10)
        began = time.monotonic()

        reader.follow(1, 0)

        assert texts(await read(reader, 1)) == ["a"]
        assert time.monotonic() - began < 0.5

    async def test_what_others_wrote_may_lack_anything(self, kafka: Kafka, log: KafkaLog) -> None:
        """Keys and headers that are missing, or no text, are null; `decode_event` judges them."""
        async with AIOKafkaProducer(bootstrap_servers=kafka.servers) as writer:
            for key, headers in (
                (None, []),
                (b"\xff", [("type", b"\xff"), ("v", b"1e3")]),
                (b"o1", [("type", b"message"), ("v", b"2"), ("trace", None)]),
            ):
                await writer.send_and_wait(
                    kafka.timeline, b"x", key=key, headers=headers, partition=0
                )
            await writer.send_and_wait(kafka.timeline, None, key=b"o2", partition=0)

        records = await read_all(log, 0)

        assert [(record.key, record.type, record.version, record.value) for record in records] == [
            (None, None, None, b"x"),
            (None, None, None, b"x"),
            ("o1", "message", 2, b"x"),
            ("o2", None, None, None),
        ]


class TestOutage:
    async def test_brokers_that_do_not_answer_are_an_error_and_nothing_is_skipped(
        self, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be read now is said; afterwards the reader goes on where it was."""
        monkeypatch.setattr("shared.log.kafka_reader.SILENT_AFTER_S", 0.3)
        monkeypatch.setattr("shared.log.kafka_reader.LOOK_EVERY_S", 0.1)
        async with fronted(kafka) as (log, front):
            reader = log.reader()
            reader.follow(0, 0)
            await log.append(0, [draft("a")])
            assert texts(await read(reader, 1)) == ["a"]
            front.set_weather(BLACK_HOLE)

            complaint, _ = await complaint_of(reader)

            front.set_weather(FAIR)
            await append_soon(log, "b")
            assert complaint.startswith("no broker said anything of a partition")
            assert texts(await read_through(reader, 1)) == ["b"]

    async def test_a_consumer_that_is_stuck_is_replaced(
        self, kafka: Kafka, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """aiokafka's own loop may end without a word (A9, A10)."""
        other = await kafka.open()
        monkeypatch.setattr("shared.log.kafka_reader.SILENT_AFTER_S", 0.2)
        monkeypatch.setattr("shared.log.kafka_reader.RENEW_AFTER_S", 0.3)
        monkeypatch.setattr("shared.log.kafka_reader.LOOK_EVERY_S", 0.1)
        reader = log.reader()
        reader.follow(0, 0)
        await log.append(0, [draft("a")])
        assert texts(await read(reader, 1)) == ["a"]
        assert reader._consumer is not None
        reader._consumer[0]._fetcher._fetch_task.cancel()

        for text in "bcd":  # what was asked for already may still come
            await other.append(0, [draft(text)])
            assert texts(await read_through(reader, 1)) == [text]
        await other.close()


class TestQuestions:
    async def test_the_ends_are_those_of_after_the_question(self, log: KafkaLog) -> None:
        """Who asks gets no answer from before, however many ask at once."""
        seen = []

        async def append_and_ask(turn: int) -> None:
            first = await log.append(turn % PARTITIONS, [draft("a")])
            seen.append((await log.ends())[turn % PARTITIONS] > first)

        async with asyncio.TaskGroup() as askers:
            for turn in range(40):
                askers.create_task(append_and_ask(turn))

        assert all(seen)
        assert len(seen) == 40

    async def test_times_of_any_records_can_be_asked_for_at_once(self, log: KafkaLog) -> None:
        """Each question gets its own answer, wherever the record stands in its batch."""
        for partition in range(PARTITIONS):
            for _ in range(3):
                await log.append(partition, [draft("a"), draft("b")])
        records = {partition: await read_all(log, partition) for partition in range(PARTITIONS)}

        asked = [(partition, offset) for partition in range(PARTITIONS) for offset in range(1, 7)]
        times = await asyncio.gather(*(log.time_before(*place) for place in asked))

        assert times == [records[partition][offset - 1].at for partition, offset in asked]


async def drop_before(kafka: Kafka, partition: int, offset: int) -> None:
    place = TopicPartition(kafka.timeline, partition)
    async with kafka.administration() as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=offset)})


async def make_anew(kafka: Kafka) -> None:
    """Lose all that the log holds."""
    await kafka.remove()
    await kafka.make()


async def append_soon(log: Log, text: str) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                await log.append(0, [draft(text)])
            except NotAppended:
                await asyncio.sleep(0.05)
            else:
                return


async def read_through(reader: Reader, count: int) -> list[Record]:
    """The next *count* records, whatever the reader complains of meanwhile."""
    async with asyncio.timeout(3 * SOON_S):
        while True:
            try:
                if records := await read(reader, count):
                    return records
            except OSError:
                pass
