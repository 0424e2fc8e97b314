"""A link forwards everything in fair weather, and does what is said of it in every other."""

import asyncio
import time

import pytest

from tests.faults.echo import calling, echo
from tests.faults.proxy import Cut, Link
from tests.faults.weather import BLACK_HOLE, CRUMBLED, DEAF, FAIR, MUTE, Weather

LONG = bytes(range(256)) * 800
ENDED = (ConnectionError, asyncio.IncompleteReadError)


async def test_fair_weather_changes_nothing() -> None:
    """Every byte arrives, both ways."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        caller.say(LONG)

        assert await caller.hear(len(LONG)) == LONG


async def test_crumbled_bytes_arrive_whole() -> None:
    """Single bytes make up what was sent."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        link.set_weather(CRUMBLED)
        caller.say(LONG[:500])

        assert await caller.hear(500) == LONG[:500]


async def test_delay_is_felt_both_ways() -> None:
    """An answer takes twice the delay."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        link.set_weather(Weather(delay_s=0.1))
        began = time.monotonic()
        caller.say(b"hi")
        await caller.hear(2)

        assert time.monotonic() - began >= 0.2


async def test_narrow_link_takes_its_time() -> None:
    """What is sent at once arrives no faster than the link is wide."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        link.set_weather(Weather(bytes_per_s=200_000))
        began = time.monotonic()
        caller.say(LONG[:40_000])
        await caller.hear(40_000)

        assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("weather", [BLACK_HOLE, MUTE, DEAF], ids=["both", "up", "down"])
async def test_swallowed_bytes_are_not_noticed(weather: Weather) -> None:
    """Nothing comes back, and the connection stays open."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        link.set_weather(weather)
        caller.say(b"hi")

        assert await caller.hears_nothing(0.2)


async def test_connection_made_in_a_black_hole_is_accepted() -> None:
    """Who connects is let in, and never hears anything."""
    async with echo() as server, Link(server) as link:
        link.set_weather(BLACK_HOLE)

        async with calling(link.port) as caller:
            caller.say(b"hi")
            assert await caller.hears_nothing(0.2)


async def test_connection_that_lost_bytes_ends_with_the_black_hole() -> None:
    """No connection goes on with a hole in it."""
    async with echo() as server, Link(server) as link, calling(link.port) as caller:
        link.set_weather(BLACK_HOLE)
        caller.say(b"lost")
        assert await caller.hears_nothing(0.2)
        link.set_weather(FAIR)

        with pytest.raises(ENDED):
            await caller.hear(1)


async def test_reset_ends_every_connection_and_lets_new_ones_in() -> None:
    """A reset is over as soon as it was done."""
    async with echo() as server, Link(server) as link, calling(link.port) as first:
        first.say(b"hi")
        await first.hear(2)
        link.reset()
        with pytest.raises(ENDED):
            await first.hear(1)

        async with calling(link.port) as second:
            second.say(b"hi")
            assert await second.hear(2) == b"hi"


async def test_dead_server_is_passed_over() -> None:
    """A connection goes to the first server that takes it."""
    async with echo() as dead:
        pass
    async with echo() as alive, Link(lambda: (dead, alive)) as link, calling(link.port) as caller:
        caller.say(b"hi")

        assert await caller.hear(2) == b"hi"


class Censor:
    """Ends the connection at a word from the server."""

    def up(self, data: bytes) -> bytes:
        return data.replace(b"hush", b"word")

    def down(self, data: bytes) -> bytes:
        if b"word" in data:
            raise Cut
        return data


async def test_filter_changes_and_cuts() -> None:
    """A filter sees both ways, and ends what it does not let pass."""
    async with echo() as server, Link(server, Censor) as link, calling(link.port) as caller:
        caller.say(b"fine")
        assert await caller.hear(4) == b"fine"
        caller.say(b"hush")

        with pytest.raises(ENDED):
            await caller.hear(1)
