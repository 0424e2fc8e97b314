"""How a connection of the benchmark speaks to Order Chat, tried on the system in one process."""

from pathlib import Path

import pytest

from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, Seq, UserId
from tests.bench.load.load import Load, LoadFailed
from tests.bench.load.meter import Meter
from tests.bench.load.talk import Party, TalkFailed, text_of
from tests.bench.peers.ours import OurTalk
from tests.prove.ground import own_process

ANNA = Party(0, "film-1", "anna", "a-token")


def test_a_send_is_one_that_our_contracts_know() -> None:
    """Under a new id each time, by somebody who saw the last message that came."""
    talk, other = OurTalk(ANNA), OurTalk(ANNA)
    talk.heard(b'{"type":"message","op":"event","seq":77,"prev":76,"n":12,"seen":3,"text":"hi"}')

    said = [frames.decode_client_frame(talk.say(text_of(0, serial))) for serial in range(2)]
    others = frames.decode_client_frame(other.say("hi"))

    first, second = said
    assert isinstance(first, frames.Send)
    assert isinstance(second, frames.Send)
    assert isinstance(others, frames.Send)
    assert first.order_id == "film-1"
    assert (first.text, second.text) == (text_of(0, 0), text_of(0, 1))
    assert (first.seen, others.seen) == (12, 0)
    assert len({first.id, second.id, others.id}) == 3


def test_who_comes_back_asks_for_what_came_since() -> None:
    """The next connection joins with the position of the last event."""
    talk = OurTalk(ANNA)

    first = frames.decode_client_frame(talk.begin()[1])
    talk.heard(b'{"type":"message","op":"event","seq":77,"prev":76,"n":12,"seen":3,"text":"hi"}')
    second = frames.decode_client_frame(talk.again().begin()[1])

    assert first == frames.Join(ref=1, order_id=OrderId("film-1"), after=None, limit=50)
    assert second == frames.Join(ref=1, order_id=OrderId("film-1"), after=Seq(77), limit=50)


def refused(*, retry: bool) -> bytes:
    return frames.encode_frame(
        frames.Refused(ref=1, code=ErrorCode.UNAVAILABLE, message="", retry=retry)
    )


def test_a_refusal_voids_the_measurement() -> None:
    """A gateway that refuses does not do the work."""
    with pytest.raises(TalkFailed, match="unavailable"):
        OurTalk(ANNA).control(refused(retry=False))


def test_a_join_that_may_be_asked_for_again_is() -> None:
    """Five times; then the gateway does not do the work."""
    talk = OurTalk(ANNA)
    join = talk.begin()[1]

    again = [talk.control(refused(retry=True)) for _ in range(5)]

    assert again == [[join]] * 5
    with pytest.raises(TalkFailed, match="unavailable"):
        talk.control(refused(retry=True))


async def test_two_parties_of_an_order_talk_and_come_back(tmp_path: Path) -> None:
    """Against the gateway itself: everything comes once and in order, before a cut and after it."""
    async with own_process(tmp_path, "bench", {}) as (ground, server):
        users = UserId("anna"), UserId("ben")
        await ground.put(
            OrderId("film-1"), dict(zip(users, ("creator", "advertiser"), strict=True))
        )
        parties = [Party(n, "film-1", user, ground.token(user)) for n, user in enumerate(users)]
        talks = [OurTalk(party) for party in parties]
        meter = Meter({"server": [server.pid]})
        async with Load.opened(("127.0.0.1", server.port), talks) as load:
            before = await load.closed(window=2, seconds=0.5, warm_s=0.1, meter=meter)
            await load.cut()
            comeback = await load.come_back(at_once=2)
            after = await load.open(per_second=50, seconds=0.5, warm_s=0.1, meter=meter)

    assert before.sound
    assert before.cpu_us("server") > 0
    assert (len(comeback.seconds), comeback.failures) == (2, {})
    assert after.sound
    assert after.said > 10


async def test_a_bad_token_is_named(tmp_path: Path) -> None:
    """The load fails with what the gateway said."""
    async with own_process(tmp_path, "bench", {}) as (_, server):
        with pytest.raises(LoadFailed, match="1 of 1 did not join"):
            async with Load.opened(("127.0.0.1", server.port), [OurTalk(ANNA)], members=1):
                pass
