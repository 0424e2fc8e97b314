"""The same endpoint on a server that knows nothing of the direct protocol."""

import asyncio
import logging
import warnings
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.exceptions import StarletteDeprecationWarning
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat_gateway.socket import AsgiSocket, Socket
from tests.chat_gateway.echo import Echo, echo_app, running

with warnings.catch_warnings():
    # It asks for another HTTP client than ours; what is used here is websockets alone.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from starlette.testclient import TestClient


def test_text_comes_back_through_the_test_client() -> None:
    """An application's own tests need no server."""
    receivers: list[Echo] = []
    with TestClient(echo_app(receivers)).websocket_connect("/") as client:
        client.send_text("héllo")
        client.send_text("")

        assert [client.receive_text(), client.receive_text()] == ["héllo", ""]
    assert receivers[0].losses == 1


def test_a_binary_frame_ends_with_1003() -> None:
    """Binary never reaches the receiver."""
    receivers: list[Echo] = []
    with TestClient(echo_app(receivers)).websocket_connect("/") as client:
        client.send_bytes(b"x")

        assert client.receive()["code"] == 1003
    assert receivers[0].heard == []


def test_text_over_the_limit_ends_with_1009() -> None:
    """The limit is ours, whatever the server allows."""
    with TestClient(echo_app([])).websocket_connect("/") as client:
        client.send_text("x" * (AsgiSocket.message_bytes + 1))

        assert client.receive()["code"] == 1009


class Failing(Echo):
    """Fails, and quotes the message in doing so."""

    def receive(self, data: bytes) -> None:
        raise ValueError(data.decode())

    def lost(self) -> None:
        super().lost()
        raise ValueError("lost")


def test_a_failing_receiver_ends_with_1011_and_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names the class of the mistake, never the message."""
    with (
        caplog.at_level(logging.INFO),
        TestClient(echo_app([], Failing)).websocket_connect("/") as client,
    ):
        client.send_text("confidential")

        assert client.receive()["code"] == 1011
    assert "ValueError" in caplog.text
    assert "confidential" not in caplog.text


class Closing(Echo):
    """Says one more thing, then closes."""

    def receive(self, data: bytes) -> None:
        super().receive(data)
        self.socket.close(4001, "token")
        self.socket.close(1008)
        self.socket.send(b"after the close")


async def test_frames_sent_before_a_close_arrive_before_it() -> None:
    """Only the first close counts, and nothing follows it."""
    async with running(Closing, "websockets-sansio") as server, connect(server.url) as client:
        await client.send("x")

        assert await client.recv() == "x"
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4001, "token")
        await asyncio.wait_for(server.receiver.gone.wait(), 5)


class Greeting(Echo):
    """Speaks first, and hangs up, before it is even attached."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        socket.send(b"go away")
        socket.close(4003)


async def test_a_receiver_may_speak_and_close_while_it_is_made() -> None:
    """What is sent in the constructor arrives."""
    async with running(Greeting, "websockets-sansio") as server, connect(server.url) as client:
        assert await client.recv() == "go away"


class Patience(AsgiSocket):
    """The deadlines turned down."""

    stall_s = 0.05
    close_s = 0.05


class Stuck:
    """The ASGI channel of a client that neither says nor takes anything."""

    def __init__(self) -> None:
        self.sent: list[MutableMapping[str, Any]] = []
        self.connected = False

    async def receive(self) -> MutableMapping[str, Any]:
        if not self.connected:
            self.connected = True
            return {"type": "websocket.connect"}
        await asyncio.Event().wait()
        raise AssertionError("never said")

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    async def run(self, receivers: list[Echo], kind: type[Echo]) -> None:
        """Accept, and drive a socket on this channel until it has ended."""
        websocket = WebSocket({"type": "websocket", "headers": []}, self.receive, self.send)
        await websocket.accept()

        def make(socket: Socket) -> Echo:
            receivers.append(kind(socket))
            return receivers[-1]

        await asyncio.wait_for(Patience(websocket).run(make), 2)


class Flooding(Echo):
    """Sends far more than the cap."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        self.most = 0
        for _ in range(400):
            socket.send(b"x" * 1_000)
            self.most = max(self.most, socket.buffered)


async def test_what_waits_for_a_stuck_client_is_bounded_and_ends() -> None:
    """The cap holds, the deadline cuts, the receiver is told."""
    receivers: list[Echo] = []
    await Stuck().run(receivers, Flooding)
    (receiver,) = receivers

    assert isinstance(receiver, Flooding)
    assert receiver.most <= AsgiSocket.write_buffer_bytes + 1_000
    assert (receiver.losses, receiver.socket.buffered) == (1, 0)


class Leaving(Echo):
    """Closes at once."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        socket.close(1000)


async def test_a_close_that_is_not_answered_ends_by_its_deadline() -> None:
    """The client has some time to answer, not for ever."""
    receivers: list[Echo] = []
    channel = Stuck()
    await channel.run(receivers, Leaving)

    assert channel.sent[-1]["code"] == 1000
    assert receivers[0].losses == 1


class Cutting(Echo):
    """Aborts at once."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(socket)
        socket.send(b"x")
        socket.abort()


async def test_an_abort_sends_nothing_more() -> None:
    """Neither what waited nor a close frame."""
    receivers: list[Echo] = []
    channel = Stuck()
    await channel.run(receivers, Cutting)

    assert [message["type"] for message in channel.sent] == ["websocket.accept"]
    assert receivers[0].losses == 1


def test_a_client_that_leaves_is_reported_once() -> None:
    """The receiver hears of the end of the connection."""
    receivers: list[Echo] = []
    with TestClient(echo_app(receivers)).websocket_connect("/") as client:
        client.close(1001)

    assert receivers[0].losses == 1
