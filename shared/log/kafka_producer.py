"""Batches on their way into Kafka, and the producer that is replaced when it is of no use any more.

Every partition has a lane: one batch in flight, the others wait their turn. aiokafka's idempotent
producer repeats a batch for ever, and once one has failed for good, every later batch of its
partition fails too (A4, aiokafka#1017). So each error after hand-over, and each batch that takes
too long, ends a producer. Its connections are cut before the next one sends; what it had in flight
may be in the log.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from shared.log.kafka_client import METADATA_MAX_AGE_MS, START_TIMEOUT_S, Tether, reading, retire
from shared.log.kafka_records import Outgoing
from shared.log.kafka_topics import BATCH_BYTES_MAX
from shared.log.port import NotAppended, OutcomeUnknown

logger = logging.getLogger("order_chat.log")

APPEND_TIMEOUT_S: Final = 4.5
"""From the call to the outcome; below the gateway's own deadline, so that it is told what is
certain."""
REQUEST_TIMEOUT_S: Final = 4.0
"""A request without an answer for so long is sent again over a new connection. The second copy is
known to the broker by its number, and stands once."""
JAMMED_AFTER_S: Final = 10.0
"""A batch in flight for so long ends its producer. Long enough for the partitions of a broker that
died to get new leaders, and twice as long as any caller waits."""
LOOK_EVERY_S: Final = 0.5
CLOSE_TIMEOUT_S: Final = 10.0
COMPRESSED_FROM_BYTES: Final = 65_536
"""Batches with fewer bytes of values are not compressed: zstd takes some 50 µs of the gateway's
core for the smallest and 100 for these, and every reader half of that again. A topic may be set to
compress at the broker, where there are cores to spare."""
LANE_WAITING_MAX: Final = 100
"""Batches that may wait behind the one in flight. Callers keep one in flight: it is a fuse."""
LOG_APPEND_TIME: Final = 1
"""The brokers' number for a time that is theirs, and not the writer's."""
REPLACE_AFTER_S: Final = (0.0, 0.1, 0.5, 1.0, 2.0)
"""Pauses before a new producer, while none delivers anything; the last one repeats."""


class Written(NamedTuple):
    """A batch that is in the log."""

    first: int
    """The offset of its first record."""
    records: int
    at: int
    """The append time of all its records, in ms."""


class _Lane:
    """What is under way to one partition. aiokafka's own queue lets batches overtake each other
    (A14) and has one request in flight per broker (A13): so they wait here, and each is large."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.outcome: asyncio.Future[int] | None = None
        """Of the batch handed over last: its first offset, or `OutcomeUnknown`."""
        self.handed_at = 0.0

    @property
    def is_settled(self) -> bool:
        return self.outcome is None or self.outcome.done()

    async def settle(self) -> None:
        """Wait for a batch whose caller has given up. Raises `NotAppended` once it is overdue."""
        if self.is_settled:
            return
        assert self.outcome is not None
        left = self.handed_at + APPEND_TIMEOUT_S - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.wait([self.outcome], timeout=left)
        if not self.is_settled:
            raise NotAppended("an earlier batch of this partition is not settled")

    def lose_sight(self, reason: str) -> None:
        """Nobody will hear any more what becomes of the batch in flight."""
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_exception(OutcomeUnknown(reason))
            self.outcome.exception()  # its caller may be gone: nobody need be told that


class Producer:
    """Writes batches for as long as the process lives, through one aiokafka producer at a time."""

    def __init__(self, servers: Sequence[str], topics: Mapping[str, int]) -> None:
        """*topics*: by name, how many partitions each has. Before `start` nothing is written."""
        self._servers = servers
        self._lanes = {
            TopicPartition(topic, partition): _Lane()
            for topic, partitions in topics.items()
            for partition in range(partitions)
        }
        self._topics = list(topics)
        self._current: tuple[AIOKafkaProducer, Tether] | None = None
        self._broken = asyncio.Event()
        self._fruitless = 0
        """Producers in a row that delivered nothing."""
        self._appends = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_ready(self) -> bool:
        """Whether a batch would be handed over now, for all that is known."""
        return self._current is not None and not self._broken.is_set()

    async def start(self) -> None:
        """Connect. Raises `OSError` if that is not possible now."""
        self._current = await self._connect()
        self._watching = asyncio.create_task(self._watch())

    async def append(
        self,
        topic: str,
        partition: int,
        records: Sequence[Outgoing],
        tell: Callable[[Written], None] | None = None,
    ) -> int:
        """Write *records*, in as few batches as they fit into; answer the first one's offset.

        *tell* is called for each batch that stands, in order, whether or not somebody waits still.

        Raises `NotAppended` and `OutcomeUnknown` as `Log.append` does.
        """
        place = TopicPartition(topic, partition)
        lane = self._lanes[place]
        if self._closed:
            raise NotAppended("the log is closed")
        if lane.waiting >= LANE_WAITING_MAX:
            raise NotAppended("too many batches wait for this partition")
        self._appends += 1
        self._idle.clear()
        lane.waiting += 1
        try:
            return await self._append(lane, place, records, tell)
        finally:
            lane.waiting -= 1
            self._appends -= 1
            if not self._appends:
                self._idle.set()

    async def close(self) -> None:
        """Deliver what was handed over, if that is possible in time, then disconnect."""
        if self._closed:
            return
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._idle.wait()
                for lane in self._lanes.values():
                    if not lane.is_settled:  # its caller was cancelled
                        assert lane.outcome is not None
                        await asyncio.wait([lane.outcome])
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        self._lose_sight("the log was closed")
        current, self._current = self._current, None
        if current is not None:
            await retire(*current)

    async def _append(
        self,
        lane: _Lane,
        place: TopicPartition,
        records: Sequence[Outgoing],
        tell: Callable[[Written], None] | None,
    ) -> int:
        firsts: list[int] = []
        handing = handed = False
        try:
            # One deadline for all: each costs system calls, and there are thousands of batches.
            async with asyncio.timeout(APPEND_TIMEOUT_S), lane.turn:
                await lane.settle()
                # All are made before the first is sent: what cannot be made is certainly not there.
                for batch in self._make_batches(records):
                    handing = True
                    outcome = await self._hand_over(lane, place, batch, tell)
                    handing, handed = False, True
                    firsts.append(await asyncio.shield(outcome))
        except NotAppended as error:
            if handed:
                raise OutcomeUnknown(f"the first of several batches is written: {error}") from error
            raise
        except TimeoutError as error:
            if handed:
                raise OutcomeUnknown("the brokers did not answer in time") from error
            if handing:
                self._break("a batch was not taken")
            raise NotAppended("it did not come to its turn in time") from error
        return firsts[0]

    def _make_batches(self, records: Sequence[Outgoing]) -> Sequence[BatchBuilder]:
        self._producer()
        size = sum([len(record.value or b"") for record in records])
        codec = DefaultRecordBatch.CODEC_ZSTD if size >= COMPRESSED_FROM_BYTES else 0
        # Not by the producer's `create_batch`, which compresses all or none.
        batches = [BatchBuilder(BATCH_BYTES_MAX, codec)]
        for record in records:
            if not _add(batches[-1], record):
                batches.append(BatchBuilder(BATCH_BYTES_MAX, codec))
                _add(batches[-1], record)  # the first record always finds room
        for batch in batches:
            batch.close()  # complete: aiokafka need not linger
        return batches

    async def _hand_over(
        self,
        lane: _Lane,
        place: TopicPartition,
        batch: BatchBuilder,
        tell: Callable[[Written], None] | None,
    ) -> asyncio.Future[int]:
        """Give a batch to aiokafka, which takes it at once unless it has lost sight of the topic.
        Raises `NotAppended` if it has not got it.

        `send_batch` puts the batch into its queue after its last await (A3): cut short by a
        deadline or a cancellation, it certainly has not.
        """
        producer = self._producer()
        try:
            sent = await producer.send_batch(batch, place.topic, partition=place.partition)
        except (KafkaError, AssertionError) as error:
            self._break(type(error).__name__)
            raise NotAppended(f"not handed over: {type(error).__name__}") from error
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[int] = loop.create_future()
        lane.outcome, lane.handed_at = outcome, loop.time()
        count = batch.record_count()
        sent.add_done_callback(lambda sent: self._delivered(lane, outcome, count, tell, sent))
        return outcome

    def _delivered(
        self,
        lane: _Lane,
        outcome: asyncio.Future[int],
        count: int,
        tell: Callable[[Written], None] | None,
        sent: asyncio.Future[Any],
    ) -> None:
        error = sent.exception()
        if outcome.done():  # of a producer that was replaced
            return
        if error is not None:
            lane.lose_sight(f"the batch failed: {type(error).__name__}")
            self._break(type(error).__name__)
            return
        self._fruitless = 0
        stands = sent.result()
        if stands.offset < 0:
            # Of a batch that is so old that the broker knows only that it stands.
            lane.lose_sight("the batch is written, its place is not known")
        else:
            outcome.set_result(stands.offset)
            # At once, and not when the caller's turn comes: a turn of a busy loop takes long.
            if tell is not None and stands.timestamp_type == LOG_APPEND_TIME:
                tell(Written(stands.offset, count, stands.timestamp))

    def _producer(self) -> AIOKafkaProducer:
        if self._current is None or self._broken.is_set():
            raise NotAppended("no producer is connected")
        return self._current[0]

    def _break(self, reason: str) -> None:
        if not self._broken.is_set():
            logger.warning("a producer is given up", extra={"reason": reason})
            self._broken.set()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._broken.wait()
            oldest = asyncio.get_running_loop().time() - JAMMED_AFTER_S
            if any(
                not lane.is_settled and lane.handed_at < oldest for lane in self._lanes.values()
            ):
                self._break("a batch is in flight for too long")
            if self._broken.is_set():
                await self._replace()

    async def _replace(self) -> None:
        """Cut the producer off, and connect another one, however long that takes."""
        self._lose_sight("the producer was given up")
        current, self._current = self._current, None
        if current is not None:
            await retire(*current)
        while self._current is None:
            await asyncio.sleep(REPLACE_AFTER_S[min(self._fruitless, len(REPLACE_AFTER_S) - 1)])
            self._fruitless += 1
            try:
                self._current = await self._connect()
            except OSError as error:
                logger.warning("no producer", extra={"error": type(error).__name__})
        self._broken.clear()

    def _lose_sight(self, reason: str) -> None:
        for lane in self._lanes.values():
            lane.lose_sight(reason)

    async def _connect(self) -> tuple[AIOKafkaProducer, Tether]:
        producer = AIOKafkaProducer(
            bootstrap_servers=list(self._servers),
            acks="all",  # and not the leader's alone, twice or out of order, as by default (A1)
            enable_idempotence=True,
            compression_type="zstd",  # aiokafka's lz4 takes four times as long for large batches
            max_batch_size=BATCH_BYTES_MAX,
            linger_ms=0,
            request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        tether = Tether(producer.client)
        try:
            with reading("no producer could be started"):
                async with asyncio.timeout(START_TIMEOUT_S):  # by itself it tries for ever (A15)
                    await producer.start()
                    for topic in self._topics:
                        await producer.partitions_for(topic)
        except BaseException:
            await retire(producer, tether)
            raise
        return producer, tether


def _add(batch: BatchBuilder, record: Outgoing) -> bool:
    """Add a record; false if the batch has no room for it."""
    added = batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    return added is not None
