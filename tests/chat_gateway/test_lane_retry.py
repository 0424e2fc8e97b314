"""What is sent again: looked up, found, late, put off, or left behind."""

from chat_gateway.lane import OWED_MAX, PATIENCE_MS, QUEUED_MAX, Uncertain
from chat_gateway.publisher import SETTLE_DEADLINE_S
from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.conversation import LATE_AFTER
from shared.log.port import OutcomeUnknown
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_lane import READ_ONLY, refused, unknown
from tests.chat_gateway.world import House, messages, send
from tests.shared.story import ANNA, BEN, id_of, message, order

# A retry.


async def test_a_retry_is_looked_up_before_it_is_appended() -> None:
    """It may be in the log already; the base is the count before the look-up began."""
    house = House(*messages(BEN, 3))
    lane, outlet = house.lane()

    lane.submit(send(1, retry=True), NOW_MS)
    assert outlet.look_ups == [id_of(ANNA, 1)]
    lane.looked_up(None, 2, NOW_MS)

    (event,) = await house.handed_over()
    assert isinstance(event, log.Message)
    assert event.base == 2


async def test_who_queues_for_too_long_is_told_to_try_again() -> None:
    """While the store is slow, a client hears of each attempt before it gives the connection up."""
    house = House(*messages(BEN, 3))
    lane, outlet = house.lane()
    for number in (1, 2, 3):
        lane.submit(send(number, retry=number < 3), NOW_MS)

    lane.looked_up(None, 2, NOW_MS + PATIENCE_MS + 1)

    assert outlet.take() == [unknown(1, 2), refused(1, ErrorCode.BUSY)]
    assert outlet.look_ups == [id_of(ANNA, 1)]


async def test_a_retry_not_found_is_appended_though_it_may_not_stand() -> None:
    """Once it may be in the log, only the log refuses."""
    house = House(order(2, may=READ_ONLY))
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)

    lane.looked_up(None, 0, NOW_MS)
    house.meet((await house.end_batch())[0])

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]


async def test_a_retry_of_what_stands_is_answered_with_its_event() -> None:
    """Nothing is appended a second time."""
    house = House(message(ANNA, 1))
    lane, outlet = house.lane()

    lane.submit(send(1, retry=True), NOW_MS)

    assert outlet.take() == [("event", 1, id_of(ANNA, 1))]
    assert outlet.look_ups == []


async def test_a_retry_of_what_is_void_is_refused_with_the_verdict() -> None:
    """The record remembered decides for every copy."""
    house = House(order(2, may=READ_ONLY), message(ANNA, 1), order(3))
    lane, outlet = house.lane()

    lane.submit(send(1, retry=True), NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]


async def test_what_the_store_found_ahead_of_the_reader_waits_for_it() -> None:
    """Its event goes to the connection once this reader has reached it."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    ahead = House(message(ANNA, 1)).room.entry(id_of(ANNA, 1))

    lane.looked_up(ahead, 0, NOW_MS)
    house.meet(message(ANNA, 1))

    assert outlet.take() == []
    assert house.publisher.flight(id_of(ANNA, 1)) is None


async def test_what_the_store_found_but_the_reader_does_not_reach_is_unknown() -> None:
    """No wait is without a deadline."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    lane.looked_up(House(message(ANNA, 1)).room.entry(id_of(ANNA, 1)), 0, NOW_MS)

    house.publisher.sweep(house.now() + SETTLE_DEADLINE_S)

    assert outlet.take() == [unknown(1, 1)]


async def test_a_look_up_that_cannot_say_is_unknown() -> None:
    """A retry is never refused retryably."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)

    lane.looked_up(Uncertain(), 0, NOW_MS)

    assert outlet.take() == [unknown(1, 1)]


async def test_a_record_that_comes_by_answers_what_no_look_up_could() -> None:
    """Its client knows then, and will not send it again: it must not be owed."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    house.meet(message(ANNA, 1))

    lane.looked_up(Uncertain(), 0, NOW_MS)

    assert outlet.take() == [("event", 1, id_of(ANNA, 1))]
    assert not lane.owes


async def test_a_first_try_that_cannot_be_looked_up_is_busy() -> None:
    """It is certainly not in the log."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, seen=None), NOW_MS)

    lane.looked_up(Uncertain(), 0, NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.BUSY)]


async def test_late_is_unknown() -> None:
    """Nobody can say whether an older copy of it stands."""
    house = House(*messages(BEN, LATE_AFTER + 1))
    lane, outlet = house.lane()
    lane.submit(send(1, seen=1), NOW_MS)
    (event,) = await house.end_batch()
    house.meet(message(BEN, 1, base=LATE_AFTER))

    house.meet(event)

    assert outlet.take() == [unknown(1, 1)]
    assert lane.owes


# Leaving.


async def test_leaving_tells_unknown_of_all_that_is_open() -> None:
    """In flight, looked up and queued: nobody will say later."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    lane.submit(send(2, retry=True, ref=2), NOW_MS)
    lane.submit(send(3, ref=3), NOW_MS)

    lane.leave()

    assert outlet.take() == [unknown(1, 1), unknown(2, 2), unknown(3, 3)]
    lane.looked_up(None, 0, NOW_MS)
    assert outlet.take() == []


async def test_a_lost_connection_is_told_nothing_and_its_sends_go_on() -> None:
    """What was handed over ends without an owner."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)

    lane.lost()
    house.meet((await house.end_batch())[0])

    assert outlet.take() == []


async def test_the_oldest_are_owed_when_too_much_is_put_off() -> None:
    """The memory of a lane is bounded."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)
    await house.end_batch(OutcomeUnknown())
    for key in range(2, OWED_MAX + 10):
        lane.submit(send(key, ref=key), NOW_MS)

    assert len(outlet.take()) == OWED_MAX + 9
    lane.submit(send(1, retry=True), NOW_MS)
    assert outlet.look_ups == [id_of(ANNA, 1)]


async def test_no_more_than_the_bound_queue_behind_a_look_up() -> None:
    """Then busy, until what was put off is sent again."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    for key in range(2, 2 + QUEUED_MAX):
        lane.submit(send(key, ref=key), NOW_MS)
    assert outlet.take() == []

    lane.submit(send(99, ref=99), NOW_MS)
    lane.submit(send(98, retry=True, ref=98), NOW_MS)

    assert outlet.take() == [refused(99, ErrorCode.BUSY), unknown(98, 98)]
