"""One raw websocket connection: as little work for each message as can be."""

import asyncio
import base64
import hashlib
import os
import struct
import time
from typing import Final, cast

from tests.bench.load.ledger import Ledger
from tests.bench.load.talk import MARK, SENDER, SERIAL, TEXT_CHARS, Talk, TalkFailed, text_of

Address = tuple[str, int]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
"""First bytes of whole frames."""
_MASKED: Final = 0x80
_HEADER: Final = struct.Struct("!BB4x")
_HEADER_16: Final = struct.Struct("!BBH4x")
"""With a mask key of zeros: the server unmasks as always, and we have nothing to mask."""


class LineLost(Exception):
    """The connection ended, or was not made."""


class Line(asyncio.Protocol):
    """Connection *number*: shakes hands, tells the ledger what came, and says what it is told."""

    def __init__(self, number: int, talk: Talk, ledger: Ledger, address: Address) -> None:
        self.talk = talk
        self._window = 0
        self._back = 0
        """Of so many own messages, how many have come back."""
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once messages may be said; fails with `LineLost`."""
        self.ended = asyncio.Event()
        self.why = "the connection ended"
        self._number = number
        self._hear = ledger.hear
        self._ledger = ledger
        self._address = address
        self._key = base64.b64encode(os.urandom(16))
        self._shaken = False
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def say(self, at: float) -> None:
        """Say the next message, which is to be said at that instant; on a connection that has
        ended it is lost."""
        assert self._transport is not None
        frame = self._next(at)
        if not self._transport.is_closing():  # uvloop raises for what is written then
            self._transport.write(frame)

    def close(self) -> None:
        """Say goodbye; the server closes the connection."""
        if self._transport is None:
            self.ended.set()
        elif not self._transport.is_closing():
            self._transport.write(_frame(_CLOSE, (1000).to_bytes(2, "big")))

    def abort(self) -> None:
        """End the connection without a word."""
        if self._transport is None:
            self.ended.set()
        else:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = self._address
        self._transport.write(
            f"GET {self.talk.target} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self._key.decode()}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.why = f"{self.why}: {error!r}"
        if not self.joined.done():
            self.joined.set_exception(LineLost(self.why))
            self.joined.exception()  # whoever opened it may have given up
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._take(self._rest + data if self._rest else data)
        except TalkFailed as failure:
            self.why = str(failure)
            self.abort()

    def _take(self, data: bytes) -> None:
        out: list[bytes] = []
        at = 0
        if not self._shaken:
            at = self._shake(data)
            if not at:
                self._rest = data
                return
            self._shaken = True
            out += map(_text, self.talk.begin())
        now = time.perf_counter()
        talk, hear, number = self.talk, self._hear, self._number
        own = 0
        # One pass over all frames that are whole; of a frame with messages little is copied. Where
        # a length itself is cut, `start` is beyond the end, whatever size is made of it.
        end = len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                start = at + 4
                size = int.from_bytes(data[at + 2 : start], "big")
            elif size == 127:
                start = at + 10
                size = int.from_bytes(data[at + 2 : start], "big")
            stop = start + size
            if stop > end:
                break
            if data[at] != _TEXT:
                out += self._other(data[at], data[start:stop])
            elif not talk.joined or (mark := data.find(MARK, start, stop)) < 0:
                out += map(_text, talk.control(data[start:stop]))
            else:
                if talk.notes:
                    talk.heard(data[start:stop])
                while mark >= 0:
                    sender = int(data[mark + SENDER.start : mark + SENDER.stop])
                    hear(number, sender, int(data[mark + SERIAL.start : mark + SERIAL.stop]), now)
                    own += sender == number
                    mark = data.find(MARK, mark + TEXT_CHARS, stop)
            at = stop
        self._rest = data[at:]
        if self._window:
            self._back += own
            if self._back >= self._window:
                self._back = 0
                out += [self._next(now) for _ in range(self._window)]
        if out:
            assert self._transport is not None
            self._transport.write(b"".join(out))
        if talk.joined and not self.joined.done():
            self.joined.set_result(None)

    def keep_saying(self, window: int) -> None:
        """Say so many messages, and as many again whenever all of them have come back; 0: no more.

        Not one for each that comes back: a line of which something is on its way at any time looks
        to Order Chat like a writer who may be cut off for ever (see docs/benchmarks.md).
        """
        self._window, self._back = window, 0
        for _ in range(window):
            self.say(time.perf_counter())

    def _next(self, at: float) -> bytes:
        serial = self._ledger.say(self._number, at)
        return _text(self.talk.say(text_of(self._number, serial)))

    def _shake(self, data: bytes) -> int:
        """Where the answer to the handshake ends; 0: it has not yet. Raises `TalkFailed`."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        status, *lines = data[:end].split(b"\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines)
        }
        accept = base64.b64encode(hashlib.sha1(self._key + _GUID).digest())
        if status.split()[1:2] != [b"101"] or headers.get(b"sec-websocket-accept") != accept:
            raise TalkFailed(f"no handshake: {data[:500]!r}")
        return end + 4

    def _other(self, first: int, payload: bytes) -> list[bytes]:
        if first == _PING:
            return [_frame(_PONG, payload)]
        if first == _CLOSE:
            self.why = f"closed by the server: {int.from_bytes(payload[:2], 'big')}"
            return [_frame(_CLOSE, payload[:2])]
        if first == _PONG:
            return []
        raise TalkFailed(f"a frame no server under test sends begins with {first:#x}")


def _text(payload: bytes) -> bytes:
    return _frame(_TEXT, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return _HEADER.pack(first, _MASKED | size) + payload
    return _HEADER_16.pack(first, _MASKED | 126, size) + payload
