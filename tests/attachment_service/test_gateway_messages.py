"""What a gateway's answers mean to the service, and what is no answer."""

import time
from collections.abc import Callable

import httpx
import pytest

from attachment_service.adapters.gateway import GatewayMessages
from attachment_service.ports import Caller, MessagesUnavailable, TooQuick
from shared.contracts.ids import OrderId, UserId
from shared.tokens import Identity

ORDER = OrderId("o1")
ID = "4d9a1f52-0000-4000-8000-000000000001"
ANNA = Caller(Identity(UserId("anna"), frozenset({"user"}), time.time() + 60), "annas-token")


async def own_token() -> str:
    return "our-token"


def over(handle: Callable[[httpx.Request], httpx.Response]) -> GatewayMessages:
    """A gateway that answers by *handle*."""
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handle), base_url="http://gateway.example"
    )
    return GatewayMessages(client, own_token)


@pytest.mark.parametrize(("caller", "token"), [(ANNA, "annas-token"), (None, "our-token")])
async def test_it_is_asked_in_the_callers_name(caller: Caller | None, token: str) -> None:
    """With the caller's own token, so that the gateway decides; in ours where nobody asks."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.headers["Authorization"]))
        return httpx.Response(200, json={"attachment_id": ID, "message_id": "m"})

    assert await over(answer).carries(caller, ORDER, ID)
    assert asked == [(f"/v1/orders/o1/attachments/{ID}", f"Bearer {token}")]


@pytest.mark.parametrize("status", [403, 404])
async def test_a_no_is_a_no(status: int) -> None:
    """No message carries it, or the caller may not read the order: all one."""
    assert not await over(lambda _: httpx.Response(status)).carries(ANNA, ORDER, ID)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "http://169.254.169.254/"}),
        httpx.Response(401),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(200, text="yes"),
        httpx.Response(200, json={"message_id": "m"}),
        httpx.Response(200, json={"attachment_id": "another", "message_id": "m"}),
    ],
    ids=["elsewhere", "unauthenticated", "broken", "away", "no json", "no id", "swapped"],
)
async def test_anything_else_is_no_answer(answer: httpx.Response) -> None:
    """Neither a yes nor a no; redirects are not followed (39), another's yes is not ours (21)."""
    with pytest.raises(MessagesUnavailable):
        await over(lambda _: answer).carries(ANNA, ORDER, ID)


async def test_a_gateway_that_is_away_is_no_answer() -> None:
    """The connection failed, or took too long."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("as told", request=request)

    with pytest.raises(MessagesUnavailable):
        await over(fail).carries(ANNA, ORDER, ID)
    with pytest.raises(MessagesUnavailable):
        await over(fail).ping()


async def test_who_asks_too_often_is_told_when_to_go_on() -> None:
    """The gateway's word is passed on."""
    with pytest.raises(TooQuick) as refused:
        await over(lambda _: httpx.Response(429, headers={"Retry-After": "7"})).carries(
            ANNA, ORDER, ID
        )

    assert refused.value.retry_after_s == 7


def test_a_caller_shows_no_token() -> None:
    """A traceback or a log line may hold it."""
    assert "annas-token" not in repr(ANNA)
