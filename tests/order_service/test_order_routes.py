"""What the routes answer to the marketplace and to gateways."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message

from order_service import bodies, service
from order_service.app import Running, create_app
from order_service.model import Status
from order_service.policy import DEFAULT, evaluate
from order_service.service import WRITER
from shared import http
from shared.contracts.errors import ErrorCode
from shared.contracts.events import OrderChanged
from shared.jwks import JwksVerifier
from shared.log.sqlite import SqliteLog
from tests.order_service.world import (
    BODY,
    ORDER,
    PARTIES,
    Shop,
    TroubledLog,
    assert_refused,
    bearer,
    events_in,
    open_shop,
)
from tests.shared.test_tokens import GOOD, signed

SHOWN = {
    "order_id": "o1",
    "title": "A logo",
    "status": "pending",
    "version": 1,
    "participants": [party | {"avatar_url": None} for party in BODY["participants"]],
}


async def test_a_new_order_is_answered_once_its_event_is_in_the_log(
    shop: Shop, log: SqliteLog
) -> None:
    """A PUT makes the order and announces it with all that the conversation needs to know."""
    answer = await shop.client.put("/v1/orders/o1", json=BODY)

    assert (answer.status_code, answer.json()) == (201, SHOWN)
    assert await events_in(log) == [
        OrderChanged(
            order_id=ORDER,
            by=WRITER,
            as_="service",
            version=1,
            status="pending",
            previous_status=None,
            title="A logo",
            participants=PARTIES,
            may=evaluate(DEFAULT, Status.PENDING, ["advertiser", "creator"]),
            edit_window_ms=900_000,
        )
    ]


async def test_the_same_put_again_writes_nothing(shop: Shop, log: SqliteLog) -> None:
    """A PUT may be repeated: 200, the same version, no event."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.put("/v1/orders/o1", json=BODY)

    assert (answer.status_code, answer.json()) == (200, SHOWN)
    assert len(await events_in(log)) == 1


async def test_another_put_changes_title_and_parties_alone(shop: Shop, log: SqliteLog) -> None:
    """The status is not in a PUT, and stays."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    await shop.client.patch("/v1/orders/o1", json={"status": "in_progress"})

    answer = await shop.client.put("/v1/orders/o1", json=BODY | {"title": "Two logos"})

    assert (answer.status_code, answer.json()["status"]) == (200, "in_progress")
    assert [(e.version, e.status, e.previous_status, e.title) for e in await events_in(log)] == [
        (1, "pending", None, "A logo"),
        (2, "in_progress", "pending", "A logo"),
        (3, "in_progress", "in_progress", "Two logos"),
    ]


async def test_the_same_status_again_writes_nothing(shop: Shop, log: SqliteLog) -> None:
    """A PATCH may be repeated."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    first = await shop.client.patch("/v1/orders/o1", json={"status": "declined"})

    again = await shop.client.patch("/v1/orders/o1", json={"status": "declined"})

    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await events_in(log)) == 2


async def test_an_illegal_transition_is_a_conflict(shop: Shop, log: SqliteLog) -> None:
    """No way leads from pending to completed; the order stays as it is."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.patch("/v1/orders/o1", json={"status": "completed"})

    assert_refused(answer, ErrorCode.CONFLICT, 409, "from pending to completed")
    assert len(await events_in(log)) == 1


async def test_an_order_is_shown(shop: Shop) -> None:
    """GET answers what PUT answered."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.get("/v1/orders/o1")

    assert (answer.status_code, answer.json()) == (200, SHOWN)


async def test_orders_are_listed_by_participant(shop: Shop) -> None:
    """Somebody's orders, and nobody else's, by order id; a party that left is off the list."""
    alone = {"title": "Mine", "participants": BODY["participants"][:1]}
    for order_id, body in (("o2", BODY), ("o1", BODY), ("o3", BODY), ("o3", alone)):
        await shop.client.put(f"/v1/orders/{order_id}", json=body)

    answer = await shop.client.get("/v1/orders", params={"participant": "ben"})

    assert [order["order_id"] for order in answer.json()["orders"]] == ["o1", "o2"]
    assert answer.json()["complete"] is True


async def test_a_list_says_when_it_is_cut(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its length a list is cut, and says so."""
    monkeypatch.setattr(service, "LIST_MAX", 1)
    for order_id in ("o1", "o2"):
        await shop.client.put(f"/v1/orders/{order_id}", json=BODY)

    answer = await shop.client.get("/v1/orders", params={"participant": "ben"})

    assert [order["order_id"] for order in answer.json()["orders"]] == ["o1"]
    assert answer.json()["complete"] is False


async def test_access_tells_role_status_version_and_rights(shop: Shop) -> None:
    """What a gateway asks before a join, and the attachment service before an upload; with what
    they asked."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.get("/v1/orders/o1/access", params={"user_id": "ben"})

    assert answer.json() == {
        "order_id": "o1",
        "user_id": "ben",
        "role": "advertiser",
        "status": "pending",
        "version": 1,
        "may": ["read", "send", "attach", "edit", "delete"],
    }


@pytest.mark.parametrize(
    ("path", "user_id"),
    [
        ("/v1/orders/o1/access", "eve"),
        ("/v1/orders/o1/access", "ANNA"),
        ("/v1/orders/o1/access", "service:shop"),
        ("/v1/orders/o2/access", "anna"),
        ("/v1/orders/%D0%BE1/access", "anna"),  # a Cyrillic letter that looks like an o
        ("/v1/orders/o1%0A/access", "anna"),
        ("/v1/orders/..%2Fo1/access", "anna"),
        (f"/v1/orders/{'o' * 65}/access", "anna"),
    ],
)
async def test_strangers_and_orders_not_there_look_the_same(
    shop: Shop, path: str, user_id: str
) -> None:
    """Who has no access cannot tell whether there is an order."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    unknown = await shop.client.get("/v1/orders/nothing/access", params={"user_id": "anna"})

    answer = await shop.client.get(path, params={"user_id": user_id})

    assert_refused(unknown, ErrorCode.NOT_FOUND, 404)
    assert answer.status_code == 404
    if ".." not in path:  # that one does not even match a route
        assert answer.content == unknown.content


async def test_a_participant_who_was_removed_has_no_access(shop: Shop) -> None:
    """Access is what the order says now."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    await shop.client.put("/v1/orders/o1", json=BODY | {"participants": BODY["participants"][:1]})

    answer = await shop.client.get("/v1/orders/o1/access", params={"user_id": "ben"})

    assert_refused(answer, ErrorCode.NOT_FOUND, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/orders/o2"), ("PATCH", "/v1/orders/o2"), ("GET", "/v1/orders/a%20b")],
)
async def test_what_is_not_there_is_not_found(shop: Shop, method: str, path: str) -> None:
    """Reading or moving an order that nobody made."""
    answer = await shop.client.request(method, path, json={"status": "declined"})

    assert_refused(answer, ErrorCode.NOT_FOUND, 404)


ROUTES = [
    ("PUT", "/v1/orders/o1"),
    ("PATCH", "/v1/orders/o1"),
    ("GET", "/v1/orders/o1"),
    ("GET", "/v1/orders?participant=anna"),
    ("GET", "/v1/orders/o1/access?user_id=anna"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_users_and_moderators_are_forbidden(shop: Shop, method: str, path: str) -> None:
    """Only services call the order service, whatever the order."""
    await shop.client.put("/v1/orders/o1", json=BODY)
    user = await shop.client.request(method, path, headers=bearer("anna", roles=["user"]))
    moderator = await shop.client.request(
        method, path, headers=bearer("mod", roles=["moderator", "user"])
    )

    assert_refused(user, ErrorCode.FORBIDDEN, 403, "role service")
    assert_refused(moderator, ErrorCode.FORBIDDEN, 403, "role service")


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z"])
async def test_without_a_good_token_nothing_is_answered(
    shop: Shop, method: str, path: str, header: str
) -> None:
    """No token, another scheme, or something else in its place."""
    answer = await shop.client.request(method, path, headers={"Authorization": header})

    assert_refused(answer, ErrorCode.UNAUTHENTICATED, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_expired_token_is_called_expired(shop: Shop) -> None:
    """The caller learns that a fresh token helps."""
    answer = await shop.client.get("/v1/orders/o1", headers=bearer(age_s=4_000))

    assert_refused(answer, ErrorCode.TOKEN_EXPIRED, 401)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_narrowed_token_sees_its_orders_alone(shop: Shop, method: str, path: str) -> None:
    """To a token for another order this one is not there."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.request(method, path, json=BODY, headers=bearer(orders=["o2", "o3"]))

    if "participant" in path:
        assert answer.json()["orders"] == []
    else:
        assert_refused(answer, ErrorCode.NOT_FOUND, 404)


def _party(**changes: Any) -> dict[str, Any]:
    return {"user_id": "anna", "role": "creator", "name": "Anna"} | changes


def _with(*parties: Any) -> dict[str, Any]:
    return {"title": "A logo", "participants": list(parties)}


CANARY = "canary\u2603"
BAD_ORDERS: list[tuple[Any, str]] = [
    ([], "Expected `object`"),
    ({}, "missing required field `title`"),
    (BODY | {"title": ""}, "$.title"),
    (BODY | {"title": "x" * 201}, "$.title"),
    (BODY | {"title": "\u0958" * 101}, "after NFC at $.title"),
    (BODY | {"title": CANARY + "\n"}, "control character at $.title"),
    (BODY | {"title": CANARY + "\x85"}, "control character at $.title"),
    (BODY | {"title": "\u202e\u2066"}, "can be seen at $.title"),
    (BODY | {"title": [CANARY]}, "$.title"),
    (BODY | {"title": None}, "$.title"),
    (BODY | {"status": CANARY}, "Unknown field"),
    (BODY | {CANARY: 1}, "Unknown field"),
    (_with(), "$.participants"),
    (_with(CANARY), "$.participants[0]"),
    (_with(*(_party(user_id=f"u{n}") for n in range(101))), "$.participants"),
    (_with(_party(), _party(role="advertiser")), "named twice at $.participants[1].user_id"),
    (_with(_party(user_id="")), "$.participants[0].user_id"),
    (_with(_party(user_id="u" * 129)), "$.participants[0].user_id"),
    (_with(_party(user_id="anna\n")), "$.participants[0].user_id"),
    (_with(_party(user_id=CANARY)), "$.participants[0].user_id"),
    (_with(_party(user_id=["anna"])), "$.participants[0].user_id"),
    (_with(_party(user_id="service:shop")), "service cannot be"),
    (_with(_party(role="")), "advertiser, creator, support) at $.participants[0].role"),
    (_with(_party(role=CANARY)), "$.participants[0].role"),
    (_with(_party(name="")), "$.participants[0].name"),
    (_with(_party(name="A\x00")), "control character at $.participants[0].name"),
    (_with(_party(avatar_url="javascript:alert(1)")), "$.participants[0].avatar_url"),
    (_with(_party(avatar_url="https://x.example/a b")), "$.participants[0].avatar_url"),
    (_with(_party(avatar_url="https://x.example/" + "a" * 2048)), "$.participants[0].avatar_url"),
    (_with(_party(admin=True)), "Unknown field"),
]


@pytest.mark.parametrize(("body", "complaint"), BAD_ORDERS)
async def test_a_bad_order_is_refused_by_its_field(
    shop: Shop, log: SqliteLog, body: object, complaint: str
) -> None:
    """The answer names the field, never its value, and nothing is stored."""
    answer = await shop.client.put("/v1/orders/o1", json=body)

    assert_refused(answer, ErrorCode.INVALID, 400, complaint)
    assert CANARY not in answer.text
    assert await shop.service.get(ORDER) is None
    assert await events_in(log) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"title":"\\ud800"}', b"[" * 60_000, b"null", b"NaN", b"{}{}"],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_what_is_no_json_is_refused(shop: Shop, method: str, body: bytes) -> None:
    """Broken text, broken nesting, broken surrogates."""
    answer = await shop.client.request(method, "/v1/orders/o1", content=body)

    assert_refused(answer, ErrorCode.INVALID, 400)


async def test_names_do_not_turn_the_line_round(shop: Shop) -> None:
    """What changes the direction of the text behind it is left out; letters keep theirs (attack
    27). The same body again is still the same order."""
    body = _with(_party(name="\u202eAnna\u2067 \u05d0\u05e0\u05d4\u2069")) | {
        "title": "A\u202a film"
    }

    first = await shop.client.put("/v1/orders/o1", json=body)
    again = await shop.client.put("/v1/orders/o1", json=body)

    assert first.json()["title"] == "A film"
    assert first.json()["participants"][0]["name"] == "Anna \u05d0\u05e0\u05d4"
    assert (again.status_code, again.json()["version"]) == (200, 1)


@pytest.mark.parametrize(
    "body", [{"status": CANARY}, {"status": 1}, {"status": "declined", "version": 2}, {}]
)
async def test_a_bad_status_is_refused(shop: Shop, body: object) -> None:
    """Statuses are the seven there are."""
    await shop.client.put("/v1/orders/o1", json=BODY)

    answer = await shop.client.patch("/v1/orders/o1", json=body)

    assert_refused(answer, ErrorCode.INVALID, 400)
    assert CANARY not in answer.text


async def test_a_body_too_large_is_refused(shop: Shop) -> None:
    """What is over the bound is not even read to its end."""
    answer = await shop.client.put("/v1/orders/o1", content=b" " * (bodies.BODY_BYTES_MAX + 1))

    assert_refused(answer, ErrorCode.TOO_LARGE, 413, str(bodies.BODY_BYTES_MAX))


async def test_the_largest_order_fits_a_record(shop: Shop, log: SqliteLog) -> None:
    """No order that is taken can become a dead letter, though NFC makes text longer."""
    grows = "\U0001d160"  # 4 bytes of UTF-8 before NFC, 12 after
    parties = [_party(user_id=f"{n:03}" + "u" * 125, name=grows * 66) for n in range(100)]
    body: dict[str, Any] = {"title": grows * 66, "participants": parties}

    answer = await shop.client.put("/v1/orders/o1", json=body)

    assert answer.status_code == 201
    assert len(await events_in(log)) == 1


@pytest.mark.parametrize("order_id", ["%D0%BE1", "o1%0A", "-o1", "o" * 65, "%00"])
async def test_an_order_id_must_be_one(shop: Shop, order_id: str) -> None:
    """Making an order under an id that frames and keys could not carry."""
    answer = await shop.client.put(f"/v1/orders/{order_id}", json=BODY)

    assert_refused(answer, ErrorCode.INVALID, 400, "order id")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders",
        "/v1/orders?participant=",
        "/v1/orders?participant=a&participant=b",
        "/v1/orders?participant=%E2%98%83",
        "/v1/orders?user_id=anna",
        "/v1/orders/o1/access",
        "/v1/orders/o1/access?user_id=anna&user_id=ben",
    ],
)
async def test_a_query_names_one_user_once(shop: Shop, path: str) -> None:
    """A parameter left out, empty, doubled or malformed."""
    answer = await shop.client.get(path)

    assert_refused(answer, ErrorCode.INVALID, 400)


async def test_texts_are_stored_in_nfc(shop: Shop) -> None:
    """Two spellings of one text are one text, so the second writes no event."""
    decomposed = BODY | {"title": "Cafe\u0301"}
    await shop.client.put("/v1/orders/o1", json=BODY | {"title": "Caf\u00e9"})

    answer = await shop.client.put("/v1/orders/o1", json=decomposed)

    assert (answer.json()["title"], answer.json()["version"]) == ("Caf\u00e9", 1)


async def test_other_paths_and_methods_answer_in_the_same_form(shop: Shop) -> None:
    """Errors of the router have our body too."""
    nowhere = await shop.client.get("/v2/orders")
    deleted = await shop.client.delete("/v1/orders/o1")

    assert_refused(nowhere, ErrorCode.NOT_FOUND, 404)
    assert_refused(deleted, ErrorCode.INVALID, 405)
    assert "GET" in deleted.headers["Allow"]


async def test_health_names_the_parts(shop: Shop) -> None:
    """Alive and ready, part by part."""
    alive = await shop.client.get("/healthz")
    ready = await shop.client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    parts = {"orders": "ok", "outbox": "ok", "log": "ok"}
    assert (ready.status_code, ready.json()) == (200, {"parts": parts})


async def test_a_part_that_is_down_is_named(tmp_path: Path, log: SqliteLog) -> None:
    """Without its relay and its log the service is alive, but not ready."""
    async with open_shop(tmp_path, TroubledLog(log, "down"), relaying=False) as shop:
        ready = await shop.client.get("/readyz")

    parts = {"orders": "ok", "outbox": "down", "log": "down"}
    assert (ready.status_code, ready.json()) == (503, {"parts": parts})


async def test_a_store_that_is_gone_is_unavailable(tmp_path: Path, log: SqliteLog) -> None:
    """Callers are told to try again, not that there is no such order."""
    async with open_shop(tmp_path, log, relaying=False) as shop:
        await shop.orders.close()

        answer = await shop.client.get("/v1/orders/o1")

    assert_refused(answer, ErrorCode.UNAVAILABLE, 503)


async def test_a_signer_that_is_down_is_unavailable(tmp_path: Path, log: SqliteLog) -> None:
    """Whether the token is good cannot be told; the caller may try again."""
    down = httpx.MockTransport(lambda _: httpx.Response(500))
    async with open_shop(tmp_path, log) as shop, httpx.AsyncClient(transport=down) as signer:
        app = create_app(Running(shop.service, {}), log, JwksVerifier("https://signer/", signer))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://orders") as client:
            token = signed(GOOD, {"alg": "RS256", "kid": "any"})
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.get("/v1/orders/o1", headers=headers)

    assert_refused(answer, ErrorCode.UNAVAILABLE, 503)


async def test_a_surprise_is_an_internal_error() -> None:
    """What nobody foresaw is answered in the same form, without its text."""

    async def surprise(_: Request) -> None:
        raise RuntimeError(CANARY)

    app = Starlette(exception_handlers=http.EXCEPTION_HANDLERS)
    app.add_route("/", surprise)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://orders") as client:
        answer = await client.get("/")

    assert_refused(answer, ErrorCode.INTERNAL, 500)
    assert CANARY not in answer.text


async def test_a_body_cut_short_is_no_surprise() -> None:
    """A caller that hangs up is an ordinary event."""

    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(http.HttpError, match="invalid"):
        await http.read_body(Request({"type": "http"}, hang_up), 10)


async def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that sends nothing holds a request for a bounded time."""

    async def send_nothing() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(http, "BODY_S_MAX", 0.01)
    with pytest.raises(http.HttpError, match="invalid"):
        await http.read_body(Request({"type": "http"}, send_nothing), 10)
