"""A newcomer, and a browser to look with."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.docs.walk import Walk
from tests.system.browser import CHROMIUM


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """Somebody who has read nothing yet."""
    walk = Walk(tmp_path)
    yield walk
    walk.end()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()
