"""The engines each contract is tested on: one more engine is one more name here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.log.port import Log
from shared.store.port import Store
from tests.ports import log_engines, store_engines


@pytest.fixture(params=["sqlite"])
def log_engine(request: pytest.FixtureRequest, tmp_path: Path) -> log_engines.Engine:
    engines = {"sqlite": log_engines.Sqlite}
    return engines[request.param](tmp_path)


@pytest.fixture
async def log(log_engine: log_engines.Engine) -> AsyncIterator[Log]:
    log = await log_engine.open()
    yield log
    await log.close()


@pytest.fixture(params=["sqlite"])
def store_engine(request: pytest.FixtureRequest, tmp_path: Path) -> store_engines.Engine:
    engines = {"sqlite": store_engines.Sqlite}
    return engines[request.param](tmp_path)


@pytest.fixture
async def store(store_engine: store_engines.Engine) -> AsyncIterator[Store]:
    store = await store_engine.open()
    yield store
    await store.close()
