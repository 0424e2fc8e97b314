"""How the peers are spoken to: the opening, pings, and what is said."""

import pytest

from tests.bench.load.talk import Party, Talk, TalkFailed
from tests.bench.peers.centrifugo import CentrifugoTalk
from tests.bench.peers.plain import PlainTalk
from tests.bench.peers.socketio import SocketIoTalk

ANNA = Party(6, "film-3", "anna", "")


def joined_socket_io() -> SocketIoTalk:
    talk = SocketIoTalk(ANNA)
    talk.control(b'0{"sid":"x"}')
    talk.control(b'40{"sid":"y"}')
    talk.control(b"430[]")
    return talk


def test_socket_io_opens_and_joins() -> None:
    """The server speaks first; the room is joined once it acknowledges."""
    talk = SocketIoTalk(ANNA)

    first = talk.begin()
    hello = talk.control(b'0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    join = talk.control(b'40{"sid":"y"}')
    before = talk.joined
    nothing = talk.control(b"430[]")

    assert (first, hello, nothing) == ([], [b"40"], [])
    assert join == [b'420["join",{"order": "film-3", "user": "anna"}]']
    assert (before, talk.joined) == (False, True)


def test_socket_io_is_alive_while_it_answers_pings() -> None:
    """Its pings are text frames of their own."""
    assert joined_socket_io().control(b"2") == [b"3"]


def test_socket_io_says_an_event() -> None:
    """A message is an event for the order's room."""
    assert joined_socket_io().say("hi") == b'42["send",{"order":"film-3","text":"hi"}]'


def test_centrifugo_connects_and_subscribes() -> None:
    """The order is a channel of the namespace that clients may publish in."""
    talk = CentrifugoTalk(ANNA)

    first = talk.begin()
    subscribe = talk.control(b'{"id":1,"connect":{"client":"c","ping":25}}')
    before = talk.joined
    nothing = talk.control(b'{"id":2,"subscribe":{}}')

    assert first == [b'{"id":1,"connect":{}}']
    assert subscribe == [b'{"id": 2, "subscribe": {"channel": "order:film-3"}}']
    assert nothing == []
    assert (before, talk.joined) == (False, True)


def test_centrifugo_joins_replies_in_one_frame() -> None:
    """Each line is taken by itself: here a publication's reply, a ping, and the subscription."""
    talk = CentrifugoTalk(ANNA)

    answers = talk.control(b'{"id":3,"publish":{}}\n{}\n{"id":2,"subscribe":{}}')

    assert answers == [b"{}"]
    assert talk.joined


def test_centrifugo_numbers_what_it_is_told() -> None:
    """Each command has an id of its own, after those of the opening."""
    talk = CentrifugoTalk(ANNA)

    said = [talk.say("hi"), talk.say("ho")]

    assert said == [
        b'{"id":3,"publish":{"channel":"order:film-3","data":{"by":"anna","text":"hi"}}}',
        b'{"id":4,"publish":{"channel":"order:film-3","data":{"by":"anna","text":"ho"}}}',
    ]


def test_python_s_peers_are_joined_at_once() -> None:
    """The first frame is the client's, and one answer ends the opening."""
    talk = PlainTalk(ANNA)

    first = talk.begin()
    nothing = talk.control(b'{"op":"joined"}')

    assert first == [b'{"op": "join", "order": "film-3", "user": "anna"}']
    assert nothing == []
    assert talk.joined
    assert talk.say("hi") == b'{"op":"send","order":"film-3","text":"hi"}'


@pytest.mark.parametrize(
    ("talk", "frame"),
    [
        (SocketIoTalk(ANNA), b'42["message",{"order":"film-3","by":"ben","text":"hi"}]'),
        (CentrifugoTalk(ANNA), b'{"push":{"channel":"order:film-3","pub":{"data":{"by":"ben"}}}}'),
        (PlainTalk(ANNA), b'{"op":"message","order":"film-3","by":"ben","text":"hi"}'),
    ],
)
def test_others_may_talk_before_the_opening_is_over(talk: Talk, frame: bytes) -> None:
    """What they say is no answer to us."""
    answers = talk.control(frame)

    assert answers == []
    assert not talk.joined


@pytest.mark.parametrize(
    ("talk", "frame"),
    [
        (SocketIoTalk(ANNA), b'44{"message":"not allowed"}'),
        (CentrifugoTalk(ANNA), b'{"id":2,"error":{"code":103,"message":"permission denied"}}'),
        (CentrifugoTalk(ANNA), b'{"push":{"disconnect":{"code":3000,"reason":"shutdown"}}}'),
        (PlainTalk(ANNA), b'{"op":"refused"}'),
    ],
)
def test_a_refusal_is_the_end_of_the_measurement(talk: Talk, frame: bytes) -> None:
    """A server that does not do the work must not be measured as if it did."""
    with pytest.raises(TalkFailed):
        talk.control(frame)


@pytest.mark.parametrize("kind", [SocketIoTalk, CentrifugoTalk, PlainTalk])
def test_whoever_comes_back_starts_anew(kind: type[PlainTalk]) -> None:
    """None of them kept anything, so there is nothing to resume."""
    talk = kind(ANNA)
    talk.joined = True

    again = talk.again()

    assert not again.joined
    assert again.begin() == kind(ANNA).begin()
    assert again.say("hi") == kind(ANNA).say("hi")
