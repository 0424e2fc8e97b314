"""One raw connection, fed with bytes by hand."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence

from tests.bench.load.ledger import Ledger
from tests.bench.load.line import Line
from tests.bench.load.talk import text_of
from tests.bench.room import RoomTalk

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING = 0x81, 0x88, 0x89


class Wire(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.aborted:
            raise RuntimeError("unable to perform operation")  # as uvloop does
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


class NotingTalk(RoomTalk):
    """Keeps what was delivered."""

    notes = True

    def __init__(self) -> None:
        super().__init__(0)
        self.noted: list[bytes] = []

    def heard(self, payload: bytes) -> None:
        self.noted.append(payload)


def connected(ledger: Ledger, talk: RoomTalk | None = None) -> tuple[Line, Wire, bytes]:
    """Connection 0, and the answer to its handshake, which has not come."""
    line, wire = Line(0, talk or RoomTalk(0), ledger, ("127.0.0.1", 80)), Wire()
    line.connection_made(wire)
    request, wire.written = wire.written, b""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", request)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
    answer = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept
    return line, wire, answer


def frame(payload: bytes, first: int = TEXT) -> bytes:
    """As a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65_536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def masked(payload: bytes, first: int = TEXT) -> bytes:
    """As a client sends a short one, with a key of zeros."""
    return bytes((first, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def said(ledger: Ledger, count: int, sender: int = 1) -> Sequence[bytes]:
    """What connection *sender* says in so many messages."""
    return [text_of(sender, ledger.say(sender, 0.0)).encode() for _ in range(count)]


async def test_frames_are_read_wherever_they_are_cut() -> None:
    """Lengths of all three kinds, a ping, and the handshake's answer may come in any two pieces."""
    taken = []

    for cut in range(1, 900):
        ledger = Ledger(2, 2)
        line, wire, answer = connected(ledger)
        short, longer, long = said(ledger, 3)
        stream = answer + frame(b"joined") + frame(short) + frame(b"?", PING)
        stream += frame(longer.rjust(300)) + frame(long.rjust(70_000)) + frame(b"!", PING)
        line.data_received(stream[:cut])
        line.data_received(stream[cut:])
        taken.append((ledger.heard, ledger.lacking, wire.written))

    written = masked(b"hello") + masked(b"?", 0x8A) + masked(b"!", 0x8A)
    assert taken == [(3, 3, written)] * 899


async def test_bytes_may_come_one_by_one() -> None:
    """Nothing is read before it is whole."""
    ledger = Ledger(2, 2)
    line, _, answer = connected(ledger)
    stream = answer + frame(b"joined") + b"".join(map(frame, said(ledger, 3)))

    heard = []
    for byte in stream:
        line.data_received(bytes((byte,)))
        heard.append(ledger.heard)

    assert line.joined.done()
    assert (heard[-1], heard[-2], heard[-100]) == (3, 2, 1)


async def test_a_frame_may_hold_several_messages() -> None:
    """Each is heard; whoever wants to note what was delivered gets the frame once."""
    ledger, talk = Ledger(2, 2), NotingTalk()
    line, _, answer = connected(ledger, talk)
    payload = b'{"a":"%b"}\n{"b":"%b"}\n{"c":"%b"}' % tuple(said(ledger, 3))

    line.data_received(answer + frame(b"joined") + frame(payload))

    assert (ledger.heard, ledger.doubled, ledger.reordered) == (3, 0, 0)
    assert talk.noted == [payload]


async def test_a_window_is_said_anew_once_all_of_it_has_come_back() -> None:
    """When all own messages have come back as many follow, while the line shall go on."""
    ledger = Ledger(2, 2)
    line, wire, answer = connected(ledger)
    line.data_received(answer + frame(b"joined"))
    mine, theirs, wire.written = said(ledger, 4, sender=0), said(ledger, 1), b""

    line.keep_saying(2)
    begun, wire.written = wire.written, b""
    line.data_received(frame(mine[0]) + frame(theirs[0]))
    assert wire.written == b""
    line.data_received(frame(mine[1]))
    followed, wire.written = wire.written, b""
    line.keep_saying(0)
    line.data_received(frame(mine[2]))

    assert begun == masked(text_of(0, 4).encode()) + masked(text_of(0, 5).encode())
    assert followed == masked(text_of(0, 6).encode()) + masked(text_of(0, 7).encode())
    assert wire.written == b""


async def test_messages_of_the_opening_are_not_heard() -> None:
    """What was said before somebody joined is part of how the server opens the room to him."""
    ledger = Ledger(2, 2)
    talk = RoomTalk(0)
    line, _, answer = connected(ledger, talk)
    (old,) = said(ledger, 1)

    class OpeningTalk(RoomTalk):
        def control(self, payload: bytes) -> Sequence[bytes]:
            assert payload == old
            self.joined = True
            return []

    line.talk = OpeningTalk(0)
    line.data_received(answer + frame(old))

    assert (ledger.heard, line.joined.done()) == (0, True)


async def test_the_servers_close_code_is_told() -> None:
    """The close frame is answered, and why the line ended can be asked."""
    line, wire, answer = connected(Ledger(2, 2))
    line.data_received(answer)
    wire.written = b""

    line.data_received(frame((4008).to_bytes(2, "big") + b"too slow", CLOSE))
    line.connection_lost(None)

    assert wire.written == masked((4008).to_bytes(2, "big"), CLOSE)
    assert (line.ended.is_set(), line.why) == (True, "closed by the server: 4008")


async def test_a_stranger_at_the_other_end_is_recognised() -> None:
    """An answer that does not prove that the key was read is none."""
    line, wire, answer = connected(Ledger(2, 2))

    line.data_received(answer.replace(b"Accept: ", b"Accept: x"))

    assert wire.aborted
    assert line.why.startswith("no handshake: ")


async def test_what_is_said_on_a_connection_that_was_lost_is_lost() -> None:
    """It fails nothing by itself, and neither does a goodbye: the load sees that it ended."""
    ledger = Ledger(2, 2)
    line, wire, answer = connected(ledger)
    line.data_received(answer + frame(b"joined"))
    wire.abort()
    written = wire.written

    line.connection_lost(ConnectionResetError())
    line.say(0.0)
    line.close()

    assert wire.written == written
    assert (ledger.lacking, line.ended.is_set()) == (2, True)
