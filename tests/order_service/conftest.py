from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.log.sqlite import SqliteLog
from tests.order_service.world import Shop, open_log, open_shop


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    async with open_log(tmp_path) as log:
        yield log


@pytest.fixture
async def shop(tmp_path: Path, log: SqliteLog) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, log) as shop:
        yield shop
