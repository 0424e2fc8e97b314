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
import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from chat_gateway.socket import EXTENSION, INTERNAL_ERROR, MakeReceiver, Receiver, log_failure
from shared.contracts.errors import CloseCode
from shared.contracts.frames import Limits

try:
    from websockets.speedups import apply_mask
except ImportError:  # no wheel for this platform
    from websockets.utils import apply_mask

FIN_TEXT = 0x81
MASKED = 0x80
TCP = (socket.AF_INET, socket.AF_INET6)
SHORT_MAX = 125
"""The longest payload whose length fits the second byte of a frame."""

logger = logging.getLogger("order_chat.gateway")


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


def text_header(size: int) -> bytes:
    """The header of an unmasked, whole text frame with *size* bytes of payload."""
    if size <= SHORT_MAX:
        return bytes((FIN_TEXT, size))
    if size < 65_536:
        return bytes((FIN_TEXT, 126, size >> 8, size & 0xFF))
    return bytes((FIN_TEXT, 127)) + size.to_bytes(8, "big")


class DirectProtocol(WebSocketsSansIOProtocol):
    """One websocket connection; after `attach` a `Socket` without task, queue or `await`.

    Nothing is read between the handshake and `attach`, so an endpoint served by this class must
    attach (or refuse the handshake). Compression is off whatever the configuration says, and the
    query string is kept from the application and its logs: nothing of ours stands there, and a
    token somebody puts there by mistake must not be written down.

    A subclass may set other limits.
    """

    message_bytes: ClassVar[int] = Limits().frame_bytes
    """The longest frame, and the longest message its fragments may add up to."""
    fragments: ClassVar[int] = 64
    """The most fragments of one message: empty ones add up to nothing."""
    write_buffer_bytes: ClassVar[int] = 262_144
    """A client that lets more wait is too slow. At a quarter of it reading pauses."""
    stall_s: ClassVar[float] = 10.0
    """How long a paused write buffer may stand still before the connection is cut."""
    close_s: ClassVar[float] = 5.0
    """How long the end of a connection may take once a close frame was sent."""
    user_timeout_ms: ClassVar[int] = 20_000
    """How long sent bytes may stay unacknowledged by the client's kernel."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = self._library(State.CONNECTING)
        self._receiver: Receiver | None = None
        self._finished = False
        """Nothing more is read: the closing handshake is over, has failed, or is not wanted."""
        self._partial = bytearray()
        """What was read but not taken: the start of a frame, or all while writing is paused."""
        self._needed = 0
        """How many bytes `_partial` must hold before another look at it is worth while."""
        self._stall_timer: asyncio.TimerHandle | None = None
        """Runs while writing is paused."""
        self._stalled_at = 0
        """How much was waiting when `_stall_timer` was set."""

    def _library(self, state: State) -> ServerProtocol:
        library = ServerProtocol(state=state, max_size=self.message_bytes, logger=logger)
        library.debug = False  # it would log what frames say
        return library

    # The handshake, which stays uvicorn's.

    def connection_made(self, transport: BaseTransport) -> None:
        """Set the bounds of the transport."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.write_buffer_bytes // 4)
        stream: socket.socket | None = transport.get_extra_info("socket")
        if stream and stream.family in TCP and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Keepalive pings notice who does not answer; this notices who takes no more bytes.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self.user_timeout_ms)

    def handle_connect(self, event: Request) -> None:
        """Start the application, and read nothing before it has attached."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["query_string"] = b""
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment] # uvicorn types its own extensions only
            self.transport.pause_reading()

    async def run_asgi(self) -> None:
        """Run the application; the connection outlives it once it has attached."""
        try:
            await self.app(self.scope, self.receive, super().send)
        except ClientDisconnected:
            pass
        except Exception as error:
            log_failure(error)
            if self._receiver is not None:
                self.close(INTERNAL_ERROR)
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
        start, end, total = 0, 2, len(data)
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
            start, end = end, end + 2
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
            self.close(INTERNAL_ERROR)

    def _ask_library(self, frame: bytes) -> None:
        """Let `websockets` judge a whole frame, or one that it refuses at the header."""
        self.conn.receive_data(frame)
        if self.conn.parser_exc is not None:
            self._finish()
            return
        if answer := b"".join(self.conn.data_to_send()):
            self._write(answer)
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
        elif frame.opcode is Opcode.PONG:
            self.handle_pong(frame)
        elif frame.opcode is not Opcode.PING:  # the library has answered that
            self._take_fragment(frame)

    def _take_fragment(self, frame: Frame) -> None:
        self.frames.append(bytes(frame.data))
        if len(self.frames) > self.fragments:
            self._fail(CloseCode.POLICY_VIOLATION)
        elif frame.fin:
            payload, self.frames = b"".join(self.frames), []
            self._take_text(payload)

    # Writing.

    @property
    def buffered(self) -> int:
        """How many bytes wait for the client to take them; see `Socket`."""
        return 0 if self.disconnected else self.transport.get_write_buffer_size()

    # ASGI's `send` has the same name; `run_asgi` gives that one to the application.
    def send(self, frame: bytes) -> None:  # type: ignore[override]  # the clash just named
        """Send a text frame; see `Socket`."""
        if not self.close_sent:
            self._write(text_header(len(frame)) + frame)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and cut when the answer is late; see `Socket`."""
        if not self.close_sent:
            self.conn.send_close(code, reason)
            self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self._arm_close_timer()

    def abort(self) -> None:
        """Cut now; see `Socket`."""
        self._finished = self.close_sent = True
        self.transport.abort()

    def pause_writing(self) -> None:
        """Stop taking frames from a client that takes none, and watch whether it moves."""
        super().pause_writing()
        self.transport.pause_reading()
        self._watch()

    def resume_writing(self) -> None:
        """Go on with what was read before the pause, then with reading."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._receiver is not None and not self._finished:
            self._take(self._take_partial())
            if self._stall_timer is None:
                self.transport.resume_reading()

    def _write(self, data: bytes) -> None:
        # Below the mark at which writing pauses nobody needs to count.
        if self._stall_timer is not None and self.buffered > self.write_buffer_bytes:
            self.close(CloseCode.TOO_SLOW)
        else:
            self.transport.write(data)

    def _watch(self) -> None:
        self._stalled_at = self.buffered
        self._stall_timer = self.loop.call_later(self.stall_s, self._check_progress)

    def _check_progress(self) -> None:
        if self.buffered < self._stalled_at:
            self._watch()
        else:
            self.abort()  # a close frame would wait behind all the rest

    # The end.

    def _fail(self, code: CloseCode) -> None:
        self.conn.fail(code)
        self._finish()

    def _finish(self) -> None:
        """Send the close frame of a failure; what still comes in is discarded."""
        self._finished = self.close_sent = True
        self._partial.clear()
        self.transport.write(b"".join(self.conn.data_to_send()))
        # To close with unread bytes resets the connection, and the client may never see the code.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        self._arm_close_timer()

    def _arm_close_timer(self) -> None:
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_s, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Cut a connection whose client did not answer a ping."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self._stall_timer is not None:
            self.schedule_ping()  # its pong may wait behind paused reading
        elif not self.close_sent:
            self.abort()

    def shutdown(self) -> None:
        """Close for a restart of the server."""
        if self._receiver is None:
            super().shutdown()
        else:
            self.stop_keepalive()
            self.close(CloseCode.SERVICE_RESTART)

    def eof_received(self) -> None:
        """Drop what is still to be sent: the transport closes once its buffer is empty."""
        self._finished = self.close_sent = True
        self._arm_close_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every timer and tell the receiver."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._receiver is None:
            super().connection_lost(exc)
            return
        self._finished = self.close_sent = self.disconnected = True
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
