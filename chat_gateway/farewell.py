"""The end of a gateway as its clients see it: told in time, in turns, and answered first."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from chat_gateway.session import Session

logger = logging.getLogger("order_chat.gateway")

SLICES: Final = 50
SETTLE_S: Final = 2.0
"""How long a connection is kept for the outcome of what its client sent; then it is unknown."""
SETTLE_CHECK_S: Final = 0.02


class Leaving(Exception):
    """The gateway is shutting down."""


class Farewell:
    """Sends all clients away, spread over *drain_s*, to come back spread over as long again.

    *away_s*: how long nobody will be there to come back to; 0 where other gateways are.
    """

    def __init__(
        self, sessions: Callable[[], Iterable[Session]], *, drain_s: float, away_s: float
    ) -> None:
        self._sessions = sessions
        self._drain_s = drain_s
        self._away_s = away_s
        self._begun = False

    async def ping(self) -> None:
        """Raise `Leaving` once the end has begun."""
        if self._begun:
            raise Leaving

    async def say(self) -> None:
        """Return when every connection was told and closed, or is being closed."""
        self._begun = True
        pause_s = self._drain_s / SLICES
        told = 0
        async with asyncio.TaskGroup() as seeing_off:
            for turns in range(SLICES, 0, -1):
                # Looked up anew each time: some leave by themselves, some were just coming in.
                staying = [session for session in self._sessions() if not session.closed]
                if not staying:
                    break
                size = -(-len(staying) // turns)
                left_s = (-(-len(staying) // size) - 1) * pause_s
                for session in staying[:size]:
                    session.goodbye(self._reconnect_after_ms(left_s))
                told += size
                seeing_off.create_task(_see_off(staying[:size]))
                await asyncio.sleep(pause_s)
        if told:
            logger.info("all clients were told goodbye", extra={"sessions": told})

    def _reconnect_after_ms(self, left_s: float) -> int:
        """When to come back: not while this process still stands in the way, nor all at once."""
        away_s = left_s + self._away_s if self._away_s else 0.0
        return round(1_000 * (away_s + random.uniform(0, self._drain_s)))  # noqa: S311 (no secret)


async def _see_off(sessions: Sequence[Session]) -> None:
    """Close each as soon as nothing that its client sent waits for an outcome."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_S
    staying = list(sessions)
    while staying:
        overdue = loop.time() >= deadline
        staying = [session for session in staying if not session.part(overdue=overdue)]
        if staying:
            await asyncio.sleep(SETTLE_CHECK_S)
