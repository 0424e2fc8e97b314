"""`python -m chat_gateway [--data DIR] [--dev]`: a gateway as a process of its own."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import httpx
import uvloop
from starlette.applications import Starlette

from chat_gateway.app import running, server_of
from chat_gateway.direct_handshake import take_in
from chat_gateway.homes import Homes
from chat_gateway.http import make_document
from chat_gateway.settings import Settings
from chat_gateway.supervised import listen, tied_to
from chat_gateway.supervisor import Supervisor
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
from shared.ports import hold_port, port_of
from shared.risk import UnsafeSettings, refuse
from shared.server import spare_what_stays
from shared.settings import BadSetting
from shared.signals import open_signals
from shared.sqlite import InUse
from shared.store import open_store
from shared.store.port import StoreUnavailable

STOP_MARGIN_S: Final = 15.0
"""What a process may take to end beside sending its clients away; as operators are told."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m chat_gateway", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    # Which of several processes this is: said by the one that starts them.
    parser.add_argument("--process", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--homes", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        settings = Settings.read(environment, given.data, dev=given.dev)
        refuse_embedded(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if settings.processes == 1:
                runner.run(serve(settings))
            elif given.process is not None:
                runner.run(serve_one_of_several(settings, given.process, given.homes))
            else:
                sys.exit(runner.run(supervise(settings, arguments, environment)))
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


async def supervise(
    settings: Settings, arguments: Sequence[str], environment: Mapping[str, str]
) -> int:
    """Have several processes serve until told to stop; the exit code. Raises `OSError` if somebody
    has their port."""
    held = await asyncio.to_thread(hold_port, settings.host, settings.port)
    homes = await asyncio.to_thread(TemporaryDirectory, prefix="order-chat-")
    try:
        return await Supervisor(
            lambda number: (
                *(sys.executable, "-m", "chat_gateway"),
                *(*arguments, "--process", str(number), "--homes", homes.name),
            ),
            {**environment, "ORDER_CHAT_PORT": str(port_of(held))},
            settings.processes,
            stop_s=settings.drain_s + STOP_MARGIN_S,
        ).run()
    finally:
        await asyncio.to_thread(homes.cleanup)
        for one in held:
            one.close()


async def serve_one_of_several(settings: Settings, number: int, folder: Path) -> None:
    """Serve one gateway until its supervisor is gone or says so."""
    homes = await asyncio.to_thread(Homes, folder, number, settings.processes)
    async with tied_to(sys.stdin):
        try:
            await serve(settings, partial(listen, settings, number), homes)
        finally:
            homes.close()


async def serve(
    settings: Settings,
    open_sockets: Callable[[], Sequence[socket]] | None = None,
    homes: Homes | None = None,
) -> None:
    """Serve one gateway until the process is told to stop.

    *open_sockets*: gives what to listen on, once all else is there; by default the gateway is alone
    on its port. *homes*: where connections go that belong to another process.
    """
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
                seal=await settings.open_seal(),
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
                metrics_route(
                    [gateway.metrics, loop_lag, *([homes] if homes else [])], [gateway.lag.measure]
                ),
            ],
            middleware=cors(settings.origins),
            exception_handlers=EXCEPTION_HANDLERS,
        )
        spare_what_stays()
        server = server_of(
            app,
            settings.host,
            settings.port,
            gateway.farewell,
            settings.trusted_proxies,
            homes=homes,
        )
        if homes is not None:
            await homes.begin(partial(take_in, server), log.partitions)
        sockets = list(await asyncio.to_thread(open_sockets)) if open_sockets else None
        await server.serve(sockets)


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
