"""The whole system in this process, each part within reach: its archiver stops, its clocks lie.

Nothing of the product is changed: parts are given other clocks where they take one, and what has no
handle is reached from outside.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

import msgspec
from starlette.applications import Starlette

from chat_gateway import app as chat_gateway
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.settings import Settings
from deploy.neighbours import InProcessOrders
from order_service import app as order_service
from order_service import policy
from order_service.http import OrderRoutes
from order_service.settings import Settings as OrderSettings
from shared.contracts.frames import Limits
from shared.contracts.topics import EMBEDDED_PARTITIONS
from shared.http import EXCEPTION_HANDLERS
from shared.log.sqlite import SqliteLog
from shared.signals.memory import MemorySignals
from shared.store.sqlite import SqliteStore
from shared.tokens import SecretVerifier
from tests.prove.ground import Ground, ground_at
from tests.prove.truth import LOG_FILE

START_S: Final = 20.0
STORE_FILE: Final = "store.db"


class Clocks(msgspec.Struct, frozen=True):
    """What time it is, for the log in ms and for each gateway in seconds."""

    log: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    gateways: Sequence[Callable[[], float]] = (time.time,)
    """One gateway for each; all on the same log."""


class Stage:
    """A running system."""

    def __init__(
        self,
        log: SqliteLog,
        store: SqliteStore,
        gateways: Sequence[chat_gateway.Running],
        grounds: Sequence[Ground],
        epoch: int,
    ) -> None:
        self.log = log
        self.gateways = gateways
        self.grounds = grounds
        """The system by way of each gateway."""
        self._store = store
        self._epoch = epoch
        self._archiving: asyncio.Task[None] | None = None

    @property
    def gateway(self) -> chat_gateway.Running:
        """The first gateway."""
        return self.gateways[0]

    @property
    def ground(self) -> Ground:
        """The system by way of the first gateway."""
        return self.grounds[0]

    def start_archiver(self) -> None:
        """Archive from the watermark on."""
        assert self._archiving is None
        archiver = Archiver(self.log, self._store, epoch=self._epoch)
        self._archiving = asyncio.create_task(archiver.run())

    async def stop_archiver(self) -> None:
        """Stop it wherever it is. Does nothing if it does not run."""
        archiving, self._archiving = self._archiving, None
        if archiving is not None:
            archiving.cancel()
            with suppress(asyncio.CancelledError):
                await archiving

    async def archive_all(self) -> None:
        """Archive everything the log holds now. The archiver must have been stopped."""
        assert self._archiving is None
        archiver = Archiver(self.log, self._store, epoch=self._epoch)
        await archiver.run_to(await self.log.ends())

    async def archived(self) -> None:
        """Wait until the archiver that runs has everything the log holds now."""
        ends = await self.log.ends()
        async with asyncio.timeout(START_S):
            for partition, end in enumerate(ends):
                while end and await self._watermark(partition) < end:  # noqa: ASYNC110 (asked)
                    await asyncio.sleep(0.01)

    async def _watermark(self, partition: int) -> int:
        watermark = await self._store.watermark(self._epoch, partition)
        return watermark.offset if watermark is not None else 0


@asynccontextmanager
async def stage(
    data: Path, secret: bytes, *, epoch: int = 1, clocks: Clocks | None = None
) -> AsyncIterator[Stage]:
    """A system over the embedded engines in *data*; its archiver is started by whoever wants it."""
    clocks = clocks or Clocks()
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    async with AsyncExitStack() as resources:
        log = await SqliteLog.open(
            data / LOG_FILE, partitions=EMBEDDED_PARTITIONS, clock=clocks.log
        )
        resources.push_async_callback(log.close)
        store = await SqliteStore.open(data / STORE_FILE)
        resources.push_async_callback(store.close)
        signals = MemorySignals()
        resources.push_async_callback(signals.close)
        orders = await resources.enter_async_context(
            order_service.running(OrderSettings(data=data), policy.DEFAULT, log)
        )
        settings = Settings(data=data, rate_limits=False, epoch=epoch, drain_s=0)
        gateways, grounds = [], []
        for clock in clocks.gateways:
            verifier = SecretVerifier(secret, clock)
            gateway = await resources.enter_async_context(
                chat_gateway.running(
                    settings,
                    log,
                    store,
                    signals,
                    InProcessOrders(orders.service, orders.parts["orders"]),
                    verifier,
                    Limits(),
                )
            )
            gateway.gateway._clock = clock  # what it measures tokens and verdicts by
            app = Starlette(
                routes=[
                    *gateway.routes(frozenset()),
                    *OrderRoutes(orders.service, SecretVerifier(secret)).routes(),
                ],
                exception_handlers=EXCEPTION_HANDLERS,
            )
            url = await resources.enter_async_context(_served(app, gateway))
            gateways.append(gateway)
            grounds.append(await resources.enter_async_context(ground_at(url, secret)))
        running = Stage(log, store, gateways, grounds, epoch)
        resources.push_async_callback(running.stop_archiver)
        yield running


@asynccontextmanager
async def _served(app: Starlette, gateway: chat_gateway.Running) -> AsyncIterator[str]:
    """Serve on a free port; the address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = chat_gateway.server_of(app, "127.0.0.1", port, gateway.farewell)
    # A signal is to end the whole proof, not its server alone.
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(START_S):
        while not server.started:  # noqa: ASYNC110 (the server has a flag, no event)
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
