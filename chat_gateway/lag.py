"""How far the archiver is behind the log, seen from outside: its watermarks and the log's ends."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from shared.log.port import Log
from shared.store.port import Reading

LAG_S_MAX: Final = 60.0
"""Behind by more than this, the archiver counts as out of order."""
MEASURE_EVERY_S: Final = 1.0
"""Who asks sooner gets the figures of before: anybody may ask, and it costs the engines reads."""


class ArchiverBehind(Exception):
    """What the store has is too old."""


class ArchiverLag:
    """The lag over all partitions. It asks the engines, so that no archiver need be reachable."""

    def __init__(
        self, log: Log, store: Reading, *, epoch: int, clock: Callable[[], float] = time.time
    ) -> None:
        """*clock*: seconds, by the same clock as the log's append times."""
        self._log = log
        self._store = store
        self._epoch = epoch
        self._clock = clock
        self._fresh_until = 0.0
        self._waiting_since_ms: int | None = None
        self.records = 0
        """Records that are in the log and not yet in the store."""

    @property
    def seconds(self) -> float:
        """How long the oldest of these records has been in the log; goes on rising while no new
        figures can be had."""
        if self._waiting_since_ms is None:
            return 0.0
        return max(0.0, self._clock() - self._waiting_since_ms / 1000)

    async def measure(self) -> None:
        """Bring the figures up to date. Raises what log and store raise."""
        now = asyncio.get_running_loop().time()
        if now < self._fresh_until:
            return
        self._fresh_until = now + MEASURE_EVERY_S
        records, oldest = 0, None
        for partition, end in enumerate(await self._log.ends()):
            watermark = await self._store.watermark(self._epoch, partition)
            archived = watermark.offset if watermark is not None else 0
            if archived < end:
                records += end - archived
                at = await self._log.time_before(partition, archived + 1)
                oldest = at if oldest is None or (at is not None and at < oldest) else oldest
        self.records, self._waiting_since_ms = records, oldest

    async def ping(self) -> None:
        """Raise `ArchiverBehind` if the lag is too long, or what `measure` raises."""
        await self.measure()
        if self.seconds > LAG_S_MAX:
            raise ArchiverBehind
