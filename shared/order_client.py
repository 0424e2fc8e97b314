"""The order service by HTTP: who takes part in an order, and may do what."""

import asyncio
import logging
from typing import Final, Protocol

import httpx
import msgspec

from shared.contracts.events import Action
from shared.contracts.ids import OrderId, UserId
from shared.service_token import ServiceToken

logger = logging.getLogger("order_chat.orders")

DEADLINE_S: Final = 2.0
AT_ONCE: Final = 8
"""Questions under way at a time. When thousands come back at once the others wait here: httpx would
look through all that wait, and all idle connections, for each that goes."""
PATIENCE_S: Final = 5.0
"""How long a question may wait for its turn."""


class OrdersUnavailable(Exception):
    """The order service gave no usable answer in time: neither a yes nor a no."""


class Part(msgspec.Struct, frozen=True):
    """The order service's yes: what a user is to an order in its version `version`."""

    role: str
    version: int
    may: tuple[Action, ...] = ()
    """What the policy grants to the role in the order's status."""


class _Answer(Part, frozen=True, kw_only=True):
    """A yes as it comes by HTTP."""

    order_id: OrderId
    user_id: UserId


class Orders(Protocol):
    """The order service, as far as other services need it."""

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
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
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        """See `Orders`. Only a 404 is a no: every other failure leaves it open.

        A yes counts only if it names what was asked. Somewhere on the way answers may have come out
        of step with their questions, and a swapped one would let a stranger in for a minute.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turns.acquire()
        except TimeoutError as error:
            raise OrdersUnavailable from error
        try:
            return await self._ask(order_id, user_id)
        finally:
            self._turns.release()

    async def _ask(self, order_id: OrderId, user_id: UserId) -> Part | None:
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
        return Part(answer.role, answer.version, answer.may)

    async def ping(self) -> None:
        """See `Orders`."""
        try:
            response = await self._client.get("/healthz", timeout=DEADLINE_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise OrdersUnavailable from error
