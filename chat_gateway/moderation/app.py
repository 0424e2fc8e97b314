"""The moderation consumer as a process: its engines, its health, and what ends it."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import httpx
from starlette.applications import Starlette

from chat_gateway.moderation.consumer import Consumer
from chat_gateway.moderation.deliveries import AT_ONCE
from chat_gateway.moderation.engine.rules import Rules
from chat_gateway.moderation.gateway_http import HttpGateway
from chat_gateway.moderation.lag import ConsumerLag
from chat_gateway.moderation.metrics import ModerationMetrics
from chat_gateway.moderation.settings import Settings
from shared.http import EXCEPTION_HANDLERS, health_routes
from shared.log import open_log
from shared.metrics import LoopLag, metrics_route
from shared.risk import refuse
from shared.server import Server, config_for, spare_what_stays
from shared.settings import BadSetting

BUDGET_S: Final = 1.0
"""How long a text may keep the rules busy: nobody waits for it here but other texts."""
KEPT_ALIVE: Final = 4
"""Connections to gateways that are kept while nothing is given."""


async def run(settings: Settings, rules: Rules, *, rewind: bool) -> None:
    """Moderate until the process is told to stop.

    Raises `ValueError`, `OSError` or `shared.risk.UnsafeSettings` if an engine cannot be used, and
    whatever ended the consumer, so that whoever watches the process starts it again.
    """
    if settings.gateway_url is None:
        raise BadSetting("set ORDER_CHAT_GATEWAY_URL: a consumer that runs alone needs a gateway")
    token = settings.moderator_token()
    async with AsyncExitStack() as resources:
        log = await open_log(settings.log_url, settings.data)
        resources.push_async_callback(log.close)
        refuse(await log.risks(), dev=settings.dev)
        # One more for who asks how it is. All that are kept are looked at with each request, and a
        # burst needs more of them than what comes after it.
        limits = httpx.Limits(max_connections=AT_ONCE + 1, max_keepalive_connections=KEPT_ALIVE)
        client = await resources.enter_async_context(
            httpx.AsyncClient(base_url=settings.gateway_url, limits=limits)
        )
        gateway = HttpGateway(client, token)
        consumer = Consumer(
            log,
            gateway,
            rules,
            budget_s=BUDGET_S,
            group=settings.moderation_group,
            rewind=rewind,
        )
        loop_lag = LoopLag()
        await resources.enter_async_context(loop_lag.running())
        lag = ConsumerLag(log, consumer)
        app = Starlette(
            routes=[
                *health_routes(
                    {"log": log.ping, "gateway": gateway.ping, "moderation": consumer.ping}
                ),
                metrics_route([ModerationMetrics(consumer, lag, rules), loop_lag], [lag.measure]),
            ],
            exception_handlers=EXCEPTION_HANDLERS,
        )
        server = Server(config_for(app, settings.host, settings.port))
        spare_what_stays()
        await _moderate(consumer, server)


async def _moderate(consumer: Consumer, server: Server) -> None:
    """Run both until one of them ends. Raises what ended the consumer."""
    moderating = asyncio.create_task(consumer.run(), name="Moderation")
    serving = asyncio.create_task(server.serve(), name="Server")
    try:
        await asyncio.wait({moderating, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        moderating.cancel()
        server.should_exit = True
        ended = await asyncio.gather(moderating, serving, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
