"""The object graph of the gateway."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp

from chat_gateway.access import AccessCache, Orders
from chat_gateway.direct import DirectProtocol
from chat_gateway.endpoint import ChatEndpoint
from chat_gateway.feed import Feed
from chat_gateway.gateway import Gateway
from chat_gateway.hub import Hub
from chat_gateway.marks import Marks
from chat_gateway.presence import Presence
from chat_gateway.publisher import Publisher
from chat_gateway.settings import Settings
from chat_gateway.watermarks import check_watermarks
from shared.contracts.frames import Limits
from shared.http import Ping
from shared.log.port import Log
from shared.server import Server, config_for
from shared.signals.port import Signals
from shared.store.port import Store
from shared.tokens import Verifier

DRAIN_S: Final = 10.0
"""How long appends may go on after everybody was sent away."""


class Running(NamedTuple):
    """A gateway at work."""

    gateway: Gateway
    parts: Mapping[str, Ping]
    """Its parts for `/readyz`."""

    def routes(self, origins: frozenset[str]) -> list[BaseRoute]:
        """What a server serves of it."""
        endpoint = ChatEndpoint(self.gateway.open_session, origins)
        return [WebSocketRoute("/v1/chat", endpoint.__call__)]


def server_of(app: ASGIApp, host: str, port: int, before_shutdown: Callable[[], None]) -> Server:
    """A server whose websockets are attached directly; *before_shutdown* says goodbye."""
    config = config_for(
        app,
        host,
        port,
        ws=DirectProtocol,
        http="httptools",
        ws_max_size=Limits().frame_bytes,
        ws_per_message_deflate=False,
    )
    return Server(config, before_shutdown)


@asynccontextmanager
async def running(
    settings: Settings,
    log: Log,
    store: Store,
    signals: Signals,
    orders: Orders,
    verifier: Verifier,
    limits: Limits,
) -> AsyncIterator[Running]:
    """Run a gateway over engines that stay the caller's, until the block is left.

    Raises `chat_gateway.watermarks.WrongLog` if the store was made from another log.
    """
    await check_watermarks(log, store, epoch=settings.epoch)
    loop = asyncio.get_running_loop()
    hub = Hub()
    publisher = Publisher(log, loop)
    feed = Feed(log, store, hub, publisher, epoch=settings.epoch)
    presence = Presence(signals, hub, place=f"{socket.gethostname()}-{time.time_ns()}")
    marks = Marks(publisher, loop)
    access = AccessCache(orders, loop.time)
    gateway = Gateway(feed, publisher, hub, presence, marks, access, verifier, limits)
    parts = {"log": log.ping, "store": store.ping, "signals": signals.ping, "orders": orders.ping}
    tasks = [
        asyncio.create_task(part.run(), name=type(part).__name__)
        for part in (feed, publisher, presence, gateway)
    ]
    try:
        yield Running(gateway, parts)
    finally:
        gateway.say_goodbye()
        await publisher.drain(DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await publisher.close()
