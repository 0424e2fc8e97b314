"""A lane's decisions: what goes to the log, what is looked up first, what is put off, and why."""

import pytest

from chat_gateway.lane import OWED_MAX, QUEUED_MAX, Uncertain
from chat_gateway.publisher import SETTLE_DEADLINE_S
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import Seq, make_seq
from shared.conversation import LATE_AFTER
from shared.log.port import NotAppended, OutcomeUnknown
from tests.chat_gateway.world import NOW_MS, House, messages, send
from tests.shared.story import ANNA, BEN, ORDER, client_id, id_of, message, order, report

READ_ONLY: dict[str, tuple[log.Action, ...]] = {"creator": ("read",), "advertiser": ("read",)}


def refused(ref: int, code: ErrorCode) -> tuple[str, int, str]:
    return ("refused", ref, code.value)


def unknown(ref: int, key: int) -> tuple[str, int, str]:
    return ("unknown", ref, client_id(key))


def report_frame(key: int, target: int, *, retry: bool = False, ref: int = 1) -> frames.Report:
    return frames.Report(
        ref=ref,
        order_id=ORDER,
        id=client_id(key),
        target=id_of(BEN, target),
        reason="spam",
        retry=retry,
    )


# A first try.


async def test_a_first_try_goes_to_the_log_at_once() -> None:
    """Nothing is asked before: its base is what its writer had seen."""
    house = House(*messages(BEN, 3))
    lane, _ = house.lane()

    lane.submit(send(1, seen=2), NOW_MS)

    (event,) = await house.handed_over()
    assert isinstance(event, log.Message)
    assert (event.by, event.as_, event.base, event.seen) == (ANNA, "participant", 2, 2)


async def test_what_stands_is_answered_by_its_event_alone() -> None:
    """The lane says nothing: the hub delivers the event."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)

    house.meet((await house.end_batch())[0])

    assert outlet.take() == []


async def test_a_first_try_that_cannot_stand_is_not_written() -> None:
    """The policy is asked before anything is appended."""
    house = House(order(2, may=READ_ONLY))
    lane, outlet = house.lane()

    lane.submit(send(1), NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]
    assert house.publisher.flight(ORDER, id_of(ANNA, 1)) is None


async def test_a_first_try_found_void_is_refused_with_the_verdict() -> None:
    """A freeze that stands earlier in the log than the message decides."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)
    (event,) = await house.end_batch()

    house.meet(order(2, may=READ_ONLY))
    house.meet(event)

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]


@pytest.mark.parametrize("seen", [None, 40])
async def test_a_first_try_that_saw_nothing_known_is_looked_up(seen: int | None) -> None:
    """Without a base nobody can say that the id is new; then the look-up gives one."""
    house = House(*messages(BEN, 3))
    lane, outlet = house.lane()

    lane.submit(send(1, seen=seen), NOW_MS)
    assert outlet.look_ups == [id_of(ANNA, 1)]
    lane.looked_up(None, 3, NOW_MS)

    (event,) = await house.handed_over()
    assert isinstance(event, log.Message)
    assert event.base == 3


async def test_a_frozen_order_refuses_a_first_try_after_its_look_up() -> None:
    """What became impossible meanwhile is not written."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, seen=None), NOW_MS)
    house.meet(order(2, may=READ_ONLY))

    lane.looked_up(None, 0, NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]


async def test_a_change_counts_from_its_target() -> None:
    """A report of message 2 has the base after it."""
    house = House(*messages(BEN, 3))
    lane, _ = house.lane()

    lane.submit(report_frame(1, 9_001), NOW_MS)

    (event,) = await house.handed_over()
    assert isinstance(event, log.Report)
    assert event.base == 2


async def test_a_base_is_never_above_the_oldest_unresolved_one() -> None:
    """So nothing later is in time where something earlier was late."""
    house = House(*messages(BEN, 3))
    lane, _ = house.lane()

    lane.submit(send(1, seen=1), NOW_MS)
    lane.submit(send(2, seen=3), NOW_MS)

    first, second = await house.handed_over()
    assert isinstance(first, log.Message)
    assert isinstance(second, log.Message)
    assert (first.base, second.base) == (1, 1)


async def test_a_base_that_is_late_by_now_binds_what_is_sent_behind_it() -> None:
    """Both are late then, and both are sent again in order."""
    house = House(*messages(BEN, LATE_AFTER + 1))
    lane, _ = house.lane()
    lane.submit(send(1, seen=1), NOW_MS)
    house.meet(message(BEN, 1, base=LATE_AFTER))

    lane.submit(send(2, seen=LATE_AFTER), NOW_MS)

    _, second = await house.handed_over()
    assert isinstance(second, log.Message)
    assert second.base == 1


# Reports.


async def test_a_report_is_answered_by_done() -> None:
    """Its event is shown to nobody live, so the lane says it."""
    house = House(*messages(BEN, 1))
    lane, outlet = house.lane()
    lane.submit(report_frame(1, 9_000), NOW_MS)

    house.meet((await house.end_batch())[0])

    assert outlet.take() == [("done", 1, ORDER)]


async def test_a_report_sent_again_is_done() -> None:
    """Found, it is answered as it was the first time."""
    house = House(*messages(BEN, 1), report(ANNA, 1, id_of(BEN, 9_000), base=1))
    lane, outlet = house.lane()

    lane.submit(report_frame(1, 9_000, retry=True), NOW_MS)

    assert outlet.take() == [("done", 1, ORDER)]


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
    assert house.publisher.flight(ORDER, id_of(ANNA, 1)) is None


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


# The same id with another body.


async def test_another_body_conflicts_with_what_is_settled() -> None:
    """The first wins."""
    house = House(message(ANNA, 1))
    lane, outlet = house.lane()

    lane.submit(send(1, text="Bye!"), NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.CONFLICT)]


async def test_another_body_conflicts_with_what_is_in_flight() -> None:
    """The one in flight goes on."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)

    lane.submit(send(1, text="Bye!", ref=2), NOW_MS)

    assert outlet.take() == [refused(2, ErrorCode.CONFLICT)]
    assert len(await house.handed_over()) == 1


async def test_another_body_conflicts_with_what_waits_for_a_look_up() -> None:
    """The one that waits goes on."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)

    lane.submit(send(1, text="Bye!", retry=True, ref=2), NOW_MS)

    assert outlet.take() == [refused(2, ErrorCode.CONFLICT)]


async def test_another_body_that_was_first_elsewhere_conflicts() -> None:
    """Another gateway wrote the id before."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)

    house.meet(message(ANNA, 1, text="Bye!"))

    assert outlet.take() == [refused(1, ErrorCode.CONFLICT)]


# One id, several tries.


async def test_the_newest_connection_waits_for_what_is_in_flight() -> None:
    """It is not appended again, and the older connection is told unknown."""
    house = House(order(2))
    older, heard_older = house.lane()
    newer, heard_newer = house.lane()
    older.submit(send(1), NOW_MS)

    newer.submit(send(1, retry=True, ref=7), NOW_MS)
    assert heard_older.take() == [unknown(1, 1)]
    (event,) = await house.end_batch()
    house.meet(order(3, may=READ_ONLY))
    house.meet(event)

    assert heard_newer.take() == [refused(7, ErrorCode.READ_ONLY)]
    assert heard_older.take() == []


async def test_two_look_ups_of_one_id_append_it_once() -> None:
    """Whichever ends second joins the flight of the first."""
    house = House()
    older, heard_older = house.lane()
    newer, _ = house.lane()
    older.submit(send(1, retry=True), NOW_MS)
    newer.submit(send(1, retry=True), NOW_MS)

    older.looked_up(None, 0, NOW_MS)
    newer.looked_up(None, 0, NOW_MS)

    assert len(await house.handed_over()) == 1
    assert heard_older.take() == [unknown(1, 1)]


async def test_what_queued_behind_a_look_up_joins_its_flight() -> None:
    """Another connection sent it meanwhile."""
    house = House()
    older, heard_older = house.lane()
    newer, heard_newer = house.lane()
    older.submit(send(1, retry=True), NOW_MS)
    older.submit(send(2, retry=True, ref=2), NOW_MS)
    newer.submit(send(2, seen=0), NOW_MS)

    older.looked_up(House(message(ANNA, 1)).room.entry(id_of(ANNA, 1)), 0, NOW_MS)

    assert heard_newer.take() == [unknown(1, 2)]
    assert len(await house.handed_over()) == 1
    assert heard_older.take() == []


async def test_asked_again_on_the_same_connection_the_older_try_is_unknown() -> None:
    """Each try has one outcome; the newest waits."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1), NOW_MS)

    lane.submit(send(1, retry=True, ref=2), NOW_MS)

    assert outlet.take() == [unknown(1, 1)]
    await house.end_batch(NotAppended())
    assert outlet.take() == [unknown(2, 1)]


async def test_asked_again_while_it_is_looked_up_the_older_try_is_unknown() -> None:
    """One look-up serves both."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True), NOW_MS)

    lane.submit(send(1, retry=True, ref=2), NOW_MS)

    assert outlet.take() == [unknown(1, 1)]
    assert outlet.look_ups == [id_of(ANNA, 1)]


async def test_asking_again_keeps_the_place() -> None:
    """What was typed first goes first, though its client lost patience with it."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    lane.submit(send(2, ref=2), NOW_MS)
    lane.submit(send(1, retry=True, ref=3), NOW_MS)
    await house.end_batch(NotAppended())
    outlet.take()

    lane.submit(send(2, ref=4), NOW_MS)

    assert outlet.take() == [refused(4, ErrorCode.BUSY)]


async def test_a_copy_of_what_was_forgotten_here_is_unknown() -> None:
    """The next try's look-up finds it."""
    house = House(message(ANNA, 1))
    lane, outlet = house.lane()
    house.room.forget(Seq(make_seq(1, 1)))
    lane.submit(send(1, retry=True), NOW_MS)
    lane.looked_up(None, 0, NOW_MS)

    house.meet((await house.end_batch())[0])

    assert outlet.take() == [unknown(1, 1)]


async def test_what_is_remembered_but_no_longer_held_is_looked_up() -> None:
    """A first try whose id the fold remembers is in the store."""
    house = House(message(ANNA, 1))
    lane, outlet = house.lane()
    entry = house.room.entry(id_of(ANNA, 1))
    house.room.forget(Seq(make_seq(1, 1)))

    lane.submit(send(1), NOW_MS)
    assert outlet.look_ups == [id_of(ANNA, 1)]
    lane.looked_up(entry, 1, NOW_MS)

    assert outlet.take() == [("event", 1, id_of(ANNA, 1))]


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
