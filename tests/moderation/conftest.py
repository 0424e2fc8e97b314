"""A gateway in this process, and the log it stands on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway.moderation import consumer
from tests.chat_gateway.gatehouse import opened
from tests.moderation.house import CONVERSATION, House
from tests.moderation.said import rules


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(consumer, "FETCH_WAIT_S", 0.01)
    await asyncio.to_thread(rules)  # kept from then on
    async with opened(tmp_path) as here:
        yield House(here)


@pytest.fixture
async def talk(house: House) -> House:
    """A house in which the conversation was had."""
    await house.open_other()
    await house.append(*CONVERSATION)
    return house
