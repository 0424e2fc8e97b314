from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import attachment_service.adapters.mongo  # noqa: F401 - reads files, so not while a loop runs
from tests.attachment_service.world import Desk, open_desk
from tests.ports import blob_engines, store_engines


@pytest.fixture(params=["sqlite", pytest.param("mongo", marks=pytest.mark.connected)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where uploads are recorded, on each engine: empty at first, and gone with the test."""
    engines: dict[str, Callable[[Path], store_engines.Engine]] = {
        "sqlite": store_engines.Sqlite,
        "mongo": store_engines.Mongo,
    }
    with engines[request.param](tmp_path) as engine:
        yield engine.url


@pytest.fixture(params=["file", pytest.param("minio", marks=pytest.mark.connected)])
def blob_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[blob_engines.Engine]:
    """Where files lie, on each engine: empty at first, and gone with the test."""
    engines: dict[str, Callable[[Path], blob_engines.Engine]] = {
        "file": blob_engines.Files,
        "minio": blob_engines.Minio,
    }
    with engines[request.param](tmp_path) as engine:
        yield engine


@pytest.fixture
async def desk(tmp_path: Path, blob_engine: blob_engines.Engine) -> AsyncIterator[Desk]:
    """The service over SQLite and each object store."""
    async with open_desk(tmp_path, blob_engine) as desk:
        yield desk
