"""Clients that break RFC 6455, or keep it in bad faith, get the close code that says so."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Impatient,
    Running,
    fragments,
    frame,
    raw_client,
    running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = DirectProtocol.message_bytes
EURO = "€".encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo() -> AsyncIterator[Running]:
    async with running(protocol=Impatient) as server:
        yield server


PROTOCOL_ERRORS = {
    "unmasked": frame(b"x", mask=None),
    "unmasked and empty": frame(b"", mask=None),
    "reserved bit 1": frame(b"x", rsv=4),
    "reserved bit 2": frame(b"x", rsv=2),
    "reserved bit 3": frame(b"x", rsv=1),
    "reserved data opcode": frame(b"x", 0x3),
    "reserved control opcode": frame(b"x", 0xB),
    "fragmented control frame": frame(b"x", PING, fin=False),
    "control frame of 126 bytes": frame(b"x" * 126, PING),
    "continuation of nothing": frame(b"x", 0),
    "text inside a fragmented message": frame(b"x", fin=False) + frame(b"y"),
    "close frame of one byte": frame(b"x", CLOSE),
    "close code that may not be sent": frame((1005).to_bytes(2, "big"), CLOSE),
}


@pytest.mark.parametrize("attack", PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS)
async def test_a_broken_frame_ends_the_connection_with_1002(
    echo: Running, attack: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever comes before it is answered, nothing after it, and no error is logged."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"before") + attack + frame(b"after"))

        assert await client.frame() == (1, b"before")
        assert await client.close_code() == 1002
        assert await client.ended() == b""
        assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


INVALID_TEXTS = {
    "stray continuation byte": frame(b"\x80"),
    "overlong": frame(b"\xc0\xaf"),
    "surrogate": frame(b"\xed\xa0\x80"),
    "above U+10FFFF": frame(b"\xf4\x90\x80\x80"),
    "cut off": frame(EURO[:2]),
    "cut off in fragments": b"".join(fragments(b"a" + EURO[:1], b"", EURO[1:2])),
    "close reason": frame((1000).to_bytes(2, "big") + b"\xff", CLOSE),
}


@pytest.mark.parametrize("attack", INVALID_TEXTS.values(), ids=INVALID_TEXTS)
async def test_what_is_not_utf_8_ends_the_connection_with_1007(
    echo: Running, attack: bytes
) -> None:
    """Text that is not UTF-8 never reaches the receiver."""
    async with raw_client(echo.port) as client:
        client.send(attack)

        assert await client.close_code() == 1007
        assert echo.receiver.heard == []


TOO_BIG = {
    "2^63 - 1 bytes announced": frame(announce=2**63 - 1),
    "2^64 - 1 bytes announced": frame(announce=2**64 - 1),
    "one byte over the limit announced": frame(announce=LIMIT + 1),
    "binary over the limit announced": frame(opcode=BINARY, announce=LIMIT + 1),
    "fragments over the limit": b"".join(fragments(*[b"x" * (LIMIT // 10)] * 11)),
    "10,000 fragments over the limit": b"".join(fragments(*[b"x" * 7_000] * 10_000)),
}


@pytest.mark.parametrize("attack", TOO_BIG.values(), ids=TOO_BIG)
async def test_what_is_over_the_limit_ends_the_connection_with_1009(
    echo: Running, attack: bytes
) -> None:
    """The header is enough, and who sends on is not reset before it has read the code."""
    async with raw_client(echo.port) as client:
        client.send(attack)

        assert await client.close_code() == 1009
        assert await client.ended() == b""


async def test_a_message_of_exactly_the_limit_is_taken(echo: Running) -> None:
    """The limit is the last length that passes, whole or in fragments."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"x" * LIMIT) + b"".join(fragments(b"y" * (LIMIT - 1), b"y")))

        assert await client.frame() == (1, b"x" * LIMIT)
        assert await client.frame() == (1, b"y" * LIMIT)


async def test_endless_empty_fragments_end_with_1008(echo: Running) -> None:
    """Fragments are counted, because empty ones never add up to a size."""
    async with raw_client(echo.port) as client:
        client.send(frame(b"", fin=False) + frame(b"", 0, fin=False) * 100_000)

        assert await client.close_code() == 1008


async def test_as_many_fragments_as_allowed_are_one_message(echo: Running) -> None:
    """The last fragment that the cap allows completes its message."""
    async with raw_client(echo.port) as client:
        client.send(b"".join(fragments(*[b"x"] * DirectProtocol.fragments)))

        assert await client.frame() == (1, b"x" * DirectProtocol.fragments)


async def test_compression_is_refused_even_where_uvicorn_would_offer_it() -> None:
    """A bomb needs an extension; none is negotiated, and its reserved bit is an error."""
    offer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
    async with (
        running(ws_per_message_deflate=True) as server,
        raw_client(server.port, more=offer) as client,
    ):
        client.send(frame(b"\x00" * 100, rsv=4))

        assert b"sec-websocket-extensions" not in client.answer.lower()
        assert await client.close_code() == 1002


@pytest.mark.parametrize("fin", [True, False])
async def test_a_binary_frame_ends_with_1003(echo: Running, fin: bool) -> None:
    """Binary never reaches the receiver, not even its first fragment."""
    async with raw_client(echo.port) as client:
        client.send(frame(b'{"op":"hello"}', BINARY, fin=fin))

        assert await client.close_code() == 1003
        assert echo.receiver.heard == []


async def test_an_empty_text_frame_is_a_message(echo: Running) -> None:
    """What an empty message means is for the receiver to say."""
    async with raw_client(echo.port) as client:
        client.send(frame(b""))

        assert await client.frame() == (1, b"")


async def test_a_client_that_never_answers_a_close_is_cut() -> None:
    """The deadline ends a closing handshake that the client does not finish."""
    async with running(protocol=Impatient) as server, raw_client(server.port) as client:
        client.send(frame(b"x"))
        await client.frame()
        server.receiver.socket.close(4003)

        assert await client.close_code() == 4003
        assert await client.ended() == b""
        await asyncio.wait_for(server.receiver.gone.wait(), 2)


async def test_a_client_that_answers_no_ping_is_cut() -> None:
    """A dead peer is noticed by its silence."""
    async with (
        running(ws_ping_interval=0.05, ws_ping_timeout=0.1) as server,
        raw_client(server.port) as client,
    ):
        client.send(frame(b"x"))
        await client.frame()

        assert (await client.frame())[0] == PING
        await asyncio.wait_for(server.receiver.gone.wait(), 2)


async def test_a_client_that_answers_pings_stays() -> None:
    """Pongs keep a silent connection open."""
    async with (
        running(ws_ping_interval=0.02, ws_ping_timeout=0.5) as server,
        raw_client(server.port) as client,
    ):
        for _ in range(5):
            opcode, payload = await client.frame()
            assert opcode == PING
            client.send(frame(payload, PONG))

        assert server.receiver.losses == 0
