"""What an attacker's connection may keep in memory, whatever it sends (attacks 3 and 4)."""

import tracemalloc

import pytest

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import BINARY, PING, frame
from tests.chat_gateway.fake_wire import attached

LIMIT = DirectProtocol.message_bytes
READS = 200
READ = 60_000
KEPT_MAX = 4 * LIMIT
"""The longest message, as it came and unmasked, with a read of the socket beside it."""

ATTACKS = {
    "a frame of 2^63 - 1 bytes": (frame(announce=2**63 - 1), b"x" * READ),
    "a frame of a byte too many": (frame(announce=LIMIT + 1), b"x" * READ),
    "empty fragments": (frame(b"", fin=False), frame(b"", 0, fin=False) * (READ // 6)),
    "fragments": (frame(b"x", fin=False), frame(b"x" * 1_000, 0, fin=False) * (READ // 1_008)),
    "binary fragments": (frame(b"x", BINARY, fin=False), frame(b"x", 0, fin=False) * (READ // 7)),
    "pings within a message": (frame(b"x", fin=False), frame(b"x" * 125, PING) * (READ // 131)),
    "a message of the limit, and no end": (
        b"".join(frame(b"x" * (LIMIT // 60), 0 if n else 1, fin=False) for n in range(60)),
        frame(announce=1_000, opcode=0)[:-1],
    ),
}


@pytest.mark.parametrize(("first", "more"), ATTACKS.values(), ids=ATTACKS)
async def test_a_connection_keeps_no_more_than_a_message(first: bytes, more: bytes) -> None:
    """2,000,000 empty fragments are no more than 64; what is refused is not even kept."""
    protocol, wire = await attached(DirectProtocol, [])
    protocol.data_received(first)  # loads what is loaded once
    tracemalloc.start()
    try:
        for _ in range(READS):
            protocol.data_received(more)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < KEPT_MAX
    assert len(wire.written) < KEPT_MAX
    protocol.connection_lost(None)
