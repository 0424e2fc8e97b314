"""Both ways through the protocol, the short and the library's, say the same at every cut."""

import asyncio
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import BINARY, CLOSE, PING, PONG, Echo, fragments, frame
from tests.chat_gateway.fake_wire import attached

LIMIT = 300


class Small(DirectProtocol):
    """Limits that short streams reach."""

    message_bytes = LIMIT
    fragments = 4


Outcome = tuple[list[bytes], bytes]
"""The messages, and all that was written after the handshake: pongs and the close frame."""


async def direct(reads: Iterable[bytes]) -> Outcome:
    """What the class under test makes of a stream that arrives in *reads*."""
    receivers: list[Echo] = []
    protocol, wire = await attached(Small, receivers)
    for read in reads:
        protocol.data_received(read)
    protocol.connection_lost(None)
    return receivers[0].heard, wire.written


def reference(stream: bytes) -> Outcome:
    """What `websockets` alone makes of it, byte by byte, with the rules of ours on top."""
    library = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    heard: list[bytes] = []
    written = b""
    parts: list[bytes] = []
    for at in range(len(stream)):
        library.receive_data(stream[at : at + 1])
        written += b"".join(library.data_to_send())
        for event in library.events_received():
            assert isinstance(event, Frame)
            if code := judge(event, parts, heard):
                library.fail(code)
                written += b"".join(library.data_to_send())
        if library.state is not State.OPEN:
            break
    return heard, written


def judge(event: Frame, parts: list[bytes], heard: list[bytes]) -> int | None:
    """Take *event* into *parts* or *heard*; the close code where it breaks a rule of ours."""
    if event.opcode is Opcode.BINARY:
        return 1003
    if event.opcode not in (Opcode.TEXT, Opcode.CONT):
        return None
    parts.append(bytes(event.data))
    if len(parts) > Small.fragments:
        return 1008
    if event.fin:
        message = b"".join(parts)
        parts.clear()
        try:
            message.decode()
        except UnicodeDecodeError:
            return 1007
        heard.append(message)
    return None


payloads = st.text(max_size=60).map(str.encode)
masks = st.binary(min_size=4, max_size=4)
whole = st.builds(lambda payload, mask: frame(payload, mask=mask), payloads, masks)
pings = st.builds(frame, st.binary(max_size=20), st.sampled_from([PING, PONG]))
long = st.integers(120, LIMIT).map(lambda size: frame(b"x" * size))


@st.composite
def in_fragments(draw: st.DrawFn) -> bytes:
    """A message in up to five fragments, cut anywhere, with control frames between them."""
    payload = draw(payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), min_size=1, max_size=4)))
    parts = [payload[i:j] for i, j in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    between = draw(st.lists(st.one_of(st.just(b""), pings), min_size=5, max_size=5))
    return b"".join(part + more for part, more in zip(fragments(*parts), between, strict=False))


bad = st.sampled_from(
    [
        frame(b"x", mask=None),
        frame(b"x", rsv=4),
        frame(b"x", 0x3),
        frame(b"x", 0),
        frame(b"x", PING, fin=False),
        frame(b"x" * 126, PING),
        frame(b"\xff"),
        frame(b"x", BINARY),
        frame(announce=LIMIT + 1),
        frame(announce=2**63),
        frame(b"x" * LIMIT, fin=False) + frame(b"x", 0),
        frame(b"open", fin=False),
        frame(b"open", fin=False) + frame(b"another"),
        frame(b"", CLOSE),
        frame((4321).to_bytes(2, "big") + b"bye", CLOSE),
        b"\xff" * 14,
    ]
)
streams = st.lists(st.one_of(whole, whole, long, pings, in_fragments(), bad), max_size=8)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """*stream* in reads that end at *places*, as far as these lie inside it."""
    ends = [*sorted({place for place in places if place < len(stream)}), len(stream)]
    return [stream[i:j] for i, j in zip([0, *ends], ends, strict=False)]


@settings(max_examples=300, deadline=None)
@given(streams.map(b"".join), st.lists(st.integers(1, 600), max_size=12))
def test_cuts_never_change_what_is_heard_or_answered(stream: bytes, places: list[int]) -> None:
    """Any frames, read in any pieces, give what `websockets` makes of them byte by byte."""
    assert asyncio.run(direct(cut(stream, places))) == reference(stream)


def test_the_hand_over_between_both_ways_survives_every_single_cut() -> None:
    """Short way, ping, fragments around a ping, short way: whole, in two at each byte, in ones."""
    first, last = fragments("frag€".encode(), b"mented")
    stream = (
        frame(b"one")
        + frame(b"two")
        + frame(b"p", PING)
        + first
        + frame(b"q", PING)
        + last
        + frame(b"y" * 200)
        + frame(b"last")
    )
    expected: Any = (
        [b"one", b"two", "frag€mented".encode(), b"y" * 200, b"last"],
        b"\x8a\x01p\x8a\x01q",
    )
    ones = list(range(1, len(stream)))

    assert all(asyncio.run(direct(cut(stream, [at]))) == expected for at in ones)
    assert asyncio.run(direct(cut(stream, ones))) == expected
