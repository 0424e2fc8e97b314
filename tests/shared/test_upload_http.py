"""What a form with a file may take of a server, over real sockets, and nothing else may."""

import asyncio

import pytest

from shared.blobs.files_bounds import UploadHttp
from shared.bounded_http import BoundedHttp
from tests.shared.raw_http import LAST, POST, answer_to, serving, trickle

FORM = b"POST /blobs/quarantine HTTP/1.1\r\nHost: a\r\n"
LARGE = b"a" * (BoundedHttp.request_bytes + 600_000)
"""More than a read of the socket above the bound, which is looked at after each."""


class HastyHttp(UploadHttp):
    """The same with bounds that a test can reach."""

    request_s = 0.3
    silence_s = 0.3
    form_s = 1.5
    form_bytes = 2 * len(LARGE)


def sized(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "form",
    [
        sized(FORM, LARGE),
        FORM + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(LARGE) + LARGE + b"\r\n0\r\n\r\n",
        sized(FORM + b"Upgrade: h2c\r\nConnection: Upgrade\r\n", LARGE),
    ],
    ids=["sized", "chunked", "with an offer"],
)
async def test_a_form_may_be_larger_than_other_requests(form: bytes) -> None:
    """All of it reaches the application."""
    async with serving(UploadHttp) as here:
        answer = await answer_to(here, form + LAST)

    assert b"\r\n\r\n%d" % len(LARGE) in answer
    assert here.asked == ["/blobs/quarantine", "/last"]


@pytest.mark.parametrize(
    "head",
    [
        POST,
        FORM.replace(b"POST", b"PUT"),
        FORM.replace(b"quarantine", b"clean"),
        FORM.replace(b"quarantine", b"quarantine?a=b"),
        FORM.replace(b"quarantine", b"%71uarantine"),
        FORM.replace(b"/blobs", b"//blobs"),
    ],
)
async def test_nothing_else_may(head: bytes) -> None:
    """A request that only looks like a form has the bounds of any."""
    async with serving(UploadHttp) as here:
        answer = await answer_to(here, sized(head, LARGE))

    assert b"200 OK" not in answer


async def test_a_form_has_a_bound_too() -> None:
    """What comes after it is not read."""
    async with serving(HastyHttp) as here:
        answer = await answer_to(here, sized(FORM, 3 * LARGE))

    assert b"200 OK" not in answer


async def test_the_next_request_has_the_bounds_of_any() -> None:
    """What a form was given ends with it, on the same connection."""
    async with serving(UploadHttp) as here:
        answer = await answer_to(here, sized(FORM, LARGE) + sized(POST, b"a"), sized(POST, LARGE))

    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_form_may_take_its_time() -> None:
    """Longer than other requests, as long as something comes."""
    async with serving(HastyHttp) as here:
        answer = await answer_to(
            here, FORM + b"Content-Length: 12\r\n\r\n", *trickle(b"a" * 12), LAST, pause_s=0.05
        )

    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_form_that_falls_silent_is_cut() -> None:
    """Long before its time is up (attack 11)."""
    async with serving(HastyHttp) as here:
        began = asyncio.get_running_loop().time()
        answer = await answer_to(here, FORM + b"Content-Length: 9\r\n\r\n", b"a", pause_s=0.1)
        took_s = asyncio.get_running_loop().time() - began

    assert answer == b""
    assert 0.3 <= took_s < 1.2


async def test_a_form_that_never_ends_is_cut() -> None:
    """One byte now and then keeps a connection no longer than forms live (attack 11)."""
    async with serving(HastyHttp) as here:
        began = asyncio.get_running_loop().time()
        answer = await answer_to(
            here, FORM + b"Content-Length: 99\r\n\r\n", *trickle(b"a" * 99), pause_s=0.05
        )
        took_s = asyncio.get_running_loop().time() - began

    assert answer == b""
    assert 1.4 <= took_s < 4  # all of it would take five seconds


async def test_a_slow_reader_is_not_taken_for_silence() -> None:
    """While we do not read, because the disk is slow, nobody can send."""
    async with serving(HastyHttp, late_s=0.8) as here:
        answer = await answer_to(here, sized(FORM + b"Connection: close\r\n", LARGE))

    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_the_rest_of_a_refused_form_has_little_time() -> None:
    """Whoever is refused could keep a connection with it otherwise, and needs no form for that."""
    async with serving(HastyHttp, early=True) as here:
        began = asyncio.get_running_loop().time()
        answer = await answer_to(
            here, FORM + b"Content-Length: 99\r\n\r\n", *trickle(b"a" * 99), pause_s=0.05
        )
        took_s = asyncio.get_running_loop().time() - began

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert took_s < 1.2
