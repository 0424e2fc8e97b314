"""What an order is here: parties, a title, and a status that moves along fixed ways."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from shared.contracts.events import Participant
from shared.contracts.ids import OrderId


class Status(StrEnum):
    """How far an order has come."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    DELIVERED = "delivered"
    DISPUTED = "disputed"
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


INITIAL: Final = Status.PENDING

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    Status.PENDING: frozenset({Status.IN_PROGRESS, Status.DECLINED, Status.CANCELLED}),
    Status.IN_PROGRESS: frozenset({Status.DELIVERED, Status.CANCELLED, Status.DISPUTED}),
    # Back to in_progress: the buyer asked for a revision.
    Status.DELIVERED: frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.DISPUTED}),
    Status.DISPUTED: frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.DECLINED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""From each status, where an order may go."""

OPEN: Final = frozenset(status for status, ways in TRANSITIONS.items() if ways)
"""Statuses an order can still leave."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `version` rises by one with every change, from 1."""

    order_id: OrderId
    title: str
    status: Status
    version: int
    participants: tuple[Participant, ...]

    def role_of(self, user_id: str) -> str | None:
        """The role of a participant; null for everybody else."""
        for party in self.participants:
            if party.user_id == user_id:
                return party.role
        return None


class IllegalTransition(Exception):
    """No way leads from the order's status to the one asked for."""

    def __init__(self, origin: Status, target: Status) -> None:
        super().__init__(f"An order cannot go from {origin} to {target}.")


def start(order_id: OrderId, title: str, participants: tuple[Participant, ...]) -> Order:
    """A new order."""
    return Order(
        order_id=order_id, title=title, status=INITIAL, version=1, participants=participants
    )


def describe(order: Order, title: str, participants: tuple[Participant, ...]) -> Order:
    """The order with this title and these parties; the same object if that changes nothing."""
    if (order.title, order.participants) == (title, participants):
        return order
    return _next(order, title=title, participants=participants)


def move(order: Order, target: Status) -> Order:
    """The order in another status; the same object if it is there already.

    Raises `IllegalTransition`.
    """
    if order.status is target:
        return order
    if target not in TRANSITIONS[order.status]:
        raise IllegalTransition(order.status, target)
    return _next(order, status=target)


def renew(order: Order) -> Order:
    """The order as it is, under its next version, so that it is announced again."""
    return _next(order)


def _next(order: Order, **changes: object) -> Order:
    return msgspec.structs.replace(order, version=order.version + 1, **changes)
