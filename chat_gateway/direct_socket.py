"""The sending half of the direct protocol: one websocket connection as a `Socket`, with bounds.

Ready-made frames go to the transport, all of one turn of the event loop in one write: that is a
system call, and costs more than everything else that is done for a frame. What a client does not
take is bounded in bytes and in time, and every end of a connection has a deadline.
"""

import asyncio
import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.protocol import State
from websockets.server import ServerProtocol

from shared.contracts.errors import CloseCode
from shared.contracts.frames import Limits

library_logger = logging.getLogger("websockets.server")
"""Its own, so that what it tells of every connection can be turned down."""

FIN_TEXT = 0x81
SHORT_MAX = 125
"""The longest payload whose length fits the second byte of a frame."""
TCP = (socket.AF_INET, socket.AF_INET6)


def text_header(size: int) -> bytes:
    """The header of an unmasked, whole text frame with *size* bytes of payload."""
    if size <= SHORT_MAX:
        return bytes((FIN_TEXT, size))
    if size < 65_536:
        return bytes((FIN_TEXT, 126, size >> 8, size & 0xFF))
    return bytes((FIN_TEXT, 127)) + size.to_bytes(8, "big")


class DirectSocket(WebSocketsSansIOProtocol):
    """A uvicorn connection that is a `Socket` once its handshake is over.

    `close_sent`, uvicorn's own, says that nothing may be sent any more, for whatever reason.
    """

    message_bytes: ClassVar[int] = Limits().frame_bytes
    """The longest frame taken, and the longest message its fragments may add up to."""
    write_buffer_bytes: ClassVar[int] = 262_144
    """A client that lets more wait is too slow. At a quarter of it reading pauses."""
    stall_s: ClassVar[float] = 10.0
    """How long a paused write buffer may go without getting shorter."""
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
        self._finished = False
        """Nothing more is read: the closing handshake is over, has failed, or is not wanted."""
        self._stall_timer: asyncio.TimerHandle | None = None
        """Runs while writing is paused."""
        self._stalled_at = 0
        """How much was waiting when `_stall_timer` was set."""
        self._outgoing: list[bytes] = []
        """Headers and frames of this turn of the loop."""
        self._outgoing_bytes = 0

    def _library(self, state: State) -> ServerProtocol:
        library = ServerProtocol(state=state, max_size=self.message_bytes, logger=library_logger)
        library.debug = False  # it would log what frames say
        return library

    def connection_made(self, transport: BaseTransport) -> None:
        """Set the bounds of the transport."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.write_buffer_bytes // 4)
        stream: socket.socket | None = transport.get_extra_info("socket")
        if stream and stream.family in TCP and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Keepalive pings notice who does not answer; this notices who takes no more bytes.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self.user_timeout_ms)

    @property
    def buffered(self) -> int:
        """How many bytes wait for the client to take them; see `Socket`."""
        if self.disconnected:
            return 0
        return self._outgoing_bytes + self.transport.get_write_buffer_size()

    # uvicorn's own has the same name; the application gets it under the other.
    _asgi_send = WebSocketsSansIOProtocol.send

    def send(self, frame: bytes) -> None:  # type: ignore[override]  # the clash just named
        """Send a text frame; see `Socket`."""
        if self.close_sent:
            return
        # Below the mark at which writing pauses nobody needs to count.
        if self._stall_timer is not None and self.buffered > self.write_buffer_bytes:
            self.close(CloseCode.TOO_SLOW)
            return
        if not self._outgoing:
            self.loop.call_soon(self._flush)
        self._outgoing += (text_header(len(frame)), frame)
        self._outgoing_bytes += len(frame)
        if self._outgoing_bytes > self.write_buffer_bytes // 4:
            self._flush()  # the transport counts what it holds, and tells us to pause

    def _flush(self) -> None:
        """Write what was sent in this turn; nothing once the connection has ended."""
        if self._outgoing:
            outgoing, self._outgoing, self._outgoing_bytes = self._outgoing, [], 0
            if not self.disconnected:
                self.transport.write(b"".join(outgoing))

    def _write_from_library(self) -> None:
        """Write what `websockets` has to say, behind all that was sent before."""
        self._flush()
        self.transport.write(b"".join(self.conn.data_to_send()))

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and cut when the answer is late; see `Socket`."""
        if not self.close_sent:
            self.conn.send_close(code, reason)
            self.close_sent = True
            self._write_from_library()
            self._arm_close_timer()

    def abort(self) -> None:
        """Cut now; see `Socket`."""
        self._finished = self.close_sent = True
        self._outgoing.clear()
        self.transport.abort()

    def pause_writing(self) -> None:
        """Stop taking frames from a client that takes none, and watch whether it moves."""
        super().pause_writing()
        self.transport.pause_reading()
        self._watch()

    def resume_writing(self) -> None:
        """Stop watching."""
        super().resume_writing()
        self._stop_watching()

    def _stop_watching(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _watch(self) -> None:
        self._stalled_at = self.buffered
        self._stall_timer = self.loop.call_later(self.stall_s, self._check_progress)

    def _check_progress(self) -> None:
        if self.buffered < self._stalled_at:
            self._watch()
        else:
            self.abort()  # a close frame would wait behind all the rest

    def _fail(self, code: CloseCode) -> None:
        self.conn.fail(code)
        self._finish()

    def _finish(self) -> None:
        """Send the close frame of a failure; what still comes in is discarded."""
        self._finished = self.close_sent = True
        self._write_from_library()
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

    def eof_received(self) -> None:
        """Drop what is still to be sent: the transport closes once its buffer is empty."""
        self._finished = self.close_sent = True
        self._outgoing.clear()
        self._arm_close_timer()
