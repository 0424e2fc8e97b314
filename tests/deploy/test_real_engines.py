"""Real engines, started by the stack: what they acknowledged outlives them."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from minio import Minio
from pymongo import AsyncMongoClient

from deploy.stack import Stack
from shared.contracts.topics import TIMELINE

pytestmark = pytest.mark.connected

VARIABLES: Final = {
    "kafka-1": "ORDER_CHAT_LOG_URL",
    "mongo": "ORDER_CHAT_STORE_URL",
    "redis": "ORDER_CHAT_SIGNALS_URL",
    "minio": "ORDER_CHAT_BLOBS_URL",
}
PARTITION: Final = TopicPartition(TIMELINE, 3)


def without(name: str) -> Mapping[str, str]:
    """Settings that give every engine but one."""
    return {variable: "given://" for engine, variable in VARIABLES.items() if engine != name}


async def write_to_kafka(url: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=urlsplit(url).netloc, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(TIMELINE, b"hello", partition=PARTITION.partition)
    finally:
        await producer.stop()


async def read_from_kafka(url: str) -> object:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=urlsplit(url).netloc, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([PARTITION])
        return (await consumer.getone(PARTITION)).value
    finally:
        await consumer.stop()


async def write_to_mongo(url: str) -> None:
    async with AsyncMongoClient[dict[str, object]](url, w="majority", journal=True) as client:
        await client.get_default_database().words.insert_one({"_id": 1, "word": b"hello"})


async def read_from_mongo(url: str) -> object:
    async with AsyncMongoClient[dict[str, object]](url) as client:
        found = await client.get_default_database().words.find_one({"_id": 1})
    return found and found["word"]


def minio(url: str) -> Minio:
    parts = urlsplit(url)
    return Minio(
        f"{parts.hostname}:{parts.port}",
        access_key=parts.username,
        secret_key=parts.password,
        secure=False,
    )


async def write_to_minio(url: str) -> None:
    def write() -> None:
        client = minio(url)
        client.make_bucket(bucket_name="words")
        client.put_object(bucket_name="words", object_name="1", data=io.BytesIO(b"hello"), length=5)

    await asyncio.to_thread(write)


async def read_from_minio(url: str) -> object:
    def read() -> bytes:
        answer = minio(url).get_object(bucket_name="words", object_name="1")
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    return await asyncio.to_thread(read)


@pytest.mark.parametrize(
    ("name", "write", "read"),
    [
        ("kafka-1", write_to_kafka, read_from_kafka),
        ("mongo", write_to_mongo, read_from_mongo),
        ("minio", write_to_minio, read_from_minio),
    ],
    ids=["kafka", "mongo", "minio"],
)
async def test_what_was_acknowledged_survives_a_kill(
    name: str,
    write: Callable[[str], Awaitable[None]],
    read: Callable[[str], Awaitable[object]],
    tmp_path: Path,
) -> None:
    """An engine killed right after it said yes has the data when it is back, at its address."""
    async with Stack(tmp_path, given=without(name)) as stack:
        engine = stack.engines[name]
        await write(stack.environment[engine.variable])

        await engine.kill()
        await engine.start()

        assert await read(stack.environment[engine.variable]) == b"hello"


async def test_three_brokers_outlive_one(tmp_path: Path) -> None:
    """With one broker dead, the others take writes that two must have, and answer reads."""
    async with Stack(tmp_path, brokers=3, given=without("kafka-1")) as stack:
        url = stack.environment["ORDER_CHAT_LOG_URL"]

        await stack.engines["kafka-1"].kill()
        await write_to_kafka(url)

        assert await read_from_kafka(url) == b"hello"
