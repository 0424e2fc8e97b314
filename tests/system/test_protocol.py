"""The protocol as a hostile client meets it on a real websocket."""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import jwt
import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import SAFE_INTEGER, ClientId, OrderId, Seq
from shared.secret_file import load_or_make_secret
from tests.system.conftest import Demo, serving
from tests.system.engines import Engines
from tests.system.wire import Wire, token_of, wire

FILM: Final = OrderId("film-2041")
JOIN: Final = frames.Join(ref=1, order_id=FILM)
SHOP: Final = "https://shop.example"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[Demo]:
    """One system for all: nothing here depends on what another test left behind."""
    folder = tmp_path_factory.mktemp("system")
    async with (
        engines() as environment,
        serving(folder, {"ORDER_CHAT_ORIGINS": SHOP, **environment}) as demo,
    ):
        yield demo


def send(text: str, *, id_: ClientId | None = None, retry: bool = False) -> frames.Send:
    return frames.Send(
        ref=9, order_id=FILM, id=id_ or ClientId(str(uuid4())), text=text, retry=retry
    )


async def joined(client: Wire) -> frames.Joined:
    await client.say(JOIN)
    return await client.next(frames.Joined)


# 12, 13: who may connect at all.


async def test_silence_after_the_handshake_is_closed(system: Demo) -> None:
    """4001 after 5 s, without a frame (attack 12)."""
    began = time.monotonic()
    async with wire(system) as client:
        assert await client.end() == (CloseCode.TOKEN, [])

    assert 4.9 < time.monotonic() - began < 7


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://shop.example",
        "https://shop.example.evil.com",
        "https://evil.com/https://shop.example",
        "HTTPS://SHOP.EXAMPLE",
        "https://shop.example:443",
        "https://shop.example/",
        "https://shop.example@evil.com",
        "http://[::1",
        "http://",
        "file://",
    ],
)
async def test_a_foreign_origin_is_refused_before_the_upgrade(system: Demo, origin: str) -> None:
    """HTTP 403 (attack 13)."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(system.chat_url, additional_headers={"Origin": origin}):
            pass

    assert refused.value.response.status_code == 403


async def test_two_origins_are_refused(system: Demo) -> None:
    """No browser sends two: the handshake itself is wrong."""
    headers = [("Origin", SHOP), ("Origin", SHOP)]
    with pytest.raises(InvalidStatus) as refused:
        async with connect(system.chat_url, additional_headers=headers):
            pass

    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("origin", [None, SHOP, "own"])
async def test_own_host_listed_origins_and_none_pass(system: Demo, origin: str | None) -> None:
    """And the token decides."""
    own = Origin(system.url if origin == "own" else origin) if origin is not None else None
    async with connect(system.chat_url, origin=own) as socket:
        client = Wire(socket)
        await client.say(frames.Hello(token=await token_of(system, "anna")))

        assert (await client.next(frames.Welcome)).user_id == "anna"


# 15, 16, 17: tokens.


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=") for part in (header, claims)]
    return b".".join(parts).decode() + f".{signature}"


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"sub": "anna", "aud": "order-chat", "iat": now, "exp": now + 600, "roles": ["user"]}
    return {name: value for name, value in (good | changes).items() if value is not ...}


FORGED: Final[dict[str, str]] = {
    "none": unsigned({"alg": "none"}, claims()),
    "NONE": unsigned({"alg": "NONE"}, claims()),
    "no signature": unsigned({"alg": "HS256"}, claims()),
    "another key": jwt.encode(claims(), "x" * 32, "HS256"),
    "path as kid": unsigned({"alg": "HS256", "kid": "../../dev/null"}, claims(), "AAAA"),
    "key in the header": unsigned(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example"},
        claims(),
        "AAAA",
    ),
    "two parts": "e30.e30",
    "dots": "..",
    "empty": "",
    "not ascii": "é.é.é",
    "long": "a" * 16_000,
}


@pytest.mark.parametrize("name", FORGED)
async def test_forged_tokens_are_closed(system: Demo, name: str) -> None:
    """4001, without a frame (attack 15)."""
    async with wire(system) as client:
        await client.say(frames.Hello(token=FORGED[name]))

        assert await client.end() == (CloseCode.TOKEN, [])


NOW: Final = int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": ...},
        {"exp": ...},
        {"exp": NOW - 60},
        {"exp": 253_402_300_799},
        {"exp": str(NOW + 600)},
        {"exp": -1},
        {"nbf": NOW + 3_600},
        {"iat": NOW + 3_600},
        {"sub": ...},
        {"sub": "service:shop"},
        {"sub": "x" * 129},
        {"roles": ["admin"]},
        {"roles": "user"},
    ],
)
async def test_tokens_for_something_else_are_closed(system: Demo, changes: dict[str, Any]) -> None:
    """Rightly signed, and still not for us (attack 16)."""
    secret = await asyncio.to_thread(load_or_make_secret, system.data)
    async with wire(system) as client:
        token = jwt.PyJWS().encode(msgspec.json.encode(claims(**changes)), secret, "HS256")
        await client.say(frames.Hello(token=token))

        assert await client.end() == (CloseCode.TOKEN, [])


async def test_critical_headers_nobody_knows_are_closed(system: Demo) -> None:
    """What must be understood is not (attack 15)."""
    secret = await asyncio.to_thread(load_or_make_secret, system.data)
    headers = {"crit": ["exp"], "exp": 1}
    async with wire(system) as client:
        payload = msgspec.json.encode(claims())
        await client.say(
            frames.Hello(token=jwt.PyJWS().encode(payload, secret, "HS256", headers=headers))
        )

        assert await client.end() == (CloseCode.TOKEN, [])


async def test_services_have_no_websocket(system: Demo) -> None:
    """4003."""
    async with wire(system) as client:
        await client.say(frames.Hello(token=await token_of(system, "shop", role="service")))

        assert await client.end() == (CloseCode.ACCESS, [])


async def test_another_users_token_does_not_refresh(system: Demo) -> None:
    """The old one lives on (attack 17)."""
    async with wire(system, "anna") as client:
        await client.say(frames.Auth(token=await token_of(system, "ben")))
        assert (await client.next(frames.Refused)).code == ErrorCode.UNAUTHENTICATED

        assert (await joined(client)).you.role == "creator"


# 20: foreign orders.


async def refusal(client: Wire, order_id: OrderId) -> bytes:
    """The answer to a join, as it came. Beats are none, and who is busy is asked again."""
    await client.say(frames.Join(ref=1, order_id=order_id))
    while True:
        answer = await client.raw()
        frame = frames.decode_server_frame(answer)
        if isinstance(frame, frames.Refused) and frame.retry:
            await client.say(frames.Join(ref=1, order_id=order_id))
        elif not isinstance(frame, frames.Beat):
            return answer


async def test_foreign_and_random_orders_answer_alike(system: Demo) -> None:
    """Byte for byte (attack 20)."""
    async with wire(system, "stranger") as client:
        answers = set()
        for order_id in (FILM, OrderId("lookbook-2057"), OrderId("no-such-order"), OrderId("0")):
            answers.add(await refusal(client, order_id))

    (answer,) = answers
    refused = frames.decode_server_frame(answer)
    assert isinstance(refused, frames.Refused)
    assert refused.code == ErrorCode.NOT_FOUND


async def test_orders_outside_the_token_answer_like_random_ones(system: Demo) -> None:
    """Though the user takes part in them."""
    async with wire(system, "anna", orders=["portraits-1988"]) as client:
        answers = set()
        for order_id in (FILM, OrderId("no-such-order")):
            await client.say(frames.Join(ref=1, order_id=order_id))
            answers.add(await client.raw())

    assert len(answers) == 1


@pytest.mark.parametrize(
    "order_id",
    [
        "../film-2041",
        "film-2041/..",
        "%66ilm-2041",
        "ｆilm-2041",
        "film-2041\n",
        "",
        "x" * 65,
        ["film-2041"],
    ],
)
async def test_order_ids_that_are_none_are_invalid(system: Demo, order_id: object) -> None:
    """Path tricks, look-alikes, other types (attacks 20, 24)."""
    async with wire(system, "anna") as client:
        await client.say({"op": "join", "ref": 1, "order_id": order_id})
        refused = await client.next(frames.Refused)

    assert (refused.code, refused.ref) == (ErrorCode.INVALID, 1)
    assert "$.order_id" in refused.message


async def test_no_operation_works_on_a_foreign_order(system: Demo) -> None:
    """Each is refused as on an order that was not joined (attack 20)."""
    target = str(uuid4())
    on = {"ref": 1, "order_id": FILM}
    write = {**on, "id": str(uuid4())}
    async with wire(system, "stranger") as client:
        for frame in (
            {"op": "send", **write, "text": "hi"},
            {"op": "edit", **write, "target": target, "text": "hi"},
            {"op": "delete", **write, "target": target},
            {"op": "report", **write, "target": target, "reason": "spam"},
            {"op": "history", **on},
            {"op": "leave", **on},
            {"op": "read", "order_id": FILM, "up_to": 1},
            {"op": "typing", "order_id": FILM, "what": "text"},
        ):
            await client.say(frame)

            assert (await client.next(frames.Refused)).code == ErrorCode.NOT_JOINED


# 22, 23, 24, 27: what may be written.


@pytest.mark.parametrize(
    "field", ["from", "by", "as", "role", "ts", "at", "seq", "offset", "n", "msg_id", "system"]
)
async def test_writers_do_not_choose_who_they_are(system: Demo, field: str) -> None:
    """Such fields are refused; token and log alone say it (attack 22)."""
    async with wire(system, "anna") as client:
        await joined(client)
        await client.say({**msgspec.to_builtins(send("hi")), field: "ben"})

        assert (await client.next(frames.Refused)).code == ErrorCode.INVALID


async def test_an_id_is_its_writers_own_and_its_first_body_wins(system: Demo) -> None:
    """Another writer's use of it is another message (attack 23)."""
    id_ = ClientId(str(uuid4()))
    async with wire(system, "anna") as anna, wire(system, "ben") as ben:
        await joined(anna)
        await joined(ben)
        await anna.say(send("first", id_=id_))
        first = await anna.next(frames.MessageShown)
        await anna.say(send("second", id_=id_))
        refused = await anna.next(frames.Refused)
        await ben.say(send("third", id_=id_))
        third = await anna.next(frames.MessageShown)

    assert (refused.code, refused.retry) == (ErrorCode.CONFLICT, False)
    assert (first.text, third.text, third.by) == ("first", "third", "ben")
    assert first.id != third.id


@pytest.mark.parametrize(
    "text",
    ['{"$ne": null}', "$where: 1", "a.b\u2024c", "\u202egpj.exe", "👩\u200d👧", "עברית", "<b>"],
)
async def test_texts_come_back_as_they_were_sent(system: Demo, text: str) -> None:
    """Data, never operators or markup (attacks 24, 27)."""
    async with wire(system, "anna") as client:
        await joined(client)
        await client.say(send(text))

        assert (await client.next(frames.MessageShown)).text == text


async def test_twins_are_one_text(system: Demo) -> None:
    """Stored in NFC; the same request in the other form is no conflict (attack 27)."""
    id_ = ClientId(str(uuid4()))
    async with wire(system, "anna") as client:
        await joined(client)
        await client.say(send("Cafe\u0301", id_=id_))
        first = await client.next(frames.MessageShown)
        await client.say(send("Café", id_=id_, retry=True))
        again = await client.next(frames.MessageShown)

    assert (first.text, again.seq) == ("Café", first.seq)


@pytest.mark.parametrize(
    "text", [b"\\ud800", b"\\u0000", b"\\u001b[2J", b"a\\u0323" + b"\\u0301" * 5_000]
)
async def test_texts_that_are_none_are_refused(system: Demo, text: bytes) -> None:
    """Lone surrogates, control characters, piles of marks (attack 27)."""
    head = msgspec.json.encode(msgspec.to_builtins(send("TEXT")))
    async with wire(system, "anna") as client:
        await joined(client)
        await client.say(head.replace(b"TEXT", text))

        assert (await client.next(frames.Refused)).code == ErrorCode.INVALID


# 47: forged positions.


@pytest.mark.parametrize("after", [1, 2 << 44, 511 << 44, SAFE_INTEGER, (1 << 44) + 10**12])
async def test_forged_positions_are_a_reset(system: Demo, after: int) -> None:
    """Other epochs, far beyond the end: start over from the newest page (attack 47)."""
    async with wire(system, "anna") as client:
        await client.say(frames.Join(ref=1, order_id=FILM, after=Seq(after)))
        answer = await client.next(frames.Joined)

    assert answer.reset
    assert answer.events


@pytest.mark.parametrize("after", [-1, SAFE_INTEGER + 1, 1.5, "1", [1], True])
async def test_positions_that_are_none_are_invalid(system: Demo, after: object) -> None:
    """Refused by their field (attack 47)."""
    async with wire(system, "anna") as client:
        await client.say({"op": "join", "ref": 1, "order_id": FILM, "after": after})
        refused = await client.next(frames.Refused)

    assert refused.code == ErrorCode.INVALID
    assert "$.after" in refused.message


@pytest.mark.parametrize("bound", [0, 1, 511 << 44, SAFE_INTEGER])
async def test_forged_bounds_of_history_do_no_harm(system: Demo, bound: int) -> None:
    """Nothing is sought beyond the log (attack 47)."""
    async with wire(system, "anna") as client:
        head = (await joined(client)).head
        await client.say(frames.History(ref=2, order_id=FILM, before=Seq(bound)))
        older = await client.next(frames.Page)
        await client.say(frames.History(ref=3, order_id=FILM, after=Seq(bound)))
        newer = await client.next(frames.Page)

    above = bound > head
    assert bool(older.events) == above
    assert bool(newer.events) == (not above)
