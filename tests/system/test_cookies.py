"""A page of another site, in the browser of somebody who is signed in (attack 14)."""

import time
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from shared.contracts import frames
from shared.contracts.errors import CloseCode
from tests.system.conftest import Demo, serving
from tests.system.wire import Wire, token_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES: Final = ("token", "jwt", "session", "access_token", "Authorization", "order-chat")
ORDER: Final = "film-2041"
ROUTES: Final = [
    ("GET", f"/v1/orders/{ORDER}/messages"),
    ("POST", f"/v1/orders/{ORDER}/messages"),
    ("GET", "/v1/inbox"),
    ("PUT", f"/v1/orders/{ORDER}"),
    ("PATCH", f"/v1/orders/{ORDER}"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """One for all."""
    async with serving(tmp_path_factory.mktemp("cookies")) as demo:
        yield demo


async def cookies(system: Demo) -> dict[str, str]:
    """A good token under every name a cookie of ours might have had, as the browser sends it."""
    token = await token_of(system, "anna")
    return {"Cookie": "; ".join(f"{name}={token}" for name in NAMES)}


async def test_a_cookie_says_hello_for_nobody(system: Demo) -> None:
    """Even from a page of ours: who sends no hello is closed with 4001, unwelcomed."""
    headers = {**await cookies(system), "Origin": system.url}
    began = time.monotonic()
    async with connect(system.chat_url, additional_headers=headers) as socket:
        assert await Wire(socket).end() == (CloseCode.TOKEN, [])

    assert time.monotonic() - began < 7


async def test_a_cookie_joins_nothing(system: Demo) -> None:
    """What is asked before a hello is not looked at."""
    async with connect(system.chat_url, additional_headers=await cookies(system)) as socket:
        await Wire(socket).say({"op": "join", "ref": 1, "order_id": ORDER})

        assert await Wire(socket).end() == (CloseCode.TOKEN, [])


async def test_a_page_of_another_site_does_not_even_connect(system: Demo) -> None:
    """Its origin is refused before the upgrade, whatever comes with it."""
    headers = {**await cookies(system), "Origin": "https://evil.example"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(system.chat_url, additional_headers=headers):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_cookie_opens_no_route(system: Demo, method: str, path: str) -> None:
    """401 as for everybody without a token; and no page of another site may read even that."""
    headers = {**await cookies(system), "Origin": "https://evil.example"}
    async with httpx.AsyncClient(base_url=system.url) as http:
        answer = await http.request(method, path, headers=headers, json={})
        bare = await http.request(method, path, json={})

    assert (answer.status_code, answer.content) == (bare.status_code, bare.content)
    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers


async def test_no_cookie_is_ever_set(system: Demo) -> None:
    """Whoever signs in does so at the marketplace."""
    token = await token_of(system, "anna")
    async with httpx.AsyncClient(base_url=system.url) as http:
        await http.get("/v1/inbox", headers={"Authorization": f"Bearer {token}"})
        for _, path in [*ROUTES, ("GET", "/"), ("GET", "/demo"), ("GET", "/healthz")]:
            await http.get(path, follow_redirects=True)
        async with connect(system.chat_url) as socket:
            await Wire(socket).say(frames.Hello(token=token))
            await Wire(socket).next(frames.Welcome)
            assert socket.response is not None
            assert "set-cookie" not in socket.response.headers

        assert not http.cookies.jar
