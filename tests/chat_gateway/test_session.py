"""A session's conversation: what it answers at once, what it asks of its desk, what it refuses."""

import msgspec
import pytest

from chat_gateway.lane import Uncertain
from chat_gateway.seam import Answer, Shown
from chat_gateway.session import MALFORMED_WINDOW_S
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import MessageId, OrderId, Seq, make_seq
from tests.chat_gateway.world import (
    NOW_MS,
    Frame,
    House,
    RecordingSocket,
    identity,
    messages,
    open_order,
    say,
    send,
)
from tests.shared.story import (
    ADVERTISER,
    ANNA,
    BEN,
    CREATOR,
    MODERATOR,
    ORDER,
    Moderator,
    client_id,
    id_of,
    message,
    order,
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


# Attempts.


async def test_a_send_comes_back_as_its_event() -> None:
    """You are told "sent" by seeing your own event."""
    house = House()
    session, socket = house.join()

    say(session, send(1, text="Cafe\u0301"))
    house.meet((await house.end_batch())[0])

    event = the_one(socket)
    assert isinstance(event, frames.MessageShown)
    assert (event.client_id, event.text, event.n) == (client_id(1), "Café", 1)


async def test_edit_and_delete_come_back_as_their_events() -> None:
    """As what others did does."""
    house = House(message(ANNA, 1))
    session, socket = house.join()
    target: MessageId = id_of(ANNA, 1)

    edit = frames.Edit(ref=2, order_id=ORDER, id=client_id(2), target=target, text="Bye!")
    say(session, edit, frames.Delete(ref=3, order_id=ORDER, id=client_id(3), target=target))
    for event in await house.end_batch():
        house.meet(event)

    assert [type(frame) for frame in socket.take()] == [frames.EditShown, frames.DeleteShown]


async def test_a_report_is_done() -> None:
    """Its writer gets the position."""
    house = House(*messages(BEN, 1))
    session, socket = house.join()

    say(session, ON_AN_ORDER["report"])
    entry = house.meet((await house.end_batch())[0])

    assert socket.take() == [frames.Done(ref=1, seq=entry.seq)]


async def test_a_repeated_send_is_shown_again() -> None:
    """To the one who asked, as it stands now."""
    house = House(message(ANNA, 1))
    session, socket = house.join()

    say(session, send(1, retry=True))

    assert isinstance(the_one(socket), frames.MessageShown)


async def test_a_retry_asks_the_desk_to_look_it_up() -> None:
    """What was not found and cannot be said is unknown."""
    house = House()
    session, socket = house.join()
    say(session, send(1, retry=True))
    (look_up,) = house.desk.look_ups

    look_up.lane.looked_up(Uncertain(), look_up.base, NOW_MS)

    assert look_up.id == id_of(ANNA, 1)
    assert socket.take() == [frames.Unknown(ref=1, id=client_id(1), retry_after_ms=500)]


@pytest.mark.parametrize("name", ["send", "edit", "delete", "report"])
async def test_moderators_do_not_write(name: str) -> None:
    """They may read any order."""
    house = House(*messages(BEN, 1))
    session, socket = house.join(identity(MODERATOR, role="moderator"))

    say(session, ON_AN_ORDER[name])

    assert_refused(the_one(socket), ErrorCode.FORBIDDEN, key=1)


async def test_moderators_leave_no_marks_and_do_not_type() -> None:
    """They are not part of the conversation."""
    house = House(*messages(BEN, 1))
    session, socket = house.join(identity(MODERATOR, role="moderator"))

    say(session, ON_AN_ORDER["read"], ON_AN_ORDER["typing"])

    assert (house.desk.marks, house.desk.typed, socket.take()) == ([], [], [])
    assert house.desk.moves == [("arrived", MODERATOR, True)]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (send(1, text=""), ErrorCode.INVALID),
        (send(1, text="x" * 8_001), ErrorCode.TOO_LARGE),
        (send(1, text="\x00"), ErrorCode.INVALID),
        (
            frames.Send(ref=1, order_id=ORDER, id=client_id(1), text="", attachments=("g",)),
            ErrorCode.INVALID,
        ),
        (
            frames.Edit(ref=1, order_id=ORDER, id=client_id(1), target=TARGET, text=""),
            ErrorCode.INVALID,
        ),
        (
            frames.Report(
                ref=1, order_id=ORDER, id=client_id(1), target=TARGET, reason="spam", note="\x1b"
            ),
            ErrorCode.INVALID,
        ),
    ],
)
async def test_texts_that_are_not_taken_are_refused(
    frame: frames.ClientFrame, code: ErrorCode
) -> None:
    """Nothing is appended, and the id is free."""
    house = House(*messages(BEN, 1))
    session, socket = house.join()

    say(session, frame)

    assert_refused(the_one(socket), code, key=1)
    assert house.log.batches == []


async def test_writer_and_capacity_come_from_the_token_alone() -> None:
    """Fields that claim something else are refused (attack 22)."""
    house = House()
    session, socket = house.join()
    plain = msgspec.to_builtins(send(1))

    for field in ("by", "from", "role", "as", "at", "seq", "n", "system"):
        session.receive(msgspec.json.encode({**plain, field: "u-ben"}))
        socket.take()
        house.desk.seconds += MALFORMED_WINDOW_S

    assert house.log.batches == []


async def test_the_same_id_of_another_user_is_another_message() -> None:
    """Ids live in their writer's name (attack 23)."""
    house = House(message(ANNA, 1))
    session, socket = house.join(identity(BEN))

    say(session, send(1))
    house.meet((await house.end_batch())[0])

    event = the_one(socket)
    assert isinstance(event, frames.MessageShown)
    assert (event.by, event.n) == (BEN, 2)


# The gateway's clock.


async def test_a_beat_names_the_orders_that_were_silent() -> None:
    """Of those nothing was sent since the last one."""
    house = House()
    session, socket = house.join()
    session.beat()
    session.beat()
    house.meet(message(BEN, 1))
    session.beat()

    first, second, _, third = socket.take()
    head = make_seq(1, 0)
    assert (first, second, third) == (
        frames.Beat(heads={}),
        frames.Beat(heads={ORDER: head}),
        frames.Beat(heads={}),
    )


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


async def test_the_messages_area_is_not_there_yet() -> None:
    """Said in so many words."""
    house = House()
    session, socket = house.greet(identity())

    say(session, frames.Inbox(ref=1))

    assert_refused(the_one(socket), ErrorCode.UNAVAILABLE)
