"""The object graph of the order service."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from prometheus_client.registry import Collector
from starlette.applications import Starlette

from order_service.adapters import open_orders
from order_service.http import OrderRoutes, make_document
from order_service.metrics import OrderMetrics
from order_service.policy import Policy
from order_service.relay import Relay
from order_service.service import OrderService
from order_service.settings import Settings
from shared.http import EXCEPTION_HANDLERS, Ping, health_routes
from shared.jwks import open_verifier
from shared.log import open_log
from shared.log.port import Log
from shared.metrics import LoopLag, metrics_route
from shared.openapi import document_route
from shared.risk import refuse
from shared.server import Server, config_for
from shared.tokens import Verifier


class Running(NamedTuple):
    """The order service at work."""

    service: OrderService
    """In the same process, call it directly: `service.access(order_id, user_id)`."""
    parts: Mapping[str, Ping]
    """Its parts for `/readyz`; the log is its owner's to add."""
    collectors: Sequence[Collector] = ()
    """Its figures for `/metrics`."""


@asynccontextmanager
async def running(settings: Settings, policy: Policy, log: Log) -> AsyncIterator[Running]:
    """Run the order service over *log*, which stays the caller's, until the block is left.

    Its routes are `OrderRoutes(service, verifier).routes()`. Raises `shared.sqlite.InUse` if
    another process has the store, and `shared.risk.UnsafeSettings`.
    """
    async with AsyncExitStack() as resources:
        orders = await open_orders(settings.store_url, settings.data)
        resources.push_async_callback(orders.close)
        refuse(await orders.risks(), dev=settings.dev)
        relay = Relay(orders, log)
        service = OrderService(orders, relay, policy)
        await service.announce_policy()
        await resources.enter_async_context(relay.running())
        parts = {"orders": orders.ping, "outbox": relay.ping}
        yield Running(service, parts, [OrderMetrics(relay)])


def create_app(
    running: Running, log: Log, verifier: Verifier, collectors: Sequence[Collector] = ()
) -> Starlette:
    """The order service as an application of its own, over what runs already; *collectors* have
    figures of the process."""
    return Starlette(
        routes=[
            *OrderRoutes(running.service, verifier).routes(),
            document_route("/openapi.json", make_document()),
            *health_routes({**running.parts, "log": log.ping}),
            metrics_route([*running.collectors, *collectors]),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )


async def serve(settings: Settings) -> None:
    """Serve the application until the process is told to stop.

    Raises `ValueError`, `OSError`, `shared.sqlite.InUse` or `shared.risk.UnsafeSettings` if a
    setting cannot be used.
    """
    policy = await asyncio.to_thread(settings.load_policy)
    async with AsyncExitStack() as resources:
        log = await open_log(settings.log_url, settings.data)
        resources.push_async_callback(log.close)
        refuse(await log.risks(), dev=settings.dev)
        verifier = await resources.enter_async_context(
            open_verifier(
                jwks_url=settings.jwks_url, secret=settings.jwt_secret, data=settings.data
            )
        )
        orders = await resources.enter_async_context(running(settings, policy, log))
        loop_lag = LoopLag()
        await resources.enter_async_context(loop_lag.running())
        app = create_app(orders, log, verifier, [loop_lag])
        config = config_for(app, settings.host, settings.port)
        # Nobody holds a connection open here, so there is nobody to tell of the end.
        await Server(config).serve()
