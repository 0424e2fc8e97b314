"""Who is delivered what: the parties, moderators, and nobody twice."""

import pytest

from chat_gateway.hub import Hub
from chat_gateway.membership import Membership
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, UserId
from tests.chat_gateway.recorders import RecordingSocket
from tests.chat_gateway.world import House, identity, room_with
from tests.shared.story import (
    ADVERTISER,
    ANNA,
    BEN,
    CREATOR,
    MODERATOR,
    ORDER,
    Moderator,
    id_of,
    message,
    order,
    read,
    report,
)

MANY = (
    CREATOR,
    ADVERTISER,
    *(log.Participant(UserId(f"u-{n}"), "support", "Cara") for n in range(20)),
)


def party(house: House, user_id: UserId = ANNA) -> RecordingSocket:
    """A connection of a participant, joined."""
    return house.join(identity(user_id))[1]


def moderator(house: House) -> RecordingSocket:
    return house.join(identity(MODERATOR, role="moderator"))[1]


async def test_an_event_reaches_everybody_in_one_encoding() -> None:
    """The sender too; and the bytes are shared."""
    house = House()
    anna, ben, moira = party(house), party(house, BEN), moderator(house)

    house.meet(message(ANNA, 1))

    assert anna.sent[0] is ben.sent[0] is moira.sent[0]


async def test_void_events_reach_nobody() -> None:
    """A second record of an id is never shown."""
    house = House(message(ANNA, 1))
    anna, moira = party(house), moderator(house)

    house.meet(message(ANNA, 1))

    assert anna.sent == moira.sent == []


async def test_parties_and_moderators_see_verdicts_differently() -> None:
    """Encoded twice: without reason and name for the parties."""
    house = House(message(ANNA, 1))
    anna, ben, moira = party(house), party(house, BEN), moderator(house)

    house.meet(Moderator().redact(1, id_of(ANNA, 1), base=1))

    assert anna.sent[0] is ben.sent[0]
    (shown,), (told,) = anna.take(), moira.take()
    assert isinstance(shown, frames.RedactShown)
    assert isinstance(told, frames.RedactShown)
    assert (shown.by, shown.reason) == ("moderation", None)
    assert (told.by, told.reason) == (MODERATOR, "Contact details")


@pytest.mark.parametrize(
    "event", [report(ANNA, 2, id_of(BEN, 1), base=1), Moderator().flag(2, id_of(BEN, 1), base=1)]
)
async def test_reports_and_flags_reach_moderators_alone(event: log.Event) -> None:
    """The parties' chain does not have them."""
    house = House(message(BEN, 1))
    ben, moira = party(house, BEN), moderator(house)

    house.meet(event)

    assert ben.take() == []
    assert len(moira.take()) == 1


async def test_read_marks_of_large_orders_reach_nobody() -> None:
    """With 22 parties everybody would be busy with marks."""
    house = House(order(2, parties=MANY), message(BEN, 1))
    ben, moira = party(house, BEN), moderator(house)

    entry = house.meet(read(ANNA, house.room.conversation.head, 1))

    assert entry.stands
    assert ben.sent == moira.sent == []


async def test_what_an_answer_held_is_not_sent_again() -> None:
    """An event at or below the answered head was in the answer."""
    house = House()
    session, anna = house.join()
    entry = house.room.fold(house.room.conversation.head + 1, 0, message(BEN, 1))  # type: ignore[arg-type]
    session.orders[ORDER].answered = entry.seq

    house.hub.publish(house.room, entry)

    assert anna.sent == []


async def test_who_is_removed_is_told_at_that_very_event_and_nothing_after() -> None:
    """The fold alone decides; the others see the event."""
    house = House()
    session, ben = house.join(identity(BEN))
    anna, moira = party(house), moderator(house)

    house.meet(order(2, parties=(CREATOR,)))
    house.meet(message(ANNA, 1))

    (left,) = ben.take()
    assert left == frames.Left(ref=None, order_id=ORDER, code=ErrorCode.FORBIDDEN)
    assert session.orders == {}
    assert len(anna.take()) == len(moira.take()) == 2


async def test_who_may_not_read_any_more_is_told_too() -> None:
    """Taking part is not enough."""
    house = House()
    ben = party(house, BEN)

    house.meet(order(2, may={"creator": ("read",)}))

    assert [type(frame) for frame in ben.take()] == [frames.Left]


async def test_a_broadcast_spares_the_one_it_is_about() -> None:
    """Nobody is told of the own typing, on none of the connections."""
    house = House()
    anna, again, ben = party(house), party(house), party(house, BEN)

    house.hub.broadcast(ORDER, b"{}", but=ANNA)

    assert (anna.sent, again.sent, ben.sent) == ([], [], [b"{}"])


async def test_whoever_unsubscribed_is_delivered_nothing() -> None:
    """And nobody has the order open any more."""
    house = House()
    session, anna = house.join()

    session.lost()
    house.meet(message(BEN, 1))

    assert anna.sent == []
    assert house.hub.members(ORDER) == ()


async def test_unsubscribing_twice_changes_nothing() -> None:
    """Nor does it for an order nobody ever had open."""
    house = House()
    session, _ = house.join()
    membership = session.orders[ORDER]
    assert isinstance(membership, Membership)
    house.hub.unsubscribe(ORDER, membership)

    house.hub.unsubscribe(ORDER, membership)
    house.hub.unsubscribe(OrderId("other"), membership)

    assert house.hub.members(ORDER) == ()


async def test_an_own_event_resolves_what_the_lane_owes() -> None:
    """The client was told unknown; now it knows."""
    house = House()
    session, _ = house.join()
    membership = session.orders[ORDER]
    membership.lane._owe(id_of(ANNA, 1), 0, maybe_there=True)

    house.meet(message(ANNA, 1))

    assert not membership.lane.owes


def test_publishing_to_nobody_costs_nothing() -> None:
    """An order that nobody has open here is folded, not encoded."""
    room = room_with(message(BEN, 1))

    Hub().publish(room, room.entries[-1])
