"""When tokens end: one timer for all sessions whose tokens end in the same second.

A timer for each would be the largest thing an idle session has.
"""

import asyncio
from collections.abc import Callable
from math import ceil

import msgspec

from chat_gateway.session import Session
from shared.contracts.errors import CloseCode


class _Second(msgspec.Struct):
    timer: asyncio.TimerHandle
    sessions: set[Session]


class Expiries:
    """Closes sessions when they are due, to the next full second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """*clock* is the one that tokens go by."""
        self._clock = clock
        self._seconds: dict[int, _Second] = {}

    def watch(self, session: Session, due_at: float) -> None:
        """Close the session then, in seconds of the clock."""
        at = ceil(due_at)
        second = self._seconds.get(at)
        if second is None:
            left = max(0.0, at - self._clock())
            timer = asyncio.get_running_loop().call_later(left, self._over, at)
            second = self._seconds[at] = _Second(timer, set())
        second.sessions.add(session)

    def forget(self, session: Session, due_at: float) -> None:
        """The session is gone, or has another token than the one it was watched for."""
        at = ceil(due_at)
        second = self._seconds.get(at)
        if second is not None:
            second.sessions.discard(session)
            if not second.sessions:
                second.timer.cancel()
                del self._seconds[at]

    def _over(self, at: int) -> None:
        for session in self._seconds.pop(at).sessions:
            session.close(CloseCode.TOKEN, "the token has expired")
