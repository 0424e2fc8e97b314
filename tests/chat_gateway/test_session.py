"""A session's conversation: what it answers at once, what it asks of its desk, what it refuses."""

import pytest

from chat_gateway.seam import Answer, Shown
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, Seq, make_seq
from tests.chat_gateway.recorders import Frame, RecordingSocket
from tests.chat_gateway.world import House, identity, messages, open_order, say, send
from tests.shared.story import (
    ANNA,
    BEN,
    ORDER,
    Moderator,
    client_id,
    id_of,
    message,
)

OTHER = OrderId("o-2000")
TARGET = id_of(BEN, 9_000)


def assert_refused(
    frame: Frame, code: ErrorCode, *, ref: int | None = 1, key: int | None = None
) -> None:
    assert isinstance(frame, frames.Refused)
    id_ = client_id(key) if key is not None else None
    assert (frame.ref, frame.id, frame.code) == (ref, id_, code)
    assert (frame.retry_after_ms is not None) == frame.retry


def the_one(socket: RecordingSocket) -> Frame:
    """The single frame that came."""
    (frame,) = socket.take()
    return frame


# Every operation on an order, by what it is.
ON_AN_ORDER: dict[str, frames.ClientFrame] = {
    "send": send(1),
    "edit": frames.Edit(ref=1, order_id=ORDER, id=client_id(1), target=TARGET, text="x"),
    "delete": frames.Delete(ref=1, order_id=ORDER, id=client_id(1), target=TARGET),
    "report": frames.Report(ref=1, order_id=ORDER, id=client_id(1), target=TARGET, reason="spam"),
    "read": frames.Read(order_id=ORDER, up_to=Seq(1)),
    "typing": frames.Type(order_id=ORDER, what="text"),
    "history": frames.History(ref=1, order_id=ORDER),
    "leave": frames.Leave(ref=1, order_id=ORDER),
}


# Orders.


async def test_join_is_asked_of_the_desk_and_answered_with_the_order() -> None:
    """The answer holds the order as it stands, and what the reader may do."""
    house = House(*messages(BEN, 2))
    session, socket = house.greet(identity())
    say(session, frames.Join(ref=1, order_id=ORDER))
    assert [join.ref for join in house.desk.joins] == [1]

    open_order(session, house.room)

    joined = the_one(socket)
    assert isinstance(joined, frames.Joined)
    assert (joined.you.role, joined.you.can_send) == ("creator", True)
    assert (joined.n, joined.unread, joined.head) == (2, 2, house.room.conversation.shown)
    assert [mark.user_id for mark in joined.reads] == [BEN]
    assert house.desk.moves == [("arrived", ANNA, False)]


async def test_joining_twice_answers_anew() -> None:
    """And subscribes once: no event comes twice."""
    house = House()
    session, socket = house.join()

    open_order(session, house.room, ref=2)
    house.meet(message(BEN, 1))

    assert [type(frame) for frame in socket.take()] == [frames.Joined, frames.MessageShown]
    assert house.desk.moves == [("arrived", ANNA, False)]


async def test_a_join_that_fails_is_refused_with_its_code() -> None:
    """The desk says why."""
    house = House()
    session, socket = house.greet(identity())

    session.not_opened(frames.Join(ref=1, order_id=ORDER), ErrorCode.NOT_FOUND)

    assert_refused(the_one(socket), ErrorCode.NOT_FOUND)


async def test_a_token_for_other_orders_finds_nothing() -> None:
    """The same answer as for an order that does not exist, and nobody is asked."""
    house = House()
    session, socket = house.greet(identity(orders={OTHER}))

    say(session, frames.Join(ref=1, order_id=ORDER))

    assert_refused(the_one(socket), ErrorCode.NOT_FOUND)
    assert house.desk.joins == []


async def test_a_token_for_this_order_may_join_it() -> None:
    """Narrowed is not shut."""
    house = House()
    session, _ = house.greet(identity(orders={ORDER}))

    say(session, frames.Join(ref=1, order_id=ORDER))

    assert len(house.desk.joins) == 1


async def test_orders_at_a_time_are_bounded() -> None:
    """One more is busy; one that is open may be joined again."""
    house = House(limits=frames.Limits(orders_per_connection=1))
    session, socket = house.join()
    other = House()
    other.room.conversation.order_id = OTHER

    open_order(session, other.room, ref=2)
    open_order(session, house.room, ref=3)

    refused, joined = socket.take()
    assert_refused(refused, ErrorCode.BUSY, ref=2)
    assert isinstance(joined, frames.Joined)


async def test_too_much_under_way_is_busy() -> None:
    """The desk takes a bounded number of joins and pages."""
    house = House()
    session, socket = house.join()
    house.desk.full = True

    say(session, frames.Join(ref=1, order_id=OTHER), frames.History(ref=2, order_id=ORDER))

    join, page = socket.take()
    assert_refused(join, ErrorCode.BUSY)
    assert_refused(page, ErrorCode.BUSY, ref=2)


async def test_leave_closes_the_order() -> None:
    """Nothing of it comes any more."""
    house = House()
    session, socket = house.join()

    say(session, frames.Leave(ref=2, order_id=ORDER))
    house.meet(message(BEN, 1))

    assert socket.take() == [frames.Left(ref=2, order_id=ORDER, code=None)]
    assert house.desk.moves[-1] == ("departed", ANNA, False)


async def test_leave_drops_a_join_under_way() -> None:
    """It is left, though it was not joined yet."""
    house = House()
    session, socket = house.greet(identity())

    say(session, frames.Join(ref=1, order_id=ORDER), frames.Leave(ref=2, order_id=ORDER))

    assert socket.take() == [frames.Left(ref=2, order_id=ORDER, code=None)]
    assert house.desk.joins == []


async def test_leave_tells_the_outcome_of_what_is_open() -> None:
    """Unknown, and then left."""
    house = House()
    session, socket = house.join()
    say(session, send(1))

    say(session, frames.Leave(ref=2, order_id=ORDER))

    assert [type(frame) for frame in socket.take()] == [frames.Unknown, frames.Left]
    await house.publisher.close()


@pytest.mark.parametrize("name", ON_AN_ORDER)
async def test_nothing_goes_on_an_order_not_joined(name: str) -> None:
    """Every operation is refused, by what the frame has of ref and id."""
    house = House()
    session, socket = house.greet(identity())
    frame = ON_AN_ORDER[name]

    say(session, frame)

    has_id = isinstance(frame, frames.Attempt)
    assert_refused(
        the_one(socket),
        ErrorCode.NOT_JOINED,
        ref=getattr(frame, "ref", None),
        key=1 if has_id else None,
    )


async def test_pages_of_history_come_from_the_desk() -> None:
    """Asked with what the client gave, answered as the desk found it."""
    house = House(*messages(BEN, 1))
    session, socket = house.join()
    request = frames.History(ref=5, order_id=ORDER, before=make_seq(1, 9))
    say(session, request)
    assert house.desk.pages == [request]

    shown = frames.encode_frame(
        frames.DeleteShown(
            order_id=ORDER, seq=make_seq(1, 2), prev=None, at=1, by=BEN,
            id=TARGET, client_id=client_id(1), target=TARGET,
        )
    )  # fmt: skip
    session.paged(request, Answer([Shown(make_seq(1, 2), shown)], complete=False))
    session.not_paged(request, ErrorCode.UNAVAILABLE)

    page, refused = socket.take()
    assert isinstance(page, frames.Page)
    assert (page.ref, len(page.events), page.complete) == (5, 1, False)
    assert_refused(refused, ErrorCode.UNAVAILABLE, ref=5)


async def test_a_read_mark_goes_to_the_desk() -> None:
    """No answer: the mark comes back as an event."""
    house = House()
    session, socket = house.join()

    say(session, frames.Read(order_id=ORDER, up_to=Seq(7)))

    assert house.desk.marks == [(ANNA, 7)]
    assert socket.take() == []


async def test_typing_is_shown_where_one_may_write() -> None:
    """In a read-only order nobody types."""
    house = House()
    session, socket = house.join()
    say(session, frames.Type(order_id=ORDER, what="file"))

    house.meet(Moderator().close(1))
    say(session, frames.Type(order_id=ORDER, what="text"))

    assert house.desk.typed == [(ANNA, "file")]
    assert [type(frame) for frame in socket.take()] == [frames.CloseShown]
