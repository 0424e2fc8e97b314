"""A client's connection as a session sees it, and the loop that drives it on any ASGI server.

`chat_gateway.direct` does the same without task, queue and `await`, where uvicorn runs with it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from shared.contracts.errors import CloseCode
from shared.contracts.frames import Limits

EXTENSION = "order_chat.direct"
"""Key of `scope["extensions"]` under which a server offers to be attached to."""

logger = logging.getLogger("order_chat.gateway")


class Socket(Protocol):
    """The sending side of one connection. All of it may be called even after the end."""

    @property
    def buffered(self) -> int:
        """How many bytes wait for the client to take them."""

    def send(self, frame: bytes) -> None:
        """Send *frame*, UTF-8 text. Silently dropped once the connection closes or is lost.

        A client that lets more than the cap wait is closed with `TOO_SLOW`, so what waits is never
        more than the cap and one frame.
        """

    def close(self, code: int, reason: str = "") -> None:
        """Send the close frame, wait some seconds for the client's, then cut.

        *code* is one a close frame may carry; *reason* at most 123 bytes. Later calls do nothing.
        """

    def abort(self) -> None:
        """Cut now; what waits is dropped."""


class Receiver(Protocol):
    """The receiving side of one connection. Both methods are called on the event loop."""

    def receive(self, data: bytes) -> None:
        """Take one whole text message, valid UTF-8. Never called after a close.

        What it raises closes the connection with 1011.
        """

    def lost(self) -> None:
        """The connection is gone, for whatever reason. Called exactly once, as the last thing."""


MakeReceiver = Callable[[Socket], Receiver]


class Attachable(Protocol):
    """A server's own protocol object that takes a receiver without an ASGI loop between."""

    def attach(self, make_receiver: MakeReceiver) -> None:
        """Hand the accepted connection over; the endpoint may return at once."""


class ConnectionFailed(Exception):
    """Stands in the log for another exception: its class and place, without its text."""


def log_failure(error: Exception) -> None:
    """Log where *error* comes from. Its own text is left out, because it may quote a message."""
    shown = ConnectionFailed(type(error).__name__).with_traceback(error.__traceback__)
    name = type(error).__name__
    logger.error("a connection failed on our side", exc_info=shown, extra={"error": name})


async def serve(websocket: WebSocket, make_receiver: MakeReceiver) -> None:
    """Connect an accepted *websocket* with the receiver made for its socket.

    Returns at once where the server can be attached to, else when the connection has ended.
    """
    direct: Attachable | None = websocket.scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.attach(make_receiver)
    else:
        await AsgiSocket(websocket).run(make_receiver)


class AsgiSocket:
    """The socket of an accepted websocket on any ASGI server: two tasks and a bounded queue."""

    message_bytes: ClassVar[int] = Limits().frame_bytes
    write_buffer_bytes: ClassVar[int] = 262_144
    stall_s: ClassVar[float] = 10.0
    """How long the server may take over one frame before the client counts as gone."""
    close_s: ClassVar[float] = 5.0
    """How long the client may take over what waits at a close, and again to answer it."""

    def __init__(self, websocket: WebSocket) -> None:
        self.buffered = 0
        self._websocket = websocket
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._close: tuple[int, str] | None = None
        """The close frame to send after what waits, null until asked for and after an abort."""

    def send(self, frame: bytes) -> None:
        """Queue *frame*; see `Socket`."""
        if self._ended:
            return
        if self.buffered > self.write_buffer_bytes:
            self.close(CloseCode.TOO_SLOW)
            return
        self._waiting.append(frame)
        self.buffered += len(frame)
        self._wake.set()

    def close(self, code: int, reason: str = "") -> None:
        """Queue the close frame behind what waits; see `Socket`."""
        if not self._ended:
            self._ended = True
            self._close = code, reason
            self._wake.set()

    def abort(self) -> None:
        """End without a close frame; the server then cuts the connection."""
        self._ended = True
        self._close = None
        self._waiting.clear()
        self.buffered = 0
        self._wake.set()

    async def run(self, make_receiver: MakeReceiver) -> None:
        """Drive both directions until the connection has ended, then tell the receiver."""
        receiver = make_receiver(self)
        reading = asyncio.create_task(self._read(receiver))
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            # Without a close frame sent there is no answer to wait for.
            await asyncio.wait({reading}, timeout=self.close_s if self._close else 0)
        finally:
            self.abort()
            reading.cancel()
            writing.cancel()
            # Before the next await, which a cancelled endpoint never gets past.
            try:
                receiver.lost()
            except Exception as error:
                log_failure(error)
            for outcome in await asyncio.gather(reading, writing, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log_failure(outcome)

    async def _read(self, receiver: Receiver) -> None:
        while (message := await self._websocket.receive())["type"] == "websocket.receive":
            if not self._ended:
                self._take(receiver, message)

    def _take(self, receiver: Receiver, message: Any) -> None:
        text = message.get("text")
        if text is None:
            self.close(CloseCode.UNSUPPORTED_DATA)
            return
        data = text.encode()
        if len(data) > self.message_bytes:
            self.close(CloseCode.TOO_BIG)
            return
        try:
            receiver.receive(data)
        except Exception as error:
            log_failure(error)
            self.close(CloseCode.INTERNAL_ERROR)

    async def _write(self) -> None:
        try:
            while not self._ended:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting and not self._ended:
                    await self._send_next()
            async with asyncio.timeout(self.close_s):
                while self._waiting:
                    await self._send_next()
                if self._close is not None:
                    await self._websocket.close(*self._close)
        except (TimeoutError, WebSocketDisconnect, WebSocketDisconnected):
            # The client takes nothing more: no close frame would reach it either.
            self.abort()

    async def _send_next(self) -> None:
        frame = self._waiting.popleft()
        async with asyncio.timeout(self.stall_s):
            await self._websocket.send_text(frame.decode())
        # An abort meanwhile has set the count to zero already.
        self.buffered = max(0, self.buffered - len(frame))
