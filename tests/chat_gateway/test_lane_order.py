"""Sends of one connection keep the order they were typed in, whatever becomes of each."""

from chat_gateway.lane import Uncertain
from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId
from shared.log.port import NotAppended, OutcomeUnknown
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_lane import refused, unknown
from tests.chat_gateway.world import House, send
from tests.shared.story import ANNA, BEN, client_id, id_of, message


def ids(events: list[log.Event]) -> list[ClientId]:
    return [event.client_id for event in events if isinstance(event, log.Message)]


async def test_what_follows_a_look_up_queues_behind_it() -> None:
    """The order typed is the order appended."""
    house = House()
    lane, _ = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    lane.submit(send(2), NOW_MS)
    lane.submit(send(3), NOW_MS)

    lane.looked_up(None, 0, NOW_MS)

    assert ids(await house.handed_over()) == [client_id(1), client_id(2), client_id(3)]


async def test_each_retry_in_the_queue_is_looked_up_in_turn() -> None:
    """One look-up at a time, and the others stay in line."""
    house = House()
    lane, outlet = house.lane()
    for key in (1, 2):
        lane.submit(send(key, retry=True), NOW_MS)
    lane.submit(send(3), NOW_MS)
    assert outlet.look_ups == [id_of(ANNA, 1)]

    lane.looked_up(None, 0, NOW_MS)
    lane.looked_up(None, 0, NOW_MS)

    assert outlet.look_ups == [id_of(ANNA, 1), id_of(ANNA, 2)]
    assert ids(await house.handed_over()) == [client_id(1), client_id(2), client_id(3)]


async def test_after_unknown_later_sends_are_busy_until_that_id_is_sent_again() -> None:
    """Nothing overtakes what may still come."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    await house.end_batch(OutcomeUnknown())
    lane.submit(send(2, ref=2), NOW_MS)
    assert outlet.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY)]

    lane.submit(send(1, retry=True, ref=3), NOW_MS)
    lane.looked_up(None, 0, NOW_MS)
    lane.submit(send(2, ref=4), NOW_MS)

    assert ids(await house.handed_over()) == [client_id(1), client_id(2)]
    assert outlet.take() == []


async def test_several_owed_ids_are_waited_for_each_in_order() -> None:
    """The second may go once the first was sent again, not before."""
    house = House()
    lane, outlet = house.lane()
    for key in (1, 2, 3):
        lane.submit(send(key, ref=key), NOW_MS)
    await house.end_batch(NotAppended())
    assert outlet.take() == [refused(key, ErrorCode.BUSY) for key in (1, 2, 3)]

    lane.submit(send(3, ref=4), NOW_MS)
    lane.submit(send(1, ref=5), NOW_MS)
    lane.submit(send(3, ref=6), NOW_MS)
    lane.submit(send(2, ref=7), NOW_MS)
    lane.submit(send(3, ref=8), NOW_MS)

    assert outlet.take() == [refused(4, ErrorCode.BUSY), refused(6, ErrorCode.BUSY)]
    assert ids(await house.handed_over()) == [client_id(1), client_id(2), client_id(3)]


async def test_what_waits_in_the_next_batch_is_withdrawn_when_an_earlier_one_fails() -> None:
    """It is certainly not in the log, so it is busy, not unknown."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    await house.handed_over()
    lane.submit(send(2, ref=2), NOW_MS)

    await house.end_batch(OutcomeUnknown())

    assert outlet.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY)]
    assert house.log.batches == []


async def test_other_peoples_sends_are_not_withdrawn() -> None:
    """Only those of the same connection wait for each other."""
    house = House()
    anna, _ = house.lane()
    ben, heard_ben = house.lane(BEN)
    anna.submit(send(1), NOW_MS)
    await house.handed_over()
    ben.submit(send(2), NOW_MS)

    await house.end_batch(OutcomeUnknown())

    assert ids(await house.handed_over()) == [client_id(2)]
    assert heard_ben.take() == []


async def test_what_is_sent_again_during_a_look_up_does_not_fall_behind_it() -> None:
    """The second was being looked up when the first failed and came again."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    lane.submit(send(2, retry=True, ref=2), NOW_MS)
    await house.end_batch(NotAppended())
    lane.submit(send(1, ref=3), NOW_MS)
    outlet.take()

    lane.looked_up(None, 0, NOW_MS)

    assert outlet.take() == [unknown(2, 2)]
    assert ids(await house.handed_over()) == [client_id(1)]


async def test_what_is_sent_again_takes_its_place_in_the_queue() -> None:
    """Behind the look-up under way, before what was typed after it."""
    house = House()
    lane, _ = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)
    lane.looked_up(None, 0, NOW_MS)
    lane.submit(send(2, ref=2), NOW_MS)
    lane.submit(send(3, retry=True, ref=3), NOW_MS)
    lane.submit(send(4, ref=4), NOW_MS)
    await house.end_batch(NotAppended())
    lane.submit(send(1, retry=True, ref=5), NOW_MS)
    lane.submit(send(2, ref=6), NOW_MS)

    lane.looked_up(None, 0, NOW_MS)
    lane.looked_up(None, 0, NOW_MS)

    assert ids(await house.handed_over()) == [client_id(1), client_id(2)]


async def test_a_failed_look_up_puts_off_what_queued_behind_it() -> None:
    """A retry is unknown, a first try busy."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True, ref=1), NOW_MS)
    lane.submit(send(2, ref=2), NOW_MS)
    lane.submit(send(3, retry=True, ref=3), NOW_MS)

    lane.looked_up(Uncertain(), 0, NOW_MS)

    assert outlet.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY), unknown(3, 3)]


async def test_an_own_event_resolves_what_is_owed() -> None:
    """The client knows by it, and will not send it again."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)
    await house.end_batch(OutcomeUnknown())

    lane.resolve(id_of(ANNA, 1))
    outlet.take()
    lane.submit(send(2), NOW_MS)

    assert not lane.owes
    assert ids(await house.handed_over()) == [client_id(2)]


async def test_leaving_ends_the_waiting() -> None:
    """A lane that was left owes nothing."""
    house = House()
    lane, _ = house.lane()
    lane.submit(send(1), NOW_MS)
    await house.end_batch(OutcomeUnknown())

    lane.leave()

    assert not lane.owes


async def test_a_superseded_send_holds_back_what_waits_behind_it() -> None:
    """The older connection was told unknown, so its later sends do not go."""
    house = House()
    older, heard_older = house.lane()
    newer, _ = house.lane()
    older.submit(send(1, ref=1), NOW_MS)
    await house.handed_over()
    older.submit(send(2, ref=2), NOW_MS)

    newer.submit(send(1, retry=True), NOW_MS)

    assert heard_older.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY)]


async def test_what_lost_its_connection_is_held_back_too() -> None:
    """Else the second would stand before the first is sent again."""
    house = House()
    lane, _ = house.lane()
    lane.submit(send(1), NOW_MS)
    await house.handed_over()
    lane.submit(send(2), NOW_MS)
    lane.lost()

    await house.end_batch(NotAppended())

    assert house.log.batches == []
    assert house.publisher.flight(id_of(ANNA, 2)) is None


async def test_what_is_void_as_late_holds_back_what_waits_behind_it() -> None:
    """Unknown is unknown, however it came about."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    await house.end_batch()
    lane.submit(send(2, ref=2), NOW_MS)
    for key in range(3, 1_004):
        house.meet(message(BEN, key, base=key - 3))

    house.meet(message(ANNA, 1))

    assert outlet.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY)]
