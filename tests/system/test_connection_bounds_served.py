"""What one connection may do, on the running system as it is served (attacks 3, 4, 5 and 7)."""

import pytest

from shared.contracts.frames import Limits
from tests.chat_gateway.echo import BINARY, PING, frame, raw_client
from tests.system.conftest import Demo

FRAME_BYTES = Limits().frame_bytes

ATTACKS = {
    "a compressed frame": (frame(b"\x00" * 100, rsv=4), 1002),
    "a binary frame": (frame(b'{"op":"hello"}', BINARY), 1003),
    "endless empty fragments": (frame(b"", fin=False) + frame(b"", 0, fin=False) * 10_000, 1008),
    "a ping flood": (frame(b"x" * 125, PING) * 1_000, 1008),
    "2^63 - 1 bytes announced": (frame(announce=2**63 - 1), 1009),
    "one byte over the limit announced": (frame(announce=FRAME_BYTES + 1), 1009),
    "fragments over the limit": (
        frame(b"x", fin=False) + frame(b"x" * (FRAME_BYTES // 10), 0, fin=False) * 11,
        1009,
    ),
}


@pytest.mark.parametrize(("attack", "code"), ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_ends_its_connection(demo: Demo, attack: bytes, code: int) -> None:
    """With the code that says why; who has not even said hello gets no further."""
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    port = int(demo.url.rpartition(":")[2])
    async with raw_client(port, "/v1/chat", offer) as client:
        client.send(attack)

        assert b" 101 " in client.answer
        assert b"sec-websocket-extensions" not in client.answer.lower()
        assert await client.close_code() == code
