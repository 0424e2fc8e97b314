"""What the archiver tells gateways after it wrote: whose conversations changed, as a hint.

A signal may be lost, come twice or late: whoever gets one reads the store, and reads it now and
then without one. So nothing here is tried again, and nothing here may hold the archiver up.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.contracts.ids import OrderId, Seq, UserId
from shared.signals.port import Signals

logger = logging.getLogger("order_chat.archiver")

USERS_MAX: Final = 10_000
"""Users whose signal may wait; of more, none is noted."""
ORDERS_MAX: Final = 500
"""Orders that one signal names; of more, the rest are found by whoever asks the store."""
DEADLINE_S: Final = 2.0

Changed = Mapping[OrderId, Seq]
"""Conversations, each with the last record that changed it."""

_DECODER: Final = msgspec.json.Decoder(dict[OrderId, Seq])


def channel_of(user_id: UserId) -> str:
    """Where the signals about a user's conversations go. No order id has a slash in it."""
    return f"user/{user_id}"


def decode_changed(payload: bytes) -> Changed:
    """What a signal says. Raises `msgspec.DecodeError`."""
    return _DECODER.decode(payload)


class Announcer:
    """Signals on their way out, at most one for each user at a time."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._waiting: dict[UserId, dict[OrderId, Seq]] = {}
        self._wake = asyncio.Event()
        self.lost = 0
        """Signals dropped or failed since the start."""

    def announce(self, changed: Mapping[UserId, Changed]) -> None:
        """Tell each user what changed, soon."""
        for user_id, orders in changed.items():
            if user_id not in self._waiting and len(self._waiting) >= USERS_MAX:
                self.lost += 1
                continue
            waiting = self._waiting.setdefault(user_id, {})
            for order_id, seq in orders.items():
                if order_id in waiting or len(waiting) < ORDERS_MAX:
                    waiting[order_id] = seq
        self._wake.set()

    async def run(self) -> None:
        """Send what was noted, for as long as the archiver lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                user_id = next(iter(self._waiting))
                payload = msgspec.json.encode(self._waiting.pop(user_id))
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        await self._signals.publish(channel_of(user_id), payload)
                except Exception as error:
                    # Whatever it was, the next one may do better; nothing depends on any of them.
                    self.lost += 1
                    logger.warning("a signal is lost", extra={"error": type(error).__name__})
