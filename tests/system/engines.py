"""The engines a whole system is tested on: those in the data folder, or those of `make stack`."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient
from redis.asyncio import Redis

import shared.store.mongo  # noqa: F401 (imported on the loop, later, it would be what blocks it)
from deploy.topics import make, wish
from shared.log.kafka import parse_address
from tests.ports.blob_engines import empty_buckets

Environment = Mapping[str, str]
Engines = Callable[[], AbstractAsyncContextManager[Environment]]

REDIS_DATABASES: Final = 16
PARTITIONS: Final = 4


@asynccontextmanager
async def embedded() -> AsyncIterator[Environment]:
    """Nothing to be said: they are the default."""
    yield {}


EMBEDDED_ONLY: Final = pytest.mark.parametrize(
    "engines", [embedded], indirect=True, ids=["embedded"], scope="module"
)
"""For tests of what no engine decides."""


@asynccontextmanager
async def connected() -> AsyncIterator[Environment]:
    """Topics, a database, buckets and signals of their own on the real engines, and gone
    afterwards."""
    name = f"test-{uuid4().hex[:12]}"
    log = urlsplit(_named("LOG_URL"))
    log_url = log._replace(path=f"/{name}", query=f"partitions={PARTITIONS}").geturl()
    store_url = urlsplit(_named("STORE_URL"))._replace(path=f"/{name}").geturl()
    number = 1 + int(uuid4()) % (REDIS_DATABASES - 1)
    signals_url = urlsplit(_named("SIGNALS_URL"))._replace(path=f"/{number}").geturl()
    blobs_url = urlsplit(_named("BLOBS_URL"))._replace(path=f"/{name}").geturl()
    await make(wish(log_url, dev=True))
    try:
        yield {
            "ORDER_CHAT_BLOBS_URL": blobs_url,
            "ORDER_CHAT_LOG_URL": log_url,
            "ORDER_CHAT_STORE_URL": store_url,
            "ORDER_CHAT_SIGNALS_URL": signals_url,
            "ORDER_CHAT_DEV": "on",
        }
    finally:
        await _remove(log_url)
        await asyncio.to_thread(_drop, store_url, name)
        await asyncio.to_thread(empty_buckets, blobs_url)
        async with Redis.from_url(signals_url, protocol=2) as redis:
            await redis.flushdb()


def _named(variable: str) -> str:
    url = os.environ.get(f"ORDER_CHAT_{variable}", "")
    assert url, f"ORDER_CHAT_{variable} must be set: run this with make test-connected"
    return url


async def _remove(log_url: str) -> None:
    address = parse_address(log_url)
    admin = AIOKafkaAdminClient(bootstrap_servers=list(address.servers))
    await admin.start()
    try:
        await admin.delete_topics([address.timeline, address.deadletter])
    finally:
        await admin.close()


def _drop(store_url: str, name: str) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(store_url)
    with client:
        client.drop_database(name)
