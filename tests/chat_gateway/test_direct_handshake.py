"""From the upgrade request to `attach`: whose connection it is, and what happens on the way."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from chat_gateway.socket import Socket, serve
from tests.chat_gateway.echo import HANDSHAKE, TEXT, Echo, RawClient, frame, raw_client, running


async def test_frames_sent_before_the_endpoint_accepts_wait_for_it() -> None:
    """What a hasty client sends is read once somebody is there to take it."""
    called, accept = asyncio.Event(), asyncio.Event()

    async def slow(websocket: WebSocket) -> None:
        called.set()
        await accept.wait()
        await websocket.accept()
        await serve(websocket, Echo)

    app = Starlette(routes=[WebSocketRoute("/", slow)])
    async with running(app=app) as server:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", server.port))
        client.send(HANDSHAKE.format(path="/", more="").encode())
        await asyncio.wait_for(called.wait(), 5)
        client.send(frame(b"hasty"))
        # Answering another client takes the server past a read of this one, if it did read.
        other = RawClient(*await asyncio.open_connection("127.0.0.1", server.port))
        other.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"404" in await other.ended()
        other.writer.close()
        accept.set()
        await client.reader.readuntil(b"\r\n\r\n")

        assert await client.frame() == (TEXT, b"hasty")
        client.writer.close()


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


async def fail(websocket: WebSocket) -> None:
    raise RuntimeError


async def forget(websocket: WebSocket) -> None:
    """Return without an answer."""


@pytest.mark.parametrize(("endpoint", "status"), [(refuse, 403), (fail, 500), (forget, 500)])
async def test_a_handshake_that_is_not_accepted_gets_its_status(
    endpoint: Callable[[WebSocket], Awaitable[None]], status: int
) -> None:
    """Before `attach` the endpoint and uvicorn answer as they always do."""
    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    async with running(app=app) as server, raw_client(server.port) as client:
        assert client.answer.startswith(b"HTTP/1.1 %d " % status)


async def test_a_handshake_that_breaks_the_rules_never_reaches_the_endpoint() -> None:
    """The library refuses it."""
    async with (
        running() as server,
        raw_client(server.port, more="Sec-WebSocket-Version: 12\r\n") as client,
    ):
        assert client.answer.startswith(b"HTTP/1.1 4")
        assert server.receivers == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (HANDSHAKE.format(path="/", more="Content-Length: 5\r\n"), 400),
        (HANDSHAKE.format(path="/", more="Transfer-Encoding: chunked\r\n"), 400),
        (HANDSHAKE.format(path="/", more="").replace("GET", "POST"), 405),
        (HANDSHAKE.format(path="/", more=f"X: {'a' * 9_000}\r\n"), 431),
        (HANDSHAKE.format(path="/" + "a" * 9_000, more=""), 414),
    ],
    ids=["body", "chunks", "method", "header", "target"],
)
async def test_what_the_library_cannot_read_is_answered_and_closed(
    request_: str, status: int
) -> None:
    """Else whoever sends it would have a connection that nothing ever ends (attack 11)."""
    async with running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        client = RawClient(reader, writer)
        client.send(request_.encode())

        assert (await client.ended()).startswith(b"HTTP/1.1 %d " % status)
        assert server.receivers == []
        writer.close()


async def test_a_server_that_stops_during_a_handshake_answers_it() -> None:
    """Whoever is not connected yet hears 500, and the endpoint that accepts too late ends."""
    called, accept = asyncio.Event(), asyncio.Event()

    async def slow(websocket: WebSocket) -> None:
        called.set()
        await accept.wait()
        await websocket.accept()

    app = Starlette(routes=[WebSocketRoute("/", slow)])
    async with running(app=app) as server:
        opening = asyncio.create_task(raw_client(server.port).__aenter__())
        await asyncio.wait_for(called.wait(), 5)
        server.server.should_exit = True
        client = await opening
        accept.set()

        assert client.answer.startswith(b"HTTP/1.1 500 ")
        client.writer.close()


async def test_a_receiver_made_for_a_connection_already_lost_is_told() -> None:
    """An endpoint that attaches too late loses nothing but time."""
    gone = asyncio.Event()
    receivers: list[Echo] = []

    def make(socket: Socket) -> Echo:
        receivers.append(Echo(socket))
        return receivers[-1]

    async def late(websocket: WebSocket) -> None:
        await websocket.accept()
        await gone.wait()
        await serve(websocket, make)

    app = Starlette(routes=[WebSocketRoute("/", late)])
    async with (
        running(app=app, ws_ping_interval=0.01, ws_ping_timeout=0.01) as server,
        raw_client(server.port) as client,
    ):
        await client.ended()
        gone.set()

    assert [receiver.losses for receiver in receivers] == [1]


async def test_an_endpoint_that_fails_after_attaching_closes_with_1011() -> None:
    """The session is told too: its connection is lost."""
    receivers: list[Echo] = []

    def make(socket: Socket) -> Echo:
        receivers.append(Echo(socket))
        return receivers[-1]

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await serve(websocket, make)
        raise RuntimeError

    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    async with running(app=app) as server:
        async with raw_client(server.port) as client:
            assert await client.close_code() == 1011
        await asyncio.wait_for(receivers[0].gone.wait(), 5)
