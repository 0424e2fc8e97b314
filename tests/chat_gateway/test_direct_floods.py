"""Clients that flood, and clients that do not read: what each may cost, and when it is cut off.

The caps are those of production; only deadlines are turned down.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat_gateway.direct import DirectProtocol
from chat_gateway.socket import Socket
from tests.chat_gateway.echo import (
    CLOSE,
    PATIENCE_S,
    PING,
    PONG,
    TEXT,
    Echo,
    Impatient,
    Running,
    frame,
    raw_client,
    running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo() -> AsyncIterator[Running]:
    async with running(protocol=Impatient) as server:
        yield server


async def test_a_ping_flood_ends_with_1008(echo: Running) -> None:
    """Also where every pong is read: a client that is well pings now and then."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"p", PING) * 1_000)

        answers = [await client.frame() for _ in range(DirectProtocol.pings + 1)]
        assert answers == [(PONG, b"p")] * (DirectProtocol.pings + 1)
        assert await client.close_code() == 1008


async def test_a_flood_of_pongs_nobody_asked_for_ends_with_1008(echo: Running) -> None:
    """They cost as much as pings, and are answered by nothing that would slow their sender."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"p", PONG) * 1_000)

        assert await client.close_code() == 1008


async def test_as_many_pings_as_allowed_at_once_are_answered(echo: Running) -> None:
    """The last ping that the cap allows is answered, and so is what comes after it."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"p", PING) * DirectProtocol.pings + frame(b"x"))

        assert [await client.frame() for _ in range(DirectProtocol.pings)] == [
            (PONG, b"p")
        ] * DirectProtocol.pings
        assert await client.frame() == (TEXT, b"x")


class Forgetful(DirectProtocol):
    """Takes two pings at once, and forgets them before anybody is bored."""

    pings = 2
    pings_s = 0.05


async def test_pings_are_forgotten_with_time_and_not_saved_up() -> None:
    """Who pings now and then may do so for ever, and never more at once for it."""
    async with running(protocol=Forgetful) as server, raw_client(server.port) as client:
        for _ in range(3):
            client.send(frame(b"p", PING) * Forgetful.pings)
            for _ in range(Forgetful.pings):
                assert await client.frame() == (PONG, b"p")
            await asyncio.sleep(2 * Forgetful.pings_s)
        client.send(frame(b"p", PING) * (Forgetful.pings + 1))

        assert await client.close_code() == 1008


async def test_a_ping_flood_without_reading_is_cut_off(echo: Running) -> None:
    """Nobody waits for its sender to take the pongs, or the close frame behind them."""
    async with raw_client(echo.port) as client:
        receiver = echo.receiver
        client.stop_reading()
        client.send(frame(b"x" * 125, PING) * 10_000)
        await asyncio.wait_for(receiver.gone.wait(), 5)

        assert receiver.losses == 1


class Uncounted(Impatient):
    """Takes any number of pings, to see that pongs are bounded even so."""

    pings = sys.maxsize


async def test_pongs_that_nobody_takes_stop_at_the_write_buffers_cap() -> None:
    """So does the reading of pings, and the connection is cut."""
    async with running(protocol=Uncounted) as server, raw_client(server.port) as client:
        most = 0
        client.send(frame(b"first"))
        assert await client.frame() == (TEXT, b"first")
        flood = frame(b"x" * 125, PING) * 1_000
        client.stop_reading()
        async with asyncio.timeout(PATIENCE_S):
            while not server.receiver.gone.is_set():
                client.send(flood)
                most = max(most, server.receiver.socket.buffered)
                await asyncio.wait(
                    {asyncio.create_task(server.receiver.gone.wait())}, timeout=0.001
                )

        assert 0 < most <= DirectProtocol.write_buffer_bytes + 131


class Torrent(Echo):
    """Sends without end to whoever says a word."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        self.most = 0
        self.full = asyncio.Event()
        """More waits than may; the next frame is one too many."""

    def receive(self, data: bytes) -> None:
        self._pour()

    def _pour(self) -> None:
        if self.socket.buffered > DirectProtocol.write_buffer_bytes:
            self.full.set()
        self.socket.send(b"x" * 1_000)
        self.most = max(self.most, self.socket.buffered)
        if not self.gone.is_set():
            asyncio.get_running_loop().call_soon(self._pour)


async def test_a_client_that_stops_reading_is_cut_off() -> None:
    """What waits for it never grows over the cap and a frame, and the deadline ends it."""
    async with running(Torrent, Impatient) as server, raw_client(server.port) as client:
        client.stop_reading()
        client.send(frame(b"go"))
        async with asyncio.timeout(PATIENCE_S):
            await server.receiver.gone.wait()

        assert isinstance(server.receiver, Torrent)
        assert server.receiver.most <= DirectProtocol.write_buffer_bytes + 1_004


async def test_a_client_that_reads_again_in_time_learns_that_it_was_too_slow() -> None:
    """All that waited arrives, then 4008, then nothing."""
    async with running(Torrent) as server, raw_client(server.port) as client:
        receiver = server.receiver
        assert isinstance(receiver, Torrent)
        client.stop_reading()
        client.send(frame(b"go"))
        await asyncio.wait_for(receiver.full.wait(), 10)
        client.read_again()
        opcode, payload = await client.frame()
        while opcode == TEXT:
            assert payload == b"x" * 1_000
            opcode, payload = await client.frame()

        assert (opcode, payload) == (CLOSE, (4008).to_bytes(2, "big"))
        client.send(frame(payload, CLOSE))
        assert await client.ended() == b""


class OneBlow(Echo):
    """Sends more than the kernel takes and less than the cap, once."""

    def receive(self, data: bytes) -> None:
        while self.socket.buffered <= DirectProtocol.write_buffer_bytes // 4:
            self.socket.send(b"x" * 10_000)


async def test_a_buffer_that_stands_still_is_cut_off() -> None:
    """Without a further send it is the watch on the paused buffer that ends the connection."""
    async with running(OneBlow, Impatient) as server, raw_client(server.port) as client:
        client.stop_reading()
        client.send(frame(b"go"))
        async with asyncio.timeout(PATIENCE_S):
            await server.receiver.gone.wait()

        assert server.receiver.losses == 1


async def test_bytes_a_kernel_never_acknowledges_end_the_connection(echo: Running) -> None:
    """Who is gone without a word takes nothing and answers nothing; the system notices."""
    async with raw_client(echo.port):
        protocol = echo.receiver.socket
        assert isinstance(protocol, DirectProtocol)
        stream = protocol._transport.get_extra_info("socket")

        assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
