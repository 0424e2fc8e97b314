"""A gateway by HTTP: `POST /v1/orders/{order_id}/verdicts`."""

from typing import Final
from urllib.parse import quote

import httpx
import msgspec

from chat_gateway.moderation.gateway import TryAgain, refusal
from chat_gateway.moderation.watch import Action, Decision
from shared.contracts.ids import ClientId, MessageId
from shared.http import ErrorBody
from shared.service_token import ServiceToken

DEADLINE_S: Final = 35.0
"""A gateway ends every request within 30 s, and knows the outcome then, most of the time."""
CONNECT_S: Final = 5.0
PING_S: Final = 1.5


class _Body(msgspec.Struct, frozen=True):
    id: ClientId
    action: Action
    target: MessageId
    reason: str


_ENCODER: Final = msgspec.json.Encoder()
_ERROR: Final = msgspec.json.Decoder(ErrorBody)


class HttpGateway:
    """`chat_gateway.moderation.gateway.Gateway` in another process."""

    def __init__(self, client: httpx.AsyncClient, token: ServiceToken) -> None:
        """*client* has the gateways' address as its base and follows no redirects."""
        self._client = client
        self._token = token

    async def give(self, decision: Decision) -> bool:
        """See `Gateway`. Whoever does not answer as a gateway does is none: to be tried again."""
        body = _Body(decision.client_id, decision.action, decision.target, decision.reason)
        try:
            token = await self._token()
            response = await self._client.post(
                f"/v1/orders/{quote(decision.order_id, safe='')}/verdicts",
                content=_ENCODER.encode(body),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                timeout=httpx.Timeout(DEADLINE_S, connect=CONNECT_S),
            )
        except (httpx.HTTPError, OSError) as error:
            raise TryAgain(type(error).__name__) from error
        if response.status_code in (200, 201):
            return response.status_code == 201
        try:
            code = _ERROR.decode(response.content).error.code
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TryAgain(f"status {response.status_code}") from None
        raise refusal(code, after_s=_seconds(response.headers.get("Retry-After")))

    async def ping(self) -> None:
        """See `Gateway`."""
        try:
            response = await self._client.get("/healthz", timeout=PING_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise TryAgain(type(error).__name__) from error


def _seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isdigit() else 0.0
