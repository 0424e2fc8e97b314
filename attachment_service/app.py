"""The object graph of the attachment service."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from attachment_service.adapters import open_scanner, open_uploads
from attachment_service.adapters.gateway import GatewayMessages
from attachment_service.checks import Checks
from attachment_service.http import AttachmentRoutes, make_document
from attachment_service.inspection import Inspection
from attachment_service.janitor import Janitor
from attachment_service.metrics import AttachmentMetrics
from attachment_service.ports import Messages, Scanner, ScannerUnavailable, Uploads
from attachment_service.service import Attachments
from attachment_service.settings import Settings
from shared.blobs import open_blobs
from shared.blobs.files_bounds import UploadHttp
from shared.blobs.port import Blobs, Served
from shared.bounded_http import BoundedHttp
from shared.grants import Grants
from shared.http import EXCEPTION_HANDLERS, Ping, cors, health_routes
from shared.jwks import open_verifier
from shared.metrics import LoopLag, metrics_route
from shared.openapi import document_route
from shared.order_client import HttpOrders, Orders
from shared.risk import Risk, refuse
from shared.server import Server, config_for
from shared.tokens import Verifier

logger = logging.getLogger("order_chat.attachments")


class Engines(NamedTuple):
    """What the service stands on; its owner closes it."""

    uploads: Uploads
    blobs: Blobs
    scanner: Scanner | None


class Running(NamedTuple):
    """The attachment service at work."""

    attachments: Attachments
    janitor: Janitor
    parts: Mapping[str, Ping]
    """Its parts for `/readyz`."""
    collectors: Sequence[Collector]
    """Its figures for `/metrics`."""
    routes: Sequence[BaseRoute]
    """What a server serves of it; those of a store without a server of its own among them."""


@asynccontextmanager
async def engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open what the settings name. Raises `ValueError`, `OSError`, `shared.sqlite.InUse`,
    `shared.risk.UnsafeSettings`, `UploadsUnavailable` and `BlobsUnavailable`."""
    async with AsyncExitStack() as resources:
        uploads = await open_uploads(settings.store_url, settings.data)
        resources.push_async_callback(uploads.close)
        blobs = await open_blobs(
            settings.blobs_url, settings.data, public_url=settings.blobs_public_url
        )
        resources.push_async_callback(blobs.close)
        scanner = open_scanner(settings.clamd_url, settings.scan_command)
        risks = [*await uploads.risks(), *await blobs.risks(), *await _risks_of(scanner)]
        refuse(risks, dev=settings.dev)
        yield Engines(uploads, blobs, scanner)


async def _risks_of(scanner: Scanner | None) -> Sequence[Risk]:
    """How a scanner is set. One that is away keeps nobody from files that were scanned; it is asked
    at the next start."""
    try:
        return () if scanner is None else await scanner.risks()
    except ScannerUnavailable:
        logger.warning("the scanner is away: how it is set is not known")
        return ()


@asynccontextmanager
async def running(
    settings: Settings,
    engines: Engines,
    orders: Orders,
    messages: Messages,
    verifier: Verifier,
    grants: Grants,
) -> AsyncIterator[Running]:
    """Run the attachment service until the block is left."""
    uploads, blobs, scanner = engines
    inspection = Inspection()
    checks = Checks(uploads, blobs, inspection, scanner, _now_ms)
    attachments = Attachments(uploads, blobs, orders, messages, checks, grants, _now_ms)
    janitor = Janitor(uploads, blobs, messages, checks, _now_ms)
    routes = AttachmentRoutes(
        attachments, verifier, file_bytes_max=settings.max_file_bytes, rates=settings.rate_limits
    )
    parts = {"uploads": uploads.ping, "blobs": blobs.ping}
    if scanner is not None:
        parts["scanner"] = scanner.ping
    cleaning = asyncio.create_task(janitor.run(), name="Janitor")
    try:
        yield Running(
            attachments,
            janitor,
            parts,
            [AttachmentMetrics(attachments, checks, inspection, janitor)],
            [*routes.routes(), *(blobs.routes() if isinstance(blobs, Served) else ())],
        )
    finally:
        cleaning.cancel()
        await asyncio.gather(cleaning, return_exceptions=True)
        await checks.close()
        await inspection.close()


async def serve(settings: Settings) -> None:
    """Serve the application until the process is told to stop.

    Raises `ValueError`, `OSError`, `shared.sqlite.InUse`, `shared.risk.UnsafeSettings`,
    `UploadsUnavailable` or `BlobsUnavailable` if a setting cannot be used.
    """
    token = settings.service_token()
    grants = await settings.open_grants()
    async with AsyncExitStack() as resources:
        opened = await resources.enter_async_context(engines(settings))
        verifier = await resources.enter_async_context(
            open_verifier(
                jwks_url=settings.jwks_url, secret=settings.jwt_secret, data=settings.data
            )
        )
        asking = [
            await resources.enter_async_context(httpx.AsyncClient(base_url=url or ""))
            for url in (settings.orders_url, settings.gateway_url)
        ]
        orders, messages = HttpOrders(asking[0], token), GatewayMessages(asking[1], token)
        service = await resources.enter_async_context(
            running(settings, opened, orders, messages, verifier, grants)
        )
        loop_lag = LoopLag()
        await resources.enter_async_context(loop_lag.running())
        app = Starlette(
            routes=[
                *service.routes,
                document_route("/openapi.json", make_document()),
                *health_routes({**service.parts, "orders": orders.ping, "messages": messages.ping}),
                metrics_route([*service.collectors, loop_lag]),
            ],
            middleware=cors(settings.origins),
            exception_handlers=EXCEPTION_HANDLERS,
        )
        http = UploadHttp if isinstance(opened.blobs, Served) else BoundedHttp
        config = config_for(app, settings.host, settings.port, settings.trusted_proxies, http=http)
        # Nobody holds a connection open here, so there is nobody to tell of the end.
        await Server(config).serve()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
