"""One id more than once: with another body, on two connections, or asked again too early."""

from shared.contracts.errors import ErrorCode
from shared.contracts.ids import Seq, make_seq
from shared.log.port import NotAppended
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_lane import READ_ONLY, refused, unknown
from tests.chat_gateway.world import House, send
from tests.shared.story import ANNA, id_of, message, order

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
