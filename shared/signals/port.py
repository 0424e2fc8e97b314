"""What services may rely on from signals: very little, on purpose.

Everything here may be lost or emptied at any moment, and nobody loses a message, a mark or a
permission by it.
"""

from collections.abc import Callable
from typing import Protocol

from shared.contracts.ids import OrderId, UserId

Listener = Callable[[bytes], None]
"""Called on the event loop with what was published; must not raise and must not block."""


class SignalsUnavailable(Exception):
    """Signals are down: presence is unknown, typing is not relayed."""


class Signals(Protocol):
    """Best-effort messages between gateways, and who is there."""

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand *payload* to every listener of *channel*, at most once each. Raises
        `SignalsUnavailable`."""
        ...

    async def subscribe(self, channel: str, listener: Listener) -> None:
        """Call *listener* for what is published to *channel* after this returns; once each time,
        though it subscribed twice. Raises `SignalsUnavailable` if that could not be set up, but
        keeps trying. Once signals were lost and are back, and what was published meanwhile with
        them, it is called with an empty payload."""
        ...

    async def unsubscribe(self, channel: str, listener: Listener) -> None:
        """Stop calling *listener* for *channel*; without effect if it is not called."""
        ...

    async def appear(self, order_id: OrderId, user_id: UserId, place: str, ttl_s: float) -> bool:
        """Note for *ttl_s* seconds that a user has an order open at *place* (a gateway); again to
        renew. Tell whether the user had it open nowhere before. Raises `SignalsUnavailable`."""
        ...

    async def disappear(self, order_id: OrderId, user_id: UserId, place: str) -> bool:
        """Forget it for *place*. Tell whether the user has it open nowhere now. Raises
        `SignalsUnavailable`."""
        ...

    async def present(self, order_id: OrderId) -> set[UserId]:
        """Who has the order open anywhere. Raises `SignalsUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `SignalsUnavailable` if signals are down now."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
