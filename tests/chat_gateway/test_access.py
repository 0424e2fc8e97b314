"""What is believed of the order service's word, for how long, and what counts as a word."""

from collections.abc import Callable

import httpx
import pytest

from chat_gateway import access as module
from chat_gateway.access import AccessCache
from chat_gateway.seam import Access
from shared.contracts.ids import OrderId, UserId
from shared.order_client import HttpOrders, OrdersUnavailable, Part
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
ANSWER = {
    "order_id": ORDER,
    "user_id": ANNA,
    "role": "creator",
    "status": "pending",
    "version": 3,
}


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


async def service_token() -> str:
    return "service-token"


def over_http(handle: Callable[[httpx.Request], httpx.Response]) -> HttpOrders:
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handle), base_url="http://orders.example"
    )
    return HttpOrders(client, service_token)


async def test_the_order_service_is_asked_by_http() -> None:
    """With our own token; 200 is a yes."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={**ANSWER, "user_id": "anna & co"})

    assert await over_http(handle).access(ORDER, UserId("anna & co")) == YES
    (request,) = asked
    assert request.url.path == f"/v1/orders/{ORDER}/access"
    assert request.url.params["user_id"] == "anna & co"
    assert request.headers["authorization"] == "Bearer service-token"


async def test_only_a_404_is_a_no() -> None:
    """Strangers and orders that do not exist alike."""
    assert await over_http(lambda _: httpx.Response(404)).access(ORDER, ANNA) is None


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(401),
        httpx.Response(302, headers={"location": "http://elsewhere.example"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={**ANSWER, "version": None}),
        httpx.Response(200, json={**ANSWER, "version": "3"}),
        httpx.Response(200, json={**ANSWER, "order_id": "another"}),
        httpx.Response(200, json={**ANSWER, "user_id": "ben"}),
        httpx.Response(200, json={"role": "creator", "status": "pending", "version": 3}),
    ],
)
async def test_every_other_answer_leaves_it_open(response: httpx.Response) -> None:
    """Neither a yes nor a no."""
    with pytest.raises(OrdersUnavailable):
        await over_http(lambda _: response).access(ORDER, ANNA)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def test_a_service_out_of_reach_leaves_it_open() -> None:
    """And its ping says so."""
    orders = over_http(unreachable)

    with pytest.raises(OrdersUnavailable):
        await orders.access(ORDER, ANNA)
    with pytest.raises(OrdersUnavailable):
        await orders.ping()


async def test_a_healthy_service_answers_its_ping() -> None:
    """By its own route."""
    await over_http(
        lambda request: httpx.Response(200 if request.url.path == "/healthz" else 500)
    ).ping()


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
