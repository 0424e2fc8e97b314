"""What the tests of signals over a Redis build, and how they wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis as Client

from deploy.engines.redis import Redis
from shared.contracts.ids import OrderId, UserId
from shared.signals import open_signals
from shared.signals.port import Signals, SignalsUnavailable
from tests.faults.proxy import Link

ORDER = OrderId("o1")
ANNA = UserId("anna")
TTL_S = 60.0
LOST = b""
"""What listeners are told when signals are back."""
SOON_S = 10.0
AT_ONCE_S = 0.05


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Signals]:
    signals = await open_signals(url)
    try:
        yield signals
    finally:
        await signals.close()


def through(link: Link) -> str:
    return f"redis://127.0.0.1:{link.port}/0"


async def until(call: Callable[[], Awaitable[object]]) -> None:
    """Return when *call* succeeds."""
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                await call()
            except SignalsUnavailable:
                await asyncio.sleep(0.02)
            else:
                return


def quicken() -> None:
    """Leave debug mode, which notes where each task was made: a call has many."""
    asyncio.get_running_loop().set_debug(False)


async def seconds(call: Awaitable[object]) -> float:
    """How long it takes until the call is refused."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(SignalsUnavailable):
        await call
    return loop.time() - start


class Slow(Redis):
    """A server that can be told to load slowly."""

    def command(self) -> list[str]:
        return [
            *super().command(),
            *("--enable-debug-command", "yes"),
            *("--loading-process-events-interval-bytes", "1024"),
        ]


async def reload(client: Client) -> None:
    await client.execute_command("DEBUG", "RELOAD")  # type: ignore[no-untyped-call]  # theirs


async def until_loading(client: Client) -> None:
    async with asyncio.timeout(SOON_S):
        while not (await client.info("persistence"))["loading"]:
            continue
