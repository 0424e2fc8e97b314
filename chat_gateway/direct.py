"""The uvicorn websocket protocol that hands whole text frames straight to a receiver.

`uvicorn.Config(ws=DirectProtocol)`. An endpoint accepts the handshake as on any ASGI server, then
calls `chat_gateway.socket.serve`, which finds `attach` here. From then on a read of the socket is
cut into frames: whole, unfragmented text goes to the receiver in the same call, everything else
goes, frame by frame, through `websockets`, so RFC 6455 stays its job.

    bytes ─▶ data_received ─▶ frames ─┬─ whole text ─▶ receiver.receive
                                      └─ others ─▶ websockets ─▶ pong, close, fragments, errors

The library only ever gets whole frames, or one that it refuses at the header. So between two
frames its parser is always between two frames as well, and either way may take the next one.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from chat_gateway.direct_socket import FIN_TEXT, SHORT_MAX, DirectSocket
from chat_gateway.socket import EXTENSION, MakeReceiver, Receiver, log_failure
from shared.contracts.errors import CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # no wheel for this platform
    from websockets.utils import apply_mask

MASKED = 0x80
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def measure(data: bytes, start: int) -> tuple[int, int]:
    """Where the payload and the end of the masked frame at *start* lie; two bytes must be there.

    Of a frame whose length is cut off, both are the end of its header: behind *data*.
    """
    size = data[start + 1] & 0x7F
    if size <= SHORT_MAX:
        return start + 6, start + 6 + size
    length_end = start + (4 if size == SHORT_MAX + 1 else 10)
    body = length_end + 4
    if len(data) < length_end:
        return body, body
    return body, body + int.from_bytes(data[start + 2 : length_end], "big")


class DirectProtocol(DirectSocket):
    """One websocket connection, cut into frames and handed to a receiver without an `await`.

    Nothing is read between the handshake and `attach`, so an endpoint served by this class must
    attach (or refuse the handshake). Compression is off whatever the configuration says, and the
    query string is kept from the application and its logs: nothing of ours stands there, and a
    token somebody puts there by mistake must not be written down.

    A subclass may set other limits.
    """

    fragments: ClassVar[int] = 64
    """The most fragments of one message: empty ones add up to nothing."""
    pings: ClassVar[int] = 100
    """How many pings and pongs may come at once, and after that within `pings_s`."""
    pings_s: ClassVar[float] = 10.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._receiver: Receiver | None = None
        self._partial = bytearray()
        """What was read but not taken: the start of a frame, or all while writing is paused."""
        self._needed = 0
        """How many bytes `_partial` must hold before another look at it is worth while."""
        self._pings_until = 0.0
        """When all pings so far will be forgotten, on the loop's clock."""

    # The handshake, which stays uvicorn's.

    def handle_connect(self, event: Request) -> None:
        """Start the application, and read nothing before it has attached."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["query_string"] = b""
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self
            self.transport.pause_reading()

    def _reject(self) -> None:
        """End what the library takes for no handshake: a body, another method, a line too long.

        It is handed over whole, so nothing more is to come. uvicorn would wait for it for ever.
        """
        self.transport.write(b"".join(self.conn.data_to_send()) or BAD_REQUEST)
        self.transport.close()

    async def run_asgi(self) -> None:
        """Run the application; the connection outlives it once it has attached."""
        try:
            await self.app(self.scope, self.receive, self._asgi_send)
        except ClientDisconnected:
            pass
        except Exception as error:
            log_failure(error)
            if self._receiver is not None:
                self.close(CloseCode.INTERNAL_ERROR)
        finally:
            if self._receiver is None:
                self.send_500_response()  # only where there was no answer to the handshake
                self.transport.close()

    def attach(self, make_receiver: MakeReceiver) -> None:
        """Hand everything that is read from here on to the receiver made for this socket.

        Call it once, after the handshake was accepted; the ASGI channel is dead from then on.
        """
        self.close_sent = self.conn.state is not State.OPEN  # the server may be shutting down
        # The old one's parser keeps the request, headers and all. A connection that may be idle
        # for hours keeps nothing of the handshake, and not the queue it never uses.
        self.conn = self._library(State.OPEN)
        receiver = make_receiver(self)
        del self.scope, self.request, self.response, self.queue
        self._receiver = receiver
        if self.disconnected:
            self._tell_lost()
        else:
            self.transport.resume_reading()

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Take a read of the socket, of any length and cut anywhere."""
        if self._receiver is None:
            super().data_received(data)
            if not self.handshake_initiated:
                self._reject()
        elif not self._finished:
            if self._partial:
                self._partial += data
                if len(self._partial) < self._needed:
                    return
                data = self._take_partial()
            self._take(data)

    def _take_partial(self) -> bytes:
        partial, self._partial = self._partial, bytearray()
        return bytes(partial)

    def _take(self, data: bytes) -> None:
        """Take the frames that *data* begins with, and keep the rest."""
        start, end, total = 0, 0, len(data)
        while total - start >= 2 and not self._finished and self._stall_timer is None:
            body, end = measure(data, start)
            if data[start + 1] < MASKED or end - body > self.message_bytes:
                self._ask_library(data[start:])  # refused at the header, so it need not be whole
                return
            if end > total:
                break
            if data[start] == FIN_TEXT and not self.close_sent and self.conn.current_size is None:
                self._take_text(apply_mask(data[body:end], data[body - 4 : body]))
            else:
                self._ask_library(data[start:end])
            start = end
        if start < total and not self._finished:
            self._partial += data[start:]
            self._needed = end - start

    def _take_text(self, payload: bytes) -> None:
        assert self._receiver is not None
        if not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA)
                return
        try:
            self._receiver.receive(payload)
        except Exception as error:
            log_failure(error)
            self.close(CloseCode.INTERNAL_ERROR)

    def _ask_library(self, frame: bytes) -> None:
        """Let `websockets` judge a whole frame, or one that it refuses at the header."""
        if frame[0] & 0x0F == Opcode.CLOSE:
            # It may stand between fragments; the library would take that for a broken message.
            self.conn.current_size = None
        self.conn.receive_data(frame)
        if self.conn.parser_exc is not None:
            self._finish()
            return
        # Frames are taken only while few bytes wait, so pongs need no check against the cap.
        self._write_from_library()
        for event in self.conn.events_received():
            assert isinstance(event, Frame)  # only a handshake has other events
            self._take_frame(event)

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._finished = self.close_sent = True
            self.transport.close()
            self._arm_close_timer()
        elif self.close_sent:
            pass  # whoever has closed is not interested in what was under way
        elif frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA)
        elif frame.opcode is Opcode.PING:  # the library has answered it
            self._count_ping()
        elif frame.opcode is Opcode.PONG:
            self.handle_pong(frame)
            self._count_ping()
        else:
            self._take_fragment(frame)

    def _count_ping(self) -> None:
        now = self.loop.time()
        self._pings_until = max(now, self._pings_until) + self.pings_s / self.pings
        if self._pings_until > now + self.pings_s:
            self._fail(CloseCode.POLICY_VIOLATION)

    def _take_fragment(self, frame: Frame) -> None:
        self.frames.append(bytes(frame.data))
        if len(self.frames) > self.fragments:
            self._fail(CloseCode.POLICY_VIOLATION)
        elif frame.fin:
            payload, self.frames = b"".join(self.frames), []
            self._take_text(payload)

    def resume_writing(self) -> None:
        """Go on with what was read before the pause, then with reading."""
        super().resume_writing()
        if self._receiver is not None and not self._finished:
            self._take(self._take_partial())
            if self._stall_timer is None:
                self.transport.resume_reading()

    # The end.

    def shutdown(self) -> None:
        """Close for a restart of the server."""
        if self._receiver is None:
            super().shutdown()
        else:
            self.stop_keepalive()
            self.close(CloseCode.SERVICE_RESTART)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every timer and tell the receiver."""
        self._stop_watching()
        if self._receiver is None:
            super().connection_lost(exc)
            return
        self._finished = self.close_sent = self.disconnected = True
        self._outgoing.clear()
        self.stop_keepalive()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.connections.discard(self)
        self._tell_lost()

    def _tell_lost(self) -> None:
        receiver, self._receiver = self._receiver, None
        assert receiver is not None
        try:
            receiver.lost()
        except Exception as error:
            log_failure(error)
