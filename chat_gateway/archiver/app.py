"""The archiver as a process: its engines, its health, and what ends it."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from starlette.applications import Starlette

from chat_gateway.announcer import Announcer
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.archiver.metrics import ArchiverMetrics
from chat_gateway.archiver.rebuild import rebuild
from chat_gateway.settings import Settings
from chat_gateway.watermarks import check_watermarks
from shared.http import EXCEPTION_HANDLERS, health_routes
from shared.log import open_log
from shared.log.port import Log
from shared.metrics import LoopLag, metrics_route
from shared.risk import refuse
from shared.server import Server, config_for
from shared.signals import open_signals
from shared.store import open_store
from shared.store.port import Store

PORT: Final = 8083
"""Where its health is served unless `ORDER_CHAT_PORT` says otherwise."""


async def run(settings: Settings, *, rebuild_first: bool) -> None:
    """Archive until the process is told to stop; or rebuild the store and return.

    Raises `ValueError`, `OSError`, `shared.risk.UnsafeSettings` or
    `chat_gateway.watermarks.WrongLog` if the engines cannot be used, and whatever ended the
    archiver, so that whoever watches the process starts it again.
    """
    async with AsyncExitStack() as resources:
        log = await open_log(settings.log_url, settings.data)
        resources.push_async_callback(log.close)
        store = await open_store(settings.store_url, settings.data)
        resources.push_async_callback(store.close)
        refuse([*await log.risks(), *await store.risks()], dev=settings.dev)
        if rebuild_first:
            await rebuild(log, store, epoch=settings.epoch)
        else:
            await _archive(settings, log, store, resources)


async def _archive(settings: Settings, log: Log, store: Store, resources: AsyncExitStack) -> None:
    await check_watermarks(log, store, epoch=settings.epoch)
    signals = await open_signals(settings.signals_url)
    resources.push_async_callback(signals.close)
    announcer = Announcer(signals)
    archiver = Archiver(log, store, epoch=settings.epoch, announcer=announcer)
    loop_lag = LoopLag()
    await resources.enter_async_context(loop_lag.running())
    app = Starlette(
        routes=[
            *health_routes(
                {
                    "log": log.ping,
                    "store": store.ping,
                    "signals": signals.ping,
                    "archiver": archiver.ping,
                }
            ),
            metrics_route([ArchiverMetrics(archiver, announcer), loop_lag]),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    server = Server(config_for(app, settings.host, settings.port))
    announcing = asyncio.create_task(announcer.run(), name="Announcer")
    resources.callback(announcing.cancel)
    archiving = asyncio.create_task(archiver.run(), name="Archiver")
    serving = asyncio.create_task(server.serve(), name="Server")
    try:
        await asyncio.wait({archiving, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        archiving.cancel()
        server.should_exit = True
        ended = await asyncio.gather(archiving, serving, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
