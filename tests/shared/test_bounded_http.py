"""What a client may do to the HTTP parser, over real sockets, byte by byte (attacks 10 and 11)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import pytest
import pytest_asyncio

from shared.bounded_http import BoundedHttp
from tests.shared.raw_http import LAST, PATIENCE_S, POST, WHOLE, Here, answer_to, serving, trickle

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER: Final = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"
OFFERING: Final = b"POST /first HTTP/1.1\r\nHost: a\r\n" + OFFER
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".ljust(60, b"x")
HANDSHAKE: Final = (
    b"GET /v1/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


class HastyHttp(BoundedHttp):
    """The same with a deadline that a test can wait for."""

    request_s = 0.3


def lines(*headers: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[Here]:
    """One server for all that nobody has to wait for."""
    async with serving() as here:
        yield here


# What two readers might take in two ways.


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (lines(b"Host: a", b"Host: a"), 400),
        (lines(), 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1, 1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: +1\r\n\r\nx", 400),
        (POST + b"Content-Length: 0x1\r\n\r\nx", 400),
        (POST + b"Content-Length: -1\r\n\r\nx", 400),
        (POST + b"Content-Length: 18446744073709551617\r\n\r\nx", 400),
        (lines(b"Host: a", b"X: a", b" folded"), 400),
        (lines(b"Host: a", b"X: a\rb"), 400),
        (lines(b"Host: a", b"X: a\0b"), 400),
        (lines(b"Host : a"), 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (HANDSHAKE + b"Host: b\r\n\r\n", 400),
        (HANDSHAKE + b"Content-Length: 5\r\n\r\nhello", 400),
        (HANDSHAKE + b"Content-Length: 5\r\n\r\n", 400),
        (HANDSHAKE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HANDSHAKE + b"Transfer-Encoding: chunked\r\n\r\n", 400),
        (HANDSHAKE + b"\r\n" + LAST, 400),
        (HANDSHAKE.replace(b"/v1/chat", b"/" + b"a" * 9_000) + b"\r\n", 414),
        (HANDSHAKE + b"X: a\r\n" * 200 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9_000), 414),
        (lines(b"Host: a", *[b"X: a"] * 200), 431),
        (lines(b"Host: a", b"X: " + b"a" * 17_000), 431),
        (lines(b"Host: a", *[b"X: " + b"a" * 1_000] * 17), 431),
    ],
)  # fmt: skip
async def test_what_may_be_read_in_two_ways_is_refused(
    here: Here, request_: bytes, status: int
) -> None:
    """It never reaches the application, and the connection is closed."""
    here.asked.clear()
    answer = await answer_to(here, request_)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert here.asked == []


@pytest.mark.parametrize(
    "pieces",
    [
        [OFFERING + b"\r\n" + WHOLE + LAST],
        [OFFERING + b"Content-Length: 60\r\n\r\n", SMUGGLED + WHOLE + LAST],
        [OFFERING + b"Content-Length: 60\r\n\r\n" + SMUGGLED + WHOLE + LAST[:9], LAST[9:]],
        [
            OFFERING + b"Transfer-Encoding: chunked\r\n\r\n",
            b"3c\r\n" + SMUGGLED + b"\r\n0\r\n\r\n" + WHOLE + LAST,
        ],
    ],
    ids=["nothing", "body", "body in one read", "chunks"],
)
async def test_an_offer_of_another_protocol_changes_nothing(
    here: Here, pieces: Sequence[bytes]
) -> None:
    """What follows is the request's body, then the next request: nothing is left out, and nothing
    from within is taken for a request."""
    here.asked.clear()
    answer = await answer_to(here, *pieces, pause_s=0.02)

    assert here.asked == ["/first", "/", "/last"]
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_the_body_behind_an_offer_reaches_the_application(here: Here) -> None:
    """Java's own client offers HTTP/2 with each request it makes."""
    body = OFFER + b"Content-Length: 11\r\n\r\nhello world"
    answer = await answer_to(here, b"PUT / HTTP/1.1\r\nHost: a\r\n" + body + LAST)

    assert b"\r\n\r\n11HTTP/1.1" in answer


async def test_few_requests_may_wait_for_their_turn(here: Here) -> None:
    """A single read has room for thousands; each would cost some kilobytes."""
    here.asked.clear()
    answer = await answer_to(here, WHOLE * 1_000)

    assert answer.count(b"HTTP/1.1 429 ") == 1
    assert len(here.asked) <= BoundedHttp.pipelined_max + 1


async def test_a_megabyte_of_header_is_cut(here: Here) -> None:
    """What comes after the bound is not even read; the answer may be lost with it."""
    here.asked.clear()
    answer = await answer_to(here, lines(b"Host: a", b"X: " + b"a" * 1_000_000))

    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert here.asked == []


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"a" * 17_000, b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000, b"\r\n" * 9_000],
)
async def test_a_head_that_never_ends_is_refused_at_its_bound(here: Here, endless: bytes) -> None:
    """Nothing of it piles up until it is whole."""
    answer = await answer_to(here, endless)

    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 414 "))


async def test_a_request_that_never_ends_is_refused_at_its_bound(here: Here) -> None:
    """Trailers count too, though no application gets them."""
    trailers = POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: "
    answer = await answer_to(here, trailers, *[b"a" * 65_536] * 20)

    assert b"200 OK" not in answer


async def test_trailers_are_counted_with_the_headers(here: Here) -> None:
    """A thousand small ones are too many."""
    trailers = POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 1_000 + b"\r\n"
    answer = await answer_to(here, trailers)

    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "request_",
    [
        lines(b"Host: a", b"Connection: close", *[b"X: a"] * 90),
        lines(b"Host: a", b"Connection: close", b"X: " + b"a" * 15_000),
        b"GET /%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (b"a" * 8_000),
        POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        POST + b"Connection: close\r\nContent-Length: 60000\r\n\r\n" + b"a" * 60_000,
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
async def test_what_keeps_within_the_bounds_is_served(here: Here, request_: bytes) -> None:
    """Bounds are for attackers."""
    answer = await answer_to(here, request_)

    assert answer.startswith(b"HTTP/1.1 200 OK")


# What takes its time.


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"GET / HT"],
        trickle(WHOLE),
        trickle(b"\r\n" * 20),
        [POST + b"Content-Length: 20\r\n\r\n", *trickle(b"a" * 20)],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n", *trickle(b"1\r\na\r\n" * 4)],
    ],
    ids=["silence", "half a line", "head", "empty lines", "body", "chunks"],
)
async def test_a_request_that_takes_too_long_is_cut(pieces: Sequence[bytes]) -> None:
    """One byte now and then does not keep a connection (attack 11)."""
    async with serving(HastyHttp) as here:
        began = asyncio.get_running_loop().time()
        answer = await answer_to(here, *pieces, pause_s=0.05)

        assert answer == b""
        assert asyncio.get_running_loop().time() - began < 2


async def test_a_second_request_has_its_own_deadline() -> None:
    """The first was in time; the next on the same connection is not."""
    async with serving(HastyHttp) as here:
        answer = await answer_to(here, WHOLE, *trickle(WHOLE), pause_s=0.05)

        assert answer.count(b"HTTP/1.1 200 OK") == 1


async def test_an_idle_connection_lives_longer_than_a_request_may_take() -> None:
    """Between two requests there is no request that could be late."""
    async with serving(HastyHttp) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        for _ in range(2):
            writer.write(WHOLE)
            async with asyncio.timeout(PATIENCE_S):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
                await reader.readexactly(1)
            await asyncio.sleep(0.5)
        writer.transport.abort()


async def test_a_late_answer_is_waited_for() -> None:
    """The deadline is the client's: a whole request is answered however long that takes."""
    async with serving(HastyHttp, late_s=2 * HastyHttp.request_s) as here:
        answer = await answer_to(here, b"GET /late HTTP/1.0\r\n\r\n")

        assert answer.startswith(b"HTTP/1.1 200 OK")
