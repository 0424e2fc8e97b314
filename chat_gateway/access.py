"""Who takes part in an order: the order service's word, remembered for a short while."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

import httpx
import msgspec

from chat_gateway.seam import Access
from shared.contracts.ids import OrderId, UserId
from shared.service_token import ServiceToken

logger = logging.getLogger("order_chat.gateway")

YES_S: Final = 60.0
"""How long a yes is believed. Removals reach open orders by the log at once; this bounds joins."""
NO_S: Final = 2.0
"""How long a no is believed: short, since orders are made just before they are opened."""
REMEMBERED_MAX: Final = 20_000
DEADLINE_S: Final = 2.0


class OrdersUnavailable(Exception):
    """The order service gave no usable answer in time: neither a yes nor a no."""


class Grant(msgspec.Struct, frozen=True):
    """The order service's yes."""

    role: str
    version: int


class _Answer(msgspec.Struct):
    """A yes as it comes by HTTP."""

    order_id: OrderId
    user_id: UserId
    role: str
    version: int


class Orders(Protocol):
    """The order service, as far as a gateway needs it."""

    async def access(self, order_id: OrderId, user_id: UserId) -> Grant | None:
        """The part a user has in an order; null alike for strangers and for orders that do not
        exist. Raises `OrdersUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `OrdersUnavailable` if it cannot be reached now."""
        ...


class HttpOrders:
    """The order service by HTTP: `GET /v1/orders/{id}/access?user_id=`."""

    def __init__(self, client: httpx.AsyncClient, service_token: ServiceToken) -> None:
        """*client* has the service's address as its base and follows no redirects."""
        self._client = client
        self._service_token = service_token

    async def access(self, order_id: OrderId, user_id: UserId) -> Grant | None:
        """See `Orders`. Only a 404 is a no: every other failure leaves it open.

        A yes counts only if it names what was asked. Somewhere on the way answers may have come out
        of step with their questions, and a swapped one would let a stranger in for a minute.
        """
        try:
            token = await self._service_token()
            response = await self._client.get(
                f"/v1/orders/{order_id}/access",
                params={"user_id": user_id},
                headers={"Authorization": f"Bearer {token}"},
                timeout=DEADLINE_S,
            )
            if response.status_code == 404:
                return None
            response.raise_for_status()
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (httpx.HTTPError, msgspec.DecodeError, OSError) as error:
            raise OrdersUnavailable from error
        if (answer.order_id, answer.user_id) != (order_id, user_id):
            logger.error("the order service answered another question")
            raise OrdersUnavailable
        return Grant(answer.role, answer.version)

    async def ping(self) -> None:
        """See `Orders`."""
        try:
            response = await self._client.get("/healthz", timeout=DEADLINE_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise OrdersUnavailable from error


class AccessCache:
    """Asks the order service, and remembers its answers for a bounded time and number."""

    def __init__(self, orders: Orders, clock: Callable[[], float]) -> None:
        self._orders = orders
        self._clock = clock
        self._answers: OrderedDict[tuple[OrderId, UserId], tuple[float, Grant | None]] = (
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
            until, grant = known
            if self._clock() < until:
                return _access(grant, fresh=False)
        grant = await self._orders.access(order_id, user_id)
        self._answers[key] = self._clock() + (NO_S if grant is None else YES_S), grant
        self._answers.move_to_end(key)
        if len(self._answers) > REMEMBERED_MAX:
            self._answers.popitem(last=False)
        return _access(grant, fresh=True)


def _access(grant: Grant | None, *, fresh: bool) -> Access | None:
    return Access(grant.role, grant.version, fresh) if grant is not None else None
