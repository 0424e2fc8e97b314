"""Sends, marks and signals through a whole gateway: appended once, looked up, shown to others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway import gateway
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import Seq, make_seq
from tests.chat_gateway.gatehouse import Here, opened, until
from tests.chat_gateway.world import messages, say, send
from tests.shared.story import ANNA, BEN, CREATOR, ORDER, client_id, message, order


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with opened(tmp_path) as running:
        yield running


# Writing.


async def test_a_send_comes_back(here: Here) -> None:
    """Through the log, to both sides."""
    session, anna = await here.join()
    _, ben = await here.join("ben")

    say(session, send(1))

    assert (await here.next(anna, frames.MessageShown)).client_id == client_id(1)
    assert (await here.next(ben, frames.MessageShown)).by == ANNA


async def test_a_retry_is_looked_up_and_appended_once(here: Here) -> None:
    """Asked twice, it stands once."""
    session, socket = await here.join()

    say(session, send(1, retry=True))
    first = await here.next(socket, frames.MessageShown)
    say(session, send(1, retry=True, ref=2))
    second = await here.next(socket, frames.MessageShown)

    assert first.seq == second.seq


async def test_a_retry_that_cannot_be_looked_up_is_unknown(here: Here) -> None:
    """The store is down: nobody can say."""
    session, socket = await here.join()
    here.store.down = True

    say(session, send(1, retry=True))

    assert (await here.next(socket, frames.Unknown)).id == client_id(1)


async def test_what_is_in_flight_at_a_removal_is_never_shown(here: Here) -> None:
    """Though it was taken before (attack 18). Who was removed is told `left`, and then only no."""
    creators, anna = await here.join()
    bens, ben = await here.join("ben")
    here.orders.yes.discard(BEN)
    alone = message(ANNA, 9, text="Alone now")
    removing = asyncio.create_task(here.append(order(2, parties=(CREATOR,)), alone))
    await asyncio.sleep(0)  # it is on its way into the log, ahead of what is sent now

    say(bens, send(1))
    await removing
    left = await here.next(ben, frames.Left)
    say(bens, send(2), frames.History(ref=3, order_id=ORDER), frames.Join(ref=4, order_id=ORDER))
    refused = [await here.next(ben, frames.Refused) for _ in range(3)]
    await here.next(anna, frames.MessageShown)
    say(creators, send(3))
    last = await here.next(anna, frames.MessageShown)

    assert (left.ref, left.code) == (None, ErrorCode.FORBIDDEN)
    assert [answer.code for answer in refused] == [
        ErrorCode.NOT_JOINED,
        ErrorCode.NOT_JOINED,
        ErrorCode.NOT_FOUND,
    ]
    assert (last.by, last.n) == (ANNA, 2)
    assert sum(await here.engine.ends()) == 5  # Ben's stands between Anna's two, and is void
    assert ben.sent == []


async def test_a_read_mark_is_written_with_its_number(here: Here) -> None:
    """Above the head counts as the head."""
    await here.append(*messages(BEN, 3))
    session, socket = await here.join()

    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 999)))

    shown = await here.next(socket, frames.ReadShown)
    assert (shown.by, shown.n, shown.up_to) == (ANNA, 3, make_seq(1, 3))


async def test_a_mark_below_the_first_message_says_nothing(here: Here) -> None:
    """There is nothing to have read there."""
    await here.append(*messages(BEN, 1))
    session, socket = await here.join()

    say(session, frames.Read(order_id=ORDER, up_to=Seq(1)))
    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 1)))

    assert (await here.next(socket, frames.ReadShown)).n == 1


async def test_a_mark_older_than_the_memory_is_looked_up(here: Here) -> None:
    """Who starts at the beginning of a long order is counted too."""
    await here.append(*messages(BEN, 1_100))
    session, socket = await here.join()

    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 10)))

    assert (await here.next(socket, frames.ReadShown)).n == 10


async def test_an_older_mark_that_cannot_be_looked_up_is_lost(
    here: Here, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one says more."""

    def fail(*_: object) -> None:
        raise LookupError("a defect")

    await here.append(*messages(BEN, 1_100))
    session, socket = await here.join()
    monkeypatch.setattr(gateway, "read_page", fail)

    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 10)))
    await until(lambda: "a defect" in caplog.text)
    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 1_100)))

    assert (await here.next(socket, frames.ReadShown)).n == 1_100


async def test_presence_and_typing_reach_the_other_side(here: Here) -> None:
    """Through signals, not through the log."""
    session, _ = await here.join()
    _, ben = await here.join("ben")

    say(session, frames.Type(order_id=ORDER, what="text"))

    assert (await here.next(ben, frames.TypingShown)).user_id == ANNA
