"""Reads of the store for inboxes, overlaid with the rooms that are open here."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple, TypeVar

from chat_gateway.cursors import inbox_cursor
from chat_gateway.inbox_account import STANDINGS_MAX, Account, News
from chat_gateway.inbox_lines import Viewer, cut_page, fit, line_of, newest
from chat_gateway.open_rooms import OpenRooms
from chat_gateway.seam import Unavailable
from chat_gateway.tail import Room
from shared.contracts.ids import OrderId
from shared.store.port import InboxLine, InboxPlace, Reading, StoreUnavailable
from shared.summary import summarize

READ_DEADLINE_S: Final = 5.0
READS_MAX: Final = 16
"""Reads of the store under way for inboxes: chats come first."""

T = TypeVar("T")


class Listing(NamedTuple):
    """A page: its lines in their form on the wire, newest first, and whose they are."""

    orders: list[OrderId]
    lines: list[bytes]
    unread_total: int
    cursor: str | None
    """What the next page begins after; null: there is none."""


class InboxReads:
    """What one gateway reads for its viewers. Every read raises `Unavailable` if the store does not
    answer in time."""

    def __init__(self, store: Reading, rooms: OpenRooms) -> None:
        self._store = store
        self._rooms = rooms
        self._under_way = asyncio.Semaphore(READS_MAX)

    async def page(
        self, viewer: Viewer, account: Account, place: InboxPlace | None, limit: int
    ) -> tuple[Listing, News]:
        """A page that follows on *place*, and what was found out on the way that the viewer's other
        connections do not know."""
        news = News(set(), set())
        if place is None or not account.opened:
            first = not account.opened
            found = await self.compare(viewer, account)
            news = news if first else found
        stored = await self._read(
            lambda: self._store.inbox(
                viewer.user_id, before=place, limit=limit + 1, orders=viewer.orders
            )
        )
        live = await self._live(viewer, stored)
        # From here on nothing waits: the page is as the rooms are now.
        lines, cut = fit(viewer, cut_page(viewer, stored, live, place, limit))
        for line in cut.lines:
            order_id = line.summary.order_id
            if account.fall_back(line.summary) or (
                account.follows(order_id) and account.learn(line.summary)
            ):
                news.moved.add(order_id)
        orders = [line.summary.order_id for line in cut.lines]
        cursor = inbox_cursor(cut.end) if cut.end is not None else None
        return Listing(orders, lines, account.unread_total, cursor), news

    async def compare(self, viewer: Viewer, account: Account) -> News:
        """Put the viewer's numbers right, by the store and by what is folded here."""
        tally = await self._read(
            lambda: self._store.tally(viewer.user_id, limit=STANDINGS_MAX, orders=viewer.orders)
        )
        rooms = {room.conversation.order_id: room for room in self._rooms_of(viewer)}
        for standing in tally.standings:
            if (room := self._rooms.find(standing.order_id)) is not None:
                rooms[standing.order_id] = room
        summaries = (summarize(room.conversation) for room in rooms.values())
        return account.take(tally, [summary for summary in summaries if summary is not None])

    async def _live(self, viewer: Viewer, stored: Sequence[InboxLine]) -> dict[OrderId, InboxLine]:
        """The lines of all open rooms that may stand on a page, besides those of the store."""
        known = {line.summary.order_id: line for line in stored}
        wanting = [
            room.conversation.order_id
            for room in self._rooms_of(viewer)
            if room.conversation.order_id not in known and line_of(room, None) is None
        ]
        if wanting:
            known |= await self.lines(viewer, wanting)
        orders = {*known, *(room.conversation.order_id for room in self._rooms_of(viewer))}
        lines = {each: newest(known.get(each), self._rooms.find(each)) for each in orders}
        return {order_id: line for order_id, line in lines.items() if line is not None}

    def _rooms_of(self, viewer: Viewer) -> list[Room]:
        rooms = self._rooms.of(viewer.user_id)
        return [room for room in rooms if viewer.covers(room.conversation.order_id)]

    async def lines(self, viewer: Viewer, orders: Collection[OrderId]) -> dict[OrderId, InboxLine]:
        """The stored lines of these conversations, of those that the viewer reads."""
        lines = await self._read(
            lambda: self._store.inbox(viewer.user_id, limit=len(orders), orders=orders)
        )
        return {line.summary.order_id: line for line in lines}

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(READ_DEADLINE_S), self._under_way:
                return await read()
        except (StoreUnavailable, TimeoutError) as error:
            raise Unavailable from error
