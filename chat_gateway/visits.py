"""How anybody gets at an order, by websocket or by HTTP: authorised, then answered by the seam."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from chat_gateway.access import AccessCache
from chat_gateway.failures import code_of
from chat_gateway.feed import Feed
from chat_gateway.lane import Uncertain
from chat_gateway.seam import (
    Access,
    NotFound,
    Opened,
    Query,
    Reader,
    find_carrier,
    look_up,
    open_order,
)
from chat_gateway.tail import Room
from shared.contracts.ids import MessageId, OrderId, UserId, is_order_id
from shared.timeline import Entry
from shared.tokens import Identity

ANSWER_DEADLINE_S: Final = 10.0
"""Whatever a client asked for ends by then; each wait on the way has a shorter one of its own."""
NO_EVENTS: Final = Query(after=None, before=None, limit=0)
"""For who wants the way in alone."""


def reader_of(identity: Identity) -> Reader:
    """As whom the bearer of a token reads."""
    return Reader(
        identity.user_id,
        moderator="moderator" in identity.roles,
        service="service" in identity.roles,
    )


class Visits:
    """The way into the orders of one gateway. `open` ends when its caller gives up."""

    def __init__(self, feed: Feed, access: AccessCache, opened: Callable[[Room], None]) -> None:
        """*opened* is told of each room that somebody has got into."""
        self._feed = feed
        self._access = access
        self._opened = opened

    async def open(
        self,
        identity: Identity,
        order_id: OrderId,
        query: Query,
        *,
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> Opened:
        """An order's room and an answer from it, as they stand when this returns.

        A stranger, an order that is not there, an id that can be none and an order that the token
        does not cover are `NotFound` alike. Raises that, `Forbidden`, `Unavailable` or
        `OrdersUnavailable`.
        """
        if not is_order_id(order_id) or not identity.covers(order_id):
            raise NotFound
        reader = reader_of(identity)
        unasked = reader.moderator or reader.service
        access = None if unasked else await self._admit(order_id, reader.user_id)

        async def ask_again() -> Access | None:
            return await self._access.ask(order_id, reader.user_id, afresh=True)

        opened = await self._feed.answer(
            order_id,
            query.after,
            lambda tail: open_order(tail, order_id, reader, access, query),
            turn=turn,
            ask_again=ask_again,
        )
        self._opened(opened.room)
        return opened

    async def look_up(self, order_id: OrderId, id_: MessageId) -> Entry | Uncertain | None:
        """The entry of an id of an order that is open here; null: it is certainly not there."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                return await self._feed.answer(
                    order_id, None, lambda tail: look_up(tail, order_id, id_)
                )
        except Exception as error:
            code_of(error)
            return Uncertain()

    async def carrier(
        self, identity: Identity, order_id: OrderId, attachment_id: str
    ) -> Entry | None:
        """The message that carries a file, as the bearer of a token may see it now; null if none
        does. Raises what `open` raises."""
        reader = reader_of(identity)
        with self._feed.holding(order_id):
            await self.open(identity, order_id, NO_EVENTS)
            return await self._feed.answer(
                order_id, None, lambda tail: find_carrier(tail, order_id, reader, attachment_id)
            )

    async def _admit(self, order_id: OrderId, user_id: UserId) -> Access:
        access = await self._access.ask(order_id, user_id)
        if access is None:
            raise NotFound
        return access
