"""Reading Kafka's partitions from positions of our own, without a group.

The consumer has all partitions, paused; what is followed is resumed. It is told so by `fetch`
alone, between two polls, but for a seek past what became known.

What a poll brings is kept here until `fetch` hands it on, an equal share of each partition; a
position moves only then.

What this process has written itself it need not fetch: a batch that the brokers have acknowledged,
and that begins where a partition was read up to, is what comes next there, whoever reads it.
Records of others between them are fetched, and what stands behind them. While all that comes is
written here (`kafka_alone`), nothing is fetched at all.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.log.kafka_alone import Alone
from shared.log.kafka_client import Tether, reading, stop
from shared.log.kafka_consumer import connect_paused
from shared.log.kafka_heard import Heard
from shared.log.kafka_producer import Written
from shared.log.kafka_records import record_read
from shared.log.port import Draft, Record
from shared.log.turns import divide

logger = logging.getLogger("order_chat.log")

POLL_EVERY_S: Final = 0.005
"""After a poll that brought something, the next begins no sooner: aiokafka has no incremental
fetch, and each one costs the same for much as for little."""
KNOWN_SOON_S: Final = 0.010
"""So long after a poll at most the next one waits for what will be known, however much is written:
others write as well."""
SILENT_AFTER_S: Final = 5.0
"""A followed partition that no broker said anything about for so long cannot be read."""
RENEW_AFTER_S: Final = 30.0
"""After so long the consumer itself may be what is stuck (A9, A10)."""
LOOK_EVERY_S: Final = 1.0
NOT_YET_S: Final = 0.1
"""When to look again whether a position beyond the end has been written."""
KNOWN_MAX: Final = 4_000
"""Records of a partition that are kept though nobody fetches; more are left to be polled."""
BROKEN_S: Final = 10.0
"""When to try a partition again that cannot be read on: each time an error, and others must not
wait for it."""


class KafkaReader:
    """`shared.log.port.Reader` over one topic. Connects when there is something to read."""

    def __init__(
        self,
        servers: Sequence[str],
        topic: str,
        partitions: int,
        *,
        on_close: Callable[["KafkaReader"], None],
    ) -> None:
        self._servers = servers
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._on_close = on_close
        self._positions: dict[int, int] = {}
        """Of what is followed, the next offset to hand on; the one served longest ago first."""
        self._untold: set[int] = set()
        """Partitions of which the consumer has to be told something."""
        self._polled: dict[int, deque[Record]] = {}
        """What was polled or is known and not handed on yet, from the position on."""
        self._asleep: dict[int, float] = {}
        """Partitions that are paused although they are followed, and until when."""
        self._holes: list[str] = []
        self._reached: set[int] = set()
        """Partitions whose position was reached by reading: the log was once as long as that."""
        self._consumer: tuple[AIOKafkaConsumer, Tether] | None = None
        self._alone = Alone()
        self._idle = False
        """Whether the consumer is paused, since nobody else writes."""
        self._heard = Heard(LOOK_EVERY_S)
        self._next_poll = 0.0
        self._polled_at = 0.0
        self._next_look = 0.0
        self._woken = False
        self._waiting: asyncio.Future[None] | None = None

    def follow(self, partition: int, offset: int) -> None:
        """Read *partition* from *offset* on with the next `fetch`; again to seek."""
        if not 0 <= partition < len(self._places):
            raise ValueError(f"there is no partition {partition} among {len(self._places)}")
        self._forget(partition)
        self._positions[partition] = offset

    def unfollow(self, partition: int) -> None:
        """Stop reading *partition*."""
        if partition in self._positions:
            self._forget(partition)

    def know(self, partition: int, written: Written, drafts: Sequence[Draft]) -> None:
        """Take *drafts* for read, if they stand where the partition was read up to."""
        due = self._due(partition)
        now = asyncio.get_running_loop().time()
        if due is not None and due < written.first:
            self._alone.met_others()
            self._rouse()
        if due != written.first or partition in self._asleep:
            return
        polled = self._polled.setdefault(partition, deque())
        if len(polled) > KNOWN_MAX:
            return
        polled += [
            Record(partition, offset, written.at, draft.key, draft.type, draft.version, draft.value)
            for offset, draft in enumerate(drafts, written.first)
        ]
        if self._consumer is not None and not self._idle and partition not in self._untold:
            # Now: it has the same records on their way, or here, and must not unpack them.
            self._consumer[0].seek(self._places[partition], due + len(drafts))
        self._alone.known(partition, now)
        self._next_poll = now + POLL_EVERY_S
        self._rouse()

    def expect(self) -> None:
        """Something will be known in a moment: leave what comes until then to `know`."""
        self._next_poll = asyncio.get_running_loop().time() + POLL_EVERY_S
        self._rouse()

    async def fetch(self, *, max_wait_s: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Records that follow each partition's position, and move past them."""
        deadline = asyncio.get_running_loop().time() + max_wait_s
        timely = True
        while timely and not self._woken:
            timely = await self._look_for_more(deadline)
            if self._polled:
                break
        self._woken = False
        return self._hand_on(max_records)

    def wake(self) -> None:
        """Let the `fetch` that waits, or else the next one, return without waiting."""
        self._woken = True
        self._rouse()

    async def close(self) -> None:
        """Stop reading."""
        self._positions.clear()
        self._polled.clear()
        self._on_close(self)
        await self._disconnect()

    def _due(self, partition: int) -> int | None:
        """The offset that comes next, after all that is kept here; null if it is not followed."""
        position = self._positions.get(partition)
        return None if position is None else position + len(self._polled.get(partition, ()))

    def _rouse(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _wait(self, for_s: float) -> None:
        """Wait for that long, or until roused; by one step of the loop, where `asyncio.wait` takes
        two: in a busy one they are long."""
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        alarm = loop.call_later(for_s, self._rouse)
        try:
            await self._waiting
        finally:
            alarm.cancel()

    def _forget(self, partition: int) -> None:
        for of_partition in (self._positions, self._polled, self._asleep):
            of_partition.pop(partition, None)
        self._reached.discard(partition)
        self._untold.add(partition)

    def _hand_on(self, max_records: int) -> dict[int, list[Record]]:
        waiting = {
            partition: len(self._polled[partition])
            for partition in self._positions
            if partition in self._polled
        }
        handed = {}
        for partition, share in divide(max_records, waiting).items():
            polled = self._polled[partition]
            handed[partition] = [polled.popleft() for _ in range(share)]
            if not polled:
                del self._polled[partition]
            del self._positions[partition]
            self._positions[partition] = handed[partition][-1].offset + 1
            self._reached.add(partition)
        return handed

    async def _look_for_more(self, deadline: float) -> bool:
        """Poll, and wait until there is news of any kind; false once *deadline* has passed.

        While something is left to be handed on it does not wait, but others get their turn.
        """
        loop = asyncio.get_running_loop()
        if not self._positions:
            await self._wait(deadline - loop.time())
            return loop.time() < deadline
        with reading("the log cannot be read"):
            consumer = await self._connected()
            next_poll = min(self._next_poll, self._polled_at + KNOWN_SOON_S)
            pause_s = max(self._idle_for(consumer), next_poll - loop.time())
            if pause_s > 0:
                if not self._polled:
                    await self._wait(min(pause_s, deadline - loop.time()))
                return bool(self._polled) or loop.time() < deadline
            self._tell(consumer)
            try:
                await self._poll(consumer, deadline)
            except OffsetOutOfRangeError as error:
                [(place, offset)] = error.args[0].items()
                await self._out_of_range(consumer, place, offset)
            except KafkaError:
                # It may have moved past records that it did not hand over.
                self._start_over()
                raise
        timely = loop.time() < deadline
        if loop.time() >= self._next_look:
            self._next_look = loop.time() + LOOK_EVERY_S
            await self._listen(consumer, patient=timely or bool(self._polled))
        return timely

    def _idle_for(self, consumer: AIOKafkaConsumer) -> float:
        """For how long nothing need be fetched, since nobody else writes; the consumer is told."""
        lasts_s = self._alone.lasts(self._positions, asyncio.get_running_loop().time())
        if lasts_s > 0 and not self._idle:
            self._idle = True
            consumer.pause(*self._places)
        elif lasts_s <= 0 and self._idle:
            self._idle = False
            self._untold.update(self._positions)
        return lasts_s

    def _start_over(self) -> None:
        """Poll again, from our positions on, what was not handed on."""
        self._polled.clear()
        self._untold.update(self._positions)

    def _tell(self, consumer: AIOKafkaConsumer) -> None:
        """Let the consumer read what is followed, and nothing else, from our positions on."""
        now = asyncio.get_running_loop().time()
        due = [partition for partition, until in self._asleep.items() if until <= now]
        for partition in due:
            del self._asleep[partition]
        for partition in self._untold.union(due):
            place = self._places[partition]
            if partition in self._positions and partition not in self._asleep:
                consumer.seek(place, self._due(partition))
                consumer.resume(place)
            else:
                consumer.pause(place)
        self._untold.clear()

    async def _poll(self, consumer: AIOKafkaConsumer, deadline: float) -> None:
        """Take what the consumer has, or wait for it until something else needs attention.

        All it has, and at once (A12): what is left there keeps it from fetching for others (A7).
        """
        loop = asyncio.get_running_loop()
        wanted = [
            place
            for partition, place in enumerate(self._places)
            if partition in self._positions and partition not in self._polled
        ]
        if wanted and (got := await consumer.getmany(*wanted)):  # awaits nothing
            self._take(consumer, got)
            self._complain_of_holes()
        self._polled_at = loop.time()
        if self._polled:
            return
        until = min(deadline, loop.time() + LOOK_EVERY_S, *self._asleep.values())
        wait_ms = max(1, round((until - loop.time()) * 1000))
        polling = asyncio.create_task(consumer.getmany(*wanted, timeout_ms=wait_ms))
        self._waiting = loop.create_future()
        try:
            await asyncio.wait([polling, self._waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._polled_at = loop.time()
            # It moves aiokafka's positions in its last step alone. So what it has is taken, even
            # if this fetch is cancelled just now; and if it has nothing, it moved nothing.
            if not polling.done():
                polling.cancel()
            elif not polling.cancelled() and polling.exception() is None:
                self._take(consumer, polling.result())
        if polling.done() and not polling.cancelled():
            polling.result()
        self._complain_of_holes()

    def _take(
        self,
        consumer: AIOKafkaConsumer,
        got: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    ) -> None:
        """Keep what was polled, except of partitions that have a hole there."""
        if got:
            self._alone.met_others()
            self._next_poll = asyncio.get_running_loop().time() + POLL_EVERY_S
        for place, records in got.items():
            partition = place.partition
            due = self._due(partition)
            first, last = records[0].offset, records[-1].offset
            if due is None or (first < due and partition in self._polled):
                continue  # not followed any more, or known meanwhile
            if first == due and last - first + 1 == len(records):
                self._polled.setdefault(partition, deque()).extend(map(record_read, records))
            else:
                hole = f"partition {partition}: {first} to {last} where {due} was due"
                self._holes.append(hole)
                self._put_to_sleep(consumer, partition, BROKEN_S)

    def _complain_of_holes(self) -> None:
        if self._holes:
            holes, self._holes = self._holes, []
            self._complain(f"the log is not dense: {'; '.join(holes)}")

    async def _out_of_range(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int
    ) -> None:
        """Find out why a position cannot be read, and try again when it may be otherwise."""
        partition = place.partition
        if self._positions.get(partition) != offset or partition in self._asleep:
            return  # it was asked for once more before it was paused
        self._put_to_sleep(consumer, partition, BROKEN_S)
        begin = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        if offset < begin:
            self._complain(f"partition {partition}: records {offset} to {begin - 1} are gone")
        if offset <= end or partition not in self._reached:
            self._put_to_sleep(consumer, partition, NOT_YET_S)
        else:
            self._complain(f"partition {partition} was read up to {offset}, and now ends at {end}")

    def _put_to_sleep(self, consumer: AIOKafkaConsumer, partition: int, for_s: float) -> None:
        """Leave a partition alone, so that the others are read; then seek to its position."""
        self._asleep[partition] = asyncio.get_running_loop().time() + for_s
        consumer.pause(self._places[partition])

    def _complain(self, what: str) -> None:
        logger.critical("the log is not as it was", extra={"reason": what})
        raise OSError(what)

    async def _listen(self, consumer: AIOKafkaConsumer, *, patient: bool) -> None:
        """Find out whether the brokers are heard of; if not, raise `OSError` unless *patient*."""
        # Where what is known comes next all the time, the consumer is told to seek all the time, so
        # that it drops what the brokers answer; but they take what is written, and all is there.
        awake = {
            partition: (consumer.last_poll_timestamp(self._places[partition]), position)
            for partition, position in self._positions.items()
            if partition not in self._asleep
        }
        silence = self._heard.listen(awake)
        if silence > RENEW_AFTER_S:
            logger.warning("a consumer is given up", extra={"reason": "no broker answers it"})
            await self._disconnect()
        if silence > SILENT_AFTER_S and not patient:
            raise OSError(f"no broker said anything of a partition for {silence:.0f} s")

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await connect_paused(self._servers, self._places)
            self._idle = False
            self._start_over()
            self._asleep.clear()
            self._heard = Heard(LOOK_EVERY_S)
        return self._consumer[0]

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop(*consumer)
