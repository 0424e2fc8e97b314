"""Many questions of access in one request, as gateways ask them."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from order_service import bodies
from order_service.adapters.sqlite import SqliteOrders
from order_service.model import Order
from order_service.policy import DEFAULT
from order_service.ports import Stored
from order_service.relay import Relay
from order_service.service import OrderService
from shared import order_client
from shared.contracts.errors import ErrorCode
from shared.contracts.events import Action
from shared.contracts.ids import OrderId, UserId
from shared.log.sqlite import SqliteLog
from shared.order_client import HttpOrders, Part
from tests.order_service.world import BODY, ORDER, OpenShop, Shop, assert_refused, bearer

ANNAS = {"order_id": "o1", "user_id": "anna"}
BENS = {"order_id": "o1", "user_id": "ben"}
EVES = {"order_id": "o1", "user_id": "eve"}
NOWHERE = {"order_id": "o9", "user_id": "anna"}


async def ask(shop: Shop, *questions: object, **more: Any) -> httpx.Response:
    return await shop.client.post("/v1/access", json={"questions": questions}, **more)


async def test_each_question_has_its_answer_at_its_place(shop: Shop) -> None:
    """What the single route answers; null where that answers 404, for strangers and for orders not
    there alike."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    await shop.client.put("/v1/orders/o2", json=BODY)
    await shop.client.patch("/v1/orders/o2", json={"status": "declined"})
    frozen = {"order_id": "o2", "user_id": "anna"}
    single = [
        (
            await shop.client.get(
                f"/v1/orders/{q['order_id']}/access", params={"user_id": q["user_id"]}
            )
        )
        for q in (BENS, frozen)
    ]

    answer = await ask(shop, EVES, BENS, NOWHERE, frozen, BENS)

    bens, frozens = (each.json() for each in single)
    assert (answer.status_code, answer.json()) == (
        200,
        {"answers": [None, bens, None, frozens, bens]},
    )
    assert (bens["role"], frozens["version"], frozens["may"]) == ("advertiser", 2, ["read"])


async def test_who_was_removed_has_no_access(shop: Shop) -> None:
    """The answer is what the order says now."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    await ask(shop, BENS)
    await shop.client.put("/v1/orders/o1", json=BODY | {"participants": BODY["participants"][:1]})

    answer = await ask(shop, ANNAS, BENS)

    annas, bens = answer.json()["answers"]
    assert (annas["version"], bens) == (2, None)


async def test_a_narrowed_token_learns_of_its_orders_alone(shop: Shop) -> None:
    """Of all others as of orders that are not there."""
    for order_id in ("o1", "o2"):
        await shop.client.put(f"/v1/orders/{order_id}", json=BODY)
    others = {"order_id": "o2", "user_id": "anna"}

    answer = await ask(shop, others, ANNAS, NOWHERE, headers=bearer(orders=["o1", "o9"]))

    first, second, third = answer.json()["answers"]
    assert (first, second["order_id"], third) == (None, "o1", None)


@pytest.mark.parametrize("role", ["user", "moderator"])
async def test_users_and_moderators_are_forbidden(shop: Shop, role: Any) -> None:
    """Only services ask."""
    answer = await ask(shop, ANNAS, headers=bearer("anna", roles=[role]))

    assert_refused(answer, ErrorCode.FORBIDDEN, 403, "role service")


async def test_without_a_good_token_nothing_is_answered(shop: Shop) -> None:
    """Whatever is asked."""
    answer = await ask(shop, ANNAS, headers={"Authorization": "Bearer x.y.z"})

    assert_refused(answer, ErrorCode.UNAUTHENTICATED, 401)


CANARY = "canary\u2603"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "missing required field `questions`"),
        ({"questions": []}, "$.questions"),
        ({"questions": [ANNAS] * 201}, "$.questions"),
        ({"questions": [ANNAS], CANARY: 1}, "Unknown field"),
        ({"questions": [ANNAS, {**BENS, CANARY: 1}]}, "Unknown field"),
        ({"questions": [ANNAS, {"order_id": "o1"}]}, "$.questions[1]"),
        ({"questions": [ANNAS, {**BENS, "order_id": CANARY}]}, "$.questions[1].order_id"),
        ({"questions": [{**BENS, "order_id": "o" * 65}]}, "$.questions[0].order_id"),
        ({"questions": [{**BENS, "order_id": "o1\n"}]}, "$.questions[0].order_id"),
        ({"questions": [{**BENS, "user_id": CANARY}]}, "$.questions[0].user_id"),
        ({"questions": [{**BENS, "user_id": "u" * 129}]}, "$.questions[0].user_id"),
        ({"questions": [{**BENS, "user_id": ""}]}, "$.questions[0].user_id"),
        ({"questions": [None]}, "$.questions[0]"),
        ([ANNAS], "Expected `object`"),
    ],
)
async def test_a_bad_question_is_refused_by_its_field(
    shop: Shop, body: object, complaint: str
) -> None:
    """The answer names the field, never its value."""
    answer = await shop.client.post("/v1/access", json=body)

    assert_refused(answer, ErrorCode.INVALID, 400, complaint)
    assert "canary" not in answer.text


async def test_as_many_as_may_be_fit_with_the_longest_ids(shop: Shop) -> None:
    """Also where JSON makes each character of them longer."""
    questions = [
        {"order_id": f"{number:03}" + "o" * 61, "user_id": '"' * 128} for number in range(200)
    ]

    answer = await ask(shop, *questions)

    assert (answer.status_code, answer.json()) == (200, {"answers": [None] * 200})


async def test_a_body_too_large_is_refused(shop: Shop) -> None:
    """What is over the bound is not even read to its end."""
    body = b" " * (bodies.QUESTIONS_BYTES_MAX + 1)

    answer = await shop.client.post("/v1/access", content=body)

    assert_refused(answer, ErrorCode.TOO_LARGE, 413, str(bodies.QUESTIONS_BYTES_MAX))


async def test_a_store_that_is_gone_is_unavailable(open_here: OpenShop, log: SqliteLog) -> None:
    """That is no no."""
    async with open_here(log, relaying=False) as shop:
        await shop.orders.close()

        answer = await ask(shop, ANNAS)

    assert_refused(answer, ErrorCode.UNAVAILABLE, 503)


async def test_all_is_asked_of_the_store_at_once(tmp_path: Path, log: SqliteLog) -> None:
    """One question to the store, however many there are, each order in it once."""

    asked: list[Collection[OrderId]] = []

    class Counted(SqliteOrders):
        """Remembers what it was asked."""

        async def get(self, order_id: OrderId) -> Stored | None:
            asked.append([order_id])
            return await super().get(order_id)

        async def of_ids(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
            asked.append(order_ids)
            return await super().of_ids(order_ids)

    counted = await Counted.open(tmp_path / "store.db")
    service = OrderService(counted, Relay(counted, log), DEFAULT)

    await service.accesses([(ORDER, "anna"), (ORDER, "ben"), (OrderId("o9"), "anna")])

    assert asked == [{"o1", "o9"}]
    await counted.close()


async def test_what_a_gateway_asks_at_once_is_answered(shop: Shop) -> None:
    """As many questions as go into one request, and one more: each its own answer."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    orders = HttpOrders(shop.client, _token)
    strangers = [UserId(f"u{number}") for number in range(order_client.QUESTIONS_MAX - 1)]

    answers = await asyncio.gather(
        orders.access(ORDER, UserId("anna")),
        *(orders.access(ORDER, user_id) for user_id in strangers),
        orders.access(ORDER, UserId("ben")),
    )

    every: tuple[Action, ...] = ("read", "send", "attach", "edit", "delete")
    assert answers[0] == Part("creator", 1, every)
    assert answers[-1] == Part("advertiser", 1, every)
    assert answers[1:-1] == [None] * len(strangers)


async def test_a_request_of_a_gateway_is_one_that_is_taken(shop: Shop) -> None:
    """At its fullest: no caller's bound is above ours."""
    fullest = [ANNAS] * order_client.QUESTIONS_MAX

    answer = await ask(shop, *fullest)

    assert answer.status_code == 200
    assert len(msgspec.json.decode(answer.content)["answers"]) == order_client.QUESTIONS_MAX


async def _token() -> str:
    return bearer()["Authorization"].removeprefix("Bearer ")
