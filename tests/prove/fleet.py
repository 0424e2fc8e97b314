"""The system as it is operated: gateways, archivers and the order service, each a process, on
engines that others run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from shared.log import open_log
from shared.log.port import Log
from shared.store import open_store
from shared.store.port import Store
from tests.prove.process import Process, ServerFailed
from tests.prove.truth import EPOCH, Truth, read_store, read_whole

REVIVE_S: Final = 60.0
"""So long a process is started again and again, as whoever operates it would: while an engine is
away none comes up."""
REVIVE_EVERY_S: Final = 0.5
ARCHIVED_S: Final = 120.0
"""So long the archivers may take for what there is to be archived at the end."""


class Fleet:
    """All processes of ours. Clients may turn to any gateway."""

    def __init__(
        self,
        folder: Path,
        secret: str,
        engines: Mapping[str, str],
        *,
        seen_by_us: Mapping[str, str] | None = None,
        gateways: int = 2,
        archivers: int = 1,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """*engines*: the settings that name them to our processes; *seen_by_us*: those that name
        them to the trial itself, if it does not go the same ways."""
        self.secret = secret
        self._engines = {**engines, **(seen_by_us or {})}
        settings = {
            "ORDER_CHAT_RATE_LIMITS": "off",
            "ORDER_CHAT_DRAIN_S": "1",
            "ORDER_CHAT_JWT_SECRET": secret,
            **engines,
        }
        self.orders = Process("orders", "order_service", folder, settings)
        settings["ORDER_CHAT_ORDERS_URL"] = self.orders.url
        self.gateways = [
            Process(f"gateway-{number}", "chat_gateway", folder, settings)
            for number in range(1, gateways + 1)
        ]
        self.archivers = [
            Process(f"archiver-{number}", "chat_gateway.archiver", folder, settings)
            for number in range(1, archivers + 1)
        ]
        self._turn = 0
        self._say = say

    @property
    def orders_url(self) -> str:
        """Where orders are made."""
        return self.orders.url

    def chat_ports(self) -> Sequence[int]:
        """All gateways' ports, another one first each time; who takes no connection is passed
        over."""
        self._turn += 1
        first = self._turn % len(self.gateways)
        return [process.port for process in self.gateways[first:] + self.gateways[:first]]

    async def start(self) -> None:
        """Start all, and return when all are ready. Raises `ServerFailed`."""
        await self.orders.start()
        async with asyncio.TaskGroup() as starting:
            for process in (*self.gateways, *self.archivers):
                starting.create_task(process.start())

    async def revive(self, process: Process) -> None:
        """Start a process that was killed, as often as it takes until it serves. Raises
        `ServerFailed`."""
        give_up_at = asyncio.get_running_loop().time() + REVIVE_S
        while True:
            try:
                await process.start(until="/healthz")
            except ServerFailed:
                await process.kill()
                if asyncio.get_running_loop().time() > give_up_at:
                    raise
                self._say(f"{process.name} does not come up yet")
                await asyncio.sleep(REVIVE_EVERY_S)
            else:
                return

    async def stop(self) -> None:
        """Wait until everything is archived, then end all in good order. Raises `ServerFailed`."""
        await self.archived()
        async with asyncio.TaskGroup() as stopping:
            for process in self._all():
                stopping.create_task(process.stop())

    async def archived(self) -> None:
        """Wait until the store has all the log holds now. Raises `ServerFailed`."""
        async with self.log() as log, self._store() as store:
            await _archived(log, store)

    async def kill(self) -> None:
        """End all at once."""
        for process in self._all():
            await process.kill()

    async def truth(self) -> Truth:
        """What log and store hold."""
        async with self.log() as log, self._store() as store:
            truth = await read_whole(log)
            await read_store(store, truth)
        return truth

    @asynccontextmanager
    async def log(self) -> AsyncIterator[Log]:
        """The log, as the trial itself sees it."""
        log = await open_log(self._engines["ORDER_CHAT_LOG_URL"], Path())
        try:
            yield log
        finally:
            await log.close()

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        store = await open_store(self._engines["ORDER_CHAT_STORE_URL"], Path())
        try:
            yield store
        finally:
            await store.close()

    def _all(self) -> Sequence[Process]:
        return (*self.gateways, *self.archivers, self.orders)


async def _archived(log: Log, store: Store) -> None:
    """Wait until the store has all the log holds now. Raises `ServerFailed`."""
    ends = await log.ends()
    try:
        async with asyncio.timeout(ARCHIVED_S):
            for partition, end in enumerate(ends):
                while end and await _watermark(store, partition) < end:  # noqa: ASYNC110 (asked)
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise ServerFailed(f"not everything is archived after {ARCHIVED_S} s") from None


async def _watermark(store: Store, partition: int) -> int:
    watermark = await store.watermark(EPOCH, partition)
    return watermark.offset if watermark is not None else 0
