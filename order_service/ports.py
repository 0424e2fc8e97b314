"""What the order service may rely on from its store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from order_service.model import Order, Status
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId
from shared.risk import Risk


class Stored(msgspec.Struct, frozen=True):
    """An order as stored. `unpublished` is the number of its last event that is still in the
    outbox; null if all of its events are in the log."""

    order: Order
    unpublished: int | None


class Outgoing(msgspec.Struct, frozen=True):
    """An event of the outbox. No two ever have the same number; of one order's events a later one
    has a higher number than one before."""

    number: int
    event: OrderChanged


class VersionTaken(Exception):
    """Somebody else changed the order meanwhile; read it again."""


class OrdersUnavailable(Exception):
    """The store cannot be reached now, or did not answer in time; everything may be repeated."""


class Orders(Protocol):
    """The orders, and what was last announced of the policy.

    Every write is durable when it returns. Every method may raise `OrdersUnavailable`.
    """

    async def get(self, order_id: OrderId) -> Stored | None:
        """An order; null if there is none."""
        ...

    async def of_ids(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        """The orders that there are of these, asked for at once; each as of one moment."""
        ...

    async def save(self, order: Order, event: OrderChanged) -> int:
        """Store *order* and put *event* into the outbox, in one write: both or neither.

        Answers the event's number. Raises `VersionTaken`, having written nothing, unless the
        version stored is the one before the order's (none at all for version 1).
        """
        ...

    async def of_participant(self, user_id: str, limit: int) -> Sequence[Order]:
        """The first *limit* orders somebody takes part in, by order id."""
        ...

    async def in_statuses(
        self, statuses: Collection[Status], after: str, limit: int
    ) -> Sequence[Order]:
        """The first *limit* orders in these statuses whose id is above *after*, by order id."""
        ...

    async def announced_policy(self) -> str | None:
        """The digest of the policy that open orders were last announced under."""
        ...

    async def note_policy(self, digest: str) -> None:
        """Remember that digest."""
        ...

    async def ping(self) -> None:
        """Raise `OrdersUnavailable` if the store cannot be reached now."""
        ...


class Outbox(Protocol):
    """Events that are stored and not yet known to be in the log.

    Every method may raise `OrdersUnavailable`.
    """

    async def first(self, limit: int) -> Sequence[Outgoing]:
        """The first *limit* events, by number."""
        ...

    async def holds(self, number: int) -> bool:
        """Whether this event is still here."""
        ...

    async def remove(self, numbers: Collection[int]) -> None:
        """Forget these events; those that are not here are passed over."""
        ...


class OrderStore(Orders, Outbox, Protocol):
    """Both, and their upkeep."""

    async def risks(self) -> Sequence[Risk]:
        """How the engine is set that could lose what was acknowledged. Raises
        `OrdersUnavailable`."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
