"""Handshakes wait for each other, and nobody else waits for more than a few of them."""

import asyncio
import socket
from contextlib import closing
from functools import partial

from chat_gateway.turnstile import AT_ONCE, WAITING_MAX, Turnstile


async def test_in_their_order_and_a_few_in_each_turn() -> None:
    """A turn of the loop after the other, until all are through."""
    let_in: list[int] = []
    turnstile = Turnstile(asyncio.get_running_loop())
    for number in range(2 * AT_ONCE + 1):
        assert turnstile.enter(partial(let_in.append, number))

    seen = {0}
    while len(let_in) < 2 * AT_ONCE + 1:
        await asyncio.sleep(0)
        seen.add(len(let_in))

    assert let_in == list(range(2 * AT_ONCE + 1))
    assert sorted(seen) == [0, AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1]


async def test_sockets_are_served_between_the_turns() -> None:
    """What a hundred handshakes would hold up comes after the first few."""
    loop = asyncio.get_running_loop()
    let_in: list[int] = []
    seen: list[int] = []
    turnstile = Turnstile(loop)
    here, there = socket.socketpair()
    with closing(here), closing(there):
        loop.add_reader(here, lambda: seen.append(len(let_in)))
        for number in range(100):
            turnstile.enter(partial(let_in.append, number))
        there.send(b"x")
        while len(let_in) < 100:  # noqa: ASYNC110 (turns of the loop are what is looked at)
            await asyncio.sleep(0)

        loop.remove_reader(here)

    assert seen[0] <= 2 * AT_ONCE


async def test_whoever_comes_when_it_was_empty_is_let_in_too() -> None:
    """It starts anew after it stood still."""
    let_in: list[str] = []
    turnstile = Turnstile(asyncio.get_running_loop())
    for name in ("first", "second"):
        turnstile.enter(partial(let_in.append, name))
        for _ in range(3):
            await asyncio.sleep(0)
        assert let_in[-1] == name


async def test_one_that_fails_stops_no_other() -> None:
    """The loop is told of it, as of any call-back."""
    loop = asyncio.get_running_loop()
    failed: list[object] = []
    loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
    let_in: list[str] = []
    turnstile = Turnstile(loop)

    turnstile.enter(partial(let_in.remove, "somebody who is not there"))
    turnstile.enter(partial(let_in.append, "next"))
    while not let_in:  # noqa: ASYNC110 (turns of the loop are what is looked at)
        await asyncio.sleep(0)

    assert [type(one) for one in failed] == [ValueError]


async def test_no_more_wait_than_it_has_room_for() -> None:
    """Who is one too many hears so at once."""
    waiting = Turnstile(asyncio.get_running_loop())
    for _ in range(WAITING_MAX):
        assert waiting.enter(lambda: None)

    assert not waiting.enter(lambda: None)
