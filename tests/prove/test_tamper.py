"""The proxy that takes events out of a stream touches nothing else, however the stream is cut."""

import pytest
from websockets.frames import Frame, Opcode

from shared.contracts.ids import Seq
from tests.prove.tamper import Tamper, Trick

GREETING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
BEAT = b'{"op":"beat","heads":{}}'


def frame(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """A frame as a server sends it."""
    return Frame(opcode, payload).serialize(mask=False)


def event(seq: int, text: str = "") -> bytes:
    """An event frame, as far as the proxy looks."""
    return frame(b'{"type":"message","op":"event","seq":%d,"text":"%s"}' % (seq, text.encode()))


class Stream:
    """What comes out of a tampered stream."""

    def __init__(self) -> None:
        self.done: list[tuple[Trick, Seq]] = []
        self.tamper = Tamper(lambda trick, seq: self.done.append((trick, seq)))

    def through(self, data: bytes, size: int) -> bytes:
        """What is passed on of *data*, fed in pieces."""
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        return b"".join(self.tamper.down(piece) for piece in pieces)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_without_a_trick_everything_passes(size: int) -> None:
    """Byte for byte, long frames and control frames too."""
    data = (
        GREETING + event(1) + frame(b"", Opcode.PING) + event(2, "x" * 300) + event(3, "y" * 70_000)
    )

    assert Stream().through(data, size) == data


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_dropped_event_is_the_only_thing_missing(size: int) -> None:
    """The next event goes, what is no event before it stays."""
    stream = Stream()
    stream.tamper.arm("drop")

    passed = stream.through(GREETING + frame(BEAT) + event(5) + event(6), size)

    assert passed == GREETING + frame(BEAT) + event(6)
    assert stream.done == [("drop", Seq(5))]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_swapped_events_come_both(size: int) -> None:
    """The event comes right behind the next one; what is no event stays where it is."""
    stream = Stream()
    stream.tamper.arm("swap")

    passed = stream.through(GREETING + event(5) + frame(BEAT) + event(6) + event(7), size)

    assert passed == GREETING + frame(BEAT) + event(6) + event(5) + event(7)
    assert stream.done == [("swap", Seq(5))]
