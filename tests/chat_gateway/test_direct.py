"""What a session is promised of its socket, on uvicorn with the direct protocol."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat_gateway.direct import DirectProtocol
from chat_gateway.direct_handshake import DirectHandshake
from chat_gateway.socket import Socket
from tests.chat_gateway.echo import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Echo,
    RawClient,
    fragments,
    frame,
    raw_client,
    running,
)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
async def test_text_of_every_header_length_comes_back(size: int) -> None:
    """All three forms of the length are read and written."""
    text = "é" * (size // 2) + "x" * (size % 2)
    async with running() as server, connect(server.url) as client:
        await client.send(text)

        assert await client.recv() == text


async def test_many_messages_keep_their_order() -> None:
    """Frames that arrive in one read are all taken, one after the other."""
    texts = [str(number) for number in range(2_000)]
    async with running() as server, connect(server.url) as client:
        async with asyncio.timeout(10):
            for text in texts:
                await client.send(text)

            assert [await client.recv() for _ in texts] == texts


async def test_the_endpoint_is_over_while_the_connection_lives() -> None:
    """An attached connection keeps no task, and nothing of the handshake."""
    async with running() as server, connect(server.url) as client:
        await client.send("hello")
        await client.recv()
        (protocol,) = server.server.server_state.connections

        assert server.server.server_state.tasks == set()
        assert isinstance(protocol, DirectProtocol)
        # By itself, not by the collector's leave.
        assert DirectHandshake not in {type(each).__base__ for each in gc.get_objects()}


async def test_a_ping_inside_a_fragmented_message_is_answered_at_once() -> None:
    """Control frames may stand between fragments and do not disturb the message."""
    async with running() as server, raw_client(server.port) as client:
        first, last = fragments(b"one ", b"message")
        client.send(frame(b"before") + first + frame(b"ping", PING) + last + frame(b"after"))

        assert [await client.frame() for _ in range(4)] == [
            (TEXT, b"before"),
            (PONG, b"ping"),
            (TEXT, b"one message"),
            (TEXT, b"after"),
        ]


class Closing(Echo):
    """Closes as its client asks: `code reason`."""

    def receive(self, data: bytes) -> None:
        super().receive(data)
        code, reason = data.decode().split()
        self.socket.close(int(code), reason)
        self.socket.close(1008, "twice")
        self.socket.send(b"after the close")


async def test_nothing_follows_a_close() -> None:
    """Only the first close counts, and later frames are dropped in both directions."""
    async with running(Closing) as server, raw_client(server.port) as client:
        client.send(frame(b"4001 token") + frame(b"4003 access"))

        assert await client.frame() == (TEXT, b"4001 token")
        assert await client.frame() == (CLOSE, (4001).to_bytes(2, "big") + b"token")
        client.send(frame((4001).to_bytes(2, "big"), CLOSE))
        assert await client.ended() == b""
        assert server.receiver.heard == [b"4001 token"]


class Aborting(Echo):
    """Cuts the connection at the first message."""

    def receive(self, data: bytes) -> None:
        self.heard.append(data)
        self.socket.abort()
        self.socket.send(b"after the abort")


async def test_an_abort_ends_the_connection_without_a_close_frame() -> None:
    """The rest of the read is not delivered either."""
    async with running(Aborting) as server, connect(server.url) as client:
        client.transport.write(frame(b"one") + frame(b"two") + frame(b"three", PING))

        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd is None
        assert server.receiver.heard == [b"one"]


async def end_by_close(client: RawClient, receiver: Echo) -> None:
    client.send(frame(b"", CLOSE))


async def end_by_half_close(client: RawClient, receiver: Echo) -> None:
    client.writer.write_eof()


async def end_by_reset(client: RawClient, receiver: Echo) -> None:
    client.writer.transport.abort()


async def end_by_error(client: RawClient, receiver: Echo) -> None:
    client.send(frame(b"x", rsv=1))
    await client.ended()
    client.writer.close()


async def end_by_abort(client: RawClient, receiver: Echo) -> None:
    receiver.socket.abort()


@pytest.mark.parametrize(
    "end", [end_by_close, end_by_half_close, end_by_reset, end_by_error, end_by_abort]
)
async def test_the_receiver_is_told_once_that_the_connection_is_lost(
    end: Callable[[RawClient, Echo], Awaitable[None]],
) -> None:
    """However a connection ends, its receiver hears of it once, and may still call its socket."""
    async with running() as server, raw_client(server.port) as client:
        receiver = server.receiver
        await end(client, receiver)
        await asyncio.wait_for(receiver.gone.wait(), 5)
        receiver.socket.send(b"too late")
        receiver.socket.close(1000)
        receiver.socket.abort()

        assert (receiver.losses, receiver.socket.buffered) == (1, 0)
    assert receiver.losses == 1


async def test_a_stopping_server_closes_with_1012() -> None:
    """A restart is announced by its code, to clients who answer and to those who do not."""
    async with running() as server, raw_client(server.port) as mute:
        async with connect(server.url) as client:
            server.server.should_exit = True

            with pytest.raises(ConnectionClosed) as ended:
                await client.recv()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1012
        assert await mute.close_code() == 1012
        mute.writer.close()


class Failing(Echo):
    """Fails, and quotes the message in doing so."""

    def receive(self, data: bytes) -> None:
        raise ValueError(data.decode())

    def lost(self) -> None:
        super().lost()
        raise ValueError("lost")


async def test_a_failing_receiver_closes_with_1011_and_the_log_does_not_quote_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names the class and the place of a mistake, never a message; the server goes on."""
    async with running(Failing) as server:
        async with raw_client(server.port) as client:
            client.send(frame(b"confidential"))
            assert await client.close_code() == 1011
        await asyncio.wait_for(server.receiver.gone.wait(), 5)
        async with raw_client(server.port) as client:
            client.send(frame(b"confidential"))
            assert await client.close_code() == 1011

    assert "ValueError" in caplog.text
    assert "raise ValueError" in caplog.text
    assert "confidential" not in caplog.text


async def test_neither_query_strings_nor_frames_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even a log that takes everything holds no token put into the address, and no message."""
    # By name too: a server that ran before may have left this logger quieter than the root.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "uvicorn.error"):
        async with running() as server, raw_client(server.port, "/?token=secret") as client:
            client.send(b"".join(fragments(b"confi", b"dential")))
            assert await client.frame() == (TEXT, b"confidential")

    assert "accepted" in caplog.text
    assert "secret" not in caplog.text
    assert "confi" not in caplog.text


class Pressed(Echo):
    """Notices when its client does not keep up."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        self.pressed = asyncio.Event()

    def receive(self, data: bytes) -> None:
        super().receive(data)
        if self.socket.buffered > DirectProtocol.write_buffer_bytes // 4:
            self.pressed.set()


async def test_a_client_that_pauses_gets_everything_when_it_reads_again() -> None:
    """While it takes nothing, nothing of what it says is taken either: neither side loses any."""
    texts = [b"%06d" % number * 1_000 for number in range(2_000)]
    async with running(Pressed) as server, raw_client(server.port) as client:
        receiver = server.receiver
        assert isinstance(receiver, Pressed)
        client.stop_reading()
        client.send(b"".join(map(frame, texts)))
        await asyncio.wait_for(receiver.pressed.wait(), 5)
        client.read_again()

        assert [(await client.frame())[1] for _ in texts] == texts
