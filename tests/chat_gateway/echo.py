"""An echo endpoint on a real uvicorn server, and a client that may send any bytes it likes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.utils import apply_mask

from chat_gateway.direct import DirectProtocol
from chat_gateway.direct_handshake import DirectHandshake
from chat_gateway.homes import Homes
from chat_gateway.socket import Socket, serve

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
PATIENCE_S = 20.0


class Echo:
    """A receiver that says back what it hears."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.heard: list[bytes] = []
        self.losses = 0
        self.gone = asyncio.Event()

    def receive(self, data: bytes) -> None:
        self.heard.append(data)
        self.socket.send(data)

    def lost(self) -> None:
        self.losses += 1
        self.gone.set()


@dataclass
class Running:
    """A server under test and the receivers it has made."""

    port: int
    server: uvicorn.Server
    receivers: list[Echo] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    @property
    def receiver(self) -> Echo:
        """That of the newest connection."""
        return self.receivers[-1]


def echo_app(receivers: list[Echo], kind: Callable[[Socket], Echo] = Echo) -> Starlette:
    """An application whose one endpoint accepts and hands over to a receiver of *kind*."""

    def make(socket: Socket) -> Echo:
        receivers.append(kind(socket))
        return receivers[-1]

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await serve(websocket, make)

    return Starlette(routes=[WebSocketRoute("/", endpoint)])


class Impatient(DirectProtocol):
    """The deadlines turned down."""

    stall_s = 0.3
    close_s = 0.3


def before(protocol: type[DirectProtocol]) -> type[DirectHandshake]:
    """The handshake that makes way for *protocol*."""
    return type("Handshake", (DirectHandshake,), {"protocol": protocol})


@contextlib.asynccontextmanager
async def running(
    kind: Callable[[Socket], Echo] = Echo,
    protocol: type[DirectProtocol] | Literal["websockets-sansio"] = DirectProtocol,
    app: Starlette | None = None,
    homes: Homes | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """A uvicorn server with the echo endpoint on a free port of 127.0.0.1."""
    receivers: list[Echo] = []
    ws: Any = protocol if isinstance(protocol, str) else partial(before(protocol), homes=homes)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app or echo_app(receivers, kind),
            ws=ws,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=3,
            **settings,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield Running(listener.getsockname()[1], server, receivers)
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, 10)


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    announce: int | None = None,
) -> bytes:
    """A client frame, unmasked where *mask* is None; *announce* is a length not the payload's."""
    size = len(payload) if announce is None else announce
    masked = 0x80 if mask is not None else 0
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if size <= 125:
        header = struct.pack("!BB", first, masked | size)
    elif size < 65_536:
        header = struct.pack("!BBH", first, masked | 126, size)
    else:
        header = struct.pack("!BBQ", first, masked | 127, size)
    return header + (mask + apply_mask(payload, mask) if mask is not None else payload)


def fragments(*payloads: bytes) -> Iterator[bytes]:
    """The frames of one text message in as many fragments."""
    for index, payload in enumerate(payloads):
        yield frame(payload, TEXT if index == 0 else 0, fin=index == len(payloads) - 1)


class RawClient:
    """A client without manners: it sends what it is given and parses what servers may send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.answer = b""
        """The head of the answer to the handshake."""

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def stop_reading(self) -> None:
        """Take nothing more, so that the kernel's buffers fill up and then the server's."""
        self._transport().pause_reading()

    def read_again(self) -> None:
        """Go on after `stop_reading`."""
        self._transport().resume_reading()

    def _transport(self) -> asyncio.Transport:
        return cast(asyncio.Transport, self.writer.transport)

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        async with asyncio.timeout(PATIENCE_S):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """The code of the close frame, which is the next but for pongs."""
        opcode, payload = await self.frame()
        while opcode == PONG:
            opcode, payload = await self.frame()
        assert opcode == CLOSE
        return int.from_bytes(payload[:2], "big")

    async def ended(self) -> bytes:
        """What still comes before the end of the stream."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE_S)


@contextlib.asynccontextmanager
async def raw_client(port: int, path: str = "/", more: str = "") -> AsyncIterator[RawClient]:
    """A raw client with the handshake behind it; *more* are further header lines."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        client = RawClient(reader, writer)
        client.send(HANDSHAKE.format(path=path, more=more).encode())
        async with asyncio.timeout(PATIENCE_S):
            client.answer = await reader.readuntil(b"\r\n\r\n")
        yield client
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
