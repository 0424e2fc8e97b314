"""Signals over a Redis that dies, comes back, or says nothing: nobody waits long, all heals."""

import asyncio

import pytest
from redis.asyncio import Redis as Client

from deploy.engines.redis import Redis
from shared.signals import open_signals, redis_calls, redis_channels
from shared.signals.port import Signals
from tests.faults.proxy import Link
from tests.faults.weather import BLACK_HOLE, FAIR
from tests.ports.redis_world import (
    ANNA,
    AT_ONCE_S,
    LOST,
    ORDER,
    SOON_S,
    TTL_S,
    opened,
    seconds,
    through,
    until,
)
from tests.ports.test_signals import Inbox

pytestmark = pytest.mark.connected


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mute path is noticed sooner than in earnest."""
    monkeypatch.setattr(redis_channels, "ECHO_EVERY_S", 0.2)
    monkeypatch.setattr(redis_channels, "ECHO_S_MAX", 0.5)


class TestLoss:
    async def test_a_server_that_dies_and_comes_back(self, server: Redis, signals: Signals) -> None:
        """All is refused meanwhile; then listeners are told that they missed something, and hear
        again."""
        inboxes = [Inbox(), Inbox(), Inbox()]
        for channel, inbox in zip("aab", inboxes, strict=True):
            await signals.subscribe(channel, inbox)
        await server.kill()
        for call in (signals.publish("a", b"gone"), signals.present(ORDER), signals.ping()):
            await seconds(call)

        await server.start()

        for inbox in inboxes:
            assert await inbox.hears(LOST) == [LOST]
        await until(signals.ping)
        new = Inbox()
        await signals.subscribe("a", new)
        await signals.publish("a", b"1")
        assert await inboxes[1].hears(b"1") == [LOST, b"1"]
        assert await new.hears(b"1") == [b"1"]

    async def test_who_listens_while_the_server_is_away(
        self, server: Redis, signals: Signals
    ) -> None:
        """Is told so, and listens when it is back; who gave up meanwhile does not."""
        stays, leaves = Inbox(), Inbox()
        await server.kill()
        await seconds(signals.subscribe("a", stays))
        await seconds(signals.subscribe("b", leaves))
        await signals.unsubscribe("b", leaves)

        await server.start()

        await stays.hears(LOST)
        await until(lambda: signals.publish("b", b"1"))
        await signals.publish("a", b"1")
        assert await stays.hears(b"1") == [LOST, b"1"]
        assert leaves.heard == []

    async def test_a_server_need_not_be_there_first(self, server: Redis) -> None:
        """Gateways and Redis start in any order."""
        await server.kill()
        inbox = Inbox()
        async with opened(server.url) as signals:
            await seconds(signals.subscribe("a", inbox))

            await server.start()

            await inbox.hears(LOST)
            await until(signals.ping)

    async def test_a_server_that_is_emptied(self, signals: Signals, client: Client) -> None:
        """Nobody is there until they are renewed; who listens goes on listening."""
        inbox = Inbox()
        await signals.subscribe("a", inbox)
        await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

        await client.flushall()
        await client.script_flush()

        assert await signals.present(ORDER) == set()
        assert await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)
        await signals.publish("a", b"1")
        assert await inbox.hears(b"1") == [b"1"]


class TestSilence:
    async def test_a_black_hole_costs_one_short_wait(self, server: Redis) -> None:
        """Who comes after it is refused at once, until one tries again; it heals by itself."""
        async with Link(server.port) as link, opened(through(link)) as signals:
            await signals.ping()
            link.set_weather(BLACK_HOLE)

            first = await seconds(signals.present(ORDER))
            others = [await seconds(signals.present(ORDER)) for _ in range(50)]

            assert first < redis_calls.CALL_S_MAX + 0.5
            assert sum(others) < AT_ONCE_S * len(others)
            link.set_weather(FAIR)
            await until(lambda: signals.present(ORDER))

    async def test_while_one_tries_again_the_others_do_not_wait(
        self, server: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The price of finding out is paid by one."""
        monkeypatch.setattr(redis_calls, "PROBE_AFTER_S", 0.4)
        async with Link(server.port) as link, opened(through(link)) as signals:
            await signals.ping()
            link.set_weather(BLACK_HOLE)
            await seconds(signals.ping())
            await asyncio.sleep(0.4)

            waits = await asyncio.gather(*(seconds(signals.ping()) for _ in range(50)))

            assert sum(wait > redis_calls.CALL_S_MAX / 2 for wait in waits) == 1

    @pytest.mark.usefixtures("impatient")
    async def test_a_path_that_went_mute_is_noticed(self, server: Redis) -> None:
        """Though nothing on it fails: the echo does not come, and listening begins anew."""
        inbox = Inbox()
        async with Link(server.port) as link, opened(through(link)) as signals:
            await signals.subscribe("a", inbox)
            assert link.wire is not None
            link.wire.swallow("up", "down")

            assert await inbox.hears(LOST) == [LOST]

            await signals.publish("a", b"1")
            assert await inbox.hears(b"1") == [LOST, b"1"]

    @pytest.mark.usefixtures("impatient")
    async def test_a_server_that_stands_still(self, server: Redis, signals: Signals) -> None:
        """It takes connections and answers nothing; when it goes on, all is as after a loss."""
        inbox = Inbox()
        await signals.subscribe("a", inbox)
        server.pause()
        await seconds(signals.ping())
        async with asyncio.timeout(SOON_S):
            while await seconds(signals.subscribe("b", inbox)) > AT_ONCE_S:
                continue  # the loss is not noticed yet

        server.resume()

        await inbox.hears(LOST)
        await until(lambda: signals.publish("a", b"1"))
        assert await inbox.hears(b"1")

    async def test_closing_takes_no_longer(self, server: Redis) -> None:
        """A gateway can stop while its Redis hangs."""
        loop = asyncio.get_running_loop()
        signals = await open_signals(server.url)
        await signals.subscribe("a", Inbox())
        server.pause()
        call = asyncio.create_task(seconds(signals.present(ORDER)))
        await asyncio.sleep(0)
        start = loop.time()

        await signals.close()

        assert loop.time() - start < redis_calls.CLOSE_S_MAX + 1
        await call

    async def test_calls_under_way_are_bounded(
        self, server: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """More are refused at once."""
        monkeypatch.setattr(redis_calls, "UNDER_WAY_MAX", 3)
        async with opened(server.url) as signals:
            server.pause()

            waits = await asyncio.gather(*(seconds(signals.ping()) for _ in range(10)))

            assert sum(wait < AT_ONCE_S for wait in waits) == 7
