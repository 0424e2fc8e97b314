"""`python -m deploy.standalone [--port N] [--data DIR] [--dev]`: the chat in one process.

Everything durable lies in the data folder, unless the environment names other engines; end the
process however you like, and start it again.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from attachment_service import app as attachment_service
from attachment_service.ports import UploadsUnavailable
from attachment_service.settings import Settings as AttachmentSettings
from chat_gateway import app as chat_gateway
from chat_gateway.announcer import Announcer
from chat_gateway.app import server_of
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.archiver.metrics import ArchiverMetrics
from chat_gateway.farewell import Farewell
from chat_gateway.moderation.beside import BUDGET_S, REST, keep_running
from chat_gateway.moderation.consumer import Consumer
from chat_gateway.moderation.engine.rules import load_once
from chat_gateway.moderation.gateway_inside import InsideGateway
from chat_gateway.moderation.lag import ConsumerLag
from chat_gateway.moderation.metrics import ModerationMetrics
from chat_gateway.settings import Settings
from chat_gateway.watermarks import WrongLog
from deploy.demo.pages import DemoPages
from deploy.demo.seed import StoryClock, seed
from deploy.documents import make_documents
from deploy.neighbours import InProcessMessages, InProcessOrders
from order_service import app as order_service
from order_service.http import OrderRoutes
from order_service.service import OrderService
from order_service.settings import Settings as OrderSettings
from shared.blobs.files_bounds import UploadHttp
from shared.blobs.port import BlobsUnavailable
from shared.contracts import events
from shared.contracts.frames import Limits
from shared.contracts.ids import UserId
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.http import EXCEPTION_HANDLERS, cors, health_routes
from shared.jwks import open_verifier
from shared.log import open_log
from shared.log.port import Draft, Log
from shared.log.sqlite import SqliteLog
from shared.logs import configure_logs
from shared.metrics import LoopLag, metrics_route
from shared.openapi import document_route
from shared.risk import UnsafeSettings, refuse
from shared.secret_file import load_or_make_secret
from shared.server import spare_what_stays
from shared.signals import open_signals
from shared.sqlite import InUse, database_path
from shared.store import open_store
from shared.store.port import StoreUnavailable
from shared.tokens import Role, mint

DEMO_TOKEN_S = 3_600
AWAY_S = 3.0
"""How long a restart takes; meanwhile clients have nobody else to turn to."""


class System(NamedTuple):
    """The running system, ready to be served."""

    app: Starlette
    farewell: Farewell


@asynccontextmanager
async def running(
    data: Path,
    environment: Mapping[str, str],
    limits: Limits | None = None,
    *,
    dev: bool = False,
) -> AsyncIterator[System]:
    """Run all services over the engines that *environment* names, by default the embedded ones in
    the folder *data*, demo included.

    Raises `ValueError`, `OSError`, `InUse`, `WrongLog` or `UnsafeSettings` if something cannot be
    used.
    """
    settings = Settings.read(environment, data, dev=dev)
    order_settings = OrderSettings.read(environment, data, dev=dev)
    attachment_settings = AttachmentSettings.read(environment, data, dev=dev)
    policy = await asyncio.to_thread(order_settings.load_policy)
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    clock = StoryClock()
    async with AsyncExitStack() as resources:
        log = await _open_log(settings, clock)
        resources.push_async_callback(log.close)
        store = await open_store(settings.store_url, data)
        resources.push_async_callback(store.close)
        refuse([*await log.risks(), *await store.risks()], dev=settings.dev)
        signals = await open_signals(settings.signals_url)
        resources.push_async_callback(signals.close)
        verifier = await resources.enter_async_context(
            open_verifier(jwks_url=settings.jwks_url, secret=settings.jwt_secret, data=data)
        )
        orders = await resources.enter_async_context(
            order_service.running(order_settings, policy, log)
        )
        grants = await settings.open_grants()
        in_process = InProcessOrders(orders.service, orders.parts["orders"])
        if _has_demo(settings):
            await seed(orders.service, _appender(log), clock)
        gateway = await resources.enter_async_context(
            chat_gateway.running(
                settings,
                log,
                store,
                signals,
                in_process,
                verifier,
                limits or Limits(),
                grants=grants,
                seal=await settings.open_seal(),
                away_s=AWAY_S,
            )
        )
        attachments, files_origin = None, ""
        if grants is not None:
            files = await resources.enter_async_context(
                attachment_service.engines(attachment_settings)
            )
            attachments = await resources.enter_async_context(
                attachment_service.running(
                    attachment_settings,
                    files,
                    in_process,
                    InProcessMessages(gateway.looks, gateway.parts["partitions"]),
                    verifier,
                    grants,
                )
            )
            files_origin = files.blobs.origin
        announcer = Announcer(signals)
        resources.push_async_callback(_end, asyncio.create_task(announcer.run()))
        archiver = Archiver(log, store, epoch=settings.epoch, announcer=announcer)
        resources.push_async_callback(_end, asyncio.create_task(archiver.run()))
        rules = await asyncio.to_thread(load_once, settings.rules_file)
        inside = InsideGateway(gateway.writer, gateway.parts["partitions"])
        moderation = Consumer(log, inside, rules, budget_s=BUDGET_S, rest=REST)
        resources.push_async_callback(_end, asyncio.create_task(keep_running(moderation)))
        moderation_lag = ConsumerLag(log, moderation)
        loop_lag = LoopLag()
        await resources.enter_async_context(loop_lag.running())

        app = Starlette(
            routes=[
                Route("/", _to_the_demo),
                *gateway.routes(settings.origins),
                *OrderRoutes(orders.service, verifier).routes(),
                *(attachments.routes if attachments else ()),
                *await _demo_routes(settings, orders.service, files_origin),
                *(document_route(f"/{name}", made) for name, made in make_documents().items()),
                *health_routes(
                    {
                        **orders.parts,
                        **gateway.parts,
                        **(attachments.parts if attachments else {}),
                        "archiver": archiver.ping,
                    }
                ),
                metrics_route(
                    [
                        gateway.metrics,
                        ArchiverMetrics(archiver, announcer),
                        ModerationMetrics(moderation, moderation_lag, rules),
                        *orders.collectors,
                        *(attachments.collectors if attachments else ()),
                        loop_lag,
                    ],
                    [gateway.lag.measure, moderation_lag.measure],
                ),
            ],
            middleware=cors(settings.origins),
            exception_handlers=EXCEPTION_HANDLERS,
        )
        yield System(app, gateway.farewell)


async def _open_log(settings: Settings, clock: StoryClock) -> Log:
    """The log; only the embedded one takes its time from the demo's story."""
    if urlsplit(settings.log_url).scheme != "sqlite":
        return await open_log(settings.log_url, settings.data)
    path = database_path(settings.log_url, settings.data)
    return await SqliteLog.open(path, partitions=EMBEDDED_PARTITIONS, clock=clock)


async def _to_the_demo(_: Request) -> Response:
    return RedirectResponse("/demo")


def _has_demo(settings: Settings) -> bool:
    """Only where nobody said whose tokens count: the demo gives one to whoever asks."""
    return settings.jwks_url is None and settings.jwt_secret is None


async def _demo_routes(
    settings: Settings, orders: OrderService, files_origin: str
) -> Sequence[BaseRoute]:
    """The demo's pages, if there is a demo; *files_origin* is where its files are."""
    if not _has_demo(settings):
        return []
    secret = await asyncio.to_thread(load_or_make_secret, settings.data)

    def mint_token(user_id: UserId, role: Role) -> str:
        return mint(secret, user_id, roles=[role], ttl_s=DEMO_TOKEN_S, now=time.time())

    return DemoPages(orders, mint_token, files_origin).routes()


def _appender(log: Log) -> Callable[[events.Event], Awaitable[int]]:
    def append(event: events.Event) -> Awaitable[int]:
        type_ = events.TYPES[type(event)]
        draft = Draft(event.order_id, type_, events.VERSION, events.encode_event(event))
        return log.append(partition_of(event.order_id, log.partitions), [draft])

    return append


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def serve(data: Path, environment: Mapping[str, str], port: int | None, *, dev: bool) -> None:
    """Serve until the process is told to stop."""
    settings = Settings.read(environment, data)
    port = settings.port if port is None else port
    async with running(data, environment, dev=dev) as system:
        spare_what_stays()
        print(f"Order Chat: http://{settings.host}:{port}/demo", flush=True)
        await server_of(
            system.app,
            settings.host,
            port,
            system.farewell,
            settings.trusted_proxies,
            http=UploadHttp,
        ).serve()


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m deploy.standalone", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument("--port", type=int, help="the TCP port (ORDER_CHAT_PORT, or 8080)")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    given = parser.parse_args(arguments)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(given.data, environment, given.port, dev=given.dev))
    except (ValueError, OSError, InUse, WrongLog, UnsafeSettings) as error:
        sys.exit(f"standalone: {error}")
    except (StoreUnavailable, UploadsUnavailable) as error:
        sys.exit(f"standalone: ORDER_CHAT_STORE_URL: the store cannot be used now: {error}")
    except BlobsUnavailable as error:
        sys.exit(f"standalone: ORDER_CHAT_BLOBS_URL: the store cannot be used now: {error}")


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
