"""The Messages area of a whole gateway: pages, pushes, and what nobody may see."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway.announcer import Announcer, channel_of
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.cursors import ForgedCursor, inbox_cursor, inbox_place
from chat_gateway.session import Session
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, UserId, make_seq
from shared.store.port import InboxPlace, StoreUnavailable, Tally
from tests.chat_gateway.gatehouse import Here, opened
from tests.chat_gateway.recorders import RecordingSocket
from tests.chat_gateway.world import identity, say
from tests.shared.story import ADVERTISER, ANNA, BEN, MOIRA, ORDER, delete, message, order, read

CANARY = "the canary sings"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with opened(tmp_path) as here:
        yield here


async def archive(here: Here, announcer: Announcer | None = None) -> None:
    archiver = Archiver(here.engine, here.store, epoch=1, announcer=announcer)
    await archiver.run_to(await here.engine.ends())


async def ask(
    here: Here, token: str = "anna", **query: object
) -> tuple[Session, RecordingSocket, frames.InboxPage]:
    """A connection that shows the Messages area, and its first page."""
    session, socket = await here.greet(token)
    say(session, frames.Inbox(ref=5, **query))  # type: ignore[arg-type]
    return session, socket, await here.next(socket, frames.InboxPage)


async def test_a_page_has_what_a_line_needs(here: Here) -> None:
    """The order, who takes part, the last message as it stands, and what is not read of it."""
    await here.append(message(BEN, 1, text="Hello"), message(BEN, 2, base=1, text="Anna?"))
    await archive(here)

    _, _, page = await ask(here)

    (line,) = page.conversations
    assert isinstance(line.last, frames.MessageShown)
    assert (line.order_id, line.last.text, line.n, line.unread) == (ORDER, "Anna?", 2, 2)
    assert (page.unread_total, page.next) == (2, None)


async def test_what_is_folded_here_is_pushed_at_once(here: Here) -> None:
    """No archiver runs: the room that Ben has open is enough."""
    await archive(here)
    await here.join("ben")
    _, socket, _ = await ask(here)

    await here.append(message(BEN, 1, text="Hello"))

    line = await here.next(socket, frames.ConversationChanged)
    assert isinstance(line.last, frames.MessageShown)
    assert (line.last.text, line.unread, line.unread_total) == ("Hello", 1, 1)


async def test_a_page_overlays_what_is_folded_here(here: Here) -> None:
    """What the store does not have yet is in it, be it the whole order."""
    await here.append(message(BEN, 1, text="Hello"))
    await here.join("ben")

    _, _, page = await ask(here)

    (line,) = page.conversations
    assert (line.unread, page.unread_total) == (1, 1)


async def test_what_others_do_is_pushed_when_it_is_archived(here: Here) -> None:
    """Nobody has the order open here: the archiver's signal tells of it."""
    await archive(here)
    _, socket, _ = await ask(here)
    announcer = Announcer(here.signals)
    announcing = asyncio.create_task(announcer.run())

    await here.append(message(BEN, 1))
    await archive(here, announcer)

    line = await here.next(socket, frames.ConversationChanged)
    assert (line.unread, line.unread_total) == (1, 1)
    announcing.cancel()


async def test_signals_that_come_back_make_good_what_was_lost(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty signal says that some were lost: the store is asked."""
    monkeypatch.setattr("chat_gateway.inbox.AFTER_LOSS_S", (0.0, 0.0))
    await archive(here)
    _, socket, _ = await ask(here)
    await here.append(message(BEN, 1))
    await archive(here)

    await here.signals.publish(channel_of(ANNA), b"")

    assert (await here.next(socket, frames.ConversationChanged)).unread_total == 1


async def test_a_minute_makes_good_what_was_lost(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any signal the store is asked now and then."""
    monkeypatch.setattr("chat_gateway.inbox.POLL_EVERY_S", (0.01, 0.02))
    await archive(here)
    _, socket, _ = await ask(here)

    await here.append(message(BEN, 1))
    await archive(here)

    assert (await here.next(socket, frames.ConversationChanged)).unread_total == 1


@pytest.mark.parametrize("by", ["anna", "moira"])
async def test_no_preview_has_a_text_that_is_gone(here: Here, by: str) -> None:
    """Deleted or redacted, pushed or listed, from the room or from the store."""
    said = message(ANNA, 1, text=CANARY)
    gone = delete(ANNA, 2, said.id, base=1) if by == "anna" else MOIRA.redact(2, said.id, 1)
    await here.append(said)
    await here.join("ben")
    _, socket, _ = await ask(here)

    await here.append(gone)

    pushed = await here.next(socket, frames.ConversationChanged)
    _, _, overlaid = await ask(here, "ben")
    await archive(here)
    _, _, listed = await ask(here, "ben")
    lasts = [line.last for line in (*overlaid.conversations, *listed.conversations)]
    for last in (pushed.last, *lasts):
        assert isinstance(last, frames.MessageShown)
        assert last.gone is not None
        assert CANARY not in frames.encode_frame(last).decode()


async def test_who_is_removed_loses_the_line(here: Here) -> None:
    """At once, and on every later page; what is said afterwards is not pushed."""
    await archive(here)
    await here.join("ben")
    _, socket, _ = await ask(here)

    await here.append(order(2, parties=(ADVERTISER,)), message(BEN, 1, text=CANARY))

    left = await here.next(socket, frames.Left)
    assert (left.order_id, left.code) == (ORDER, ErrorCode.FORBIDDEN)
    await archive(here)
    _, _, page = await ask(here)
    assert (page.conversations, page.unread_total) == ([], 0)
    assert CANARY not in b"".join(socket.sent).decode()


async def test_a_report_is_nobodys_news(here: Here) -> None:
    """What the line does not show does not move it: only the message after it is pushed."""
    said = message(ANNA, 1)
    await here.append(said)
    await here.join("ben")
    _, socket, _ = await ask(here)

    await here.append(MOIRA.flag(2, said.id, 1), message(BEN, 3, base=2, text="next"))

    line = await here.next(socket, frames.ConversationChanged)
    assert isinstance(line.last, frames.MessageShown)
    assert line.last.text == "next"


async def test_a_mark_is_pushed_to_who_has_read(here: Here) -> None:
    """Read on one device, it is read on all."""
    await here.append(message(BEN, 1))
    await here.join("ben")
    _, socket, page = await ask(here)

    await here.append(read(ANNA, make_seq(1, 2), 1))

    line = await here.next(socket, frames.ConversationChanged)
    assert (page.unread_total, line.unread, line.unread_total) == (1, 0, 0)


async def test_a_token_for_some_orders_lists_no_others(here: Here) -> None:
    """Neither lines nor numbers of what it does not cover."""
    far = identity(ANNA, orders={OrderId("o-other")}, expires_at=time.time() + 600)
    here.tokens.good["narrow"] = far
    await here.append(message(BEN, 1))
    await archive(here)

    _, _, page = await ask(here, "narrow")

    assert (page.conversations, page.unread_total) == ([], 0)


async def test_without_the_store_it_is_unavailable(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And may be asked for again."""

    async def tally(user_id: UserId, **_: object) -> Tally:
        raise StoreUnavailable

    monkeypatch.setattr(here.store, "tally", tally)
    session, socket = await here.greet()

    say(session, frames.Inbox(ref=5))

    refused = await here.next(socket, frames.Refused)
    assert (refused.ref, refused.code, refused.retry) == (5, ErrorCode.UNAVAILABLE, True)


async def test_a_lost_connection_is_told_nothing_more(here: Here) -> None:
    """And nothing is read for it any more."""
    await archive(here)
    await here.join("ben")
    session, socket, _ = await ask(here)

    session.lost()
    _, still_here, _ = await ask(here)
    socket.take()
    await here.append(message(BEN, 1))

    await here.next(still_here, frames.ConversationChanged)
    assert socket.sent == []


class TestCursor:
    def test_a_cursor_is_the_place_it_was_made_of(self) -> None:
        """Whatever an order id may look like."""
        place = InboxPlace(1_795_417_429_000, OrderId("a.b:c~-_"))

        assert inbox_place(inbox_cursor(place)) == place

    @pytest.mark.parametrize(
        "forged", ["", "x", "é", "MTIz", "LTEubzE", "MDEubzE", "NS5vMQ==", "NS4uLi8", " NS5vMQ"]
    )
    def test_what_was_not_given_out_is_refused(self, forged: str) -> None:
        """No base64, no number, a negative one, one written otherwise, an id that is none."""
        with pytest.raises(ForgedCursor):
            inbox_place(forged)
