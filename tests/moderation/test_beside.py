"""A consumer beside a gateway in one process: whatever happens to it, it is started again."""

import asyncio
import logging

import pytest

from chat_gateway.moderation import beside
from chat_gateway.moderation.gateway import NotAllowed
from tests.moderation.house import House, until
from tests.moderation.said import WHOLE, say


class Unwell:
    """A gateway that is not well at first."""

    def __init__(self, house: House, errors: int) -> None:
        self._house = house
        self._errors = errors

    async def give(self, decision: object) -> bool:
        self._errors -= 1
        if self._errors >= 0:
            raise NotAllowed("forbidden")
        return await self._house.gateway.give(decision)  # type: ignore[arg-type]

    async def ping(self) -> None:
        return


async def test_it_is_started_again_until_it_is_well(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each end is logged, and what was not given is given in the end."""
    monkeypatch.setattr(beside, "RESTART_S", (0.001, 0.002))
    consumer = house.consumer(gateway=Unwell(house, errors=3))
    await house.append(say(1, WHOLE))

    task = asyncio.create_task(beside.keep_running(consumer))
    await until(lambda: sum(consumer.tally.given.values()) == 1)
    task.cancel()
    await asyncio.wait([task])

    ends = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(ends) == 3
    assert len(await house.verdicts()) == 1
