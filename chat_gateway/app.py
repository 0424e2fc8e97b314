"""The object graph of the gateway."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp

from chat_gateway.access import AccessCache
from chat_gateway.admission import LIFTED_CAPS, Admission
from chat_gateway.contact import open_guard
from chat_gateway.direct_handshake import DirectHandshake
from chat_gateway.endpoint import ChatEndpoint
from chat_gateway.farewell import Farewell
from chat_gateway.feed import Feed
from chat_gateway.gateway import Gateway
from chat_gateway.homes import Homes
from chat_gateway.http import ChatRoutes
from chat_gateway.hub import Hub
from chat_gateway.inbox import Inbox
from chat_gateway.lag import ArchiverLag
from chat_gateway.limits import Rates, lifted
from chat_gateway.looks import Looks
from chat_gateway.marks import Marks
from chat_gateway.metrics import GatewayMetrics
from chat_gateway.moderator_http import ModeratorRoutes
from chat_gateway.presence import Presence
from chat_gateway.publisher import Publisher
from chat_gateway.settings import Settings
from chat_gateway.visits import Visits
from chat_gateway.watermarks import check_watermarks
from chat_gateway.widget_files import WidgetFiles
from chat_gateway.widget_http import WidgetRoutes
from chat_gateway.writer import Writer
from shared.bounded_http import BoundedHttp
from shared.contracts.frames import Limits
from shared.grants import Grants
from shared.http import Ping
from shared.log.port import Log
from shared.order_client import Orders
from shared.seal import Seal
from shared.server import Server, config_for
from shared.signals.port import Signals
from shared.store.port import Store
from shared.tokens import Verifier

DRAIN_S: Final = 2.5
"""How long appends may go on after everybody was sent away."""


class Running(NamedTuple):
    """A gateway at work."""

    gateway: Gateway
    admission: Admission
    farewell: Farewell
    parts: Mapping[str, Ping]
    """Its parts for `/readyz`."""
    metrics: GatewayMetrics
    lag: ArchiverLag
    http: ChatRoutes
    moderation: ModeratorRoutes
    looks: Looks
    """The way to read its orders, for who runs in the same process."""
    writer: Writer
    """The way to write to its orders, for who runs in the same process."""
    widget: WidgetFiles

    def routes(self, origins: frozenset[str]) -> list[BaseRoute]:
        """What a server serves of it."""
        endpoint = ChatEndpoint(self.gateway.open_session, self.admission, origins)
        return [
            WebSocketRoute("/v1/chat", endpoint.__call__),
            *self.http.routes(),
            *self.moderation.routes(),
            *WidgetRoutes(self.widget, origins).routes(),
        ]


def server_of(
    app: ASGIApp,
    host: str,
    port: int,
    farewell: Farewell,
    trusted_proxies: frozenset[str] = frozenset(),
    *,
    http: type[BoundedHttp] = BoundedHttp,
    homes: Homes | None = None,
) -> Server:
    """A server whose websockets are attached directly, and told of the end by *farewell*.

    *homes*: where they go that belong to another process.
    """
    config = config_for(
        app,
        host,
        port,
        trusted_proxies,
        http=http,
        ws=partial(DirectHandshake, homes=homes),
        ws_max_size=Limits().frame_bytes,
        ws_per_message_deflate=False,
    )
    return Server(config, farewell.say)


@asynccontextmanager
async def running(
    settings: Settings,
    log: Log,
    store: Store,
    signals: Signals,
    orders: Orders,
    verifier: Verifier,
    limits: Limits,
    *,
    grants: Grants | None = None,
    seal: Seal | None = None,
    away_s: float = 0.0,
) -> AsyncIterator[Running]:
    """Run a gateway over engines that stay the caller's, until the block is left.

    *grants*: what attachments are sent by; null: none are taken. *seal*: what originals of masked
    texts are kept by; null: they are not kept. *away_s*: how long its clients
    have nobody to turn to when it is restarted; see `Farewell`.
    Raises `chat_gateway.watermarks.WrongLog` if the store was made from another log, and
    `ValueError` if the rules cannot be used.
    """
    await check_watermarks(log, store, epoch=settings.epoch)
    widget = await asyncio.to_thread(WidgetFiles.read)
    loop = asyncio.get_running_loop()
    hub = Hub()
    publisher = Publisher(log, loop)
    feed = Feed(log, store, hub, publisher, epoch=settings.epoch)
    # No two alike: several on one machine, and one in every container, have the same part each.
    place = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
    presence = Presence(signals, hub, place=place)
    marks = Marks(publisher, loop)
    inbox = Inbox(store, signals, feed.room)
    hub.watch(inbox.folded)
    access = AccessCache(orders, loop.time)
    limits = msgspec.structs.replace(
        limits if settings.rate_limits else lifted(limits),
        attachments=0 if grants is None else limits.attachments,
        attachment_bytes=settings.max_file_bytes,
    )
    rates = Rates(limits)
    guard = await open_guard(settings.rules_file, seal, fail_open=settings.contact_fail == "open")
    visits = Visits(feed, access, inbox.opened)
    writer = Writer(visits, feed, publisher, guard)
    looks = Looks(visits, writer, loop.time)
    gateway = Gateway(
        feed,
        publisher,
        hub,
        presence,
        marks,
        inbox,
        visits,
        looks,
        verifier,
        limits,
        rates,
        grants,
        guard,
    )
    http = ChatRoutes(looks, writer, inbox, verifier, limits, rates, grants, gateway.counts)
    moderation = ModeratorRoutes(visits, writer, store, verifier, limits, seal, gateway.counts)
    farewell = Farewell(gateway.sessions, drain_s=settings.drain_s, away_s=away_s)
    lag = ArchiverLag(log, store, epoch=settings.epoch)
    parts = {
        "log": log.ping,
        "store": store.ping,
        "signals": signals.ping,
        "orders": orders.ping,
        "partitions": feed.ping,
        "archive": lag.ping,
        "serving": farewell.ping,
    }
    admission = Admission(limits, None if settings.rate_limits else LIFTED_CAPS)
    metrics = GatewayMetrics(gateway, admission, feed, hub, publisher, presence, lag)
    tasks = [
        asyncio.create_task(part.run(), name=type(part).__name__)
        for part in (feed, publisher, presence, inbox, gateway)
    ]
    try:
        yield Running(
            gateway,
            admission,
            farewell,
            parts,
            metrics,
            lag,
            http,
            moderation,
            looks,
            writer,
            widget,
        )
    finally:
        await farewell.say()
        await publisher.drain(DRAIN_S)
        await writer.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await publisher.close()
