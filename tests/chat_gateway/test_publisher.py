"""How a flight ends: met, not appended, or lost sight of; and what bounds the way there."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from chat_gateway import publisher as module
from chat_gateway.publisher import (
    APPEND_DEADLINE_S,
    BATCH_BYTES_MAX,
    BATCH_MAX,
    SETTLE_DEADLINE_S,
    Flight,
    Publisher,
)
from shared.contracts import events as log
from shared.contracts.ids import OrderId
from shared.log.port import NotAppended, OutcomeUnknown, Record
from shared.log.sqlite import SqliteLog
from shared.timeline import Entry
from tests.chat_gateway.world import House, turns
from tests.shared.story import ANNA, BEN, ORDER, id_of, message, order, read


class Owner:
    """Notes how its flights ended."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def settled(self, flight: Flight, entry: Entry) -> None:
        self.heard.append(f"settled {entry.verdict}")

    def not_appended(self, flight: Flight) -> None:
        self.heard.append("not appended")

    def lost_sight(self, flight: Flight) -> None:
        self.heard.append("lost sight")


def flight(key: int = 1, owner: Owner | None = None, *, base: int = 0) -> Flight:
    return Flight(message(ANNA, key, base=base), owner, ref=1, retry=False, turn=0)


async def test_a_flight_ends_when_the_reader_meets_its_record() -> None:
    """Whatever the log answers afterwards, its owner is told once."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)
    await house.handed_over()

    house.meet(message(ANNA, 1))
    await house.end_batch(OutcomeUnknown())

    assert owner.heard == ["settled stands"]


async def test_what_the_log_refuses_is_not_appended() -> None:
    """It may be tried again."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)

    await house.end_batch(NotAppended())

    assert owner.heard == ["not appended"]
    assert house.publisher.flight(id_of(ANNA, 1)) is None


@pytest.mark.parametrize("failure", [OutcomeUnknown(), OSError("disk"), TimeoutError()])
async def test_every_other_failure_leaves_it_unknown(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """After hand-over nobody knows; the log of ours names the class alone."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)

    await house.end_batch(failure)

    assert owner.heard == ["lost sight"]
    assert "Hi!" not in caplog.text


async def test_a_log_that_does_not_answer_is_given_up() -> None:
    """An append has a deadline."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)
    await house.handed_over()

    house.publisher.sweep(house.now() + APPEND_DEADLINE_S - 1)
    await turns()
    assert owner.heard == []
    house.publisher.sweep(house.now() + APPEND_DEADLINE_S)
    await turns()
    assert owner.heard == ["lost sight"]


async def test_a_record_that_is_not_met_in_time_is_given_up() -> None:
    """Acknowledged is not enough: the reader must have come by."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)
    await house.end_batch()

    house.publisher.sweep(house.now() + SETTLE_DEADLINE_S - 1)
    assert owner.heard == []
    house.publisher.sweep(house.now() + SETTLE_DEADLINE_S)

    assert owner.heard == ["lost sight"]


async def test_what_waits_when_it_is_given_up_is_taken_back() -> None:
    """Handed over after all, it would overtake what its writer sends again meanwhile; and so would
    what nobody waits for any more."""
    house, owner = House(), Owner()
    house.publisher.offer(flight(1, owner), 0)
    await house.handed_over()
    house.publisher.offer(flight(2, owner), 0)
    house.publisher.offer(flight(3, None), 0)

    house.publisher.sweep(house.now() + SETTLE_DEADLINE_S)
    await house.end_batch(OutcomeUnknown())

    assert owner.heard == ["lost sight", "not appended"]
    assert house.log.batches == []


async def test_the_sweep_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing overdue stays unsaid."""
    monkeypatch.setattr(module, "SWEEP_EVERY_S", 0.001)
    monkeypatch.setattr(module, "SETTLE_DEADLINE_S", 0.0)
    house, lost = House(), asyncio.Event()
    owner = Owner()
    owner.lost_sight = lambda flight: lost.set()  # type: ignore[method-assign]
    house.publisher.offer(flight(1, owner), 0)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(house.publisher.run())
        await asyncio.wait_for(lost.wait(), 5)
        running.cancel()

    assert house.publisher.flight(id_of(ANNA, 1)) is None
    await house.publisher.close()


async def test_while_a_batch_is_in_flight_the_next_fills() -> None:
    """One batch of a partition at a time, in the order offered."""
    house = House()
    house.publisher.offer(flight(1), 0)
    await house.handed_over()
    for key in (2, 3):
        house.publisher.offer(flight(key), 0)
    assert len(await house.handed_over()) == 1

    await house.end_batch()

    assert await house.handed_over() == [message(ANNA, 2), message(ANNA, 3)]


async def test_a_batch_is_bounded() -> None:
    """More than fits goes with the next."""
    house = House()
    for key in range(BATCH_MAX + 1):
        house.publisher.offer(flight(key), 0)

    assert len(await house.end_batch()) == BATCH_MAX
    assert len(await house.handed_over()) == 1


async def test_a_batch_of_long_messages_is_bounded() -> None:
    """What the engine would write in parts could fail in parts."""
    house = House()
    house.publisher.offer(flight(), 0)
    await house.handed_over()
    long = "x" * (BATCH_BYTES_MAX // 3)

    for key in range(2, 6):
        house.publisher.offer(
            Flight(message(ANNA, key, text=long), None, ref=1, retry=False, turn=0), 0
        )
    await house.end_batch()

    assert [len(await house.end_batch()), len(await house.end_batch())] == [2, 2]


async def test_too_much_waiting_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory for what waits is bounded, marks included."""
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    house = House()
    mark = read(ANNA, house.room.conversation.head, 1)

    taken = [house.publisher.offer(flight(key), 0) for key in (1, 2, 3)]
    taken.append(house.publisher.offer_mark(mark, 0))

    assert taken == [True, True, False, False]
    await house.end_batch()
    assert house.publisher.offer_mark(mark, 0)


async def test_what_waits_may_be_withdrawn() -> None:
    """It is then certainly not appended."""
    house = House()
    first, second = flight(1), flight(2)
    for one in (first, second):
        house.publisher.offer(one, 0)

    assert house.publisher.withdraw(second)

    assert await house.handed_over() == [message(ANNA, 1)]
    assert not house.publisher.withdraw(first)


async def test_a_batch_of_withdrawn_flights_is_not_written() -> None:
    """An empty batch would be a call for nothing."""
    house = House()
    one = flight()
    house.publisher.offer(one, 0)

    house.publisher.withdraw(one)
    await turns()

    assert house.log.batches == []


async def test_a_lost_mark_is_nobodys_business() -> None:
    """Nobody is told of the end of a read mark."""
    house = House()
    house.publisher.offer_mark(read(ANNA, house.room.conversation.head, 1), 0)

    events = await house.end_batch(NotAppended())

    assert [type(event) for event in events] == [log.Read]


async def test_the_oldest_base_is_that_of_what_is_unresolved() -> None:
    """Of one user in one order, until the records are met or refused."""
    house = House()
    for key, base in ((1, 7), (2, 5)):
        house.publisher.offer(flight(key, base=base), 0)
    assert house.publisher.oldest_base(ORDER, ANNA, 9) == 5
    assert house.publisher.oldest_base(ORDER, BEN, 9) == 9
    assert house.publisher.oldest_base(OrderId("other"), ANNA, 9) == 9

    house.meet(message(ANNA, 2))
    assert house.publisher.oldest_base(ORDER, ANNA, 9) == 7
    await house.end_batch(NotAppended())

    assert house.publisher.oldest_base(ORDER, ANNA, 9) == 9


async def test_a_base_is_kept_after_sight_is_lost_until_it_would_be_late() -> None:
    """A record that may still land binds what comes behind it, as long as it can matter."""
    house = House()
    house.publisher.offer(flight(1, base=5), 0)

    await house.end_batch(OutcomeUnknown())

    assert house.publisher.oldest_base(ORDER, ANNA, 1_005) == 5
    assert house.publisher.oldest_base(ORDER, ANNA, 1_006) == 1_006


async def test_records_without_id_settle_nothing() -> None:
    """Orders and marks have no flights."""
    house, owner = House(message(BEN, 9)), Owner()
    house.publisher.offer(flight(1, owner), 0)

    house.meet(order(2))
    house.meet(read(ANNA, house.room.conversation.head, 1))

    assert owner.heard == []
    await house.publisher.close()


async def test_orphans_of_the_same_writer_are_taken_back_after_a_failure() -> None:
    """What nobody holds back must not overtake what will be sent again; others go on."""
    house = House()
    house.publisher.offer(flight(1), 0)
    await house.handed_over()
    house.publisher.offer(flight(2), 0)
    bens = Flight(message(BEN, 3), None, ref=1, retry=False, turn=0)
    house.publisher.offer(bens, 0)

    await house.end_batch(OutcomeUnknown())

    assert await house.handed_over() == [message(BEN, 3)]


async def test_closing_stops_what_is_under_way() -> None:
    """No task is left behind."""
    house = House()
    house.publisher.offer(flight(1), 0)
    await house.handed_over()

    await house.publisher.close()

    assert house.log.batches[0].answer.cancelled()


async def test_draining_waits_until_all_is_written(tmp_path: Path) -> None:
    """With a real log: what was offered stands in it, in order."""
    engine = await SqliteLog.open(tmp_path / "log.db", partitions=2)
    publisher = Publisher(engine, asyncio.get_running_loop())
    for key in range(20):
        publisher.offer(flight(key), 1)

    await publisher.drain(5)
    reader = engine.reader()
    reader.follow(1, 0)
    records = (await reader.fetch(max_wait_s=1, max_records=100))[1]

    assert publisher.partitions == 2
    events = [log.decode_event(r.key, r.type, r.version, r.value) for r in records]
    assert events == [message(ANNA, key) for key in range(20)]
    await publisher.drain(5)
    await reader.close()
    await engine.close()


# What was written here.


def at(offset: int, event: log.Event) -> Record:
    """A record as the reader meets it."""
    return Record(0, offset, 1_000, ORDER, "message", 1, log.encode_event(event))


async def test_what_was_written_here_is_known_when_it_comes() -> None:
    """Each event once, wherever it came to stand: nothing has to be decoded."""
    house = House()
    first, second = flight(1), flight(2)
    house.publisher.offer(first, 0)
    house.publisher.offer(second, 0)
    await house.end_batch()

    assert house.publisher.own(at(7, first.event)) is first.event
    assert house.publisher.own(at(9, second.event)) is second.event
    assert house.publisher.own(at(9, second.event)) is None


async def test_it_is_known_before_its_batch_is_acknowledged() -> None:
    """The reader may meet it first."""
    house = House()
    first = flight(1)

    house.publisher.offer(first, 0)

    assert house.publisher.own(at(0, first.event)) is first.event


async def test_another_record_is_not_taken_for_it() -> None:
    """Nor is one that has its value under another key, type or version: for every other reader it
    is a dead letter, or the future."""
    house = House()
    record = at(0, message(ANNA, 1))
    for changed in (
        msgspec.structs.replace(record, key="o-1"),
        msgspec.structs.replace(record, type="edit"),
        msgspec.structs.replace(record, version=2),
    ):
        house.publisher.offer(flight(1), 0)
        assert house.publisher.own(changed) is None
    assert house.publisher.own(at(0, message(BEN, 1))) is None


async def test_what_never_comes_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may ever know what became of it."""
    monkeypatch.setattr("chat_gateway.publisher.SAID_MAX", 2)
    house = House()
    flights = [flight(number) for number in (1, 2, 3)]
    for one in flights:
        house.publisher.offer(one, 0)

    known = [house.publisher.own(at(0, one.event)) for one in flights]

    assert known == [None, None, flights[2].event]
