"""Contact details on their way through a lane: masked, refused, and the same when sent again."""

import pytest

from chat_gateway.attempt import Attempt
from chat_gateway.lane import Lane
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import UserId
from shared.log.port import OutcomeUnknown
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_lane import refused, unknown
from tests.chat_gateway.world import House, send
from tests.shared.story import ANNA, ORDER, SERVICE, client_id, id_of, message, order

PHONE = "Call me: +49 170 1234567"
HIDDEN = "Call me: ███"


def house(contact: log.Contact) -> House:
    """An order in a status with this policy."""
    return House(order(2, contact=contact))


def submit(
    lane: Lane, text: str = PHONE, *, key: int = 1, ref: int = 1, retry: bool = False
) -> None:
    lane.submit(send(key, text=text, ref=ref, retry=retry, seen=0), NOW_MS)


def text_of(event: log.Event) -> str:
    assert isinstance(event, log.Message | log.Edit)
    return event.text


async def test_a_masked_message_stands_masked() -> None:
    """Its writer is told by its event as ever."""
    here = house("masked")
    lane, outlet = here.lane()

    submit(lane)

    (event,) = await here.end_batch()
    here.meet(event)
    assert text_of(event) == HIDDEN
    assert (outlet.take(), lane.idle) == ([], True)


async def test_an_edit_is_looked_at_too() -> None:
    """What must not be said need not be said at first."""
    here = House(order(2, contact="masked"), message(ANNA, 1))
    lane, _ = here.lane()

    lane.submit(
        frames.Edit(ref=1, order_id=ORDER, id=client_id(2), target=id_of(ANNA, 1), text=PHONE),
        NOW_MS,
    )

    (event,) = await here.handed_over()
    assert text_of(event) == HIDDEN


async def test_a_refused_message_is_never_appended() -> None:
    """Its id is used up, and nothing after it is held back."""
    here = house("refused")
    lane, outlet = here.lane()

    submit(lane)
    submit(lane, "Hi!", key=2, ref=2)

    assert outlet.take() == [refused(1, ErrorCode.CONTACT_DETAILS)]
    assert [text_of(event) for event in await here.handed_over()] == ["Hi!"]


async def test_a_retry_that_stands_is_told_so() -> None:
    """The client sends what its user typed; it is the message that was masked."""
    here = house("masked")
    lane, outlet = here.lane()
    submit(lane)
    here.meet((await here.end_batch())[0])
    outlet.take()

    submit(lane, ref=2, retry=True)

    assert outlet.take() == [("event", 1, id_of(ANNA, 1))]


async def test_another_text_under_its_id_is_a_conflict() -> None:
    """Though both would be masked alike."""
    here = house("masked")
    lane, outlet = here.lane()
    submit(lane)
    here.meet((await here.end_batch())[0])
    outlet.take()

    submit(lane, "Call me: +49 170 7654321", ref=2, retry=True)

    assert outlet.take() == [refused(2, ErrorCode.CONFLICT)]


async def test_two_connections_that_send_the_same_wait_for_one() -> None:
    """A page and its copy in another tab."""
    here = house("masked")
    lane, outlet = here.lane()
    other, other_outlet = here.lane()
    submit(lane)

    submit(other, ref=2)

    here.meet((await here.end_batch())[0])
    assert outlet.take() == [unknown(1, 1)]
    assert (other_outlet.take(), other.idle) == ([], True)


async def test_what_may_be_in_the_log_is_masked_where_it_would_be_refused() -> None:
    """After an unknown outcome only the log refuses, and the log knows nothing of details."""
    here = house("masked")
    lane, outlet = here.lane()
    submit(lane)
    await here.end_batch(OutcomeUnknown())
    here.publisher.sweep(here.now() + 60)
    here.meet(order(3, contact="refused"))
    outlet.take()

    submit(lane, ref=2, retry=True)
    lane.looked_up(None, here.room.conversation.places, NOW_MS)

    assert outlet.take() == []
    assert [text_of(event) for event in await here.handed_over()] == [HIDDEN]


@pytest.mark.parametrize("contact", ["masked", "refused"])
async def test_a_service_says_what_it_has_to(contact: log.Contact) -> None:
    """A marketplace may name its own telephone number."""
    here = house(contact)
    lane, _ = here.lane(by=UserId(SERVICE))
    event = message(SERVICE, 1, text=PHONE, as_="service")

    lane.take(Attempt(event, seen=0), NOW_MS)

    assert [text_of(event) for event in await here.handed_over()] == [PHONE]


async def test_where_nothing_is_said_nothing_is_looked_at() -> None:
    """The default: the programs that moderate look, and no message waits for them."""
    here = house("flagged")
    lane, _ = here.lane()

    submit(lane)

    (event,) = await here.handed_over()
    assert isinstance(event, log.Message)
    assert (event.text, event.flags, event.sealed) == (PHONE, (), None)
