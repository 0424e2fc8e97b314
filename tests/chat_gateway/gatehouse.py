"""A whole gateway in this process, over embedded engines and outsiders of few words."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from chat_gateway import app
from chat_gateway.session import Session
from chat_gateway.settings import Settings
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import MessageId, OrderId, UserId
from shared.contracts.topics import partition_of
from shared.grants import Grants
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from shared.order_client import OrdersUnavailable, Part
from shared.signals.memory import MemorySignals
from shared.store.port import StoreUnavailable
from shared.store.sqlite import SqliteStore
from shared.timeline import Entry
from shared.tokens import BadToken, Identity, KeysUnavailable
from tests.chat_gateway.recorders import Frame, RecordingSocket
from tests.chat_gateway.world import GRANTS, identity, say
from tests.shared.story import ANNA, BEN, MODERATOR, ORDER, order

F = TypeVar("F", bound=Frame)

JOIN = frames.Join(ref=1, order_id=ORDER)


class Orders:
    """An order service of few words."""

    def __init__(self) -> None:
        self.yes = {ANNA, BEN}
        self.down = False

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        if self.down:
            raise OrdersUnavailable
        return Part("creator", 1) if order_id == ORDER and user_id in self.yes else None

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

    async def carriers(
        self, order_id: OrderId, attachment_id: str, *, limit: int
    ) -> Sequence[Entry]:
        if self.down:
            raise StoreUnavailable
        return await super().carriers(order_id, attachment_id, limit=limit)


class Here:
    """A running gateway, its engines, and its clients."""

    def __init__(self, running: app.Running, engine: SqliteLog, store: Store) -> None:
        self.gateway = running.gateway
        self.running = running
        self.engine = engine
        self.store = store
        self.orders = Orders()
        self.tokens = Tokens()
        self.signals = MemorySignals()

    async def append(self, *events: log.Event) -> None:
        drafts = [
            Draft(e.order_id, log.TYPES[type(e)], log.VERSION, log.encode_event(e)) for e in events
        ]
        await self.engine.append(partition_of(ORDER, self.engine.partitions), drafts)

    def connect(self) -> tuple[Session, RecordingSocket]:
        socket = RecordingSocket()
        ticket = self.running.admission.admit("192.0.2.1", time.monotonic())
        assert ticket is not None
        return self.gateway.open_session(socket, ticket), socket

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
async def opened(
    folder: Path, limits: frames.Limits | None = None, grants: Grants | None = GRANTS
) -> AsyncIterator[Here]:
    engine = await SqliteLog.open(folder / "log.db", partitions=2)
    store = await Store.open(folder / "store.db")
    signals = MemorySignals()
    orders, tokens = Orders(), Tokens()
    settings = Settings(data=folder)
    assert isinstance(store, Store)
    try:
        async with app.running(
            settings,
            engine,
            store,
            signals,
            orders,
            tokens,
            limits or frames.Limits(),
            grants=grants,
        ) as running:
            here = Here(running, engine, store)
            here.orders, here.tokens, here.signals = orders, tokens, signals
            await here.append(order())
            yield here
    finally:
        await engine.close()
        await store.close()
        await signals.close()
