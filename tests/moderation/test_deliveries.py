"""Verdicts on their way: in order where it matters, tried again for a while, never passed over."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import pytest

from chat_gateway.moderation import deliveries as module
from chat_gateway.moderation.deliveries import Deliveries, GaveUp, Tally
from chat_gateway.moderation.gateway import NotAllowed, Refused, TryAgain
from chat_gateway.moderation.watch import Decision
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId
from tests.moderation.said import id_of

ONE, OTHER = OrderId("o-1"), OrderId("o-2")
SOON_S = 5.0


def decision(key: int, order_id: OrderId = ONE) -> Decision:
    return Decision(order_id, id_of(key), id_of(key), "redact", "contact.lagoon", 1)


class Stubborn:
    """A gateway that does as it is told, because no real one fails on demand."""

    def __init__(self) -> None:
        self.given: list[Decision] = []
        self.hanging: defaultdict[OrderId, asyncio.Event] = defaultdict(_open)
        """By order, what a verdict waits for."""
        self.troubles: list[Exception] = []
        """What the next verdicts come to instead."""
        self.under_way = self.most = 0

    async def give(self, decision: Decision) -> bool:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.hanging[decision.order_id].wait()
            if self.troubles:
                raise self.troubles.pop(0)
        finally:
            self.under_way -= 1
        new = decision not in self.given
        self.given.append(decision)
        return new

    async def ping(self) -> None:
        return

    def hang(self, order_id: OrderId) -> None:
        self.hanging[order_id].clear()


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


class World:
    """Deliveries to a stubborn gateway."""

    def __init__(self) -> None:
        self.gateway = Stubborn()
        self.tally = Tally()
        self.woken = 0
        self.deliveries = Deliveries(self.gateway, self.tally, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(SOON_S):
            while not holds():  # noqa: ASYNC110 (nobody is told)
                await asyncio.sleep(0.001)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.002))
    world = World()
    yield world
    await world.deliveries.close()


async def test_records_of_one_order_are_served_one_after_the_other(world: World) -> None:
    """As they were handed over, while those of others wait for none of them."""
    world.gateway.hang(ONE)

    world.deliveries.hand_over(0, 5, [decision(1)])
    world.deliveries.hand_over(0, 6, [decision(2)])
    world.deliveries.hand_over(0, 7, [decision(3, OTHER)])
    await world.until(lambda: world.gateway.given == [decision(3, OTHER)])
    under_way = world.gateway.under_way
    world.gateway.hanging[ONE].set()
    await world.deliveries.room(0)

    assert under_way == 1
    assert world.gateway.given[1:] == [decision(1), decision(2)]


async def test_what_one_record_calls_for_is_given_together(world: World) -> None:
    """The pieces of a number disappear at once; none of them waits for another's answer."""
    world.gateway.hang(ONE)

    world.deliveries.hand_over(0, 5, [decision(1), decision(2), decision(3)])
    await world.until(lambda: world.gateway.under_way == 3)
    world.gateway.hanging[ONE].set()
    await world.deliveries.room(0)

    assert world.deliveries.done_below(0, 9) == 9


async def test_what_is_done_ends_before_what_is_not_given(world: World) -> None:
    """In each partition by itself."""
    world.gateway.hang(ONE)

    world.deliveries.hand_over(0, 5, [decision(1)])
    world.deliveries.hand_over(0, 7, [decision(2), decision(3)])
    world.deliveries.hand_over(1, 3, [decision(4, OTHER)])
    await world.until(lambda: world.deliveries.done_below(1, 9) == 9)
    before = [world.deliveries.done_below(partition, 9) for partition in range(3)]
    world.gateway.hanging[ONE].set()
    await world.deliveries.room(0)

    assert before == [5, 9, 9]
    assert world.deliveries.done_below(0, 9) == 9


async def test_a_gateway_is_asked_no_more_than_so_much_at_once(world: World) -> None:
    """However many orders there are."""
    orders = [OrderId(f"o-{number}") for number in range(3 * module.AT_ONCE)]
    for order_id in orders:
        world.gateway.hang(order_id)
        world.deliveries.hand_over(0, 1, [decision(1, order_id)])

    await world.until(lambda: world.gateway.under_way == module.AT_ONCE)
    for order_id in orders:
        world.gateway.hanging[order_id].set()
    await world.deliveries.room(0)

    assert world.gateway.most == module.AT_ONCE


async def test_room_is_where_little_waits(world: World) -> None:
    """Whoever reads faster than verdicts are given is held up."""
    world.gateway.hang(ONE)
    world.deliveries.hand_over(0, 1, [decision(1), decision(2), decision(3)])
    waiting = asyncio.create_task(world.deliveries.room(1))
    await asyncio.sleep(0)
    held_up = not waiting.done()

    world.gateway.hanging[ONE].set()
    async with asyncio.timeout(SOON_S):
        await waiting

    assert held_up


async def test_what_cannot_be_given_now_is_tried_again(world: World) -> None:
    """Until it is given, and what follows waits for that."""
    world.gateway.troubles = [TryAgain("unavailable"), TryAgain("unknown", after_s=0.002)]

    world.deliveries.hand_over(0, 1, [decision(1)])
    world.deliveries.hand_over(0, 2, [decision(2)])
    await world.deliveries.room(0)

    assert world.gateway.given == [decision(1), decision(2)]
    assert world.tally.tries == 2


async def test_who_pauses_keeps_nobody_else_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many orders in trouble leave room for those that are not."""
    monkeypatch.setattr(module, "AT_ONCE", 1)
    world = World()
    world.gateway.troubles = [TryAgain("busy", after_s=60)]

    world.deliveries.hand_over(0, 1, [decision(1)])
    world.deliveries.hand_over(0, 2, [decision(2, OTHER)])
    await world.until(lambda: world.gateway.given == [decision(2, OTHER)])

    await world.deliveries.close()


async def test_what_is_refused_for_good_is_counted_and_passed_over(world: World) -> None:
    """There is nothing to give it on, and trying again would not change that."""
    world.gateway.troubles = [Refused(ErrorCode.NOT_FOUND), Refused(ErrorCode.CONFLICT)]

    world.deliveries.hand_over(0, 1, [decision(1), decision(2), decision(3)])
    await world.deliveries.room(0)

    assert world.gateway.given == [decision(3)]
    assert world.tally.refused == {"not_found": 1, "conflict": 1}
    assert world.deliveries.done_below(0, 2) == 2


async def test_what_was_given_before_is_told_apart(world: World) -> None:
    """A new one counts by its rule and action."""
    world.deliveries.hand_over(0, 1, [decision(1), decision(1)])
    await world.deliveries.room(0)

    assert world.tally.given == {("contact.lagoon", "redact"): 1}
    assert world.tally.repeated == 1


@pytest.mark.parametrize("trouble", [NotAllowed("forbidden"), ZeroDivisionError()])
async def test_some_failures_end_everything(world: World, trouble: Exception) -> None:
    """Nothing more is given, and nothing beyond is done."""
    world.gateway.troubles = [trouble]

    world.deliveries.hand_over(0, 4, [decision(1)])
    world.deliveries.hand_over(0, 5, [decision(2)])
    with pytest.raises(type(trouble)):
        await world.deliveries.room(0)

    with pytest.raises(type(trouble)):
        world.deliveries.check()
    assert world.woken == 1
    assert world.gateway.given == []
    assert world.deliveries.done_below(0, 9) == 4


async def test_patience_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then whoever watches the process is to know."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    world.gateway.troubles = [TryAgain("unavailable")] * 10_000

    world.deliveries.hand_over(0, 4, [decision(1)])
    with pytest.raises(GaveUp, match="unavailable"):
        await world.deliveries.room(0)

    assert world.tally.tries > 2
    assert world.deliveries.done_below(0, 9) == 4
