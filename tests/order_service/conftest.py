from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import order_service.adapters.mongo  # noqa: F401 - reads files, so not while an event loop runs
from shared.log.sqlite import SqliteLog
from tests.order_service.world import OpenShop, Shop, open_log, open_shop
from tests.ports import store_engines


@pytest.fixture(params=["sqlite", pytest.param("mongo", marks=pytest.mark.connected)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where orders are stored, on each engine: empty at first, and gone with the test."""
    engines: dict[str, Callable[[Path], store_engines.Engine]] = {
        "sqlite": store_engines.Sqlite,
        "mongo": store_engines.Mongo,
    }
    with engines[request.param](tmp_path) as engine:
        yield engine.url


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    async with open_log(tmp_path) as log:
        yield log


@pytest.fixture
def open_here(tmp_path: Path, store_url: str) -> OpenShop:
    return partial(open_shop, tmp_path, store_url=store_url)


@pytest.fixture
async def shop(open_here: OpenShop, log: SqliteLog) -> AsyncIterator[Shop]:
    async with open_here(log) as shop:
        yield shop
