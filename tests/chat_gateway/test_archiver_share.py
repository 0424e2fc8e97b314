"""Archivers that hand partitions to each other: whoever writes, the store comes out the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from chat_gateway.archiver import archiver as module
from chat_gateway.archiver.archiver import Archiver
from tests.chat_gateway.archive import HOME, Place, place_in, story

WAIT_S = 5.0


class HandedShare:
    """A share that the test hands out; what a group of real archivers agrees on, they agree on
    when they like."""

    def __init__(self, *held: int) -> None:
        self.held = frozenset(held)
        self.notes: dict[int, int] = {}

    def note(self, partition: int, offset: int) -> None:
        self.notes[partition] = offset

    async def noted(self, partition: int) -> int | None:
        return self.notes.get(partition)

    async def close(self) -> None:
        self.held = frozenset()


class SharedLog:
    """A place's log, read under a share of the test's."""

    def __init__(self, place: Place, share: HandedShare) -> None:
        self._log = place.log
        self._share = share

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def share(self, group: str) -> HandedShare:
        return self._share


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path / "shared") as place:
        yield place


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FETCH_WAIT_S", 0.01)


@asynccontextmanager
async def archiving(place: Place, share: HandedShare) -> AsyncIterator[Archiver]:
    archiver = Archiver(SharedLog(place, share), place.store, epoch=1)
    task = asyncio.create_task(archiver.run())
    try:
        yield archiver
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 (numbers tell nobody)
            await asyncio.sleep(0.005)


async def archived(place: Place, offset: int) -> None:
    """Until the store has the story's partition up to there."""
    async with asyncio.timeout(WAIT_S):
        while True:
            watermark = await place.store.watermark(1, HOME)
            if watermark is not None and watermark.offset >= offset:
                return
            await asyncio.sleep(0.005)


async def undisturbed(tmp_path: Path) -> dict[str, list[tuple[object, ...]]]:
    async with place_in(tmp_path / "undisturbed") as place:
        await place.append(*story())
        await place.archive()
        return place.tables()


async def test_a_partition_of_nobodys_is_left_alone(place: Place) -> None:
    """What is not held is not read, until it is."""
    share = HandedShare(1 - HOME)
    async with archiving(place, share) as archiver:
        await until(lambda: archiver.held == 1)
        await place.append(*story())
        before = await place.store.watermark(1, HOME)
        share.held = frozenset({HOME})
        await archived(place, len(story()))

    assert before is None


async def test_a_partition_that_comes_back_is_taken_up_where_the_other_left_it(
    place: Place, tmp_path: Path
) -> None:
    """States folded before it was lost are not folded on: the other went on without them."""
    share = HandedShare(HOME)
    async with archiving(place, share) as archiver:
        await place.append(*story()[:3])
        await archived(place, 3)
        share.held = frozenset()
        await until(lambda: archiver.held == 0)
        await place.append(*story()[3:6])
        await place.archive()  # the other one
        share.held = frozenset({HOME})
        await place.append(*story()[6:])
        await archived(place, len(story()))

    assert place.tables() == await undisturbed(tmp_path)


async def test_two_at_once_write_what_one_would(place: Place, tmp_path: Path) -> None:
    """For a moment both hold the partition; nothing is doubled, lost or torn."""
    async with archiving(place, HandedShare(HOME)), archiving(place, HandedShare(HOME)):
        for event in story():
            await place.append(event)
        await archived(place, len(story()))

    assert place.tables() == await undisturbed(tmp_path)


async def test_tools_are_told_how_far_it_is(place: Place) -> None:
    """What is noted is what is archived."""
    share = HandedShare(HOME)
    async with archiving(place, share):
        await place.append(*story())
        await until(lambda: share.notes.get(HOME) == len(story()))

    watermark = await place.store.watermark(1, HOME)
    assert watermark is not None
    assert watermark.offset == share.notes[HOME]
