"""The engines the contract of signals is tested on."""

import asyncio
import os
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from redis.asyncio import Redis as Client

from shared.signals import open_signals
from shared.signals.memory import MemorySignals
from shared.signals.port import Signals

DATABASES: Final = 16
"""What a Redis has by default; the first is the stack's own."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Engine(Protocol):
    """Signals, and the time they go by; empty at first."""

    @property
    def signals(self) -> Signals:
        """What is tested."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class Memory:
    """Within this process."""

    def __init__(self) -> None:
        self._clock = Clock()
        self.signals: Signals = MemorySignals(self._clock)

    async def pass_time(self, seconds: float) -> None:
        self._clock.now += seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.signals.close()


class Redis:
    """A database of its own at the server that `ORDER_CHAT_SIGNALS_URL` names."""

    signals: Signals

    def __init__(self) -> None:
        url = os.environ.get("ORDER_CHAT_SIGNALS_URL", "")
        assert url.startswith("redis"), (
            "ORDER_CHAT_SIGNALS_URL must name a Redis: run this with make test-connected"
        )
        # One for each process that runs tests side by side.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        self._url = urlsplit(url)._replace(path=f"/{1 + int(worker) % (DATABASES - 1)}").geturl()

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # the server's clock is nobody's to set

    async def __aenter__(self) -> Self:
        await self._empty()
        self.signals = await open_signals(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.signals.close()
        await self._empty()

    async def _empty(self) -> None:
        async with Client.from_url(self._url, protocol=2) as client:
            await client.flushdb()
