"""Moderators' looks: in the log before anything is answered, once for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from chat_gateway import looks
from chat_gateway.looks import LOOK_S, Looks
from chat_gateway.seam import NotFound, Query, Unavailable
from shared.contracts import frames
from shared.contracts.ids import OrderId, Seq
from shared.tokens import Identity
from tests.chat_gateway.gatehouse import Here, opened
from tests.chat_gateway.world import identity
from tests.shared.story import ANNA, BEN, MODERATOR, ORDER

ALL = Query(after=None, before=None, limit=50)
MOIRA = identity(MODERATOR, role="moderator")


class World:
    """A gateway with one order, and a clock that stands still."""

    def __init__(self, here: Here) -> None:
        self.here = here
        self.now = 0.0
        self.visits = here.running.looks._visits
        self.looks = Looks(self.visits, here.running.writer, lambda: self.now)

    async def look(self, who: Identity = MOIRA) -> None:
        await self.looks.open(who, ORDER, ALL)

    async def noted(self) -> list[str]:
        """Who has looked, by the log."""
        everything = Query(after=Seq(0), before=None, limit=50)
        answer = (await self.visits.open(MOIRA, ORDER, everything)).answer
        shown = [frames.decode_server_frame(each.frame) for each in answer.events]
        return [frame.by for frame in shown if isinstance(frame, frames.LookShown)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as here:
        yield World(here)


async def test_parties_look_unnoted(world: World) -> None:
    """It is their conversation."""
    await world.look(identity(ANNA))
    await world.look(identity(BEN))

    assert await world.noted() == []


async def test_a_look_lasts_a_while(world: World) -> None:
    """Then it is another one."""
    for now in (0.0, LOOK_S, LOOK_S + 1):
        world.now = now
        await world.look()

    assert await world.noted() == [MODERATOR, MODERATOR]


async def test_each_moderator_is_noted(world: World) -> None:
    """One does not hide behind another."""
    other = identity(BEN, role="moderator")
    await world.look()
    await world.look(other)

    assert await world.noted() == [MODERATOR, BEN]


async def test_many_at_once_are_one_look(world: World) -> None:
    """And none of them is answered before it is in the log."""
    await asyncio.gather(*(world.look() for _ in range(20)))

    assert await world.noted() == [MODERATOR]


async def test_a_look_goes_on_when_who_asked_has_gone(world: World) -> None:
    """The next one who asks waits for the same."""
    asking = asyncio.create_task(world.look())
    await asyncio.sleep(0)
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking

    await world.look()

    assert await world.noted() == [MODERATOR]


async def test_a_look_that_failed_is_tried_again(world: World) -> None:
    """Nothing is shown in between."""
    world.here.store.down = True
    with pytest.raises(Unavailable):
        await world.look()
    world.here.store.down = False

    await world.look()

    assert await world.noted() == [MODERATOR]


async def test_where_there_is_no_order_there_is_nothing_to_see(world: World) -> None:
    """No event is written for ids that somebody makes up."""
    with pytest.raises(NotFound):
        await world.looks.open(MOIRA, OrderId("nowhere"), ALL)


async def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest look is forgotten first; forgotten, it is written again."""
    monkeypatch.setattr(looks, "LOOKS_MAX", 1)
    other = identity(BEN, role="moderator")

    for who in (MOIRA, other, other, MOIRA):
        await world.look(who)

    assert await world.noted() == [MODERATOR, BEN, MODERATOR]
