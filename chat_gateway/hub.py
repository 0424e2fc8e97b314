"""Who is told: order to subscriptions. Publishing is synchronous, of bytes encoded once."""

from collections.abc import Callable, Iterable
from typing import Protocol

from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts.frames import encode_frame
from shared.contracts.ids import OrderId, Seq, UserId
from shared.conversation import STANDS
from shared.timeline import Entry, may_see, show

Watcher = Callable[[Room, Entry], None]


class Subscription(Protocol):
    """One joined order of one connection."""

    user_id: UserId
    moderator: bool
    answered: Seq
    """The head its last answer went up to; nothing at or below it is sent again."""

    @property
    def deliver(self) -> Callable[[bytes], None]:
        """Sends a ready-made frame."""
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
        self._watchers: list[Watcher] = []
        self.delivered = 0
        """Frames handed to subscriptions since the start."""

    def watch(self, watcher: Watcher) -> None:
        """Call *watcher* for every entry that is folded here, void or not, seen by somebody or not;
        before anybody is delivered it."""
        self._watchers.append(watcher)

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

    def publish(self, room: Room, entry: Entry) -> None:
        """Deliver an entry that was just folded to everybody who may see it, in its live form.

        Parties and moderators see verdicts differently; so an event is encoded at most twice.
        """
        for watcher in self._watchers:
            watcher(room, entry)
        event = entry.event
        members = self._orders.get(event.order_id)
        if not members or entry.verdict is not STANDS:
            return
        if isinstance(event, log.OrderChanged):
            members = self._withdraw_removed(room, members)
        for_parties = encode_frame(show(entry))
        for_moderators: bytes | None = None
        seq, by, shown, delivered = entry.seq, event.by, entry.shown, 0
        for member in members:
            if seq <= member.answered:
                continue
            frame = for_parties
            if member.moderator:
                if not may_see(entry, member.user_id, moderator=True):
                    continue
                if for_moderators is None:
                    for_moderators = self._for_moderators(entry, for_parties)
                frame = for_moderators
            elif not shown:
                continue  # the writer of a report is told by `done`
            if by == member.user_id:
                member.recognise(entry)
            member.deliver(frame)
            delivered += 1
        self.delivered += delivered

    def broadcast(self, order_id: OrderId, frame: bytes, *, but: UserId) -> None:
        """Deliver something that is no event to the order's members, except one user's."""
        for member in self._orders.get(order_id, ()):
            if member.user_id != but:
                member.deliver(frame)
                self.delivered += 1

    def _for_moderators(self, entry: Entry, for_parties: bytes) -> bytes:
        if isinstance(entry.event, log.Verdict):
            return encode_frame(show(entry, moderator=True))
        return for_parties

    def _withdraw_removed(self, room: Room, members: Iterable[Subscription]) -> list[Subscription]:
        """The fold alone decides who reads: who was removed is told at this very event."""
        staying = []
        for member in list(members):
            if member.moderator or room.conversation.may(member.user_id, "read"):
                staying.append(member)
            else:
                member.withdraw()
        return staying
