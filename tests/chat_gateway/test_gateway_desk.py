"""The gateway as the desk of its sessions: real engines, real rooms, and a socket that records."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway import gateway
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import OrderId, make_seq
from tests.chat_gateway.gatehouse import JOIN, Here, opened, until
from tests.chat_gateway.world import identity, messages, say, send
from tests.shared.story import ANNA, BEN, ORDER, message, order, read


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with opened(tmp_path) as running:
        yield running


# Who is there.


async def test_no_hello_in_time_is_closed(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    """Silence is 4001."""
    monkeypatch.setattr(gateway, "HELLO_DEADLINE_S", 0.01)
    _, socket = here.connect()

    await until(lambda: socket.closed)

    assert (socket.code, socket.sent) == (CloseCode.TOKEN, [])


async def test_who_said_hello_in_time_stays(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    """The deadline is for silence alone."""
    _, socket = await here.greet()

    here.gateway._hello_due(here.gateway.sessions()[0])

    assert socket.closed is None


@pytest.mark.parametrize(
    ("token", "code"), [("bad", CloseCode.TOKEN), ("no-keys", CloseCode.SERVICE_RESTART)]
)
async def test_a_hello_that_fails_is_closed(here: Here, token: str, code: CloseCode) -> None:
    """Without a frame; who cannot be verified now may come back."""
    session, socket = here.connect()

    say(session, frames.Hello(token=token))
    await until(lambda: socket.closed)

    assert (socket.code, socket.sent) == (code, [])


async def test_at_the_end_of_its_token_a_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch, here: Here
) -> None:
    """5 s of grace after `exp`, in which only auth is taken."""
    monkeypatch.setattr(gateway, "EXPIRY_GRACE_S", 0.05)
    here.tokens.good["anna"] = identity(ANNA, expires_at=time.time())
    session, socket = await here.greet()
    say(session, JOIN)
    assert (await here.next(socket, frames.Refused)).code == ErrorCode.TOKEN_EXPIRED

    await until(lambda: socket.closed)

    assert socket.code == CloseCode.TOKEN


async def test_a_fresh_token_prolongs_the_connection(
    monkeypatch: pytest.MonkeyPatch, here: Here
) -> None:
    """The end of the old one counts no more."""
    monkeypatch.setattr(gateway, "EXPIRY_GRACE_S", 0.1)
    end = math.ceil(time.time() + 0.3)
    here.tokens.good["old"] = identity(ANNA, expires_at=end - 0.1)
    session, socket = await here.greet("old")

    say(session, frames.Auth(token="anna"))
    await here.next(socket, frames.Welcome)
    await asyncio.sleep(end + 0.05 - time.time())  # the old token's end passes: nothing may happen

    assert socket.closed is None


# Orders.


async def test_join_is_answered_and_the_order_is_live(here: Here) -> None:
    """History and what comes next, without a hole."""
    await here.append(*messages(BEN, 2))
    session, socket = await here.greet()
    say(session, JOIN)
    joined = await here.next(socket, frames.Joined)

    await here.append(message(BEN, 1, base=2))

    shown = await here.next(socket, frames.MessageShown)
    assert (joined.n, shown.n, shown.prev) == (2, 3, joined.head)


@pytest.mark.parametrize(
    ("join", "code"),
    [
        (frames.Join(ref=1, order_id=OrderId("foreign")), ErrorCode.NOT_FOUND),
        (frames.Join(ref=1, order_id=OrderId("o:1")), ErrorCode.NOT_FOUND),
    ],
)
async def test_orders_that_are_not_ones_own_are_not_found(
    here: Here, join: frames.Join, code: ErrorCode
) -> None:
    """Whether they exist or not."""
    session, socket = await here.greet()

    say(session, join)

    assert (await here.next(socket, frames.Refused)).code == code


async def test_a_stranger_finds_nothing(here: Here) -> None:
    """Though the order exists."""
    here.orders.yes = {BEN}
    session, socket = await here.greet()

    say(session, JOIN)

    assert (await here.next(socket, frames.Refused)).code == ErrorCode.NOT_FOUND


async def test_an_order_service_out_of_reach_is_unavailable(here: Here) -> None:
    """Neither a yes nor a no: come again."""
    here.orders.down = True
    session, socket = await here.greet()

    say(session, JOIN)

    refused = await here.next(socket, frames.Refused)
    assert (refused.code, refused.retry) == (ErrorCode.UNAVAILABLE, True)


async def test_who_may_not_read_is_forbidden(here: Here) -> None:
    """Taking part is not enough, and the order service is asked again before saying so."""
    await here.append(order(2, may={"creator": ("send",)}))
    session, socket = await here.greet()

    say(session, JOIN)

    assert (await here.next(socket, frames.Refused)).code == ErrorCode.FORBIDDEN


async def test_a_yes_that_was_taken_back_is_asked_again(here: Here) -> None:
    """A cached yes does not outlive the removal."""
    session, socket = await here.join()
    await here.append(order(2, parties=()))
    await here.next(socket, frames.Left)
    here.orders.yes = set()

    say(session, JOIN)

    assert (await here.next(socket, frames.Refused)).code == ErrorCode.NOT_FOUND


async def test_moderators_need_nobodys_word(here: Here) -> None:
    """They join any order, and are never online."""
    here.orders.down = True
    session, socket = await here.greet("moira")

    say(session, JOIN)

    assert (await here.next(socket, frames.Joined)).you.role == "moderator"
    assert await here.gateway._presence.who(ORDER) == []


async def test_pages_of_history(here: Here) -> None:
    """Limits over the maximum are taken as the maximum."""
    await here.append(*messages(BEN, 120))
    session, socket = await here.join()

    say(session, frames.History(ref=2, order_id=ORDER, limit=10_000))

    page = await here.next(socket, frames.Page)
    assert (len(page.events), page.complete) == (100, False)


async def test_a_mistake_of_ours_is_internal_and_logged(
    here: Here, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection lives."""

    def fail(*_: object) -> None:
        raise LookupError("a defect")

    session, socket = await here.join()
    monkeypatch.setattr(gateway, "read_page", fail)

    say(session, frames.History(ref=2, order_id=ORDER))

    assert (await here.next(socket, frames.Refused)).code == ErrorCode.INTERNAL
    assert "a defect" in caplog.text
    assert socket.closed is None


async def test_what_is_under_way_for_a_client_is_bounded(
    monkeypatch: pytest.MonkeyPatch, here: Here
) -> None:
    """Then busy."""
    monkeypatch.setattr(gateway, "PAGING_MAX", 1)
    monkeypatch.setattr(gateway, "OPENING_MAX", 1)
    session, socket = await here.join()

    for ref in (2, 3):
        say(session, frames.History(ref=ref, order_id=ORDER))
    for ref in (4, 5):
        say(session, frames.Join(ref=ref, order_id=OrderId("foreign")))

    busy = [await here.next(socket, frames.Refused) for _ in range(2)]
    assert [(frame.ref, frame.code) for frame in busy] == [
        (3, ErrorCode.BUSY),
        (5, ErrorCode.BUSY),
    ]


async def test_a_join_whose_connection_left_is_dropped(here: Here) -> None:
    """Nobody is subscribed by it."""
    session, socket = await here.greet()

    say(session, JOIN, frames.Leave(ref=2, order_id=ORDER))
    await asyncio.sleep(0.02)  # the join would be answered by then

    (frame,) = socket.take()
    assert frame == frames.Left(ref=2, order_id=ORDER, code=None)
    assert session.orders == {}


async def test_a_lost_connection_leaves_nothing_behind(here: Here) -> None:
    """No wish, no timer, no beat."""
    session, _ = await here.join()
    say(session, frames.History(ref=2, order_id=ORDER))

    session.lost()
    await asyncio.sleep(0)

    assert here.gateway.sessions() == []
    assert here.gateway._wishes == {}
    assert here.gateway._hellos == {}
    assert here.gateway._turns == {}
    assert here.gateway._expiries._seconds == {}


# The clock, and the end.


async def test_every_session_is_beaten(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    """A slice of them every second; who is not welcome yet is not."""
    _, socket = await here.greet()
    _, silent = here.connect()
    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda s: real(0 if s == 1 else s))

    beating = asyncio.create_task(here.gateway.run())
    await here.next(socket, frames.Beat)
    beating.cancel()

    assert silent.sent == []


async def test_everybody_is_told_goodbye(tmp_path: Path) -> None:
    """And what was sent before is written."""
    async with opened(tmp_path) as here:
        session, socket = await here.join()
        say(session, send(1))
        parts = here.running.parts

    goodbye = [frame for frame in socket.take() if isinstance(frame, frames.Goodbye)]
    assert len(goodbye) == 1
    assert socket.code == CloseCode.SERVICE_RESTART
    assert set(parts) >= {"log", "store", "signals", "orders"}


async def test_marks_of_moderators_are_not_written(here: Here) -> None:
    """They have none."""
    await here.append(*messages(BEN, 1), read(ANNA, make_seq(1, 1), 1))
    session, socket = await here.join("moira")

    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 2)))
    await here.append(message(BEN, 1, base=1))

    await here.next(socket, frames.MessageShown)
    assert socket.take() == []
