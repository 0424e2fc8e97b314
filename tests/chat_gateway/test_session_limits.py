"""What a session does about a client that asks for too much at a time."""

import pytest

from chat_gateway.limits import FLOOD_REFUSALS
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from tests.chat_gateway.recorders import Frame
from tests.chat_gateway.world import House, identity, open_order, say, send
from tests.shared.story import BEN, ORDER, client_id

FEW = frames.Limits(messages_per_s=20, messages_burst=2, frames_per_s=20, frames_burst=12)


def answers(frames_: list[Frame]) -> list[tuple[int | None, str | None, ErrorCode, int | None]]:
    """The refusals among the frames."""
    return [
        (frame.ref, frame.id, frame.code, frame.retry_after_ms)
        for frame in frames_
        if isinstance(frame, frames.Refused)
    ]


async def test_the_third_message_of_two_has_to_wait() -> None:
    """It is refused for as long as a token takes; then it may come again."""
    house = House(limits=FEW)
    session, socket = house.join()

    say(session, send(1, ref=1), send(2, ref=2), send(3, ref=3))
    assert answers(socket.take()) == [(3, client_id(3), ErrorCode.RATE_LIMITED, 50)]
    house.desk.seconds += 0.06
    say(session, send(3, ref=4))

    events = await house.handed_over()
    said = [event.client_id for event in events if isinstance(event, log.Message)]
    assert said == [client_id(1), client_id(2), client_id(3)]


async def test_what_comes_early_does_not_overtake_what_was_refused() -> None:
    """The lane knows of the refusal."""
    house = House(limits=FEW)
    session, socket = house.join()
    say(session, *(send(key, ref=key) for key in range(1, 4)))
    socket.take()
    house.desk.seconds += 1

    say(session, send(4, ref=4))

    assert [code for _, _, code, _ in answers(socket.take())] == [ErrorCode.BUSY]


async def test_a_retry_has_an_unknown_outcome_until_it_may_be_taken() -> None:
    """A rate never says that something is not in the log."""
    house = House(limits=FEW)
    session, socket = house.join()
    say(session, send(1), send(2))
    socket.take()

    say(session, send(3, retry=True, ref=3))

    assert socket.take() == [frames.Unknown(ref=3, id=client_id(3), retry_after_ms=50)]


async def test_text_that_is_never_taken_is_refused_for_good() -> None:
    """Whatever the rate: its client must not wait with it, nor the lane for it."""
    house = House(limits=FEW)
    session, socket = house.join()
    say(session, send(1), send(2))
    socket.take()

    say(session, send(3, text="\0", ref=3))
    house.desk.seconds += 1
    say(session, send(4, ref=4))

    assert [code for _, _, code, _ in answers(socket.take())] == [ErrorCode.INVALID]


async def test_all_connections_of_a_user_count_together() -> None:
    """And nobody else's."""
    house = House(limits=FEW)
    session, _ = house.join()
    other, heard = house.join()
    ben, ben_heard = house.join(identity(BEN))
    say(session, send(1), send(2))

    say(other, send(3, ref=3))
    say(ben, send(4, ref=4))

    assert len(answers(heard.take())) == 1
    assert answers(ben_heard.take()) == []


@pytest.mark.parametrize(
    ("frame", "ref"),
    [
        (frames.Join(ref=7, order_id=ORDER), 7),
        (frames.History(ref=7, order_id=ORDER), 7),
        (frames.Inbox(ref=7), 7),
        (frames.Leave(ref=7, order_id=ORDER), 7),
        (frames.Type(order_id=ORDER, what="text"), None),
        (frames.Auth(token="t"), None),
    ],
)
async def test_every_other_frame_is_counted_too(frame: frames.ClientFrame, ref: int | None) -> None:
    """Refused, it does nothing."""
    house = House(limits=FEW)
    session, socket = house.join()
    say(session, *[frames.Leave(ref=1, order_id=ORDER)] * 12)
    open_order(session, house.room)
    socket.take()
    asked = (len(house.desk.joins), len(house.desk.pages), len(house.desk.tokens))

    say(session, frame)

    ((told, _, code, wait_ms),) = answers(socket.take())
    assert (told, code) == (ref, ErrorCode.RATE_LIMITED)
    assert wait_ms in (50, 250)
    assert asked == (len(house.desk.joins), len(house.desk.pages), len(house.desk.tokens))


async def test_joins_cost_more() -> None:
    """Two use up what is worth ten other frames."""
    house = House(limits=FEW)
    session, socket = house.greet(identity())

    say(session, *(frames.Join(ref=ref, order_id=ORDER) for ref in (1, 2, 3)))

    assert answers(socket.take()) == [(3, None, ErrorCode.RATE_LIMITED, 150)]


async def test_who_goes_on_though_refused_is_closed() -> None:
    """4029, and nothing is taken any more."""
    house = House(limits=FEW)
    session, socket = house.join()

    say(session, *(send(key) for key in range(1, FLOOD_REFUSALS + 3)))
    assert socket.code is None
    say(session, send(9_999))

    assert socket.code == CloseCode.FLOODING


async def test_one_connection_too_many_is_closed() -> None:
    """4009, without a word; when another one has gone, there is room."""
    house = House(limits=frames.Limits(sockets_per_user=1))
    first, _ = house.greet(identity())
    _, refused = house.greet(identity())
    _, of_ben = house.greet(identity(BEN))

    first.lost()
    _, next_one = house.greet(identity())

    assert (refused.code, refused.sent) == (CloseCode.TOO_MANY_CONNECTIONS, [])
    assert (of_ben.code, next_one.code) == (None, None)


async def test_a_fresh_token_is_no_further_connection() -> None:
    """It is the same one."""
    house = House(limits=frames.Limits(sockets_per_user=1))
    session, socket = house.greet(identity())

    session.welcome(identity())

    assert socket.code is None
    session.lost()
    assert house.greet(identity())[1].code is None
