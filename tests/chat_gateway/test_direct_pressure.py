"""Who is slow and who is gone: the watch on a write buffer that is over its mark."""

import asyncio
import itertools

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import PING, Echo, frame
from tests.chat_gateway.fake_wire import attached


class Impatient(DirectProtocol):
    """The deadline turned down."""

    stall_s = 0.01


async def test_a_client_is_cut_only_when_its_buffer_no_longer_shrinks() -> None:
    """Slow is allowed as long as it moves."""
    protocol, wire = await attached(Impatient, [])
    wire.sizes = iter([100, 90, 90, 80, 80, 80])  # asked twice a turn: compared, then remembered
    protocol.pause_writing()
    await asyncio.wait_for(wire.aborted.wait(), 2)

    assert list(wire.sizes) == []
    protocol.connection_lost(None)


async def test_a_slow_client_is_not_taken_for_a_dead_one() -> None:
    """While reading is paused its pongs cannot be seen, so their absence says nothing."""
    protocol, wire = await attached(DirectProtocol, [], ws_ping_interval=0.01, ws_ping_timeout=0.01)
    protocol.pause_writing()
    for _ in range(3):
        ping = await asyncio.wait_for(wire.writes.get(), 2)
        assert ping == b"\x89\x00"

    assert not wire.aborted.is_set()
    protocol.resume_writing()
    await asyncio.wait_for(wire.aborted.wait(), 2)
    protocol.connection_lost(None)


async def test_nothing_is_taken_while_too_much_waits() -> None:
    """Frames of the same read wait as well, and are taken in order afterwards."""
    receivers: list[Echo] = []
    protocol, wire = await attached(DirectProtocol, receivers)
    (receiver,) = receivers
    wire.sizes = itertools.repeat(100)
    protocol.data_received(frame(b"one"))
    protocol.pause_writing()
    protocol.data_received(frame(b"two") + frame(b"p", PING) + frame(b"three")[:5])
    protocol.data_received(frame(b"three")[5:])
    paused = list(receiver.heard), wire.reading
    protocol.resume_writing()

    assert paused == ([b"one"], False)
    assert (receiver.heard, wire.reading) == ([b"one", b"two", b"three"], True)
    protocol.connection_lost(None)


def test_a_gateway_bears_a_client_no_longer_than_promised() -> None:
    """The other tests turn these down; operators are told of them, and clients of their codes."""
    assert DirectProtocol.write_buffer_bytes == 262_144
    assert DirectProtocol.stall_s == 10.0
    assert DirectProtocol.close_s == 5.0
    assert DirectProtocol.user_timeout_ms == 20_000
    assert DirectProtocol.fragments == 64
    assert (DirectProtocol.pings, DirectProtocol.pings_s) == (100, 10.0)
