"""The chat by HTTP: a gateway's `GET /v1/orders/{id}/attachments/{id}`, in the caller's name."""

import logging
from typing import Final

import httpx
import msgspec

from attachment_service.ports import Caller, MessagesUnavailable, TooQuick
from shared.contracts.ids import OrderId
from shared.service_token import ServiceToken

logger = logging.getLogger("order_chat.attachments")

DEADLINE_S: Final = 5.0
"""A gateway that has to read the log first may take some seconds."""
RETRY_AFTER_S: Final = 1.0


class _Answer(msgspec.Struct):
    """A yes as it comes by HTTP."""

    attachment_id: str


class GatewayMessages:
    """`ports.Messages` by a gateway."""

    def __init__(self, client: httpx.AsyncClient, service_token: ServiceToken) -> None:
        """*client* has the gateways' address as its base and follows no redirects."""
        self._client = client
        self._service_token = service_token

    async def carries(self, caller: Caller | None, order_id: OrderId, attachment_id: str) -> bool:
        """As `ports.Messages`. The gateway looks at the caller's own token, so what it answers is
        what the caller may know, whatever we think of it."""
        try:
            token = await self._service_token() if caller is None else caller.token
            response = await self._client.get(
                f"/v1/orders/{order_id}/attachments/{attachment_id}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=DEADLINE_S,
            )
            # A part of the order without the right to read it is no reader either.
            if response.status_code in (403, 404):
                return False
            if response.status_code == 429:
                raise TooQuick(_seconds(response.headers.get("Retry-After")))
            response.raise_for_status()
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (httpx.HTTPError, msgspec.DecodeError, OSError) as error:
            raise MessagesUnavailable from error
        if answer.attachment_id != attachment_id:
            logger.error("a gateway answered another question")
            raise MessagesUnavailable
        return True

    async def ping(self) -> None:
        """As `ports.Messages`."""
        try:
            response = await self._client.get("/healthz", timeout=DEADLINE_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise MessagesUnavailable from error


def _seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isdigit() else RETRY_AFTER_S
