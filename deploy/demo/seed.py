"""Tells the story to an empty system, once."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID, uuid5

from deploy.demo.story import COMMISSIONS, STORY, Moved, Placed, Reported, Said
from order_service.service import OrderService
from shared.contracts.events import Message, Report
from shared.contracts.ids import ClientId, MessageId, OrderId, message_id

_CLIENT_IDS: Final = UUID("b0a5d5b4-9f0c-4f7e-8f6c-2d5d6f1e9a77")

Told = Message | Report
Append = Callable[[Told], Awaitable[object]]
"""Writes an event to its order's partition; durable when it returns."""


class StoryClock:
    """The time of day in ms, for the log; while a story is told, the time of its steps.

    So the demo's conversations reach back over days, as conversations do.
    """

    def __init__(self) -> None:
        self._told: int | None = None

    def __call__(self) -> int:
        """The time an append happens at."""
        return _now_ms() if self._told is None else self._told

    def go_back(self, ago: timedelta) -> None:
        """Stand still at a time in the past."""
        self._told = _now_ms() - int(ago.total_seconds() * 1000)

    def return_to_now(self) -> None:
        """Run with the time of day again."""
        self._told = None


async def seed(orders: OrderService, append: Append, clock: StoryClock) -> None:
    """Put the three orders and all that was said in them, unless they are there already.

    Call it before anybody is served, with the relay running and *clock* given to the log. It may
    be repeated after a crash halfway: what was told is not told again, or is void as a copy.
    """
    if await _is_told(orders):
        return
    said: dict[OrderId, int] = dict.fromkeys(map(OrderId, COMMISSIONS), 0)
    try:
        for step in STORY:
            clock.go_back(step.ago)
            match step:
                case Placed(order_id=order_id, title=title):
                    await orders.put(order_id, title, COMMISSIONS[order_id].participants)
                case Moved():
                    await _move(orders, step)
                case Said(order_id=order_id):
                    await append(_message(step, said[order_id]))
                    said[order_id] += 1
                case Reported(order_id=order_id):
                    await append(_report(step, said[order_id]))
                case _:
                    assert_never(step)
    finally:
        clock.return_to_now()


async def _is_told(orders: OrderService) -> bool:
    """Whether the last step was told: it leaves a title that nothing else gives."""
    last = STORY[-1]
    assert isinstance(last, Placed)
    order = await orders.get(last.order_id)
    return order is not None and order.title == last.title


async def _move(orders: OrderService, step: Moved) -> None:
    """Bring the order forward, never back: what comes after may have been told before a crash."""
    order = await orders.get(step.order_id)
    assert order is not None, "an order is placed before it moves"
    way = [s.status for s in STORY if isinstance(s, Moved) and s.order_id == step.order_id]
    if order.status not in way[way.index(step.status) :]:
        await orders.move(step.order_id, step.status)


def _message(step: Said, before: int) -> Message:
    """The event of a message that comes after *before* others, all of which its writer has read."""
    client_id = _client_id(step.order_id, f"{before}")
    return Message(
        order_id=step.order_id,
        by=step.by,
        as_="participant",
        id=message_id(step.order_id, step.by, client_id),
        client_id=client_id,
        base=before,
        seen=before,
        text=step.text,
    )


def _report(step: Reported, before: int) -> Report:
    """The event of a report on the last of *before* messages."""
    order_id, by = step.order_id, step.by
    client_id = _client_id(order_id, f"{before}/{by}")
    return Report(
        order_id=order_id,
        by=by,
        as_="participant",
        id=message_id(order_id, by, client_id),
        client_id=client_id,
        base=before,
        target=_last_said(order_id, before),
        reason=step.reason,
        note=step.note,
    )


def _last_said(order_id: OrderId, before: int) -> MessageId:
    """The id of the last of *before* messages."""
    said = [step for step in STORY if isinstance(step, Said) and step.order_id == order_id]
    return message_id(order_id, said[before - 1].by, _client_id(order_id, f"{before - 1}"))


def _client_id(order_id: OrderId, what: str) -> ClientId:
    return ClientId(str(uuid5(_CLIENT_IDS, f"{order_id}/{what}")))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
