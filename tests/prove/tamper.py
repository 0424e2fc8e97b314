"""Takes single events out of what a server sends on a websocket, or swaps two of them.

Pure: bytes in, bytes out. The handshake and every other frame pass as they are.
"""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from shared.contracts.ids import Seq

Trick = Literal["drop", "swap"]

TEXT: Final = 0x81
"""First byte of a whole text frame. Servers send every frame of ours whole."""
_HANDSHAKE_END: Final = b"\r\n\r\n"


class _Event(msgspec.Struct):
    op: str
    seq: Seq = Seq(0)


class Tamper:
    """One connection as a `Filter`; `arm` says what is done to the next event."""

    def __init__(self, on_done: Callable[[Trick, Seq], None]) -> None:
        """*on_done* is told of each trick and of the position of the event that did not come."""
        self._on_done = on_done
        self._waiting = b""
        """What was fed and is no whole frame yet."""
        self._greeted = False
        self._trick: Trick | None = None
        self._held = b""
        """The frame that goes behind the next event."""

    def arm(self, trick: Trick) -> None:
        """Do this to the next event."""
        self._trick = trick

    def up(self, data: bytes) -> bytes:
        """What the client says passes as it is."""
        return data

    def down(self, data: bytes) -> bytes:
        """What to pass on, now that *data* came from the server."""
        self._waiting += data
        passed = b""
        if not self._greeted:
            head, end, rest = self._waiting.partition(_HANDSHAKE_END)
            if not end:
                return b""
            self._greeted, self._waiting = True, rest
            passed = head + end
        while (size := _frame_size(self._waiting)) is not None:
            frame, self._waiting = self._waiting[:size], self._waiting[size:]
            passed += self._judge(frame)
        return passed

    def _judge(self, frame: bytes) -> bytes:
        if not self._held and self._trick is None:
            return frame
        seq = _event_seq(frame)
        if seq is None:
            return frame
        if self._held:
            held, self._held = self._held, b""
            return frame + held
        trick, self._trick = self._trick, None
        assert trick is not None
        if trick == "swap":
            self._held = frame
        self._on_done(trick, seq)
        return b""


def _frame_size(data: bytes) -> int | None:
    """The size of the unmasked frame that *data* begins with; null if it is cut off."""
    if len(data) < 2:
        return None
    size, head = data[1], 2
    if size > 125:
        head = 4 if size == 126 else 10
        if len(data) < head:
            return None
        size = int.from_bytes(data[2:head], "big")
    return head + size if len(data) >= head + size else None


def _event_seq(frame: bytes) -> Seq | None:
    """The position of an event frame; null for every other."""
    if frame[0] != TEXT:
        return None
    head = {126: 4, 127: 10}.get(frame[1], 2)
    event = msgspec.json.decode(frame[head:], type=_Event)
    return event.seq if event.op == "event" else None
