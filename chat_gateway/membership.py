"""One joined order of one session: what the hub delivers to."""

from typing import Protocol

from chat_gateway.lane import Lane
from chat_gateway.tail import Room
from shared.contracts.ids import OrderId, Seq, UserId
from shared.timeline import Entry


class _Socket(Protocol):
    def send(self, frame: bytes) -> None: ...


class _Session(Protocol):
    @property
    def socket(self) -> _Socket: ...

    def withdrawn(self, order_id: OrderId) -> None: ...


class Membership:
    """A subscription of the hub, with the lane its client writes through."""

    __slots__ = ("_session", "answered", "deliver", "lane", "moderator", "room", "user_id")

    def __init__(
        self, session: _Session, room: Room, lane: Lane, user_id: UserId, *, moderator: bool
    ) -> None:
        self._session = session
        self.deliver = session.socket.send
        """Sends a ready-made frame of this order. The socket's own, not a method that calls it: in
        a large order that is half of what a delivery costs."""
        self.room = room
        self.lane = lane
        self.user_id = user_id
        self.moderator = moderator
        self.answered: Seq = room.conversation.head
        """The head its last answer went up to; nothing at or below it is sent again."""

    def recognise(self, entry: Entry) -> None:
        """An own event is about to be delivered: it is no longer owed."""
        if self.lane.owes and entry.id is not None:
            self.lane.resolve(entry.id)

    def withdraw(self) -> None:
        """The order itself withdrew this reader's access."""
        self._session.withdrawn(self.room.conversation.order_id)
