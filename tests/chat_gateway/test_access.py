"""What is believed of the order service's word, and for how long."""

import pytest

from chat_gateway import access as module
from chat_gateway.access import AccessCache
from chat_gateway.seam import Access
from shared.contracts.ids import OrderId, UserId
from shared.order_client import OrdersUnavailable, Part
from tests.shared.story import ANNA, ORDER


class Orders:
    """An order service that counts how often it is asked."""

    def __init__(self, grant: Part | None) -> None:
        self.grant = grant
        self.asked = 0

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        self.asked += 1
        return self.grant

    async def ping(self) -> None:
        return


class Clock:
    """Stands still until moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


YES = Part("creator", 3)


@pytest.mark.parametrize(("grant", "seconds"), [(YES, 60.0), (None, 2.0)])
async def test_an_answer_is_believed_for_its_time(grant: Part | None, seconds: float) -> None:
    """A yes for a minute, a no for two seconds."""
    orders, clock = Orders(grant), Clock()
    cache = AccessCache(orders, clock)
    await cache.ask(ORDER, ANNA)
    clock.now = seconds - 0.001
    await cache.ask(ORDER, ANNA)
    assert orders.asked == 1

    clock.now = seconds
    await cache.ask(ORDER, ANNA)

    assert orders.asked == 2


async def test_an_answer_says_whether_it_is_fresh() -> None:
    """A remembered yes is not, and may be asked anew."""
    cache = AccessCache(Orders(YES), Clock())

    answers = [
        await cache.ask(ORDER, ANNA),
        await cache.ask(ORDER, ANNA),
        await cache.ask(ORDER, ANNA, afresh=True),
    ]

    assert answers == [Access("creator", 3, fresh) for fresh in (True, False, True)]


async def test_asking_afresh_replaces_what_was_remembered() -> None:
    """Who was removed is not let in by an old yes."""
    orders = Orders(YES)
    cache = AccessCache(orders, Clock())
    await cache.ask(ORDER, ANNA)
    orders.grant = None

    await cache.ask(ORDER, ANNA, afresh=True)

    assert await cache.ask(ORDER, ANNA) is None


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest answer goes."""
    monkeypatch.setattr(module, "REMEMBERED_MAX", 2)
    orders = Orders(YES)
    cache = AccessCache(orders, Clock())
    for name in ("u-1", "u-2", "u-3"):
        await cache.ask(ORDER, UserId(name))

    await cache.ask(ORDER, UserId("u-3"))
    assert orders.asked == 3
    await cache.ask(ORDER, UserId("u-1"))

    assert orders.asked == 4


async def test_a_failure_is_not_remembered() -> None:
    """The next join asks again."""
    orders = Orders(YES)

    async def fail(order_id: OrderId, user_id: UserId) -> Part | None:
        raise OrdersUnavailable

    cache = AccessCache(orders, Clock())
    orders.access = fail  # type: ignore[method-assign]
    with pytest.raises(OrdersUnavailable):
        await cache.ask(ORDER, ANNA)
    del orders.access

    assert await cache.ask(ORDER, ANNA) == Access("creator", 3, True)
