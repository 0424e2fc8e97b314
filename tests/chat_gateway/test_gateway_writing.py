"""Sends, marks and signals through a whole gateway: appended once, looked up, shown to others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway import gateway
from shared.contracts import frames
from shared.contracts.ids import Seq, make_seq
from tests.chat_gateway.gatehouse import Here, opened, until
from tests.chat_gateway.world import messages, say, send
from tests.shared.story import ANNA, BEN, ORDER, client_id


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
