"""The log on Apache Kafka: a topic for the records, another one for dead letters.

`kafka_producer` writes, `kafka_reader` reads with a `kafka_consumer`, `kafka_probe` answers
questions about offsets, `kafka_share` divides the partitions, `kafka_topics` knows how the topics
must be set, `kafka_records` what a record looks like, and `kafka_client` is what all of them need
of aiokafka and do not find there.

aiokafka's pitfalls are numbered; each is named at the line that meets it: A1 defaults that lose,
A2 batches that never expire, A3 what a cancelled send means, A4 partitions jammed by one failed
batch, A5 positions dropped by `assign`, A6 long polls in the way of a resumed partition, A7 records
not taken in the way of all others, A8 silent jumps, A9 fetch errors nobody hears of, A10 members of
a group that are stuck alive, A11 commits for a partition that was lost, A12 records one by one, A13
one request at a time, A14 senders that overtake each other, A15 starts that hang, A16 the group
protocol, A17 the partitioner.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from shared.contracts.topics import DEADLETTER, TIMELINE
from shared.log.kafka_client import START_TIMEOUT_S, reading
from shared.log.kafka_probe import Probe
from shared.log.kafka_producer import Producer, Written
from shared.log.kafka_reader import KafkaReader
from shared.log.kafka_records import letter_to_write, record_to_write
from shared.log.kafka_share import KafkaShare
from shared.log.kafka_topics import check_topics, find_risks
from shared.log.port import Draft, Record
from shared.risk import Risk

PARTITIONS: Final = 16
"""What a Kafka topic of ours has unless the address says otherwise."""
PORT: Final = 9092
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")


class Address(NamedTuple):
    """What `kafka://host:port[,host:port…][/PREFIX][?partitions=N]` says."""

    servers: Sequence[str]
    partitions: int
    prefix: str = ""
    """Before the names of topics and groups, for a cluster that others use too."""

    @property
    def timeline(self) -> str:
        """The topic of the records."""
        return self.prefix + TIMELINE

    @property
    def deadletter(self) -> str:
        """The topic of the dead letters."""
        return self.prefix + DEADLETTER


def parse_address(url: str) -> Address:
    """Take an address apart. Raises `ValueError`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    partitions = options.pop("partitions", str(PARTITIONS))
    servers = parts.netloc.split(",")
    prefix = parts.path.removeprefix("/")
    if (
        not all(servers)
        or "@" in parts.netloc
        or not _PREFIX.fullmatch(prefix)
        or parts.fragment
        or options
        or not partitions.isdecimal()
        or int(partitions) < 1
    ):
        raise ValueError(
            "a Kafka address looks like kafka://host:port,host:port/prefix?partitions=16"
        )
    return Address(
        [server if ":" in server else f"{server}:{PORT}" for server in servers],
        int(partitions),
        f"{prefix}." if prefix else "",
    )


class KafkaLog:
    """`shared.log.port.Log` on a Kafka cluster, for any number of processes."""

    def __init__(
        self,
        servers: Sequence[str],
        producer: Producer,
        probe: Probe,
        *,
        partitions: int,
        timeline: str,
        deadletter: str,
        letter_partitions: int,
    ) -> None:
        self._servers = servers
        self._producer = producer
        self._probe = probe
        self._partitions = partitions
        self._timeline = timeline
        self._deadletter = deadletter
        self._letter_partitions = letter_partitions
        self._readers: set[KafkaReader] = set()
        self._shares: set[KafkaShare] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        servers: Sequence[str],
        *,
        partitions: int,
        timeline: str = TIMELINE,
        deadletter: str = DEADLETTER,
    ) -> "KafkaLog":
        """Connect to the cluster of which *servers*, each `host:port`, are some brokers.

        Raises `ValueError` if a topic is missing or *timeline* has not so many partitions, and
        `OSError` if the cluster cannot be used within 15 s.
        """
        async with AsyncExitStack() as resources:
            with reading("Kafka cannot be used"):
                async with asyncio.timeout(START_TIMEOUT_S):
                    letters = await check_topics(
                        servers, partitions=partitions, timeline=timeline, deadletter=deadletter
                    )
                    topics = {timeline: partitions, deadletter: letters.partitions}
                    producer = Producer(servers, topics)
                    resources.push_async_callback(producer.close)
                    await producer.start()
                    probe = Probe(servers, timeline, partitions)
                    resources.push_async_callback(probe.close)
                    await probe.start()
            resources.pop_all()
        return cls(
            servers,
            producer,
            probe,
            partitions=partitions,
            timeline=timeline,
            deadletter=deadletter,
            letter_partitions=letters.partitions,
        )

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return self._partitions

    async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
        """Append *drafts* as one batch, or as several where they are too many for one."""
        if not drafts:
            raise ValueError("an append needs at least one record")
        self._check(partition)
        records = [record_to_write(draft) for draft in drafts]
        for reader in self._readers:
            reader.expect()
        left = iter(drafts)

        def tell(written: Written) -> None:
            part = list(islice(left, written.records))
            for reader in self._readers:
                reader.know(partition, written, part)

        return await self._producer.append(self._timeline, partition, records, tell)

    async def dead_letter(self, record: Record, error: str) -> None:
        """Keep *record* in the deadletter topic, with its own headers and ours."""
        await self._producer.append(
            self._deadletter,
            record.partition % self._letter_partitions,
            [letter_to_write(record, error, self._timeline)],
        )

    async def ends(self) -> Sequence[int]:
        """Of every partition the offset its next record will get."""
        return await self._probe.ends()

    async def time_before(self, partition: int, offset: int) -> int | None:
        """Append time of the record before *offset*; null if there is none (any more)."""
        self._check(partition)
        return await self._probe.time_at(partition, offset - 1)

    async def offset_at(self, partition: int, at: int) -> int:
        """The first offset whose append time is *at* or later; the end if there is none."""
        self._check(partition)
        return await self._probe.offset_at(partition, at)

    def reader(self) -> KafkaReader:
        """A new reader, following nothing."""
        reader = KafkaReader(
            self._servers, self._timeline, self._partitions, on_close=self._readers.discard
        )
        self._readers.add(reader)
        return reader

    async def share(self, group: str) -> KafkaShare:
        """A part in the partitions, as a member of the consumer group *group*, which has the
        prefix of the topics."""
        name = self._timeline.removesuffix(TIMELINE) + group
        share = KafkaShare(self._servers, self._timeline, name, on_close=self._shares.discard)
        await share.join()
        self._shares.add(share)
        return share

    async def risks(self) -> Sequence[Risk]:
        """How the topics are set that could lose something."""
        return await find_risks(self._servers, timeline=self._timeline, deadletter=self._deadletter)

    async def ping(self) -> None:
        """Raise `OSError` if the log can not be read, written or shared now."""
        if self._closed:
            raise OSError("the log is closed")
        if not self._producer.is_ready:
            raise OSError("nothing can be written: no producer is connected")
        if any(share.is_stuck for share in self._shares):
            raise OSError("a share is no member of its group")
        await self._probe.ends()

    async def close(self) -> None:
        """Deliver what was handed over, then disconnect."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(
            *[reader.close() for reader in self._readers],
            *[share.close() for share in self._shares],
            self._producer.close(),
            self._probe.close(),
        )

    def _check(self, partition: int) -> None:
        if not 0 <= partition < self._partitions:
            raise ValueError(f"there is no partition {partition} among {self._partitions}")
