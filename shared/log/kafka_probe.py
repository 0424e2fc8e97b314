"""Questions about where Kafka's partitions end and what stands in them, each asked on its own."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from shared.log.kafka_client import METADATA_MAX_AGE_MS, START_TIMEOUT_S, Tether, reading, stop

ANSWER_TIMEOUT_S: Final = 4.0


class Probe:
    """A consumer that follows nothing."""

    def __init__(self, servers: Sequence[str], topic: str, partitions: int) -> None:
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(servers),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=1,  # it gets one batch even so, and it wants one record
            fetch_max_wait_ms=10,  # aiokafka fetches on, and the next question waits behind that
            request_timeout_ms=int(ANSWER_TIMEOUT_S * 1000),
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        self._tether = Tether(self._consumer._client)
        self._looking = asyncio.Lock()
        self._asked: asyncio.Task[Sequence[int]] | None = None
        """The question for the ends under way."""
        self._next: asyncio.Task[Sequence[int]] | None = None
        """The one after it, for all who came since."""

    async def start(self) -> None:
        """Connect. Raises `OSError`."""
        with reading("the log cannot be reached"):
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._consumer.start()

    async def ends(self) -> Sequence[int]:
        """Of every partition the offset its next record will get. Raises `OSError`.

        The brokers are asked once for all who ask meanwhile, but never before somebody asked: he
        may know of a record that came after the question under way.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._ask(after=self._asked))
        return await asyncio.shield(self._next)

    async def time_at(self, partition: int, offset: int) -> int | None:
        """Append time of a record; null if it is not there (any more). Raises `OSError`."""
        place = self._places[partition]
        with reading("the time of a record cannot be read"):
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._looking:
                ends = await self._consumer.end_offsets([place])
                if not 0 <= offset < ends[place]:
                    return None
                self._consumer.assign([place])
                self._consumer.seek(place, offset)
                try:
                    while True:
                        got = await self._consumer.getmany(timeout_ms=1_000, max_records=1)
                        for [record] in got.values():
                            at: int = record.timestamp
                            return at if record.offset == offset else None
                except OffsetOutOfRangeError:
                    return None
                finally:
                    self._consumer.unsubscribe()

    async def offset_at(self, partition: int, at: int) -> int:
        """The first offset whose append time is *at* or later; the end if there is none. Raises
        `OSError`."""
        place = self._places[partition]
        with reading("what was appended when cannot be read"):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                # The end first: what is appended between the questions may be later than *at*.
                ends = await self._consumer.end_offsets([place])
                found = (await self._consumer.offsets_for_times({place: max(0, at)}))[place]
        offset: int = ends[place] if found is None else found.offset
        return offset

    async def close(self) -> None:
        """Disconnect; questions under way are not answered."""
        for question in (self._asked, self._next):
            if question is not None:
                question.cancel()
        await stop(self._consumer, self._tether)

    async def _ask(self, after: asyncio.Task[Sequence[int]] | None) -> Sequence[int]:
        if after is not None:
            await asyncio.wait([after])
        self._asked, self._next = self._next, None
        with reading("the ends of the log cannot be read"):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                ends = await self._consumer.end_offsets(self._places)
        return [ends[place] for place in self._places]
