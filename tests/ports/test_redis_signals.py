"""What only signals over a Redis promise: to be shared, to forget, and to bear refusals."""

import asyncio
import random
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from deploy.engines.cache import cache_folder
from deploy.engines.engine import Place
from deploy.engines.redis import Redis
from shared.contracts.ids import OrderId, UserId
from shared.signals import open_signals, redis_calls
from shared.signals.port import Signals, SignalsUnavailable
from shared.signals.redis import RedisSignals
from tests.faults.proxy import Link
from tests.faults.weather import Weather
from tests.ports.redis_world import (
    ANNA,
    LOST,
    ORDER,
    TTL_S,
    Slow,
    opened,
    quicken,
    reload,
    seconds,
    through,
    until_loading,
)
from tests.ports.test_signals import Inbox

pytestmark = pytest.mark.connected


class TestTogether:
    async def test_processes_hear_and_see_each_other(self, server: Redis) -> None:
        """What one of them publishes or notes is there for the other."""
        inbox = Inbox()
        async with opened(server.url) as one, opened(server.url) as other:
            await one.subscribe("typing", inbox)

            await other.publish("typing", b"1")
            appeared = [
                await other.appear(ORDER, ANNA, "gateway 2", TTL_S),
                await one.appear(ORDER, ANNA, "gateway 1", TTL_S),
            ]

            assert await inbox.hears(b"1") == [b"1"]
            assert appeared == [True, False]
            assert await one.present(ORDER) == {ANNA}

    async def test_installations_that_share_a_server_are_apart(self, server: Redis) -> None:
        """Each has a database; channels, which know of none, are told apart by its number."""
        inbox = Inbox()
        async with opened(server.url) as one, opened(server.url[:-1] + "1") as other:
            await one.subscribe("typing", inbox)
            await other.appear(ORDER, ANNA, "gateway 1", TTL_S)

            await other.publish("typing", b"not for you")
            await one.publish("typing", b"for you")

            assert await inbox.hears(b"for you") == [b"for you"]
            assert await one.present(ORDER) == set()

    async def test_every_key_ends_by_itself(self, signals: Signals, client: Client) -> None:
        """With the last that it holds; and at once when nothing is left in it."""
        await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)
        await signals.appear(ORDER, ANNA, "gateway 2", 1)
        lasts_ms = [await client.pttl(key) for key in await client.keys("*")]

        await signals.disappear(ORDER, ANNA, "gateway 1")
        await signals.disappear(ORDER, ANNA, "gateway 2")

        assert [TTL_S - 5 < each / 1000 <= TTL_S for each in lasts_ms] == [True]
        assert await client.keys("*") == []

    async def test_a_thousand_listeners(self, signals: Signals, client: Client) -> None:
        """Each hears its own channel; when they have left, the server knows of none."""
        quicken()
        inboxes = {f"user/{number}": Inbox() for number in range(1_000)}
        listening = [signals.subscribe(name, inbox) for name, inbox in inboxes.items()]
        await asyncio.gather(*listening)
        assert len(await client.pubsub_channels("order_chat:*")) == 1_000

        async with client.pipeline() as publishing:
            for name in inboxes:
                publishing.publish(f"order_chat:0:{name}", name)
            await publishing.execute()

        for name, inbox in inboxes.items():
            assert await inbox.hears(name.encode()) == [name.encode()]
        leaving = [signals.unsubscribe(name, inbox) for name, inbox in inboxes.items()]
        await asyncio.gather(*leaving)
        assert await client.pubsub_channels("order_chat:*") == []


class TestEnd:
    async def test_a_cancellation_that_is_lost_does_not_keep_it_open(self, server: Redis) -> None:
        """As the library's sends may lose one: closing asks again."""
        lost = asyncio.Event()

        async def lose_the_first() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost.set()
            await asyncio.sleep(60)

        signals = RedisSignals.open(server.url)
        signals._listening.cancel()
        signals._listening = asyncio.create_task(lose_the_first())
        await asyncio.sleep(0)

        await asyncio.wait_for(signals.close(), 5)

        assert lost.is_set()
        assert signals._listening.cancelled()


class TestRefusals:
    @staticmethod
    async def _is_refused(signals: Signals) -> None:
        assert await seconds(signals.appear(ORDER, ANNA, "gateway 1", TTL_S)) < 1.5
        assert await seconds(signals.disappear(ORDER, ANNA, "gateway 1")) < 1.5

    async def test_a_replica_that_takes_no_writes(self, signals: Signals, client: Client) -> None:
        """READONLY, as after a failover; it heals with the server's role."""
        await client.replicaof("127.0.0.1", 1)

        await self._is_refused(signals)

        await client.replicaof("NO", "ONE")
        assert await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

    async def test_a_server_that_has_no_memory_left(self, signals: Signals, client: Client) -> None:
        """OOM."""
        await client.config_set("maxmemory", 1)

        with pytest.raises(SignalsUnavailable):
            await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

    async def test_a_server_that_is_loading(self, tmp_path: Path) -> None:
        """LOADING, as after its restart; when it has loaded, listeners are told."""
        inbox = Inbox()
        server = Slow("redis", Place(cache_folder(), tmp_path, print))
        await server.obtain()
        await server.start()
        async with Client.from_url(server.url, protocol=2) as client, opened(server.url) as signals:
            for number in range(300):
                await client.set(f"ballast {number}", b"x" * 4_000)
            await client.config_set("key-load-delay", 100_000)  # in µs, for each key
            loading = asyncio.create_task(reload(client))
            await until_loading(client)

            await self._is_refused(signals)
            await seconds(signals.subscribe("a", inbox))

            await client.config_set("key-load-delay", 0)
            await inbox.hears(LOST)
            await asyncio.wait({loading})
            loading.exception()  # a client may not wait as long as it takes
        await server.kill()

    @pytest.mark.parametrize("user", ["", ":wrong-canary@", "nobody:wrong-canary@"])
    async def test_a_password_that_is_missing_or_wrong(
        self, server: Redis, client: Client, user: str
    ) -> None:
        """NOAUTH and WRONGPASS; the error does not repeat what was tried."""
        await client.config_set("requirepass", "right")
        async with opened(server.url.replace("//", f"//{user}")) as signals:
            with pytest.raises(SignalsUnavailable) as refused:
                await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

            chain = f"{refused.value!r} {refused.value.__cause__!r}"
            assert "canary" not in chain

    async def test_a_password_and_a_database(self, server: Redis, client: Client) -> None:
        """Both come from the address, percent-encoded there."""
        await client.config_set("requirepass", "r:i/g@ht")
        url = f"redis://:r%3Ai%2Fg%40ht@127.0.0.1:{server.port}/3"
        async with opened(url) as signals:
            assert await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:canary@host:port/0",
        "redis://:canary@host/name",
        "redis://:canary@host/-1",
        "redis://:canary@host/0?db=1",
        "redis://",
        "rediss://:canary@[host/0",
    ],
)
async def test_an_address_that_is_none_is_not_repeated(url: str) -> None:
    """The message says what one looks like; the address may hold a password."""
    with pytest.raises(ValueError, match="ORDER_CHAT_SIGNALS_URL: a Redis is named as") as caught:
        await open_signals(url)

    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"


async def test_ten_thousand_who_give_up_hurt_nobody(server: Redis, client: Client) -> None:
    """No answer ever reaches somebody else, whenever its asker was cancelled; and no connection is
    lost by it."""
    asyncio.get_running_loop().set_debug(
        False
    )  # it notes the birth of each task, of which a call has many
    users = {OrderId(f"o{number}"): UserId(f"user-{number}") for number in range(50)}
    wrong: list[object] = []
    async with Link(server.port) as link, opened(through(link)) as signals:
        for order_id, user_id in users.items():
            await signals.appear(order_id, user_id, "gateway 1", 600)
        link.set_weather(Weather(delay_s=0.001, jitter_s=0.004))

        async def ask(order_id: OrderId) -> None:
            if (answer := await signals.present(order_id)) != {users[order_id]}:
                wrong.append((order_id, answer))

        gave_up = stayed = 0
        while gave_up < 10_000:
            asking = [asyncio.create_task(ask(order_id)) for order_id in [*users] * 4]
            for task in random.sample(asking, 180):
                await asyncio.sleep(random.choice((0, 0, 0, 0.0005)))
                gave_up += task.cancel()
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
            stayed += outcomes.count(None)

        assert wrong == []
        assert stayed >= 1_000
        connections = (await client.info("stats"))["total_connections_received"]
        assert connections < 5 * redis_calls.CONNECTIONS_MAX
