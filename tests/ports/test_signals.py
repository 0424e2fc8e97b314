"""The contract of signals, over every engine."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.contracts.ids import OrderId, UserId
from shared.signals import open_signals
from shared.signals.memory import MemorySignals
from shared.signals.port import Signals, SignalsUnavailable
from tests.ports import signal_engines
from tests.ports.signal_engines import Clock, Engine

ORDER = OrderId("o1")
ANNA = UserId("anna")
BEN = UserId("ben")
TTL_S = 60.0
SOON_S = 5.0


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.connected)])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    engines: dict[str, type[Engine]] = {
        "memory": signal_engines.Memory,
        "redis": signal_engines.Redis,
    }
    async with engines[request.param]() as engine:
        yield engine


@pytest.fixture
def signals(engine: Engine) -> Signals:
    return engine.signals


class Inbox:
    """A listener that keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._more = asyncio.Event()

    def __call__(self, payload: bytes) -> None:
        self.heard.append(payload)
        self._more.set()

    async def hears(self, last: bytes) -> list[bytes]:
        """All that was heard, once *last* was."""
        async with asyncio.timeout(SOON_S):
            while last not in self.heard:
                self._more.clear()
                await self._more.wait()
        return self.heard


class TestChannels:
    async def test_every_listener_hears_it_once(self, signals: Signals) -> None:
        """Several gateways may listen to one channel, each for itself."""
        one, other = Inbox(), Inbox()
        await signals.subscribe("typing", one)
        await signals.subscribe("typing", other)

        await signals.publish("typing", b"1")
        await signals.publish("typing", b"2")

        assert [await one.hears(b"2"), await other.hears(b"2")] == [[b"1", b"2"]] * 2

    async def test_a_channel_is_heard_by_its_own_listeners(self, signals: Signals) -> None:
        """What is published elsewhere stays there, also where nobody listens."""
        here = Inbox()
        await signals.subscribe("here", here)

        await signals.publish("elsewhere", b"not for you")
        await signals.publish("here", b"for you")

        assert await here.hears(b"for you") == [b"for you"]

    async def test_listening_twice_is_hearing_once(self, signals: Signals) -> None:
        """To subscribe again changes nothing."""
        inbox = Inbox()
        await signals.subscribe("typing", inbox)
        await signals.subscribe("typing", inbox)

        await signals.publish("typing", b"1")
        await signals.publish("typing", b"2")

        assert await inbox.hears(b"2") == [b"1", b"2"]

    async def test_one_listener_stops_and_others_go_on(self, signals: Signals) -> None:
        """Unsubscribing concerns one listener of one channel."""
        stops, stays = Inbox(), Inbox()
        for inbox in (stops, stays):
            await signals.subscribe("typing", inbox)

        await signals.unsubscribe("typing", stops)
        await signals.unsubscribe("typing", stops)
        await signals.unsubscribe("never heard of", stops)

        await signals.publish("typing", b"1")
        assert await stays.hears(b"1") == [b"1"]
        assert stops.heard == []

    async def test_a_listener_may_come_back(self, signals: Signals) -> None:
        """What was published meanwhile is gone."""
        inbox = Inbox()
        await signals.subscribe("typing", inbox)
        await signals.unsubscribe("typing", inbox)
        await signals.publish("typing", b"missed")

        await signals.subscribe("typing", inbox)

        await signals.publish("typing", b"heard")
        assert await inbox.hears(b"heard") == [b"heard"]


class TestPresence:
    async def test_the_first_place_makes_a_user_present(self, signals: Signals) -> None:
        """Only where it changes something is it told."""
        appeared = [
            await signals.appear(ORDER, ANNA, "gateway 1", TTL_S),
            await signals.appear(ORDER, ANNA, "gateway 2", TTL_S),
            await signals.appear(ORDER, ANNA, "gateway 1", TTL_S),
            await signals.appear(ORDER, BEN, "gateway 1", TTL_S),
        ]

        assert appeared == [True, False, False, True]
        assert await signals.present(ORDER) == {ANNA, BEN}

    async def test_the_last_place_makes_a_user_absent(self, signals: Signals) -> None:
        """As long as one place is left, the user is there."""
        await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)
        await signals.appear(ORDER, ANNA, "gateway 2", TTL_S)

        gone = [
            await signals.disappear(ORDER, ANNA, "gateway 1"),
            await signals.disappear(ORDER, ANNA, "gateway 2"),
        ]

        assert gone == [False, True]
        assert await signals.present(ORDER) == set()

    async def test_who_was_never_there_is_not_there(self, signals: Signals) -> None:
        """Disappearing from nowhere leaves the user nowhere, and others where they are."""
        await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

        assert await signals.disappear(ORDER, BEN, "gateway 1")
        assert not await signals.disappear(ORDER, ANNA, "gateway 2")
        assert await signals.present(ORDER) == {ANNA}

    async def test_orders_are_apart(self, signals: Signals) -> None:
        """To have one order open says nothing of another."""
        await signals.appear(ORDER, ANNA, "gateway 1", TTL_S)

        assert await signals.present(OrderId("o2")) == set()
        assert await signals.appear(OrderId("o2"), ANNA, "gateway 1", TTL_S)

    async def test_presence_ends_by_itself(self, engine: Engine) -> None:
        """A gateway that died is forgotten after its time, not before."""
        signals = engine.signals
        await signals.appear(ORDER, ANNA, "gateway 1", 2)
        await engine.pass_time(1)
        assert await signals.present(ORDER) == {ANNA}

        await engine.pass_time(2)

        assert await signals.present(ORDER) == set()
        assert await signals.appear(ORDER, ANNA, "gateway 1", 2)

    async def test_renewing_makes_it_last(self, engine: Engine) -> None:
        """Each renewal counts anew, for its own place alone."""
        signals = engine.signals
        await signals.appear(ORDER, ANNA, "gateway 1", 3)
        await signals.appear(ORDER, BEN, "gateway 1", 3)
        await engine.pass_time(2)
        assert not await signals.appear(ORDER, ANNA, "gateway 1", 3)

        await engine.pass_time(2)

        assert await signals.present(ORDER) == {ANNA}

    async def test_a_place_that_is_over_does_not_count(self, engine: Engine) -> None:
        """Who leaves the last place that still counts is gone."""
        signals = engine.signals
        await signals.appear(ORDER, ANNA, "died", 1)
        await signals.appear(ORDER, ANNA, "lives", 10)
        await engine.pass_time(2)

        assert await signals.disappear(ORDER, ANNA, "lives")


async def test_signals_closed_are_unavailable(signals: Signals) -> None:
    """Whoever still asks learns that presence is unknown and nothing is relayed."""
    await signals.ping()
    await signals.close()

    for call in (
        signals.ping(),
        signals.publish("typing", b"1"),
        signals.subscribe("typing", Inbox()),
        signals.appear(ORDER, ANNA, "gateway 1", TTL_S),
        signals.disappear(ORDER, ANNA, "gateway 1"),
        signals.present(ORDER),
    ):
        with pytest.raises(SignalsUnavailable):
            await call


async def test_an_unknown_scheme_is_named_with_its_setting() -> None:
    """The message says what to mend, and nothing of what stands behind the scheme."""
    with pytest.raises(ValueError, match=r"^ORDER_CHAT_SIGNALS_URL: .* rediss$") as caught:
        await open_signals("amqp://secret@host")
    assert "secret" not in str(caught.value)


class TestMemory:
    """What only the embedded signals promise."""

    async def test_the_default_address_opens_them(self) -> None:
        """They need nothing but the process."""
        signals = await open_signals("memory://")

        assert await signals.present(ORDER) == set()

    async def test_a_listener_that_fails_harms_nobody(self) -> None:
        """Not the publisher, and not the listeners after it."""
        signals, inbox = MemorySignals(), Inbox()
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: failures.append(context["exception"])
        )

        def fail(payload: bytes) -> None:
            raise LookupError(payload)

        await signals.subscribe("typing", fail)
        await signals.subscribe("typing", inbox)

        await signals.publish("typing", b"1")

        assert inbox.heard == [b"1"]
        assert [type(failure) for failure in failures] == [LookupError]

    async def test_who_stops_listening_hears_nothing_more(self) -> None:
        """Not even what was published just before."""
        signals, inbox = MemorySignals(), Inbox()
        await signals.subscribe("typing", inbox)
        publish = asyncio.create_task(signals.publish("typing", b"1"))
        await asyncio.sleep(0)

        await signals.unsubscribe("typing", inbox)

        await publish
        assert inbox.heard == []

    async def test_how_much_is_noted_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is left or over makes room; what is not is never pushed out."""
        monkeypatch.setattr("shared.signals.memory.ORDERS_MAX", 2)
        clock = Clock()
        signals = MemorySignals(clock)
        await signals.appear(ORDER, ANNA, "gateway 1", 10)
        await signals.appear(OrderId("o2"), ANNA, "gateway 1", 1)
        with pytest.raises(SignalsUnavailable):
            await signals.appear(OrderId("o3"), ANNA, "gateway 1", 1)
        assert not await signals.appear(ORDER, ANNA, "gateway 1", 10)

        clock.now += 2

        assert await signals.appear(OrderId("o3"), ANNA, "gateway 1", 1)
        await signals.disappear(OrderId("o3"), ANNA, "gateway 1")
        assert await signals.appear(OrderId("o4"), ANNA, "gateway 1", 1)
        assert await signals.present(ORDER) == {ANNA}
