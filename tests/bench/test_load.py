"""Many connections to a real server: what is said, and what is measured of it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest
from websockets.asyncio.server import ServerConnection

from tests.bench.load.ledger import Ledger
from tests.bench.load.load import Load, LoadFailed
from tests.bench.load.meter import Meter
from tests.bench.load.talk import SENDER
from tests.bench.room import Rooms, RoomTalk, pairs, serial_of, serving

NOBODY = Meter({})
PATIENCE_S = 1.0


class Swap:
    """Passes message 3 of each sender on after its message 4."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def __call__(self, text: str) -> Sequence[str]:
        sender = text[SENDER]
        if serial_of(text) == 3:
            self.held[sender] = text
            return []
        return [text, self.held[sender]] if serial_of(text) == 4 else [text]


def lose(text: str) -> Sequence[str]:
    """Messages 3 and 5 of each sender."""
    return [] if serial_of(text) in (3, 5) else [text]


def double(text: str) -> Sequence[str]:
    """Message 3 of each sender."""
    return [text, text] if serial_of(text) == 3 else [text]


@pytest.mark.parametrize(
    ("passing", "counted"), [(lose, (8, 0, 0)), (double, (0, 4, 0)), (Swap(), (0, 0, 4))]
)
async def test_what_goes_wrong_is_counted_at_every_member(
    passing: Callable[[str], Sequence[str]], counted: tuple[int, int, int]
) -> None:
    """Lost, doubled, reordered: of the two members' messages, at both."""
    async with (
        serving(Rooms(passing)) as rooms,
        Load.opened(rooms.address, pairs(2), patience_s=PATIENCE_S) as load,
    ):
        outcome = await load.open(per_second=100, seconds=0.4, warm_s=0.1, meter=NOBODY)

    assert (outcome.lost, outcome.doubled, outcome.reordered) == counted
    assert not outcome.sound


async def test_what_comes_to_a_stranger_counts_as_doubled() -> None:
    """Only members hear what is said in an order."""
    ledger = Ledger(4, 2)
    serial = ledger.say(0, 0.0)

    for receiver in (0, 1, 2):
        ledger.hear(receiver, 0, serial, 0.0)

    assert (ledger.heard, ledger.lacking, ledger.doubled) == (2, 0, 1)


async def test_what_comes_a_run_too_late_was_lost() -> None:
    """And is not taken for a message of the next run."""
    ledger = Ledger(2, 2)
    ledger.begin()
    late = [ledger.say(0, 0.0) for _ in range(2)]
    first = ledger.lacking

    ledger.begin()
    ledger.hear(1, 0, ledger.say(0, 0.0), 0.0)
    ledger.hear(1, 0, late[0], 0.0)

    assert (first, ledger.lacking) == (4, 1)
    assert (ledger.heard, ledger.doubled, ledger.reordered) == (1, 1, 0)


async def test_closed_loop_is_sound_and_measured() -> None:
    """All that was said comes to both, and twice over: run after run has its own books."""
    async with serving(Rooms()) as rooms, Load.opened(rooms.address, pairs(4)) as load:
        first, second = [
            await load.closed(window=2, seconds=0.3, warm_s=0.1, meter=NOBODY) for _ in range(2)
        ]

    assert first.sound
    assert second.sound
    assert second.said > 8
    assert second.latencies.count == 2 * second.said
    assert second.per_second == pytest.approx(second.said / second.seconds, rel=0.1)
    assert len(second.slices) == 1


class Holding(Rooms):
    """Passes on only what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.held: defaultdict[ServerConnection, list[str]] = defaultdict(list)
        self.holding = True

    async def take(self, connection: ServerConnection, text: str) -> None:
        self.held[connection].append(text)
        if not self.holding:
            await self.pass_on(len(self.held[connection]))

    async def pass_on(self, count: int = 1) -> None:
        """The oldest messages of each connection."""
        for connection, texts in self.held.items():
            passing, texts[:] = texts[:count], texts[count:]
            for text in passing:
                await super().take(connection, text)


async def test_closed_loop_keeps_exactly_its_window_on_the_way() -> None:
    """Three of each connection, and three more once all have come back."""
    on_the_way = []
    async with (
        serving(Holding()) as rooms,
        Load.opened(rooms.address, [RoomTalk(n) for n in range(2)], members=1) as load,
    ):
        assert isinstance(rooms, Holding)
        running = asyncio.create_task(load.closed(window=3, seconds=1.0, warm_s=0, meter=NOBODY))
        for _ in range(5):
            async with asyncio.timeout(PATIENCE_S):
                while any(len(texts) < 3 for texts in rooms.held.values()):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.03)  # so that one too many would show
            on_the_way.append([len(texts) for texts in rooms.held.values()])
            await rooms.pass_on(3)
        rooms.holding = False
        await rooms.pass_on(3)
        outcome = await running

    assert on_the_way == [[3, 3]] * 5
    assert outcome.sound


async def test_a_stall_shows_in_all_that_was_planned_meanwhile() -> None:
    """The server passes nothing on for 300 ms of a second: a fifth of all is over 100 ms late."""
    async with serving(Rooms()) as rooms, Load.opened(rooms.address, pairs(4)) as load:
        loop = asyncio.get_running_loop()
        loop.call_later(0.4, rooms.flowing.clear)
        loop.call_later(0.7, rooms.flowing.set)
        outcome = await load.open(per_second=400, seconds=1.0, warm_s=0.1, meter=NOBODY)

    assert outcome.sound
    assert outcome.latencies.most > 250
    assert outcome.latencies.quantile(0.85) > 100


async def test_what_could_not_be_said_in_time_is_late_since_it_was_to_be_said() -> None:
    """Nothing at all happens here for 300 ms, and no message is left out for that."""
    async with serving(Rooms()) as rooms, Load.opened(rooms.address, pairs(4)) as load:
        asyncio.get_running_loop().call_later(0.4, time.sleep, 0.3)
        outcome = await load.open(
            per_second=400, seconds=1.0, warm_s=0.1, meter=NOBODY, slice_s=0.5
        )

    assert outcome.sound
    assert outcome.said == pytest.approx(400, rel=0.2)
    assert outcome.latencies.count == 2 * outcome.said
    assert outcome.latencies.quantile(0.85) > 100
    assert len(outcome.slices) == 2


async def test_connections_that_were_cut_come_back() -> None:
    """Each resumes where it was, and what is said then is heard by all."""
    async with serving(Rooms()) as rooms, Load.opened(rooms.address, pairs(6)) as load:
        await load.closed(window=1, seconds=0.1, warm_s=0, meter=NOBODY)
        await load.cut()
        comeback = await load.come_back(at_once=3)
        outcome = await load.closed(window=1, seconds=0.1, warm_s=0, meter=NOBODY)

    assert rooms.greetings == {"hello": 6, "again": 6}
    assert (len(comeback.seconds), comeback.failures) == (6, {})
    assert list(comeback.seconds) == sorted(comeback.seconds)
    assert outcome.sound


async def test_who_cannot_come_back_is_counted() -> None:
    """A server that is gone takes nobody."""
    async with serving(Rooms()) as rooms:
        opening = Load.opened(rooms.address, pairs(2))
        load = await opening.__aenter__()
        await load.cut()
    comeback = await load.come_back(at_once=2)
    await opening.__aexit__(None, None, None)

    assert list(comeback.seconds) == []
    assert sum(comeback.failures.values()) == 2


async def test_a_door_that_is_shut_fails_the_load() -> None:
    """Who did not join is counted, with the server's answer."""
    async with serving(Rooms()) as rooms:
        with pytest.raises(LoadFailed, match=r"1 of 2 did not join.*not for you"):
            async with Load.opened(rooms.address, [RoomTalk("0"), RoomTalk("shut")]):
                pass


async def test_a_silent_server_fails_the_load_by_the_deadline() -> None:
    """Somebody listens, and says nothing."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        with pytest.raises(LoadFailed, match=r"2 of 2 did not join.*no answer in time"):
            async with Load.opened(address, pairs(2), deadline_s=0.2):
                pass


class Closing(Rooms):
    """Sends everybody away who speaks."""

    async def take(self, connection: ServerConnection, text: str) -> None:
        await connection.close(4008)


async def test_a_connection_that_ends_fails_the_run() -> None:
    """What was measured without it is worth nothing."""
    async with serving(Closing()) as rooms, Load.opened(rooms.address, pairs(2)) as load:
        with pytest.raises(LoadFailed, match="closed by the server: 4008"):
            await load.closed(window=1, seconds=0.1, warm_s=0, meter=NOBODY)
