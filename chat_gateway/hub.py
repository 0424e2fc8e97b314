"""Who is told: order to subscriptions. Publishing is synchronous, of bytes encoded once."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts.frames import encode_frame
from shared.contracts.ids import OrderId, Seq, UserId
from shared.timeline import Entry, show


class Subscription(Protocol):
    """One joined order of one connection."""

    user_id: UserId
    moderator: bool
    answered: Seq
    """The head its last answer went up to; nothing at or below it is sent again."""

    def deliver(self, frame: bytes) -> None:
        """Send a ready-made frame."""
        ...

    def recognise(self, entry: Entry) -> None:
        """An own event is about to be delivered."""
        ...

    def withdraw(self) -> None:
        """The reader takes no part any more: say so, and close the order."""
        ...


class Hub:
    """The subscriptions of one gateway."""

    def __init__(self) -> None:
        self._orders: dict[OrderId, list[Subscription]] = {}

    def subscribe(self, order_id: OrderId, subscription: Subscription) -> None:
        """Deliver the order's events to *subscription* from here on."""
        self._orders.setdefault(order_id, []).append(subscription)

    def unsubscribe(self, order_id: OrderId, subscription: Subscription) -> None:
        """Deliver nothing more."""
        members = self._orders.get(order_id, [])
        if subscription in members:
            members.remove(subscription)
            if not members:
                del self._orders[order_id]

    def members(self, order_id: OrderId) -> tuple[Subscription, ...]:
        """Who has the order open here."""
        return tuple(self._orders.get(order_id, ()))

    def orders(self) -> Iterator[OrderId]:
        """The orders somebody has open here."""
        return iter(tuple(self._orders))

    def publish(self, room: Room, entry: Entry) -> None:
        """Deliver an entry that was just folded to everybody who may see it, in its live form.

        Parties and moderators see verdicts differently; so an event is encoded at most twice.
        """
        members = self._orders.get(entry.order_id)
        if not members or not entry.stands:
            return
        if isinstance(entry.event, log.OrderChanged):
            members = self._withdraw_removed(room, members)
        frame = encode_frame(show(entry)) if entry.shown else None
        private = frame if frame and not _differs(entry) else None
        for member in members:
            if entry.seq <= member.answered:
                continue
            if member.moderator:
                if isinstance(entry.event, log.Read) and frame is None:
                    continue
                private = private or encode_frame(show(entry, moderator=True))
                member.deliver(private)
            elif frame is not None:
                if entry.event.by == member.user_id:
                    member.recognise(entry)
                member.deliver(frame)

    def broadcast(self, order_id: OrderId, frame: bytes, *, but: UserId) -> None:
        """Deliver something that is no event to the order's members, except one user's."""
        for member in self._orders.get(order_id, ()):
            if member.user_id != but:
                member.deliver(frame)

    def _withdraw_removed(self, room: Room, members: Iterable[Subscription]) -> list[Subscription]:
        """The fold alone decides who reads: who was removed is told at this very event."""
        staying = []
        for member in list(members):
            if member.moderator or room.conversation.may(member.user_id, "read"):
                staying.append(member)
            else:
                member.withdraw()
        return staying


def _differs(entry: Entry) -> bool:
    """Whether moderators get another form than the parties."""
    return isinstance(entry.event, log.Verdict)
