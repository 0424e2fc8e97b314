"""A connection to a server of this machine without a library, as attackers have them: cheap."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

HANDSHAKE: Final = (
    b"GET /v1/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT: Final = 0x81
CLOSE: Final = 0x88


class Bare:
    """One connection; waits for ever, so its user has a deadline."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Send these bytes."""
        self._writer.write(data)

    async def shake_hands(self) -> str:
        """Ask for a websocket; the status of the answer."""
        self._writer.write(HANDSHAKE)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        return answer.split(b" ", 2)[1].decode()

    def say(self, frame: bytes) -> None:
        """Send a text frame of 126 to 65,535 bytes; its mask is all zero."""
        self._writer.write(struct.pack("!BBHI", TEXT, 0x80 | 126, len(frame), 0) + frame)

    async def close_code(self) -> int:
        """The code of the close frame; what comes before it is passed over."""
        while True:
            first, size = await self._reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self._reader.readexactly(2))
            payload = await self._reader.readexactly(size)
            if first == CLOSE:
                return int.from_bytes(payload[:2])

    async def ended(self) -> None:
        """Wait until the server ends the connection."""
        try:
            while await self._reader.read(4_096):
                pass
        except ConnectionError:
            pass  # cut with a byte of ours unread


@asynccontextmanager
async def connected(port: int, address: str) -> AsyncIterator[Bare]:
    """A connection from an address of this machine; cut at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield Bare(reader, writer)
    finally:
        writer.transport.abort()
