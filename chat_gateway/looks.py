"""Who reads an order: parties as they please, moderators so that it is known.

A moderator's look is an event of the order, and is in the log before anything is shown. For a while
after it the same moderator reads on without another one.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import uuid4

from chat_gateway.seam import NotFound, Opened, Query, Unavailable
from chat_gateway.verdicts import common, make_look
from chat_gateway.visits import Visits
from chat_gateway.writer import Refused, Writer
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId, OrderId, UserId
from shared.timeline import Entry
from shared.tokens import Identity

LOOK_S: Final = 600.0
"""How long one look lasts."""
LOOKS_MAX: Final = 10_000
"""Looks that are remembered; beyond it the oldest are forgotten, and written again."""


class Looks:
    """Reading, as `Visits` lets it happen, by the bearers of tokens."""

    def __init__(self, visits: Visits, writer: Writer, clock: Callable[[], float]) -> None:
        """*clock* only rises, in seconds."""
        self._visits = visits
        self._writer = writer
        self._clock = clock
        self._looks: dict[tuple[OrderId, UserId], tuple[asyncio.Task[None], float]] = {}
        """The last look of each moderator into each order, and when it was begun; oldest first."""

    async def open(
        self,
        identity: Identity,
        order_id: OrderId,
        query: Query,
        *,
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> Opened:
        """See `Visits.open`."""
        await self._note(identity, order_id)
        return await self._visits.open(identity, order_id, query, turn=turn)

    async def carrier(
        self, identity: Identity, order_id: OrderId, attachment_id: str
    ) -> Entry | None:
        """See `Visits.carrier`."""
        await self._note(identity, order_id)
        return await self._visits.carrier(identity, order_id, attachment_id)

    async def _note(self, identity: Identity, order_id: OrderId) -> None:
        """Have a moderator's look in the log. Raises `NotFound` or `Unavailable`."""
        if "moderator" not in identity.roles:
            return
        key = order_id, identity.user_id
        task, begun_at = self._looks.get(key, (None, 0.0))
        if task is None or self._clock() - begun_at > LOOK_S or _failed(task):
            self._looks.pop(key, None)  # so that the newest stands last
            if len(self._looks) >= LOOKS_MAX:
                del self._looks[next(iter(self._looks))]
            task = asyncio.create_task(self._write(identity, order_id))
            task.add_done_callback(_failed)  # whoever asked may have gone: not to be complained of
            self._looks[key] = task, self._clock()
        # Of two that ask at once both wait for the same look; it goes on if either gives up.
        await asyncio.shield(task)

    async def _write(self, identity: Identity, order_id: OrderId) -> None:
        fields = common(order_id, identity.user_id, ClientId(str(uuid4())))
        outcome = await self._writer.write(
            identity, make_look(fields, "conversation", target=None, reason="")
        )
        if isinstance(outcome, Refused):
            raise NotFound if outcome.code is ErrorCode.NOT_FOUND else Unavailable


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
