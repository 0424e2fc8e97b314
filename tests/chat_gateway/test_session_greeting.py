"""Who is there: hello, auth, what waits for them, and frames that are not frames."""

from typing import Any

import msgspec
import pytest

from chat_gateway.session import EARLY_FRAMES_MAX, MALFORMED_MAX, MALFORMED_WINDOW_S
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_session import ON_AN_ORDER, assert_refused, the_one
from tests.chat_gateway.world import EXPIRES_AT, House, identity, open_order, say, send
from tests.shared.story import ANNA, BEN, ORDER, client_id, message

HELLO = frames.Hello(token="t")
JOIN = frames.Join(ref=1, order_id=ORDER)
UUID = client_id(1)

MALFORMED: list[Any] = [
    b"", b"null", b"[]", b"7", b"true", b'""', b"{", b"\xef\xbb\xbf{}", b"\x00", b"1e400", b"NaN",
    b"{}", b'{"op":"nonsense"}', b'{"op":7}', b'{"op":"join"}', b"[" * 10_000, b'{"a":' * 10_000,
    b'{"op":"join","ref":1,"order_id":{"$ne":null}}',
    b'{"op":"join","ref":1,"order_id":{"$where":"1"}}',
    b'{"op":"join","ref":1,"order_id":["o-1042"]}',
    b'{"op":"join","ref":"1","order_id":"o-1042"}',
    b'{"op":"join","ref":1.5,"order_id":"o-1042"}',
    b'{"op":"join","ref":18446744073709551616,"order_id":"o-1042"}',
    b'{"op":"join","ref":1,"order_id":"../o-1042"}',
    b'{"op":"join","ref":1,"order_id":"o-1042\\n"}',
    b'{"op":"join","ref":1,"order_id":"o-1042","after":-1}',
    b'{"op":"join","ref":1,"order_id":"o-1042","after":9007199254740992}',
    b'{"op":"join","ref":1,"order_id":"o-1042","after":1.5}',
    b'{"op":"join","ref":1,"order_id":"o-1042","limit":0}',
    b'{"op":"join","ref":1,"order_id":"o-1042","__proto__":{}}',
    b'{"op":"read","order_id":"o-1042","up_to":1e400}',
    b'{"op":"typing","order_id":"o-1042","what":"TOPSECRET"}',
    b'{"op":"send","ref":1,"order_id":"o-1042","id":"TOPSECRET","text":"hi"}',
    b'{"op":"send","ref":1,"order_id":"o-1042","id":"' + UUID.encode() + b'","text":"\\ud800"}',
]  # fmt: skip


async def test_a_good_hello_is_welcomed() -> None:
    """With what this gateway takes at most."""
    house = House()
    session, socket = house.connect()
    say(session, HELLO)
    assert house.desk.tokens == ["t"]

    session.welcome(identity())

    welcome = the_one(socket)
    assert isinstance(welcome, frames.Welcome)
    assert (welcome.user_id, welcome.heartbeat_s, welcome.limits) == (ANNA, 25, frames.Limits())


@pytest.mark.parametrize("first", [*ON_AN_ORDER.values(), JOIN, frames.Auth(token="t")])
async def test_anything_before_hello_is_closed_without_a_frame(first: frames.ClientFrame) -> None:
    """4001, and nobody is asked about anything."""
    house = House()
    session, socket = house.connect()

    say(session, first, HELLO)

    assert (socket.code, socket.sent, house.desk.tokens) == (CloseCode.TOKEN, [], [])


@pytest.mark.parametrize("data", MALFORMED)
async def test_malformed_before_welcome_is_closed_without_a_frame(data: bytes) -> None:
    """Somebody unknown gets no answer, before the hello and behind it."""
    for greeted in (False, True):
        session, socket = House().connect()
        if greeted:
            say(session, HELLO)

        session.receive(data)

        assert (socket.code, socket.sent) == (CloseCode.TOKEN, [])


async def test_a_bad_hello_is_closed_without_a_frame() -> None:
    """What waited behind it is never looked at."""
    house = House()
    session, socket = house.connect()
    say(session, HELLO, JOIN)

    session.unwelcome("The token's signature is wrong.")

    assert (socket.code, socket.sent, house.desk.joins) == (CloseCode.TOKEN, [], [])


async def test_a_hello_that_cannot_be_verified_now_is_sent_away() -> None:
    """The token may be good: its client comes back with it."""
    session, socket = House().connect()
    say(session, HELLO)

    session.undecided()

    assert (socket.code, socket.sent) == (CloseCode.SERVICE_RESTART, [])


async def test_frames_behind_hello_wait_for_its_outcome() -> None:
    """In order, behind the welcome."""
    house = House()
    session, socket = house.connect()
    say(session, HELLO, JOIN, frames.Leave(ref=2, order_id=ORDER))
    assert house.desk.joins == []

    session.welcome(identity())

    assert [type(frame) for frame in socket.take()] == [frames.Welcome, frames.Left]


async def test_frames_behind_hello_are_bounded() -> None:
    """Nobody unknown fills our memory."""
    session, socket = House().connect()
    say(session, HELLO, *[JOIN] * EARLY_FRAMES_MAX)
    assert socket.code is None

    say(session, JOIN)

    assert socket.code == CloseCode.TOKEN


async def test_frames_behind_hello_end_with_the_connection() -> None:
    """What closes the session closes it for the frames that still wait."""
    house = House()
    session, socket = house.connect()
    say(session, HELLO, HELLO, JOIN)
    socket.close = lambda code, reason="": None  # type: ignore[method-assign]
    socket.send = lambda frame: session.close(CloseCode.TOO_SLOW, "")  # type: ignore[method-assign]

    session.welcome(identity())

    assert house.desk.joins == []


async def test_a_second_hello_is_invalid() -> None:
    """Auth is the word; the connection lives."""
    session, socket = House().greet(identity())

    say(session, HELLO)

    assert_refused(the_one(socket), ErrorCode.INVALID, ref=None)
    assert socket.code is None


async def test_services_have_no_websocket() -> None:
    """They use HTTP: 4003."""
    session, socket = House().connect()
    say(session, HELLO)

    session.welcome(identity(role="service"))

    assert (socket.code, socket.sent) == (CloseCode.ACCESS, [])


async def test_auth_is_welcomed_again() -> None:
    """A fresh token of the same user."""
    house = House()
    session, socket = house.greet(identity())
    fresh = identity(expires_at=EXPIRES_AT + 60)

    say(session, frames.Auth(token="fresh"))
    session.welcome(fresh)

    assert house.desk.tokens == ["t", "fresh"]
    assert isinstance(the_one(socket), frames.Welcome)
    assert session.identity == fresh


async def test_auth_of_another_user_is_refused_and_the_old_one_lives_on() -> None:
    """A connection belongs to one user."""
    session, socket = House().greet(identity())

    session.welcome(identity(BEN))

    assert_refused(the_one(socket), ErrorCode.UNAUTHENTICATED, ref=None)
    assert session.identity == identity()


async def test_a_bad_auth_is_refused_and_the_old_one_lives_on() -> None:
    """Nothing is closed before its time."""
    session, socket = House().greet(identity())

    session.unwelcome("The token's signature is wrong.")
    session.undecided()

    bad, unclear = socket.take()
    assert_refused(bad, ErrorCode.UNAUTHENTICATED, ref=None)
    assert_refused(unclear, ErrorCode.UNAVAILABLE, ref=None)
    assert socket.code is None


@pytest.mark.parametrize("name", ON_AN_ORDER)
async def test_from_exp_on_frames_are_refused(name: str) -> None:
    """To the millisecond."""
    house = House()
    session, socket = house.join(identity(expires_at=NOW_MS / 1_000 + 1))
    house.desk.ms += 999
    say(session, JOIN)
    assert socket.take() == []

    house.desk.ms += 1
    frame = ON_AN_ORDER[name]
    say(session, frame)

    refused = the_one(socket)
    assert isinstance(refused, frames.Refused)
    assert (refused.code, refused.retry) == (ErrorCode.TOKEN_EXPIRED, True)
    assert refused.id == getattr(frame, "id", None)


async def test_from_exp_on_auth_is_still_taken() -> None:
    """It is what mends it, and events go on coming meanwhile."""
    house = House()
    session, socket = house.join(identity(expires_at=NOW_MS / 1_000))
    house.meet(message(BEN, 1))
    say(session, frames.Auth(token="fresh"))
    session.welcome(identity())
    socket.take()

    say(session, frames.Leave(ref=1, order_id=ORDER))

    assert isinstance(the_one(socket), frames.Left)


# Malformed frames (attacks 8, 9, 22, 24, 47).


@pytest.mark.parametrize("data", MALFORMED)
async def test_malformed_frames_are_invalid_and_the_connection_lives(data: bytes) -> None:
    """The answer names a field, never its value."""
    house = House()
    session, socket = house.greet(identity())

    session.receive(data)

    refused = the_one(socket)
    assert isinstance(refused, frames.Refused)
    assert refused.code == ErrorCode.INVALID
    assert "TOPSECRET" not in refused.message
    assert (socket.code, house.desk.joins) == (None, [])


async def test_ref_and_id_are_salvaged() -> None:
    """So its sender can tell which frame it was."""
    session, socket = House().greet(identity())

    session.receive(msgspec.json.encode({"op": "send", "ref": 7, "id": UUID, "text": 1}))

    assert_refused(the_one(socket), ErrorCode.INVALID, ref=7, key=1)


async def test_more_than_five_malformed_frames_in_ten_seconds_are_closed() -> None:
    """1008; fewer, or slower, are answered."""
    house = House()
    session, socket = house.greet(identity())
    for _ in range(MALFORMED_MAX):
        session.receive(b"{")
    house.desk.seconds += MALFORMED_WINDOW_S + 1
    for _ in range(MALFORMED_MAX):
        session.receive(b"{")
    assert (socket.code, len(socket.take())) == (None, 2 * MALFORMED_MAX)

    session.receive(b"{")

    assert (socket.code, socket.take()) == (CloseCode.POLICY_VIOLATION, [])


async def test_unknown_fields_are_refused() -> None:
    """A typing mistake is heard of at once."""
    house = House()
    session, socket = house.greet(identity())
    open_order(session, house.room)
    socket.take()

    session.receive(msgspec.json.encode({**msgspec.to_builtins(send(1)), "txet": "hi"}))

    refused = the_one(socket)
    assert_refused(refused, ErrorCode.INVALID, key=1)
    assert isinstance(refused, frames.Refused)
    assert "txet" not in refused.message


async def test_a_limit_above_the_maximum_is_taken() -> None:
    """The desk takes it as the maximum."""
    house = House()
    session, _ = house.greet(identity())

    say(session, frames.Join(ref=1, order_id=ORDER, limit=1_000_000))

    assert len(house.desk.joins) == 1
