"""What a session may ask for that takes time, and what it is told then."""

from typing import Protocol

from chat_gateway.lane import Lane
from chat_gateway.seam import Answer, Opened
from chat_gateway.tail import Room
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.store.port import InboxPlace
from shared.tokens import Identity


class Client(Protocol):
    """The session's side of what it asks for."""

    @property
    def identity(self) -> Identity | None:
        """Who it is; null before `welcome`."""
        ...

    @property
    def backlog(self) -> int:
        """How many bytes wait for it to take them."""
        ...

    def welcome(self, identity: Identity) -> None:
        """The token is good."""
        ...

    def unwelcome(self, why: str) -> None:
        """The token is not good; the one before, if any, lives on."""
        ...

    def undecided(self) -> None:
        """Whether the token is good cannot be told now."""
        ...

    def opened(self, join: frames.Join, opened: Opened, online: list[UserId] | None) -> None:
        """A join is answered. Nothing may happen between the answer's making and this call."""
        ...

    def not_opened(self, join: frames.Join, code: ErrorCode) -> None:
        """A join failed."""
        ...

    def paged(self, request: frames.History, answer: Answer) -> None:
        """A page of history is there."""
        ...

    def not_paged(self, request: frames.History, code: ErrorCode) -> None:
        """A page of history cannot be had now."""
        ...

    def tell(self, frame: bytes) -> None:
        """A ready-made frame of the Messages area."""
        ...

    def not_listed(self, request: frames.Inbox, code: ErrorCode) -> None:
        """A page of the Messages area cannot be had now."""
        ...


class Desk(Protocol):
    """Every wish ends in one call-back with an answer or a failure, or is dropped."""

    def verify(self, client: Client, token: str) -> None:
        """Then `welcome`, `unwelcome` or `undecided`."""
        ...

    def open(self, client: Client, join: frames.Join) -> bool:
        """Then `opened` or `not_opened`; false if too much is under way for this client."""
        ...

    def page(self, client: Client, request: frames.History) -> bool:
        """Then `paged` or `not_paged`; false if too much is under way for this client."""
        ...

    def list(self, client: Client, request: frames.Inbox, place: InboxPlace | None) -> bool:
        """Then a page by `tell`, and each change of a line from here on; or `not_listed`. False if
        too much is under way for this client."""
        ...

    def look_up(self, client: Client, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        """Then `lane.looked_up`."""
        ...

    def drop(self, client: Client, order_id: OrderId | None = None) -> bool:
        """Drop what the client asked for, of one order or altogether: no call-back comes any more.
        Tell whether there was anything."""
        ...

    def mark(self, client: Client, room: Room, user_id: UserId, up_to: Seq) -> None:
        """Write a read mark, soon. If it is lost, the next one says more."""
        ...

    def arrived(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        """A connection opened an order."""
        ...

    def departed(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        """A connection closed an order."""
        ...

    def typing(self, room: Room, user_id: UserId, what: frames.Typing) -> None:
        """Tell the others."""
        ...

    def now_ms(self) -> int:
        """The wall clock."""
        ...

    def time(self) -> float:
        """A clock that only rises, in seconds."""
        ...
