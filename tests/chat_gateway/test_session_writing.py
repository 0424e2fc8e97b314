"""What a session does with sends, edits, deletes and reports."""

import msgspec
import pytest

from chat_gateway.lane import Uncertain
from chat_gateway.session import MALFORMED_WINDOW_S
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import MessageId
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_session import ON_AN_ORDER, TARGET, assert_refused, the_one
from tests.chat_gateway.world import House, identity, messages, say, send
from tests.shared.story import (
    ANNA,
    BEN,
    MODERATOR,
    ORDER,
    client_id,
    id_of,
    message,
)

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
