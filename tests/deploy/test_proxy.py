"""The real proxy with the project's own files: what it lets through, and to whom."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from shared.contracts import frames
from shared.contracts.ids import ClientId, OrderId
from tests.deploy.documented import UPSTREAMS, promises
from tests.deploy.door import Behind, ask, door, echo
from tests.docs.ports import free_port
from tests.system.conftest import serving
from tests.system.wire import wire

pytestmark = pytest.mark.connected

FILM: Final = OrderId("film-2041")
UNAVAILABLE: Final = {"code": "unavailable", "message": "This cannot be served now; try again."}


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """The proxy before servers that say who they are."""
    async with (
        echo("gateways") as gateway,
        echo("order_service") as orders,
        echo("attachment_service") as attachments,
        door(tmp_path, Behind([gateway, gateway], orders, attachments)) as opened,
    ):
        yield opened.chat


async def test_every_documented_operation_reaches_its_service(port: int) -> None:
    """nginx itself decides as the documents promise."""
    for promise in promises():
        answer = await ask(port, f"{promise.method} {promise.path}")

        assert answer.body["name"] == promise.upstream, promise


@pytest.mark.parametrize(("service", "upstream"), UPSTREAMS.items())
async def test_each_service_tells_its_own_document(port: int, service: str, upstream: str) -> None:
    """Behind one address, every document has a name of its own."""
    answer = await ask(port, f"GET /openapi/{service}.json")

    assert answer.body["name"] == upstream
    assert answer.body["head"].startswith("GET /openapi.json ")


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/metrics?x=1",
        "/v1/chat/../../metrics",
        "/v1/orders/../../metrics",
        "/v1/orders/%2e%2e/%2e%2e/metrics",
        "/openapi.json",
        "/demo",
        "/",
    ],
)
async def test_what_is_not_documented_is_not_there(port: int, path: str) -> None:
    """However it is written: the figures of the services stay inside."""
    answer = await ask(port, f"GET {path}")

    assert answer.status == 404
    assert answer.body["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/inbox", "/v1/chat", "/v1/attachments"])
async def test_nobody_chooses_the_address_they_come_from(port: int, path: str) -> None:
    """What a client says of itself is replaced by what the proxy saw."""
    forged = ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2", "X-Forwarded-Proto: https"]

    answer = await ask(port, f"GET {path}", *forged)

    told = [line for line in answer.body["head"].split("\r\n") if line.startswith("X-Forwarded")]
    assert told == ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http"]
    assert "\r\nHost: chat.example\r\n" in answer.body["head"]


async def test_a_body_has_a_bound(port: int) -> None:
    """The largest body that services take passes; one byte more is answered as they would."""
    send = "POST /v1/orders/o1/messages"

    fits = await ask(port, send, body=b"x" * 65_536)
    too_large = await ask(port, send, body=b"x" * 65_537)

    assert fits.status == 200
    assert (too_large.status, too_large.body["error"]["code"]) == (413, "too_large")


async def test_a_head_has_a_bound(port: int) -> None:
    """A long token passes; what no service would read does not come near one."""
    fits = await ask(port, "GET /v1/inbox", f"Authorization: Bearer {'x' * 12_000}")
    too_large = await ask(port, "GET /v1/inbox", f"Authorization: Bearer {'x' * 17_000}")

    assert (fits.status, too_large.status) == (200, 400)


async def test_a_gateway_that_is_away_is_passed_over(tmp_path: Path) -> None:
    """Nobody sees the loss of one of two gateways, whatever they ask."""
    async with (
        echo("gateways") as gateway,
        door(tmp_path, Behind([free_port(), gateway])) as opened,
    ):
        asked = ["GET /v1/inbox", "POST /v1/orders/o1/messages"] * 5
        answers = [await ask(opened.chat, request) for request in asked]

    assert {answer.status for answer in answers} == {200}


async def test_without_a_service_clients_are_told_to_try_again(tmp_path: Path) -> None:
    """It is an error of the catalogue, which clients know how to take."""
    asked = ["GET /v1/inbox", "GET /v1/orders", "POST /v1/attachments"]
    async with door(tmp_path, Behind()) as opened:
        answers = [await ask(opened.chat, request) for request in asked]

    assert answers == [(503, {"error": UNAVAILABLE})] * 3


async def test_a_conversation_goes_through(tmp_path: Path) -> None:
    """What one user writes through the proxy, the other one sees through the proxy."""
    async with serving(tmp_path / "data") as demo:
        gateway = int(demo.url.rpartition(":")[2])
        (tmp_path / "door").mkdir()
        async with door(tmp_path / "door", Behind([gateway, free_port()])) as opened:
            outside = demo._replace(url=f"http://127.0.0.1:{opened.chat}")
            async with wire(outside, "anna") as anna, wire(outside, "ben") as ben:
                for client in (anna, ben):
                    await client.say(frames.Join(ref=1, order_id=FILM))
                    joined = await client.next(frames.Joined)
                id_ = ClientId("00000000-0000-4000-8000-000000000001")
                await anna.say(frames.Send(ref=2, order_id=FILM, id=id_, text="hi", seen=joined.n))

                seen = await ben.next(frames.MessageShown)

    assert seen.client_id == id_


async def test_the_widget_comes_through_as_it_is(tmp_path: Path) -> None:
    """Compressed, to be kept for good, and at the address by which browsers reach the proxy."""
    async with serving(tmp_path / "data") as demo:
        gateway = int(demo.url.rpartition(":")[2])
        (tmp_path / "door").mkdir()
        async with (
            door(tmp_path / "door", Behind([gateway, gateway])) as opened,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{opened.chat}") as client,
        ):
            told = (await client.get("/widget/importmap.json")).json()
            entry = await client.get(told["imports"]["order-chat"])
            direct = await client.get(f"{demo.url}{entry.url.path}")

    assert entry.url.port == opened.chat
    assert entry.content == direct.content
    kept = ("Content-Encoding", "Content-Type", "Cache-Control", "ETag", "Vary")
    assert {name: entry.headers[name] for name in kept} == {n: direct.headers[n] for n in kept}
    assert entry.headers.get_list("Access-Control-Allow-Origin") == ["*"]


async def test_a_page_of_the_chat_s_own_host_may_connect(tmp_path: Path) -> None:
    """The gateway sees the host that the browser asked for, and turns foreign pages away."""
    async with serving(tmp_path / "data") as demo:
        gateway = int(demo.url.rpartition(":")[2])
        (tmp_path / "door").mkdir()
        async with door(tmp_path / "door", Behind([gateway, gateway])) as opened:
            chat = f"ws://127.0.0.1:{opened.chat}/v1/chat"
            own = f"http://127.0.0.1:{opened.chat}"
            async with connect(chat, additional_headers={"Origin": own}):
                pass
            with pytest.raises(InvalidStatus) as refused:
                await connect(chat, additional_headers={"Origin": "http://evil.example"})

    assert refused.value.response.status_code == 403
