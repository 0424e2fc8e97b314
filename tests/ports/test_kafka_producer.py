"""What only the log on Kafka promises: writing through a producer that jams, and a network that
lies."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts.topics import RECORD_BYTES_MAX
from shared.log.kafka import KafkaLog
from shared.log.kafka_client import Tether, retire
from shared.log.port import Draft, Log, NotAppended, OutcomeUnknown
from tests.faults.kafka_front import KafkaFront
from tests.faults.weather import BLACK_HOLE, FAIR, FAR, MUTE
from tests.ports.log_engines import PARTITIONS, Kafka, fronted
from tests.ports.records import draft, read_all, texts, until

pytestmark = pytest.mark.connected

RECOVERED_S = 15.0


@pytest.fixture
async def behind(kafka: Kafka) -> AsyncIterator[tuple[KafkaLog, KafkaFront]]:
    async with fronted(kafka) as log_and_front:
        yield log_and_front


@pytest.fixture
def log(behind: tuple[KafkaLog, KafkaFront]) -> KafkaLog:
    """A log behind the front."""
    return behind[0]


@pytest.fixture
def front(behind: tuple[KafkaLog, KafkaFront]) -> KafkaFront:
    return behind[1]


async def append_soon(log: Log, partition: int, text: str) -> int:
    """Append it as soon as that is possible; answer its offset."""
    async with asyncio.timeout(RECOVERED_S):
        while True:
            try:
                return await log.append(partition, [draft(text)])
            except NotAppended:
                await asyncio.sleep(0.05)  # a producer comes, or not, without telling


class TestJam:
    """A producer whose numbers are wrong fails every later batch (A4)."""

    async def test_a_batch_that_is_refused_jams_no_later_one(
        self, kafka: Kafka, log: KafkaLog
    ) -> None:
        """Brokers that take one batch for good not, take no later one of that producer either."""
        await kafka.allow_batches_of(1_000)
        await log.append(0, [draft("a")])

        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft(random.Random(1).randbytes(5_000).hex())])

        assert [await append_soon(log, 0, text) for text in "bcd"] == [1, 2, 3]
        assert texts(await read_all(log, 0)) == ["a", "b", "c", "d"]

    @pytest.mark.parametrize("error", [45, 47, 59, -1])
    async def test_a_jammed_producer_is_replaced(
        self, log: KafkaLog, front: KafkaFront, error: int
    ) -> None:
        """The batch it failed on is unknown; what comes later is written, once and in order."""
        await log.append(0, [draft("a")])
        front.mischief.errors.append(error)

        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft("b")])

        assert await append_soon(log, 0, "c") == 2
        assert await append_soon(log, 0, "d") == 3
        assert texts(await read_all(log, 0)) == ["a", "b", "c", "d"]

    async def test_what_others_had_in_flight_is_unknown(
        self, log: KafkaLog, front: KafkaFront
    ) -> None:
        """With a producer go the batches of all partitions, each reported, none repeated."""
        front.mischief.errors.append(45)

        outcomes = await asyncio.gather(
            *(log.append(number, [draft("a")]) for number in range(PARTITIONS)),
            return_exceptions=True,
        )

        assert {type(outcome) for outcome in outcomes} <= {int, OutcomeUnknown, NotAppended}
        assert OutcomeUnknown in map(type, outcomes)
        for number, outcome in enumerate(outcomes):
            await append_soon(log, number, "b")
            standing = texts(await read_all(log, number))
            assert standing == ["b"] if isinstance(outcome, NotAppended) else standing[-1] == "b"
            assert standing in (["b"], ["a", "b"])

    async def test_answers_that_get_lost_double_nothing(
        self, log: KafkaLog, front: KafkaFront
    ) -> None:
        """A batch that was stored is sent again, and stands once (idempotent, A1)."""
        front.mischief.swallow = 0.5

        outcomes = [await append_soon(log, 0, f"{n}") for n in range(30)]

        assert front.mischief.swallowed > 5
        assert outcomes == list(range(30))
        assert texts(await read_all(log, 0)) == [f"{n}" for n in range(30)]


class TestOutage:
    async def test_after_the_deadline_the_outcome_is_unknown_and_later_ones_certain(
        self, log: KafkaLog, front: KafkaFront, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Brokers that do not answer (A2, A3): the batch handed over is unknown, and in time; the
        next ones are not handed over, and that is said at once."""
        monkeypatch.setattr("shared.log.kafka_producer.APPEND_TIMEOUT_S", 0.3)
        await append_soon(log, 0, "a")
        front.set_weather(BLACK_HOLE)
        began = time.monotonic()

        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft("b")])
        unknown_after_s = time.monotonic() - began
        with pytest.raises(NotAppended):
            await log.append(0, [draft("c")])

        assert 0.2 < unknown_after_s < 3
        assert time.monotonic() - began < unknown_after_s + 0.25  # and not the deadline again

    async def test_a_producer_that_is_given_up_sends_nothing_any_more(
        self,
        log: KafkaLog,
        front: KafkaFront,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """What never reached the brokers does not come behind what its successor writes."""
        monkeypatch.setattr("shared.log.kafka_producer.APPEND_TIMEOUT_S", 0.3)
        monkeypatch.setattr("shared.log.kafka_producer.JAMMED_AFTER_S", 0.5)
        front.set_weather(MUTE)
        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft("late")])
        await until(lambda: "a producer is given up" in caplog.messages)

        front.set_weather(FAIR)

        monkeypatch.undo()
        for text in "abc":
            await append_soon(log, 0, text)
        await asyncio.sleep(0.5)  # time enough for the old one to connect and send
        assert texts(await read_all(log, 0)) == ["a", "b", "c"]

    async def test_a_log_can_be_closed_while_no_broker_answers(
        self, log: KafkaLog, front: KafkaFront, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Closing takes as long as it may, and what was in flight is unknown."""
        monkeypatch.setattr("shared.log.kafka_producer.CLOSE_TIMEOUT_S", 0.3)
        monkeypatch.setattr("shared.log.kafka_client.STOP_TIMEOUT_S", 0.3)
        front.set_weather(BLACK_HOLE)
        append = asyncio.create_task(log.append(0, [draft("a")]))
        await asyncio.sleep(0.05)
        began = time.monotonic()

        await log.close()

        assert time.monotonic() - began < 3
        with pytest.raises(OutcomeUnknown):
            await append

    async def test_it_is_said_that_nothing_can_be_written(
        self,
        log: KafkaLog,
        front: KafkaFront,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Readiness fails while there is no producer, and comes back with it."""
        monkeypatch.setattr("shared.log.kafka_producer.JAMMED_AFTER_S", 0.2)
        monkeypatch.setattr("shared.log.kafka_producer.APPEND_TIMEOUT_S", 0.3)
        front.set_weather(BLACK_HOLE)
        with pytest.raises(OutcomeUnknown):
            await log.append(0, [draft("a")])
        await until(lambda: "a producer is given up" in caplog.messages)

        with pytest.raises(OSError, match="nothing can be written"):
            await log.ping()

        front.set_weather(FAIR)
        monkeypatch.undo()
        await append_soon(log, 0, "b")
        await log.ping()


class TestTether:
    async def test_what_is_connecting_when_it_is_cut_sends_nothing(
        self, kafka: Kafka, front: KafkaFront
    ) -> None:
        """aiokafka connects anew to send what it holds: not after the cut."""
        producer = AIOKafkaProducer(bootstrap_servers=front.address, enable_idempotence=True)
        tether = Tether(producer.client)
        await producer.start()
        await producer.partitions_for(kafka.timeline)
        for link in front.links:
            link.reset()
        front.set_weather(FAR)
        batch = producer.create_batch()
        batch.append(timestamp=None, key=b"o1", value=b"late")
        await producer.send_batch(batch, kafka.timeline, partition=0)
        await asyncio.sleep(0.05)  # the connection is under way

        tether.cut()

        front.set_weather(FAIR)
        await asyncio.sleep(1)  # time enough to send it, if it could
        await retire(producer, tether)
        log = await kafka.open()
        assert list(await log.ends()) == [0] * PARTITIONS
        await log.close()


class TestSize:
    async def test_what_is_too_large_is_not_handed_over(self, log: KafkaLog) -> None:
        """The brokers would refuse it, and jam the producer; so nothing of the batch is written."""
        large = Draft(key="o1", type="message", version=1, value=b"x" * (RECORD_BYTES_MAX + 1))

        with pytest.raises(NotAppended, match="too large"):
            await log.append(0, [draft("a"), large])

        assert await log.append(0, [draft("b")]) == 0

    async def test_the_largest_record_is_written(self, log: KafkaLog) -> None:
        """Even if it cannot be compressed."""
        value = random.Random(1).randbytes(RECORD_BYTES_MAX)

        await log.append(0, [Draft(key="o" * 64, type="message", version=1, value=value)])

        [record] = await read_all(log, 0)
        assert record.value == value

    async def test_more_than_one_batch_holds_is_written_in_order(self, log: KafkaLog) -> None:
        """Several batches follow each other; the first record's offset is answered."""
        dice = random.Random(1)
        drafts = [draft(dice.randbytes(10_000).hex()) for _ in range(100)]
        await log.append(0, [draft("before")])

        first = await log.append(0, drafts)

        records = await read_all(log, 0)
        assert first == 1
        assert [record.value for record in records[1:]] == [draft.value for draft in drafts]

    async def test_ten_thousand_records_are_dense(self, log: KafkaLog) -> None:
        """No offset is left out, repeated or out of order, in any partition."""

        async def write(partition: int) -> None:
            for turn in range(5):
                await log.append(partition, [draft(f"{turn * 500 + n}") for n in range(500)])

        async with asyncio.TaskGroup() as writers:
            for partition in range(PARTITIONS):
                writers.create_task(write(partition))

        for partition in range(PARTITIONS):
            records = await read_all(log, partition)
            assert [record.offset for record in records] == list(range(2_500))
            assert texts(records) == [f"{n}" for n in range(2_500)]
