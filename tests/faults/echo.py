"""A server that says back what it hears, and what a client does with it through a link."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """An echo server; its port."""
    talks: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(_say_back(reader, writer)))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        yield port
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


async def _say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


class Caller:
    """One connection to an echo server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, data: bytes) -> None:
        """Send something."""
        self._writer.write(data)

    async def hear(self, size: int) -> bytes:
        """So many bytes of what comes back. At the end raises `ConnectionError` or
        `IncompleteReadError`."""
        async with asyncio.timeout(5):
            return await self._reader.readexactly(size)

    async def hears_nothing(self, for_s: float) -> bool:
        """Whether nothing comes, the end of the connection neither."""
        try:
            async with asyncio.timeout(for_s):
                await self._reader.read(1)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    """A connection to a port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()
