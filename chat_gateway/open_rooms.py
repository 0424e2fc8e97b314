"""Whose conversations are open on this gateway: user to rooms."""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from chat_gateway.tail import Room
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId, UserId
from shared.summary import parties_of

ROOMS_MAX: Final = 500
"""Of who takes part in more orders that are open here, the newest so many are answered from here:
the others as the store has them, which is behind by moments."""

FindRoom = Callable[[OrderId], Room | None]


class _Parties(NamedTuple):
    order: OrderChanged | None
    users: tuple[UserId, ...]


_NOBODY: Final = _Parties(None, ())


class OpenRooms:
    """An index over the rooms that *find* knows; what it forgets is gone at the next sweep."""

    def __init__(self, find: FindRoom) -> None:
        self.find = find
        self._parties: dict[OrderId, _Parties] = {}
        self._orders: dict[UserId, set[OrderId]] = {}

    def note(self, room: Room) -> Collection[UserId]:
        """Index a room as its participants are now; answer them, with those who have been
        removed since it was noted last."""
        conversation = room.conversation
        order_id = conversation.order_id
        known = self._parties.get(order_id, _NOBODY)
        if known.order is conversation.order:  # nearly always
            return known.users
        before, now = frozenset(known.users), parties_of(conversation)
        self._parties[order_id] = _Parties(conversation.order, tuple(now))
        self._unlist(order_id, before - now)
        for user_id in now - before:
            self._orders.setdefault(user_id, set()).add(order_id)
        return before | now

    def of(self, user_id: UserId) -> list[Room]:
        """The open rooms of a user, those with the newest messages."""
        rooms = [
            room
            for order_id in self._orders.get(user_id, ())
            if (room := self.find(order_id)) is not None
        ]
        rooms.sort(key=lambda room: room.conversation.updated_at, reverse=True)
        return rooms[:ROOMS_MAX]

    def sweep(self) -> None:
        """Forget rooms that are closed."""
        for order_id in list(self._parties):
            if self.find(order_id) is None:
                self._unlist(order_id, self._parties.pop(order_id).users)

    def _unlist(self, order_id: OrderId, users: Collection[UserId]) -> None:
        for user_id in users:
            orders = self._orders[user_id]
            orders.discard(order_id)
            if not orders:
                del self._orders[user_id]
