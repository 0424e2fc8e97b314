"""The protocol that hands whole text frames of a websocket straight to a receiver.

`chat_gateway.direct_handshake` makes one of it once a handshake is over. From then on a read of the
socket is cut into frames: whole, unfragmented text goes to the receiver in the same call,
everything else goes, frame by frame, through `websockets`, so RFC 6455 stays its job.

    bytes ─▶ data_received ─▶ frames ─┬─ whole text ─▶ receiver.receive
                                      └─ others ─▶ websockets ─▶ pong, close, fragments, errors

The library only ever gets whole frames, or one that it refuses at the header. So between two
frames its parser is always between two frames as well, either way may take the next one, and a new
library knows as much as one that has been there from the start.
"""

import asyncio
from typing import ClassVar

from websockets.frames import Frame, Opcode
from websockets.protocol import State

from chat_gateway.direct_socket import FIN_TEXT, SHORT_MAX, DirectSocket, Shared
from chat_gateway.socket import Receiver, log_failure
from shared.contracts.errors import CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # no wheel for this platform
    from websockets.utils import apply_mask

MASKED = 0x80


def measure(data: bytes, start: int) -> tuple[int, int]:
    """Where the payload and the end of the masked frame at *start* lie; two bytes must be there.

    Of a frame whose length is cut off, both are the end of its header: behind *data*.
    """
    size = data[start + 1] & 0x7F
    if size <= SHORT_MAX:
        return start + 6, start + 6 + size
    short = size == SHORT_MAX + 1
    body = start + (8 if short else 14)
    if len(data) < body - 4:
        return body, body
    if short:  # nearly always
        return body, body + (data[start + 2] << 8 | data[start + 3])
    return body, body + int.from_bytes(data[start + 2 : start + 10], "big")


class DirectProtocol(DirectSocket):
    """One websocket connection, cut into frames and handed to a receiver without an `await`.

    A subclass may set other limits.
    """

    fragments: ClassVar[int] = 64
    """The most fragments of one message: empty ones add up to nothing."""
    pings: ClassVar[int] = 100
    """How many pings and pongs may come at once, and after that within `pings_s`."""
    pings_s: ClassVar[float] = 10.0

    __slots__ = ("_fragments", "_needed", "_partial", "_pings_until", "_receiver")

    def __init__(self, transport: asyncio.Transport, shared: Shared, *, closing: bool) -> None:
        """See `DirectSocket`; nothing is read before `begin`."""
        super().__init__(transport, shared, closing=closing)
        self._receiver: Receiver | None = None
        self._partial: bytearray | None = None
        """What was read but not taken: the start of a frame, or all while writing is paused."""
        self._needed = 0
        """How many bytes `_partial` must hold before another look at it is worth while."""
        self._fragments: list[bytes] | None = None
        """Those of a message that is not complete."""
        self._pings_until = 0.0
        """When all pings so far will be forgotten, on the loop's clock."""

    def begin(self, receiver: Receiver, *, lost: bool) -> None:
        """Take the transport over, and hand on what comes; *lost*: the connection is no more."""
        self._receiver = receiver
        if lost:
            self._tell_lost()
            return
        self._shared.connections.add(self)
        if self._shared.keepalive is not None:
            self._shared.keepalive.add(self)
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Take a read of the socket, of any length and cut anywhere."""
        if self._finished:
            return
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = self._take_partial()
        self._take(data)

    def _take_partial(self) -> bytes:
        partial, self._partial = self._partial, None
        return bytes(partial or b"")

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
            if data[start] == FIN_TEXT and not self.close_sent and self._fragments is None:
                self._take_text(apply_mask(data[body:end], data[body - 4 : body]))
            else:
                self._ask_library(data[start:end])
            start = end
        if start < total and not self._finished:
            self._partial = bytearray(data[start:])
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
        library = self._ask()
        if frame[0] & 0x0F == Opcode.CLOSE:
            # It may stand between fragments; the library would take that for a broken message.
            library.current_size = None
        library.receive_data(frame)
        if library.parser_exc is not None:
            self._finish()
            return
        # Frames are taken only while few bytes wait, so pongs need no check against the cap.
        self._write_from_library()
        for event in library.events_received():
            assert isinstance(event, Frame)  # only a handshake has other events
            self._take_frame(event)
        if library.current_size is None and library.state is State.OPEN:
            self._library = None

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._end_sending()
            self._transport.close()
            self._arm_close_timer()
        elif self.close_sent:
            pass  # whoever has closed is not interested in what was under way
        elif frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA)
        elif frame.opcode is Opcode.PING:  # the library has answered it
            self._count_ping()
        elif frame.opcode is Opcode.PONG:
            self._pinged = False
            self._count_ping()
        else:
            self._take_fragment(frame)

    def _count_ping(self) -> None:
        now = self._shared.loop.time()
        self._pings_until = max(now, self._pings_until) + self.pings_s / self.pings
        if self._pings_until > now + self.pings_s:
            self._fail(CloseCode.POLICY_VIOLATION)

    def _take_fragment(self, frame: Frame) -> None:
        fragments = self._fragments = self._fragments or []
        fragments.append(bytes(frame.data))
        if len(fragments) > self.fragments:
            self._fail(CloseCode.POLICY_VIOLATION)
        elif frame.fin:
            self._fragments = None
            self._take_text(b"".join(fragments))

    def resume_writing(self) -> None:
        """Go on with what was read before the pause, then with reading."""
        super().resume_writing()
        if not self._finished:
            self._take(self._take_partial())
            if self._stall_timer is None:
                self._transport.resume_reading()

    # The end.

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every timer and tell the receiver."""
        self._stop_watching()
        self._end_sending()
        self._lost = True
        if self._close_timer is not None:
            self._close_timer.cancel()
        if self._shared.keepalive is not None:
            self._shared.keepalive.discard(self)
        self._shared.connections.discard(self)
        self._tell_lost()

    def _tell_lost(self) -> None:
        receiver, self._receiver = self._receiver, None
        assert receiver is not None
        try:
            receiver.lost()
        except Exception as error:
            log_failure(error)
