"""What services are to each other in one process: the same questions, asked without HTTP."""

import math
from typing import Final

from attachment_service.ports import Caller, MessagesUnavailable
from chat_gateway.failures import code_of
from chat_gateway.looks import Looks
from order_service import ports as order_ports
from order_service.service import OrderService
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, UserId
from shared.http import Ping
from shared.order_client import OrdersUnavailable, Part
from shared.tokens import Identity

_OURSELVES: Final = Identity(
    user_id=UserId("service:attachments"), roles=frozenset({"service"}), expires_at=math.inf
)


class InProcessOrders:
    """`shared.order_client.Orders` over an order service of the same process."""

    def __init__(self, service: OrderService, ping: Ping) -> None:
        self._service = service
        self._ping = ping

    async def ping(self) -> None:
        """Raise if the orders cannot be had now."""
        await self._ping()

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        """The part a user has in an order, if any."""
        try:
            access = await self._service.access(order_id, user_id)
        except order_ports.OrdersUnavailable as error:
            raise OrdersUnavailable from error
        return Part(access.role, access.version, access.may) if access is not None else None


class InProcessMessages:
    """The attachment service's `Messages` over a gateway of the same process."""

    def __init__(self, looks: Looks, ping: Ping) -> None:
        self._looks = looks
        self._ping = ping

    async def ping(self) -> None:
        """Raise if orders cannot be read now."""
        await self._ping()

    async def carries(self, caller: Caller | None, order_id: OrderId, attachment_id: str) -> bool:
        """Whether a message carries a file that the caller may see now."""
        identity = _OURSELVES if caller is None else caller.identity
        try:
            entry = await self._looks.carrier(identity, order_id, attachment_id)
        except Exception as error:
            if code_of(error) in (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN):
                return False
            raise MessagesUnavailable from error
        return entry is not None
