"""The sending half of the direct protocol: one websocket connection as a `Socket`, with bounds.

Ready-made frames go to the transport, all of one turn of the event loop in one write: that is a
system call, and costs more than everything else that is done for a frame. What a client does not
take is bounded in bytes and in time, and every end of a connection has a deadline.
"""

import asyncio
import logging
import socket
import struct
from typing import Any, ClassVar, Final, NamedTuple

from websockets.protocol import State
from websockets.server import ServerProtocol

from chat_gateway.keepalive import Keepalive
from chat_gateway.socket import log_failure
from shared.contracts.errors import CloseCode
from shared.contracts.frames import Limits

library_logger = logging.getLogger("websockets.server")
"""Its own, so that what it tells of every connection can be turned down."""

FIN_TEXT: Final = 0x81
PING: Final = b"\x89\x00"
"""A ping frame without payload, whole."""
SHORT_MAX: Final = 125
"""The longest payload whose length fits the second byte of a frame."""
TCP: Final = (socket.AF_INET, socket.AF_INET6)
_HEADER: Final = struct.Struct("!BBH").pack
_LONG_HEADER: Final = struct.Struct("!BBQ").pack


def text_header(size: int) -> bytes:
    """The header of an unmasked, whole text frame with *size* bytes of payload."""
    if size <= SHORT_MAX:
        return bytes((FIN_TEXT, size))
    if size < 65_536:
        return _HEADER(FIN_TEXT, 126, size)
    return _LONG_HEADER(FIN_TEXT, 127, size)


def library(state: State, message_bytes: int) -> ServerProtocol:
    """The library's side of a connection that has come so far, without compression."""
    made = ServerProtocol(state=state, max_size=message_bytes, logger=library_logger)
    made.debug = False  # it would log what frames say
    return made


class Turn:
    """The connections of one event loop that something was sent to in this turn of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[DirectSocket] = []
        self._frame: bytes | None = None
        self._wired = b""

    def wire(self, frame: bytes) -> bytes:
        """A text frame with its header. All members of an order get the same one, one after the
        other: it is made once for them."""
        if frame is not self._frame:
            self._frame, self._wired = frame, text_header(len(frame)) + frame
        return self._wired

    def add(self, connection: "DirectSocket") -> None:
        """Flush a connection at the turn's end. One call-back for all: one each costs more than
        what it does."""
        if not self._waiting:
            self._loop.call_soon(self._end)
        self._waiting.append(connection)

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            try:
                connection.flush()
            except Exception as error:
                log_failure(error)


class Shared(NamedTuple):
    """What all connections of a server have in common."""

    loop: asyncio.AbstractEventLoop
    turn: Turn
    connections: set[Any]
    """All that the server says `shutdown` to."""
    keepalive: Keepalive | None


class DirectSocket(asyncio.Protocol):
    """What is sent over a connection whose handshake is over.

    `close_sent` says that nothing may be sent any more, for whatever reason.
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

    # Thousands of these are idle at a time: no dictionary each, and nothing that is not used yet.
    __slots__ = (
        "_close_timer",
        "_finished",
        "_library",
        "_lost",
        "_outgoing",
        "_outgoing_bytes",
        "_pinged",
        "_shared",
        "_stall_timer",
        "_stalled_at",
        "_transport",
        "close_sent",
    )

    def __init__(self, transport: asyncio.Transport, shared: Shared, *, closing: bool) -> None:
        """*closing*: the server has said `shutdown` already."""
        self._transport = transport
        self._shared = shared
        self.close_sent = closing
        self._finished = False
        """Nothing more is read: the closing handshake is over, has failed, or is not wanted."""
        self._lost = False
        self._library: ServerProtocol | None = None
        """There while a message in fragments or the closing handshake is under way."""
        self._outgoing: list[bytes] | None = None
        """What was sent in this turn of the loop, headers included."""
        self._outgoing_bytes = 0
        self._pinged = False
        """A ping was sent, and nothing came since that answers it."""
        self._stall_timer: asyncio.TimerHandle | None = None
        """Runs while writing is paused."""
        self._stalled_at = 0
        """How much was waiting when `_stall_timer` was set."""
        self._close_timer: asyncio.TimerHandle | None = None

    @classmethod
    def bound(cls, transport: asyncio.Transport) -> None:
        """Set the bounds of a transport that was just made."""
        transport.set_write_buffer_limits(high=cls.write_buffer_bytes // 4)
        stream: socket.socket | None = transport.get_extra_info("socket")
        if stream and stream.family in TCP and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Keepalive pings notice who does not answer; this notices who takes no more bytes.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, cls.user_timeout_ms)

    @property
    def buffered(self) -> int:
        """How many bytes wait for the client to take them; see `Socket`."""
        if self._lost:
            return 0
        return self._outgoing_bytes + self._transport.get_write_buffer_size()

    def send(self, frame: bytes) -> None:
        """Send a text frame; see `Socket`."""
        if self.close_sent:
            return
        # Below the mark at which writing pauses nobody needs to count.
        if self._stall_timer is not None and self.buffered > self.write_buffer_bytes:
            self.close(CloseCode.TOO_SLOW)
            return
        turn = self._shared.turn
        if self._outgoing is None:
            self._outgoing = []
            turn.add(self)
        wired = turn.wire(frame)
        self._outgoing.append(wired)
        self._outgoing_bytes += len(wired)
        if self._outgoing_bytes > self.write_buffer_bytes // 4:
            self.flush()  # the transport counts what it holds, and tells us to pause

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and cut when the answer is late; see `Socket`."""
        if not self.close_sent:
            self._ask().send_close(code, reason)
            self.close_sent = True
            self._write_from_library()
            self._arm_close_timer()

    def abort(self) -> None:
        """Cut now; see `Socket`."""
        self._end_sending()
        self._transport.abort()

    def shutdown(self) -> None:
        """Close for a restart of the server."""
        self.close(CloseCode.SERVICE_RESTART)

    def pause_writing(self) -> None:
        """Stop taking frames from a client that takes none, and watch whether it moves."""
        self._transport.pause_reading()
        self._watch()

    def resume_writing(self) -> None:
        """Stop watching."""
        self._stop_watching()

    def ping(self) -> None:
        """Send a ping, or cut a connection whose client did not answer the last one."""
        if self.close_sent:
            return
        if self._pinged and self._stall_timer is None:  # else its pong waits behind paused reading
            self.abort()
        else:
            self._pinged = True
            self._transport.write(PING)

    def eof_received(self) -> None:
        """Drop what is still to be sent: the transport closes once its buffer is empty."""
        self._end_sending()
        self._arm_close_timer()

    def _ask(self) -> ServerProtocol:
        """The library, between two frames of an open connection if it was not asked before."""
        if self._library is None:
            self._library = library(State.OPEN, self.message_bytes)
        return self._library

    def flush(self) -> None:
        """Write what was sent in this turn."""
        if self._outgoing is not None:
            outgoing, self._outgoing, self._outgoing_bytes = self._outgoing, None, 0
            self._transport.write(b"".join(outgoing))

    def _write_from_library(self) -> None:
        """Write what `websockets` has to say, behind all that was sent before."""
        self.flush()
        self._transport.write(b"".join(self._ask().data_to_send()))

    def _end_sending(self) -> None:
        """Nothing is sent or read any more."""
        self._finished = self.close_sent = True
        self._outgoing, self._outgoing_bytes = None, 0

    def _stop_watching(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _watch(self) -> None:
        self._stalled_at = self.buffered
        self._stall_timer = self._shared.loop.call_later(self.stall_s, self._check_progress)

    def _check_progress(self) -> None:
        if self.buffered < self._stalled_at:
            self._watch()
        else:
            self.abort()  # a close frame would wait behind all the rest

    def _fail(self, code: CloseCode) -> None:
        self._ask().fail(code)
        self._finish()

    def _finish(self) -> None:
        """Send the close frame of a failure; what still comes in is discarded."""
        self._write_from_library()
        self._end_sending()
        # To close with unread bytes resets the connection, and the client may never see the code.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
        self._arm_close_timer()

    def _arm_close_timer(self) -> None:
        if self._close_timer is None:
            cut = self._transport.abort
            self._close_timer = self._shared.loop.call_later(self.close_s, cut)
