"""How a gateway sends its clients away: told first, answered, then closed; not all at once."""

import asyncio

import pytest

from chat_gateway import farewell as farewell_module
from chat_gateway.farewell import Farewell, Leaving
from chat_gateway.session import Session
from shared.contracts import frames
from shared.contracts.errors import CloseCode
from shared.contracts.ids import UserId
from tests.chat_gateway.recorders import RecordingSocket
from tests.chat_gateway.world import House, identity, say, send, turns
from tests.shared.story import client_id


def farewell(*sessions: Session, drain_s: float = 0.0, away_s: float = 0.0) -> Farewell:
    """The end of a gateway with these sessions."""
    return Farewell(lambda: sessions, drain_s=drain_s, away_s=away_s)


def goodbye(socket: RecordingSocket) -> frames.Goodbye:
    """The goodbye that came, once."""
    (came,) = [frame for frame in socket.take() if isinstance(frame, frames.Goodbye)]
    return came


async def test_who_has_nothing_under_way_goes_at_once() -> None:
    """Told, then closed so that it comes back."""
    house = House()
    session, socket = house.join()

    await farewell(session).say()

    assert socket.take() == [frames.Goodbye(code="restart", reconnect_after_ms=0)]
    assert socket.code == CloseCode.SERVICE_RESTART


async def test_what_was_taken_is_told_before_the_close() -> None:
    """The event comes behind the goodbye, on the same connection."""
    house = House()
    session, socket = house.join()
    say(session, send(1))

    saying = asyncio.create_task(farewell(session).say())
    (event,) = await house.end_batch()
    open_meanwhile = socket.closed is None
    house.meet(event)
    await saying

    first, second = socket.take()
    assert open_meanwhile
    assert isinstance(first, frames.Goodbye)
    assert isinstance(second, frames.MessageShown)
    assert socket.code == CloseCode.SERVICE_RESTART


async def test_what_takes_too_long_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt has an outcome before its connection is closed."""
    monkeypatch.setattr(farewell_module, "SETTLE_S", 0.05)
    house = House()
    session, socket = house.join()
    say(session, send(1))
    await house.handed_over()

    await farewell(session).say()

    first, second = socket.take()
    assert isinstance(first, frames.Goodbye)
    assert isinstance(second, frames.Unknown)
    assert second.id == client_id(1)
    assert socket.code == CloseCode.SERVICE_RESTART


async def test_nothing_is_taken_after_the_goodbye() -> None:
    """What comes then has no outcome, and is sent again elsewhere."""
    house = House()
    session, _ = house.join()
    say(session, send(1))

    saying = asyncio.create_task(farewell(session).say())
    await turns()
    say(session, send(2))
    events = await house.end_batch()
    house.meet(events[0])
    await saying

    assert [house.log.batches, len(events)] == [[], 1]


async def test_clients_go_in_turns() -> None:
    """Spread over the time given; each is told to stay away until there is somebody again."""
    house = House()
    loop = asyncio.get_running_loop()
    came = [house.join(identity(UserId(f"user-{n}"))) for n in range(120)]
    began = loop.time()

    end = farewell(*(session for session, _ in came), drain_s=0.5, away_s=3)
    saying = asyncio.create_task(end.say())
    await asyncio.sleep(0.25)
    gone = sum(session.closed for session, _ in came)
    await saying
    took_s = loop.time() - began

    assert 0 < gone < 120
    assert 0.3 < took_s < 5  # and not as long for each of them
    times = [goodbye(socket).reconnect_after_ms for _, socket in came]
    assert min(times[:6]) >= 3_350  # the rest of the time, and until there is somebody again
    assert max(times) <= 4_000
    assert 3_000 <= max(times[-3:]) <= 3_600


async def test_with_other_gateways_nobody_waits_for_this_one() -> None:
    """Clients come back spread over as long as they were sent away over."""
    house = House()
    came = [house.join(identity(UserId(f"user-{n}"))) for n in range(20)]

    await farewell(*(session for session, _ in came), drain_s=0.2).say()

    times = [goodbye(socket).reconnect_after_ms for _, socket in came]
    assert max(times) <= 200
    assert len(set(times)) > 5


async def test_whoever_comes_meanwhile_is_told_too() -> None:
    """Connections that were being made when the end began."""
    house = House()
    sessions = [house.join()[0]]
    saying = asyncio.create_task(Farewell(lambda: sessions, drain_s=1, away_s=0).say())
    await turns()
    late, socket = house.connect()
    sessions.append(late)

    await saying

    assert isinstance(goodbye(socket), frames.Goodbye)


async def test_the_end_shows_in_readiness() -> None:
    """From its first moment on."""
    end = farewell()
    await end.ping()

    await end.say()

    with pytest.raises(Leaving):
        await end.ping()
