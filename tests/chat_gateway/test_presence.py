"""Who is here and who is typing, between two gateways that share signals; any may be lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from chat_gateway import presence as module
from chat_gateway.hub import Hub
from chat_gateway.presence import Presence
from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from shared.signals.memory import MemorySignals
from shared.signals.port import Listener
from tests.chat_gateway.world import House, identity
from tests.shared.story import ANNA, BEN, ORDER


class Place:
    """A gateway's presence with somebody watching the order there."""

    def __init__(self, signals: MemorySignals, name: str, watcher: UserId) -> None:
        house = House()
        _, self.socket = house.join(identity(watcher))
        self.presence = Presence(signals, house.hub, name)
        self.presence.listen(ORDER)
        self.task = asyncio.create_task(self.presence.run())

    async def shows(self, count: int = 1) -> list[frames.ServerFrame | frames.EventShown]:
        """What the watcher is shown next."""
        await until(lambda: len(self.socket.sent) >= count)
        return self.socket.take()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 (nothing here can be waited for)
            await asyncio.sleep(0.001)


@pytest.fixture
async def signals() -> AsyncIterator[MemorySignals]:
    engine = MemorySignals()
    yield engine
    await engine.close()


@pytest.fixture
async def places(signals: MemorySignals) -> AsyncIterator[tuple[Place, Place]]:
    """Anna watches at one gateway, Ben at the other."""
    here, there = Place(signals, "here", ANNA), Place(signals, "there", BEN)
    await until(lambda: len(signals._listeners.get(ORDER, [])) == 2)
    yield here, there
    for place in (here, there):
        place.task.cancel()
    await asyncio.gather(here.task, there.task, return_exceptions=True)


def online(user_id: UserId, is_online: bool = True) -> frames.Presence:
    return frames.Presence(order_id=ORDER, user_id=user_id, online=is_online)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves is offline at once."""
    monkeypatch.setattr(module, "OFFLINE_AFTER_S", 0.0)


async def test_who_arrives_is_shown_to_the_others(places: tuple[Place, Place]) -> None:
    """At every gateway, and not to themselves."""
    here, there = places

    here.presence.arrive(ORDER, ANNA)

    assert await there.shows() == [online(ANNA)]
    assert here.socket.take() == []
    assert await there.presence.who(ORDER) == [ANNA]


async def test_a_second_connection_is_no_news(places: tuple[Place, Place]) -> None:
    """Here or there."""
    here, there = places
    here.presence.arrive(ORDER, ANNA)
    await there.shows()

    here.presence.arrive(ORDER, ANNA)
    there.presence.arrive(ORDER, ANNA)
    there.presence.arrive(ORDER, BEN)

    assert await here.shows() == [online(BEN)]
    assert there.socket.take() == []


@pytest.mark.usefixtures("at_once")
async def test_who_has_left_everywhere_is_shown_offline(places: tuple[Place, Place]) -> None:
    """After the last connection, not before."""
    here, there = places
    for _ in range(2):
        here.presence.arrive(ORDER, ANNA)
    await there.shows()
    here.presence.depart(ORDER, ANNA)
    assert await there.presence.who(ORDER) == [ANNA]

    here.presence.depart(ORDER, ANNA)

    assert await there.shows() == [online(ANNA, False)]
    assert await there.presence.who(ORDER) == []


async def test_who_comes_back_in_time_was_never_away(places: tuple[Place, Place]) -> None:
    """A reload is nobody's business."""
    here, there = places
    here.presence.arrive(ORDER, ANNA)
    await there.shows()

    here.presence.depart(ORDER, ANNA)
    here.presence.arrive(ORDER, ANNA)
    there.presence.arrive(ORDER, BEN)
    await here.shows()

    assert there.socket.take() == []
    assert here.presence._leaving == {}


@pytest.mark.usefixtures("at_once")
async def test_who_was_never_counted_does_not_leave(places: tuple[Place, Place]) -> None:
    """The order had too many participants to show who is there, when they came."""
    here, there = places
    here.presence.arrive(ORDER, ANNA)
    await there.shows()
    here.presence.depart(ORDER, ANNA)
    await there.shows()

    here.presence.depart(ORDER, ANNA)
    here.presence.arrive(ORDER, ANNA)

    assert await there.shows() == [online(ANNA)]
    assert here.presence._here == {(ORDER, ANNA): 1}


async def test_more_departures_than_arrivals_do_not_count_below_zero(
    places: tuple[Place, Place],
) -> None:
    """Else who comes again would be here for ever."""
    here, _ = places
    here.presence.arrive(ORDER, ANNA)

    here.presence.depart(ORDER, ANNA)
    here.presence.depart(ORDER, ANNA)

    assert here.presence._here == {(ORDER, ANNA): 0}


async def test_presence_is_renewed(monkeypatch: pytest.MonkeyPatch, signals: MemorySignals) -> None:
    """Emptied signals learn again who is there."""
    monkeypatch.setattr(module, "RENEW_EVERY_S", 0.01)
    here = Place(signals, "here", BEN)
    here.presence.arrive(ORDER, ANNA)
    await here.shows()

    signals._places.clear()

    assert await here.shows() == [online(ANNA)]
    here.task.cancel()
    await asyncio.gather(here.task, return_exceptions=True)


async def test_renewals_do_not_come_all_at_once(
    monkeypatch: pytest.MonkeyPatch, signals: MemorySignals
) -> None:
    """Messages would wait behind them; in the time that is given each comes once."""
    monkeypatch.setattr(module, "RENEW_EVERY_S", 0.5)
    presence = Presence(signals, Hub(), "here")
    people = 1_000
    presence._here = {(ORDER, UserId(f"u-{n}")): 1 for n in range(people)}
    renewing = asyncio.create_task(presence._renew())
    sizes = [0]

    while (waiting := presence._work.qsize()) < people:
        if waiting != sizes[-1]:
            sizes.append(waiting)
        await asyncio.sleep(0.001)

    assert max(b - a for a, b in pairwise(sizes)) < people / 4
    renewing.cancel()
    while not presence._work.empty():
        await presence._work.get_nowait()()
    assert len(await signals.present(ORDER)) == people


async def test_typing_is_shown_to_the_others(places: tuple[Place, Place]) -> None:
    """At every gateway."""
    here, there = places

    here.presence.typing(ORDER, ANNA, "file")

    typing = frames.TypingShown(order_id=ORDER, user_id=ANNA, what="file")
    assert await there.shows() == [typing]
    assert here.socket.take() == []


async def test_an_order_nobody_has_open_is_not_listened_to(
    places: tuple[Place, Place], signals: MemorySignals
) -> None:
    """The last connection ends it, moderators' too."""
    here, there = places
    here.presence.listen(ORDER)
    here.presence.deafen(ORDER)
    there.presence.deafen(ORDER)
    here.presence.deafen(ORDER)

    await until(lambda: ORDER not in signals._listeners)

    assert here.presence._listening == {}


async def test_who_comes_back_at_once_is_still_listening(
    places: tuple[Place, Place], signals: MemorySignals
) -> None:
    """Whatever order the worker gets to it."""
    here, there = places
    here.presence.deafen(ORDER)
    here.presence.listen(ORDER)

    there.presence.arrive(ORDER, BEN)

    assert await here.shows() == [online(BEN)]


async def test_while_signals_are_down_nobody_knows(
    places: tuple[Place, Place], signals: MemorySignals
) -> None:
    """Not even that nobody is there; and the worker lives."""
    here, _ = places
    await signals.close()

    here.presence.typing(ORDER, ANNA, "text")
    here.presence.arrive(ORDER, ANNA)
    await until(here.presence._work.empty)

    assert await here.presence.who(ORDER) is None
    assert not here.task.done()


class Failing(MemorySignals):
    """An engine with a defect of its own."""

    async def subscribe(self, channel: str, listener: Listener) -> None:
        raise ValueError("a defect")


async def test_a_defect_of_the_engine_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing depends on any of the signals."""
    place = Place(Failing(), "here", ANNA)
    place.presence.typing(ORDER, ANNA, "text")

    await until(place.presence._work.empty)

    assert not place.task.done()
    (record,) = caplog.records
    assert record.__dict__["error"] == "ValueError"
    place.task.cancel()
    await asyncio.gather(place.task, return_exceptions=True)


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"op":"new"}', b"\xff", frames.encode_frame(frames.Beat(heads={}))]
)
async def test_signals_that_say_nothing_to_us_are_passed_over(
    places: tuple[Place, Place], signals: MemorySignals, payload: bytes
) -> None:
    """A newer gateway may say more."""
    here, _ = places

    await signals.publish(ORDER, payload)
    here.presence._relay(payload)

    assert here.socket.take() == []


async def test_what_does_not_fit_the_queue_is_lost(
    monkeypatch: pytest.MonkeyPatch, signals: MemorySignals
) -> None:
    """A dead engine costs no memory."""
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    presence = Presence(signals, Hub(), "here")

    for _ in range(5):
        presence.typing(OrderId("o"), ANNA, "text")

    assert presence._work.qsize() == 2


async def test_stopping_leaves_no_timer_behind(signals: MemorySignals) -> None:
    """Who was about to leave is nobody's business any more."""
    place = Place(signals, "here", BEN)
    place.presence.arrive(ORDER, ANNA)
    place.presence.depart(ORDER, ANNA)
    (timer,) = place.presence._leaving.values()
    await until(place.presence._work.empty)

    place.task.cancel()
    await asyncio.gather(place.task, return_exceptions=True)

    assert timer.cancelled()
