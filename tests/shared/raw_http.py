"""A server, and what somebody says to it byte by byte."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send

from chat_gateway.direct_handshake import DirectHandshake
from shared.bounded_http import BoundedHttp
from shared.server import Server, config_for

PATIENCE_S: Final = 5.0
WHOLE: Final = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST: Final = b"POST / HTTP/1.1\r\nHost: a\r\n"
LAST: Final = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Here(NamedTuple):
    """A server under test."""

    port: int
    asked: list[str]
    """The paths its application was called with."""


@asynccontextmanager
async def serving(
    http: type[BoundedHttp] = BoundedHttp, *, late_s: float = 0.0, early: bool = False
) -> AsyncIterator[Here]:
    """A server whose application reads the body and says how long it was: *late_s* seconds after it
    is asked, or *early*, with nothing read."""
    asked: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await asyncio.sleep(late_s)
        size, more = 0, not early
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            more = message["more_body"]
        headers = [(b"content-length", b"%d" % len(str(size)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": str(size).encode()})

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(config_for(app, "127.0.0.1", 0, http=http, ws=DirectHandshake))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield Here(listening.getsockname()[1], asked)
        finally:
            server.should_exit = True
            await task


async def answer_to(here: Here, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What comes until the server ends the connection, which it must."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    came = b""

    async def say() -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    saying = asyncio.create_task(say())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while data := await reader.read(65_536):
                came += data
    except ConnectionError:
        pass  # cut with our bytes unread
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        writer.transport.abort()
    return came


def trickle(request_: bytes) -> Sequence[bytes]:
    return [request_[index : index + 1] for index in range(len(request_))]
