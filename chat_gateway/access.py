"""Who takes part in an order: the order service's word, remembered for a short while."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from chat_gateway.seam import Access
from shared.contracts.ids import OrderId, UserId
from shared.order_client import Orders, Part

YES_S: Final = 60.0
"""How long a yes is believed. Removals reach open orders by the log at once; this bounds joins."""
NO_S: Final = 2.0
"""How long a no is believed: short, since orders are made just before they are opened."""
REMEMBERED_MAX: Final = 20_000


class AccessCache:
    """Asks the order service, and remembers its answers for a bounded time and number."""

    def __init__(self, orders: Orders, clock: Callable[[], float]) -> None:
        self._orders = orders
        self._clock = clock
        self._answers: OrderedDict[tuple[OrderId, UserId], tuple[float, Part | None]] = (
            OrderedDict()
        )

    async def ask(
        self, order_id: OrderId, user_id: UserId, *, afresh: bool = False
    ) -> Access | None:
        """The part a user has in an order, if any; *afresh*: whatever was answered before.

        Raises `OrdersUnavailable`.
        """
        key = order_id, user_id
        if not afresh and (known := self._answers.get(key)) is not None:
            until, part = known
            if self._clock() < until:
                return _access(part, fresh=False)
        part = await self._orders.access(order_id, user_id)
        self._answers[key] = self._clock() + (NO_S if part is None else YES_S), part
        self._answers.move_to_end(key)
        if len(self._answers) > REMEMBERED_MAX:
            self._answers.popitem(last=False)
        return _access(part, fresh=True)


def _access(part: Part | None, *, fresh: bool) -> Access | None:
    return Access(part.role, part.version, fresh) if part is not None else None
