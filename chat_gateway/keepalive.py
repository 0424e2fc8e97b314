"""Pings for all connections of a server by one timer, a slice of them at a time.

A timer for each would be the largest thing an idle connection has.
"""

import asyncio
from typing import Final, Protocol

SLICES: Final = 20


class Pinged(Protocol):
    """A connection that is looked at now and then."""

    def ping(self) -> None:
        """Send a ping; or end the connection, if the last one was not answered."""


class Keepalive:
    """Pings each connection once in *every_s*; what comes back in between is the answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, every_s: float) -> None:
        self._loop = loop
        self._pause_s = every_s / SLICES
        self._slices: list[set[Pinged]] = [set() for _ in range(SLICES)]
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Pinged) -> None:
        """Begin with a connection; its turn is the last one."""
        self._slices[self._turn - 1].add(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(self._pause_s, self._next)

    def discard(self, connection: Pinged) -> None:
        """The connection has ended."""
        for of_turn in self._slices:
            of_turn.discard(connection)

    def _next(self) -> None:
        for connection in list(self._slices[self._turn]):
            connection.ping()
        self._turn = (self._turn + 1) % SLICES
        if any(self._slices):
            self._timer = self._loop.call_later(self._pause_s, self._next)
        else:
            self._timer = None
