"""A lane's decisions: what goes to the log, what is looked up first, what is put off, and why."""

import pytest

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.conversation import LATE_AFTER
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.world import House, messages, send
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
    assert house.publisher.flight(id_of(ANNA, 1)) is None


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
