"""The engines each contract is tested on: one more engine is one more name here."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from deploy.engines.cache import cache_folder
from deploy.engines.engine import Place
from deploy.engines.redis import Redis
from shared.blobs.port import Blobs
from shared.log.port import Log
from shared.signals.port import Signals
from shared.store.port import Store
from tests.ports import blob_engines, log_engines, store_engines
from tests.ports.redis_world import opened


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.connected)])
async def log_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[log_engines.Engine]:
    if request.param == "kafka":
        async with log_engines.open_kafka() as kafka:
            yield kafka
    else:
        yield log_engines.Sqlite(tmp_path)


@pytest.fixture
async def log(log_engine: log_engines.Engine) -> AsyncIterator[Log]:
    log = await log_engine.open()
    yield log
    await log.close()


@pytest.fixture
async def kafka() -> AsyncIterator[log_engines.Kafka]:
    async with log_engines.open_kafka() as kafka:
        yield kafka


@pytest.fixture(params=["sqlite", pytest.param("mongo", marks=pytest.mark.connected)])
def store_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[store_engines.Engine]:
    engines: dict[str, Callable[[Path], store_engines.Engine]] = {
        "sqlite": store_engines.Sqlite,
        "mongo": store_engines.Mongo,
    }
    with engines[request.param](tmp_path) as engine:
        yield engine


@pytest.fixture
async def store(store_engine: store_engines.Engine) -> AsyncIterator[Store]:
    store = await store_engine.open()
    yield store
    await store.close()


@pytest.fixture(params=["file", pytest.param("minio", marks=pytest.mark.connected)])
def blob_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[blob_engines.Engine]:
    engines: dict[str, Callable[[Path], blob_engines.Engine]] = {
        "file": blob_engines.Files,
        "minio": blob_engines.Minio,
    }
    with engines[request.param](tmp_path) as engine:
        yield engine


@pytest.fixture
async def blobs(blob_engine: blob_engines.Engine) -> AsyncIterator[Blobs]:
    blobs = await blob_engine.open()
    yield blobs
    await blobs.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Redis]:
    server = Redis("redis", Place(cache_folder(), tmp_path, print))
    await server.obtain()
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def signals(server: Redis) -> AsyncIterator[Signals]:
    async with opened(server.url) as signals:
        yield signals


@pytest.fixture
async def client(server: Redis) -> AsyncIterator[Client]:
    """An operator's hand on the server."""
    async with Client.from_url(server.url, protocol=2) as client:
        yield client
