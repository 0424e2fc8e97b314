"""`python -m chat_gateway [--data DIR] [--dev]`: a gateway as a process of its own."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvloop
from starlette.applications import Starlette

from chat_gateway.app import running, server_of
from chat_gateway.http import make_document
from chat_gateway.settings import Settings
from chat_gateway.watermarks import WrongLog
from shared.contracts.asyncapi import make_asyncapi
from shared.contracts.frames import Limits
from shared.http import EXCEPTION_HANDLERS, cors, health_routes
from shared.jwks import open_verifier
from shared.log import open_log
from shared.logs import configure_logs
from shared.metrics import LoopLag, metrics_route
from shared.openapi import document_route
from shared.order_client import HttpOrders
from shared.risk import UnsafeSettings, refuse
from shared.server import spare_what_stays
from shared.settings import BadSetting
from shared.signals import open_signals
from shared.sqlite import InUse
from shared.store import open_store
from shared.store.port import StoreUnavailable


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m chat_gateway", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings.read(environment, given.data, dev=given.dev)
        refuse_embedded(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except (ValueError, OSError, InUse, WrongLog, UnsafeSettings) as error:
        sys.exit(f"chat_gateway: {error}")
    except StoreUnavailable as error:
        sys.exit(f"chat_gateway: ORDER_CHAT_STORE_URL: the store cannot be used now: {error}")


def refuse_embedded(settings: Settings) -> None:
    """Raise `BadSetting` for what serves one process alone."""
    for name, url in (
        ("LOG", settings.log_url),
        ("STORE", settings.store_url),
        ("SIGNALS", settings.signals_url),
        ("ORDERS", settings.orders_url or "in process"),
    ):
        if urlsplit(url).scheme in ("sqlite", "memory", ""):
            raise BadSetting(
                f"ORDER_CHAT_{name}_URL: the embedded default serves one process. Name an engine "
                "that others can reach too, or run everything with python -m deploy.standalone"
            )


async def serve(settings: Settings) -> None:
    """Serve one gateway until the process is told to stop."""
    token = settings.service_token()
    async with AsyncExitStack() as resources:
        log = await open_log(settings.log_url, settings.data)
        resources.push_async_callback(log.close)
        store = await open_store(settings.store_url, settings.data)
        resources.push_async_callback(store.close)
        refuse([*await log.risks(), *await store.risks()], dev=settings.dev)
        signals = await open_signals(settings.signals_url)
        resources.push_async_callback(signals.close)
        verifier = await resources.enter_async_context(
            open_verifier(
                jwks_url=settings.jwks_url, secret=settings.jwt_secret, data=settings.data
            )
        )
        client = await resources.enter_async_context(
            httpx.AsyncClient(base_url=settings.orders_url or "")
        )
        gateway = await resources.enter_async_context(
            running(
                settings,
                log,
                store,
                signals,
                HttpOrders(client, token),
                verifier,
                Limits(),
                grants=await settings.open_grants(),
            )
        )
        loop_lag = LoopLag()
        await resources.enter_async_context(loop_lag.running())
        app = Starlette(
            routes=[
                *gateway.routes(settings.origins),
                document_route("/openapi.json", make_document()),
                document_route("/asyncapi.json", make_asyncapi()),
                *health_routes(gateway.parts),
                metrics_route([gateway.metrics, loop_lag], [gateway.lag.measure]),
            ],
            middleware=cors(settings.origins),
            exception_handlers=EXCEPTION_HANDLERS,
        )
        spare_what_stays()
        await server_of(
            app, settings.host, settings.port, gateway.farewell, settings.trusted_proxies
        ).serve()


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
