"""A gateway of the same process: verdicts go to its writer without HTTP."""

import math
from collections.abc import Mapping
from typing import Final

from chat_gateway.attempt import Attempt
from chat_gateway.moderation.gateway import refusal
from chat_gateway.moderation.watch import Action, Decision
from chat_gateway.verdicts import common
from chat_gateway.writer import Refused, Writer
from shared.contracts import events as log
from shared.http import Ping
from shared.timeline import MODERATION
from shared.tokens import Identity

_OURSELVES: Final = Identity(
    user_id=MODERATION, roles=frozenset({"moderator"}), expires_at=math.inf
)
_VERDICTS: Final[Mapping[Action, type[log.Redact | log.Flag]]] = {
    "redact": log.Redact,
    "flag": log.Flag,
}


class InsideGateway:
    """`chat_gateway.moderation.gateway.Gateway` over a writer."""

    def __init__(self, writer: Writer, ping: Ping) -> None:
        self._writer = writer
        self._ping = ping

    async def give(self, decision: Decision) -> bool:
        """See `Gateway`."""
        event = _VERDICTS[decision.action](
            **common(decision.order_id, MODERATION, decision.client_id),
            target=decision.target,
            reason=decision.reason,
        )
        outcome = await self._writer.write(_OURSELVES, Attempt(event))
        if isinstance(outcome, Refused):
            raise refusal(outcome.code)
        return outcome.new

    async def ping(self) -> None:
        """See `Gateway`."""
        await self._ping()
