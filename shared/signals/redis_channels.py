"""What is listened to at a Redis, over one connection that is replaced whenever it is lost.

What callers wish and what the server knows are kept apart: a round brings the server up to what is
wished and ends with an echo, which is asked for in quiet times too. A path that went mute is
noticed by the echo it owes; nothing else would tell, since listening sends nothing.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from redis.asyncio.connection import AbstractConnection

from shared.signals.port import Listener, SignalsUnavailable

logger = logging.getLogger("order_chat.signals")

ECHO_EVERY_S: Final = 2.0
ECHO_S_MAX: Final = 1.5
"""How long the server may owe an echo. After both, at the latest, a mute path is noticed."""
CHANNELS_PER_COMMAND: Final = 500
"""So many answers come well within `ECHO_S_MAX`."""
SETTLE_S_MAX: Final = 1.5
"""How long a caller waits for the server to know its wish."""
RECONNECT_AFTER_S: Final = (0.2, 1.0)
"""Drawn anew each time: a server that is back is not found by all at once."""


class Channels:
    """The listeners of one process. *connect* makes a connection that is not open yet; *prefix*
    stands before the names of all channels at the server."""

    def __init__(self, connect: Callable[[], AbstractConnection], prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self._listeners: dict[str, list[Listener]] = {}
        """What is wished."""
        self._known: set[str] = set()
        """The channels that the server hands on to the connection there is."""
        self._missed: set[str] = set()
        """Channels of whose messages some may be lost: their listeners are told when it is over."""
        self._changed: set[str] = set()
        """Channels of which the wish may differ from what the server knows."""
        self._wake = asyncio.Event()
        self._round = asyncio.Event()
        """Set when the next round is over, be it well or not."""
        self._down = False
        self._echo = asyncio.Event()
        self._echoed = 0
        self._asked = 0
        self._closed = False

    async def subscribe(self, channel: str, listener: Listener) -> None:
        """Call *listener* for what is published to *channel*. Raises `SignalsUnavailable` if the
        server does not know in time; it will, and then the listener is told what it is told after
        a loss."""
        if self._closed:
            raise SignalsUnavailable("closed")
        listeners = self._listeners.setdefault(channel, [])
        if listener not in listeners:
            listeners.append(listener)
        try:
            if channel not in self._known:
                await self._settle(channel)
        finally:
            if channel not in self._known and channel in self._listeners:
                self._missed.add(channel)
        if channel not in self._known:
            raise SignalsUnavailable("not listening yet")

    async def unsubscribe(self, channel: str, listener: Listener) -> None:
        """Stop calling *listener* for *channel*. When the last one stops, the server is told; so
        that nothing old is heard by whoever listens next, this waits for it."""
        listeners = self._listeners.get(channel, [])
        if listener not in listeners:
            return
        listeners.remove(listener)
        if not listeners:
            del self._listeners[channel]
            self._missed.discard(channel)
            await self._settle(channel)

    async def run(self) -> None:
        """Listen, on one connection after the other, until cancelled."""
        while True:
            connection = self._connect()
            try:
                await connection.connect()  # type: ignore[no-untyped-call]  # theirs
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._read(connection))
                    both.create_task(self._write(connection))
            except Exception as error:
                # Whatever it was, the next connection may do better; listeners depend on it.
                if not self._down:
                    logger.warning("signals are lost", extra={"error": _name(error)})
            finally:
                self._lose()
                await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(*RECONNECT_AFTER_S))  # noqa: S311 (no secret)

    def close(self) -> None:
        """Call nobody from now on."""
        self._closed = True
        self._listeners.clear()

    # Wishes.

    async def _settle(self, channel: str) -> None:
        """Have the next round look at the channel, and wait for its end while there is one to
        come."""
        self._changed.add(channel)
        self._wake.set()
        if not self._down:
            await _set_within(self._round, SETTLE_S_MAX)

    def _lose(self) -> None:
        """The connection is no more, or never was."""
        self._down = True
        self._missed |= self._known & self._listeners.keys()
        self._known.clear()
        self._round.set()
        self._round = asyncio.Event()

    # The connection's two sides.

    async def _write(self, connection: AbstractConnection) -> None:
        self._changed = set(self._listeners)
        while True:
            # Whoever comes from here on waits for the round after this one.
            over, self._round = self._round, asyncio.Event()
            changed, self._changed = self._changed, set()
            self._wake.clear()
            try:
                await self._bring_up_to_date(connection, changed)
            finally:
                over.set()
            if self._down:
                self._down = False
                logger.info("signals are back")
            await _set_within(self._wake, ECHO_EVERY_S)

    async def _bring_up_to_date(self, connection: AbstractConnection, changed: set[str]) -> None:
        left = [each for each in changed if each in self._known and each not in self._listeners]
        new = [each for each in changed if each not in self._known and each in self._listeners]
        self._known.difference_update(left)
        for some in _parts(left):
            await self._command(connection, "UNSUBSCRIBE", some)
        for some in _parts(new):
            await self._command(connection, "SUBSCRIBE", some)
            self._known.update(some)
            for channel in self._missed.intersection(some):
                self._missed.discard(channel)
                self._hand_over(channel, b"")
        if not left and not new:
            await self._ask_for_echo(connection)

    async def _command(
        self, connection: AbstractConnection, name: str, channels: Sequence[str]
    ) -> None:
        names = [self._prefix + channel for channel in channels]
        await connection.send_command(name, *names, check_health=False)
        await self._ask_for_echo(connection)

    async def _ask_for_echo(self, connection: AbstractConnection) -> None:
        """Return when all that was sent is answered: answers come in the order of what is asked."""
        self._asked += 1
        await connection.send_command("PING", self._asked, check_health=False)
        async with asyncio.timeout(ECHO_S_MAX):
            while self._echoed != self._asked:
                self._echo.clear()
                await self._echo.wait()

    async def _read(self, connection: AbstractConnection) -> None:
        while True:
            match await connection.read_response(timeout=math.inf):
                case [b"message", bytes(channel), bytes(payload)]:
                    self._hand_over(channel.decode().removeprefix(self._prefix), payload)
                case [b"pong", bytes(echo)] | bytes(echo):  # the latter where nothing is subscribed
                    self._echoed = int(echo)
                    self._echo.set()
                case _:
                    pass  # a subscription is acknowledged by the echo after it
            # What is read already is read without waiting: let listeners have their turn.
            await asyncio.sleep(0)

    def _hand_over(self, channel: str, payload: bytes) -> None:
        for listener in self._listeners.get(channel, ()):
            # Each in a call of its own: none harms another, or what reads here.
            asyncio.get_running_loop().call_soon(self._call, channel, listener, payload)

    def _call(self, channel: str, listener: Listener, payload: bytes) -> None:
        if listener in self._listeners.get(channel, ()):  # it may have left meanwhile
            listener(payload)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when *event* is set, or after so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _parts(channels: Sequence[str]) -> Iterator[Sequence[str]]:
    rest = iter(channels)
    while part := list(islice(rest, CHANNELS_PER_COMMAND)):
        yield part


def _name(error: Exception) -> str:
    """The type of an error, or of the first of those it holds."""
    return _name(error.exceptions[0]) if isinstance(error, ExceptionGroup) else type(error).__name__
