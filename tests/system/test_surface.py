"""What is open to the outside beside the chat: methods, malformed requests, what errors show."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import httpx
import msgspec
import pytest
import pytest_asyncio
from starlette.routing import Route

from deploy.standalone import System, running
from shared.http import ErrorBody
from tests.system.conftest import Demo, serving

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
INSIDES: Final = re.compile(rb"Traceback|File \"|\.py\b|starlette|uvicorn|sqlite|msgspec", re.I)
READ_S: Final = 3.0

GARBAGE: Final[dict[str, bytes]] = {
    "noise": b"\x00\xff\xfe\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a foreign method": b"FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "trace": b"TRACE / HTTP/1.1\r\nHost: x\r\nCookie: canary\r\nConnection: close\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab in a header": b"GET / HTTP/1.1\r\nA\tb: c\r\n\r\n",
    "two lengths": b"PUT /v1/orders/o HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    "length and chunks": b"PUT /v1/orders/o HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"PUT /v1/orders/o HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a bad path": b"GET /v1/orders/%ff%00%0d%0a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a bad query": b"GET /v1/orders?participant=%ff HTTP/1.1\r\nHost: x\r\n"
    b"Connection: close\r\n\r\n",
    "half a handshake": b"GET /v1/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
    "an old handshake": b"GET /v1/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 1\r\nSec-WebSocket-Key: AA==\r\n\r\n",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The application itself."""
    async with running(tmp_path_factory.mktemp("app"), {"ORDER_CHAT_DRAIN_S": "0"}) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The application behind its server."""
    async with serving(tmp_path_factory.mktemp("served")) as demo:
        yield demo


def methods_of(system: System) -> dict[str, set[str]]:
    """Of every path, its parameters filled in, the methods that are listed for it."""
    listed: dict[str, set[str]] = {}
    for route in system.app.routes:
        if isinstance(route, Route):
            path = re.sub(r"\{\w+\}", "x", route.path)
            listed.setdefault(path, set()).update(route.methods or METHODS)
    return listed


@pytest.mark.parametrize("method", METHODS)
async def test_only_listed_methods_are_answered(app: System, method: str) -> None:
    """Everything else is a 405 that says which are (attack 46)."""
    listed = methods_of(app)
    transport = httpx.ASGITransport(app.app)
    wrong: dict[str, int] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        for path, methods in listed.items():
            if method not in methods:
                answer = await http.request(method, path)
                if answer.status_code != 405 or not answer.headers.get("Allow"):
                    wrong[path] = answer.status_code

    assert "/metrics" in listed
    assert wrong == {}


async def test_tracing_is_for_no_path(app: System) -> None:
    """Nor are methods of other protocols: nothing lists them by mistake (attack 46)."""
    methods = set().union(*methods_of(app).values())

    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("name", GARBAGE)
async def test_malformed_requests_show_nothing_of_the_inside(system: Demo, name: str) -> None:
    """No stack trace, no library's name, nothing echoed (attack 46)."""
    port = httpx.URL(system.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GARBAGE[name])
    writer.write_eof()
    async with asyncio.timeout(READ_S):
        answer = await reader.read()
    writer.close()

    assert answer == b"" or re.match(rb"HTTP/1\.1 (4\d\d|307|50[15]) ", answer)
    assert INSIDES.search(answer) is None
    assert b"canary" not in answer


@pytest.mark.parametrize("path", ["/v1/orders/x", "/nothing/here", "/demo/orders/x", "/%2e%2e/"])
async def test_errors_are_of_the_catalogue(app: System, path: str) -> None:
    """And nothing else is in their body."""
    transport = httpx.ASGITransport(app.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        answer = await http.get(path)

    assert answer.status_code in (401, 404)
    assert INSIDES.search(answer.content) is None
    if answer.headers["content-type"] == "application/json":
        assert msgspec.json.decode(answer.content, type=ErrorBody).error.message
