"""What comes to a session unasked: beats, a goodbye, the removal of its user, its end."""

from chat_gateway.cursors import inbox_cursor
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import make_seq
from shared.store.port import InboxPlace
from tests.chat_gateway.test_session import assert_refused, the_one
from tests.chat_gateway.world import House, identity, say, send
from tests.shared.story import (
    ADVERTISER,
    ANNA,
    BEN,
    CREATOR,
    ORDER,
    message,
    order,
)


async def test_a_beat_names_how_far_each_order_has_come() -> None:
    """Also where an event was just sent: should it get lost, this beat tells, and not the next."""
    house = House()
    session, socket = house.join()
    session.beat()
    house.meet(message(BEN, 1))
    session.beat()
    say(session, frames.Leave(ref=1, order_id=ORDER))
    session.beat()

    beats = [frame for frame in socket.take() if isinstance(frame, frames.Beat)]
    assert [beat.heads for beat in beats] == [
        {ORDER: make_seq(1, 0)},
        {ORDER: make_seq(1, 1)},
        {},
    ]


async def test_goodbye_comes_before_the_close() -> None:
    """With the time after which to come back."""
    house = House()
    session, socket = house.join()

    session.goodbye(1_234)
    say(session, send(1))

    assert socket.take() == [frames.Goodbye(code="restart", reconnect_after_ms=1_234)]
    assert socket.code == CloseCode.SERVICE_RESTART


async def test_removal_comes_at_the_very_event() -> None:
    """Sends under way are unknown, the order is closed, and nothing more is said."""
    house = House()
    session, socket = house.join(identity(BEN))
    say(session, send(1))

    house.meet(order(2, parties=(CREATOR,)))
    house.meet(order(3, parties=(CREATOR, ADVERTISER)))

    unknown, left = socket.take()
    assert isinstance(unknown, frames.Unknown)
    assert left == frames.Left(ref=None, order_id=ORDER, code=ErrorCode.FORBIDDEN)
    await house.publisher.close()


async def test_a_lost_connection_leaves_nothing_behind() -> None:
    """Wishes are dropped, orders closed, presence told."""
    house = House()
    session, _ = house.join()

    session.lost()

    assert house.desk.dropped == [None]
    assert house.desk.moves[-1] == ("departed", ANNA, False)
    assert house.hub.members(ORDER) == ()


async def test_the_messages_area_is_asked_of_the_desk() -> None:
    """By a cursor that was given out; a forged one is refused."""
    house = House()
    session, socket = house.greet(identity())
    place = InboxPlace(5, ORDER)

    say(session, frames.Inbox(ref=1), frames.Inbox(ref=2, before=inbox_cursor(place)))
    say(session, frames.Inbox(ref=3, before="bm9uc2Vuc2U"))

    assert [(asked.ref, where) for asked, where in house.desk.lists] == [(1, None), (2, place)]
    assert_refused(the_one(socket), ErrorCode.INVALID, ref=3)
