"""How far a consumer is behind the log, of the partitions that it holds."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from chat_gateway.moderation.consumer import Consumer
from shared.log.port import Log

MEASURE_EVERY_S: Final = 1.0
"""Who asks sooner gets the figures of before: anybody may ask, and it costs the log reads."""


class ConsumerLag:
    """What is in the log, and not yet decided on with its verdicts given."""

    def __init__(
        self, log: Log, consumer: Consumer, *, clock: Callable[[], float] = time.time
    ) -> None:
        """*clock*: seconds, by the same clock as the log's append times."""
        self._log = log
        self._consumer = consumer
        self._clock = clock
        self._fresh_until = 0.0
        self._waiting_since_ms: int | None = None
        self.records = 0
        """How many records."""

    @property
    def seconds(self) -> float:
        """How long the oldest of them has been in the log; goes on rising while no new figures can
        be had."""
        if self._waiting_since_ms is None:
            return 0.0
        return max(0.0, self._clock() - self._waiting_since_ms / 1000)

    async def measure(self) -> None:
        """Bring the figures up to date. Raises `OSError`."""
        now = asyncio.get_running_loop().time()
        if now < self._fresh_until:
            return
        self._fresh_until = now + MEASURE_EVERY_S
        ends = await self._log.ends()
        behind = {
            number: done for number, done in self._consumer.done.items() if done < ends[number]
        }
        times = [await self._log.time_before(number, done + 1) for number, done in behind.items()]
        self.records = sum(ends[number] - done for number, done in behind.items())
        self._waiting_since_ms = min((at for at in times if at is not None), default=None)
