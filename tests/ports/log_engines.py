"""The engines the log's contract is tested on."""

import asyncio
import os
import random
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.log import open_log
from shared.log.kafka import KafkaLog, parse_address
from shared.log.kafka_topics import make_topics
from shared.log.port import Log
from tests.faults.kafka_front import KafkaFront
from tests.faults.weather import FAIR

PARTITIONS = 4


class Kept(NamedTuple):
    """A dead letter as it was kept."""

    partition: int
    offset: int
    error: str
    key: str | None
    type: str | None
    version: int | None
    value: bytes | None


class Engine(Protocol):
    """Where a test's log lives: empty at first, and there again when it is opened again."""

    @property
    def opener(self) -> str:
        """The source of a function `open_it`, by which another program opens it."""
        ...

    async def open(self) -> Log:
        """Open it, with `PARTITIONS` partitions."""
        ...

    async def dead_letters(self) -> list[Kept]:
        """What `dead_letter` kept, read past the log."""
        ...


class Sqlite:
    """A file in the test's own folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    @property
    def opener(self) -> str:
        return f"""
async def open_it():
    from pathlib import Path
    from shared.log.sqlite import SqliteLog
    return await SqliteLog.open(Path({str(self.data / "log.db")!r}), partitions={PARTITIONS})
"""

    async def open(self) -> Log:
        return await open_log("sqlite:///log.db", self.data, partitions=PARTITIONS)

    async def dead_letters(self) -> list[Kept]:
        return await asyncio.to_thread(self._dead_letters)

    def _dead_letters(self) -> list[Kept]:
        with closing(sqlite3.connect(self.data / "log.db")) as connection:
            rows = connection.execute(
                'SELECT partition, "offset", error, key, type, v, value FROM dead_letters '
                "WHERE topic = 'chat.timeline' ORDER BY rowid"
            )
            return [Kept(*row) for row in rows]


class Kafka:
    """Topics of the test's own, in the cluster that `ORDER_CHAT_LOG_URL` names."""

    def __init__(self, servers: Sequence[str], timeline: str, deadletter: str) -> None:
        self.servers = servers
        self.timeline = timeline
        self.deadletter = deadletter

    @property
    def opener(self) -> str:
        topics = {"timeline": self.timeline, "deadletter": self.deadletter}
        return f"""
async def open_it():
    from shared.log.kafka import KafkaLog
    return await KafkaLog.open({self.servers!r}, partitions={PARTITIONS}, **{topics!r})
"""

    async def open(self, servers: Sequence[str] = ()) -> KafkaLog:
        """Open it; over others than the brokers themselves if *servers* are given."""
        return await KafkaLog.open(
            servers or self.servers,
            partitions=PARTITIONS,
            timeline=self.timeline,
            deadletter=self.deadletter,
        )

    async def make(self) -> None:
        """Make the topics, empty."""
        await make_topics(
            self.servers,
            partitions=PARTITIONS,
            replication=1,
            min_insync=1,
            timeline=self.timeline,
            deadletter=self.deadletter,
        )

    async def remove(self) -> None:
        """Delete the topics with all they hold."""
        async with self.administration() as admin:
            await admin.delete_topics([self.timeline, self.deadletter])

    async def allow_batches_of(self, size: int) -> None:
        """Let the brokers refuse batches of more bytes."""
        await self._set({"max.message.bytes": str(size)})

    async def give_times_by(self, whose: str) -> None:
        """`LogAppendTime`: the brokers give the times; `CreateTime`: the writers."""
        await self._set({"message.timestamp.type": whose})

    async def _set(self, settings: Mapping[str, str]) -> None:
        async with self.administration() as admin:
            await admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, self.timeline, dict(settings))]
            )

    @asynccontextmanager
    async def administration(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def dead_letters(self) -> list[Kept]:
        consumer = AIOKafkaConsumer(
            self.deadletter, bootstrap_servers=self.servers, auto_offset_reset="earliest"
        )
        async with consumer:
            end = await consumer.end_offsets(consumer.assignment())
            letters = [await consumer.getone() for _ in range(sum(end.values()))]
        kept = []
        for letter in letters:
            said = {name: value.decode() for name, value in letter.headers}
            assert said["topic"] == self.timeline
            kept.append(
                Kept(
                    int(said["partition"]),
                    int(said["offset"]),
                    said["error"],
                    None if letter.key is None else letter.key.decode(),
                    said.get("type"),
                    int(said["v"]) if "v" in said else None,
                    letter.value,
                )
            )
        return kept


def kafka_servers() -> Sequence[str]:
    """Brokers of the cluster for tests."""
    url = os.environ.get("ORDER_CHAT_LOG_URL", "")
    assert url.startswith("kafka://"), (
        "ORDER_CHAT_LOG_URL names no Kafka: run python -m deploy.stack run -- pytest -m connected"
    )
    return parse_address(url).servers


@asynccontextmanager
async def open_kafka() -> AsyncIterator[Kafka]:
    """Topics that are there for the block."""
    name = f"test.{uuid.uuid4().hex}"
    kafka = Kafka(kafka_servers(), f"{name}.timeline", f"{name}.deadletter")
    await kafka.make()
    try:
        yield kafka
    finally:
        await kafka.remove()


@asynccontextmanager
async def fronted(kafka: Kafka) -> AsyncIterator[tuple[KafkaLog, KafkaFront]]:
    """A log whose brokers are seen through links."""
    ports = [int(server.rpartition(":")[2]) for server in kafka.servers]
    async with KafkaFront(ports, random.Random(1)) as front:
        log = await kafka.open(front.address.split(","))
        try:
            yield log, front
        finally:
            front.set_weather(FAIR)
            await log.close()
