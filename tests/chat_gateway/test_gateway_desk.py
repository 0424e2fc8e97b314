"""The gateway as the desk of its sessions: real engines, real rooms, and a socket that records."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from chat_gateway import app, gateway
from chat_gateway.access import Grant, OrdersUnavailable
from chat_gateway.session import Session
from chat_gateway.settings import Settings
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import MessageId, OrderId, Seq, UserId, make_seq
from shared.contracts.topics import partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from shared.signals.memory import MemorySignals
from shared.store.port import StoreUnavailable
from shared.store.sqlite import SqliteStore
from shared.timeline import Entry
from shared.tokens import BadToken, Identity, KeysUnavailable
from tests.chat_gateway.world import Frame, RecordingSocket, identity, messages, say, send
from tests.shared.story import ANNA, BEN, MODERATOR, ORDER, client_id, message, order, read

F = TypeVar("F", bound=Frame)

JOIN = frames.Join(ref=1, order_id=ORDER)


class Orders:
    """An order service of few words."""

    def __init__(self) -> None:
        self.yes = {ANNA, BEN}
        self.down = False

    async def access(self, order_id: OrderId, user_id: UserId) -> Grant | None:
        if self.down:
            raise OrdersUnavailable
        return Grant("creator", 1) if order_id == ORDER and user_id in self.yes else None

    async def ping(self) -> None:
        return


class Tokens:
    """Takes the tokens it was told of."""

    def __init__(self) -> None:
        self.good = {
            "anna": identity(ANNA, expires_at=time.time() + 600),
            "ben": identity(BEN, expires_at=time.time() + 600),
            "moira": identity(MODERATOR, role="moderator", expires_at=time.time() + 600),
        }

    async def verify(self, token: str) -> Identity:
        if token == "no-keys":
            raise KeysUnavailable
        if token not in self.good:
            raise BadToken("The token's signature is wrong.")
        return self.good[token]


class Store(SqliteStore):
    """The embedded store, which may be down."""

    down = False

    async def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        if self.down:
            raise StoreUnavailable
        return await super().find(order_id, id_)


class Here:
    """A running gateway, its engines, and its clients."""

    def __init__(self, running: app.Running, engine: SqliteLog, store: Store) -> None:
        self.gateway = running.gateway
        self.running = running
        self.engine = engine
        self.store = store
        self.orders = Orders()
        self.tokens = Tokens()

    async def append(self, *events: log.Event) -> None:
        drafts = [
            Draft(e.order_id, log.TYPES[type(e)], log.VERSION, log.encode_event(e)) for e in events
        ]
        await self.engine.append(partition_of(ORDER, self.engine.partitions), drafts)

    def connect(self) -> tuple[Session, RecordingSocket]:
        socket = RecordingSocket()
        return self.gateway.open_session(socket), socket

    async def greet(self, token: str = "anna") -> tuple[Session, RecordingSocket]:
        session, socket = self.connect()
        say(session, frames.Hello(token=token))
        await self.next(socket, frames.Welcome)
        return session, socket

    async def join(self, token: str = "anna") -> tuple[Session, RecordingSocket]:
        session, socket = await self.greet(token)
        say(session, JOIN)
        await self.next(socket, frames.Joined)
        return session, socket

    async def next(self, socket: RecordingSocket, kind: type[F]) -> F:
        """The next frame of a kind; what came before it is passed over."""
        while True:
            await until(lambda: socket.sent)
            frame = frames.decode_server_frame(socket.sent.pop(0))
            if isinstance(frame, kind):
                return frame


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 (a recording socket tells nobody)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def opened(folder: Path, limits: frames.Limits | None = None) -> AsyncIterator[Here]:
    engine = await SqliteLog.open(folder / "log.db", partitions=2)
    store = await Store.open(folder / "store.db")
    signals = MemorySignals()
    orders, tokens = Orders(), Tokens()
    settings = Settings(data=folder)
    assert isinstance(store, Store)
    try:
        async with app.running(
            settings, engine, store, signals, orders, tokens, limits or frames.Limits()
        ) as running:
            here = Here(running, engine, store)
            here.orders, here.tokens = orders, tokens
            await here.append(order())
            yield here
    finally:
        await engine.close()
        await store.close()
        await signals.close()


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
    here.tokens.good["old"] = identity(ANNA, expires_at=time.time())
    session, socket = await here.greet("old")

    say(session, frames.Auth(token="anna"))
    await here.next(socket, frames.Welcome)
    await asyncio.sleep(0.15)  # the old token's end passes: nothing may happen

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
    assert (here.gateway._wishes, here.gateway._timers) == ({}, {})


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
    assert set(parts) == {"log", "store", "signals", "orders"}


async def test_marks_of_moderators_are_not_written(here: Here) -> None:
    """They have none."""
    await here.append(*messages(BEN, 1), read(ANNA, make_seq(1, 1), 1))
    session, socket = await here.join("moira")

    say(session, frames.Read(order_id=ORDER, up_to=make_seq(1, 2)))
    await here.append(message(BEN, 1, base=1))

    await here.next(socket, frames.MessageShown)
    assert socket.take() == []
