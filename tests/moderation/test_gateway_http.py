"""How a gateway's answers are taken: what was given, what is to be tried again, what is final."""

import json
from collections.abc import Callable

import httpx
import pytest

from chat_gateway.moderation.gateway import NotAllowed, Refused, TryAgain
from chat_gateway.moderation.gateway_http import HttpGateway
from chat_gateway.moderation.watch import Decision
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.http import error_response
from tests.moderation.said import ORDER, id_of

DECISION = Decision(ORDER, id_of(1), id_of(2), "redact", "contact.lagoon", 3)


async def token() -> str:
    return "a-token"


async def given_by(answer: Callable[[httpx.Request], httpx.Response]) -> bool:
    """What comes of a verdict at a server that answers so."""
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await HttpGateway(client, token).give(DECISION)


def refusing(code: ErrorCode, status: int | None = None) -> Callable[[object], httpx.Response]:
    """A server that answers with an error as ours do."""
    ours = error_response(code, "no", status, retry_after_s=2)
    return lambda _: httpx.Response(
        ours.status_code, content=bytes(ours.body), headers=ours.headers
    )


async def test_a_verdict_is_asked_for_with_its_own_id() -> None:
    """By the route for verdicts, in moderation's name."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"event": {}})

    assert await given_by(answer)

    [request] = asked
    assert (request.method, request.url.path) == ("POST", f"/v1/orders/{ORDER}/verdicts")
    assert request.headers["Authorization"] == "Bearer a-token"
    assert json.loads(request.content) == {
        "id": DECISION.client_id,
        "action": "redact",
        "target": id_of(1),
        "reason": "contact.lagoon@3",
    }


async def test_one_that_was_there_is_not_new() -> None:
    """200 instead of 201."""
    assert not await given_by(lambda _: httpx.Response(200, json={"event": {}}))


@pytest.mark.parametrize("code", [code for code in ErrorCode if CATALOGUE[code].retry])
async def test_what_may_come_right_is_tried_again(code: ErrorCode) -> None:
    """No sooner than the gateway says."""
    with pytest.raises(TryAgain, match=code) as caught:
        await given_by(refusing(code))

    expected = 2 if CATALOGUE[code].http in (429, 503, 504) else 0
    assert caught.value.after_s == expected


@pytest.mark.parametrize("code", [ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.INVALID])
async def test_what_will_not_is_refused(code: ErrorCode) -> None:
    """By its code."""
    with pytest.raises(Refused, match=code):
        await given_by(refusing(code))


@pytest.mark.parametrize("code", [ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN])
async def test_a_wrong_token_is_told_apart(code: ErrorCode) -> None:
    """No other verdict would be given either."""
    with pytest.raises(NotAllowed, match=code):
        await given_by(refusing(code))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, html="<h1>Not here</h1>"),
        httpx.Response(502, text="Bad gateway"),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
        httpx.Response(404, json={"error": {"code": "teapot", "message": ""}}),
    ],
    ids=["page", "proxy", "redirect", "unknown code"],
)
async def test_who_is_no_gateway_settles_nothing(answer: httpx.Response) -> None:
    """A wrong address must not look like verdicts that nobody wants."""
    with pytest.raises(TryAgain):
        await given_by(lambda _: answer)


async def test_no_answer_settles_nothing() -> None:
    """It may or may not have been given."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    with pytest.raises(TryAgain, match="ReadTimeout"):
        await given_by(answer)


async def test_without_a_token_nobody_is_asked() -> None:
    """The file may be there again a moment later."""

    async def gone() -> str:
        raise FileNotFoundError

    async with httpx.AsyncClient(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(TryAgain, match="FileNotFoundError"):
            await HttpGateway(client, gone).give(DECISION)
