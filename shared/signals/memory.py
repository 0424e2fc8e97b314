"""Signals within one process: for gateways that share it, with nothing to install."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from shared.contracts.ids import OrderId, UserId
from shared.signals.port import Listener, SignalsUnavailable

ORDERS_MAX: Final = 50_000
"""Orders open at one time, some 20 MB; who opens one more is not noted."""

SWEEP_EVERY_S: Final = 60.0


class MemorySignals:
    """`shared.signals.port.Signals` for one process; *clock* tells seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._listeners: dict[str, list[Listener]] = {}
        self._places: dict[OrderId, dict[tuple[UserId, str], float]] = {}
        """By order: until when a user has it open at a place."""
        self._next_sweep = clock() + SWEEP_EVERY_S
        self._closed = False

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand *payload* to every listener of *channel* before returning."""
        self._check()
        loop = asyncio.get_running_loop()
        for listener in self._listeners.get(channel, ()):
            # Each in a call of its own: none runs inside the publisher's, none harms another.
            loop.call_soon(self._hand_over, channel, listener, payload)
        # Whoever publishes waits for the listeners, so no queue grows.
        await asyncio.sleep(0)

    async def subscribe(self, channel: str, listener: Listener) -> None:
        """Call *listener* for what is published to *channel* from now on."""
        self._check()
        listeners = self._listeners.setdefault(channel, [])
        if listener not in listeners:
            listeners.append(listener)

    async def unsubscribe(self, channel: str, listener: Listener) -> None:
        """Stop calling *listener* for *channel*."""
        listeners = self._listeners.get(channel, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners:
            self._listeners.pop(channel, None)

    async def appear(self, order_id: OrderId, user_id: UserId, place: str, ttl_s: float) -> bool:
        """Note for *ttl_s* seconds that a user has an order open at *place*."""
        self._check()
        now = self._clock()
        if now >= self._next_sweep or len(self._places) >= ORDERS_MAX:
            self._sweep(now)
        if order_id not in self._places and len(self._places) >= ORDERS_MAX:
            raise SignalsUnavailable("too many orders are open")
        before = user_id in self._users(order_id, now)
        self._places.setdefault(order_id, {})[user_id, place] = now + ttl_s
        return not before

    async def disappear(self, order_id: OrderId, user_id: UserId, place: str) -> bool:
        """Forget it for *place*."""
        self._check()
        self._places.get(order_id, {}).pop((user_id, place), None)
        return user_id not in self._users(order_id, self._clock())

    async def present(self, order_id: OrderId) -> set[UserId]:
        """Who has the order open anywhere."""
        self._check()
        return self._users(order_id, self._clock())

    async def ping(self) -> None:
        """Raise `SignalsUnavailable` once closed."""
        self._check()

    async def close(self) -> None:
        """Forget everything; signals are down from now on."""
        self._closed = True
        self._listeners.clear()
        self._places.clear()

    def _check(self) -> None:
        if self._closed:
            raise SignalsUnavailable("signals are closed")

    def _hand_over(self, channel: str, listener: Listener, payload: bytes) -> None:
        if listener in self._listeners.get(channel, ()):  # it may have left meanwhile
            listener(payload)

    def _users(self, order_id: OrderId, now: float) -> set[UserId]:
        places = self._places.get(order_id, {})
        return {user_id for (user_id, _), until in places.items() if until > now}

    def _sweep(self, now: float) -> None:
        """Forget what is over, also of orders nobody asks for any more."""
        self._next_sweep = now + SWEEP_EVERY_S
        standing = {
            order_id: {who: until for who, until in places.items() if until > now}
            for order_id, places in self._places.items()
        }
        self._places = {order_id: places for order_id, places in standing.items() if places}
