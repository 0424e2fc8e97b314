"""One client's conversation with the gateway, without I/O: frames in, frames and wishes out.

A session knows the protocol and nothing of sockets, tasks or engines. What takes time it asks of
its `Desk`, which calls back; what can be answered from memory it answers at once.
"""

from math import ceil
from typing import Final, assert_never

from chat_gateway.admission import Ticket
from chat_gateway.answers import encode_joined, encode_page
from chat_gateway.attachments import read_grants
from chat_gateway.attempt import cleaned
from chat_gateway.contact import Guard
from chat_gateway.counts import Counts
from chat_gateway.cursors import ForgedCursor, inbox_place
from chat_gateway.desk import Desk
from chat_gateway.hub import Hub
from chat_gateway.lane import RETRY_AFTER_MS, Lane
from chat_gateway.limits import JOIN_COST, Flood, Rates
from chat_gateway.membership import Membership
from chat_gateway.publisher import Publisher
from chat_gateway.seam import Answer, Opened
from chat_gateway.socket import Socket
from chat_gateway.tail import Room
from chat_gateway.text import TextRefused
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import CATALOGUE, CloseCode, ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId
from shared.contracts.topics import partition_of
from shared.grants import Grants
from shared.timeline import Entry, show
from shared.tokens import Identity

HEARTBEAT_S: Final = 25
EARLY_FRAMES_MAX: Final = 64
"""Frames that may wait for the outcome of `hello`."""
MALFORMED_MAX: Final = 5
MALFORMED_WINDOW_S: Final = 10.0


class Session:
    """See the module. Made when a socket is open, before anything is known of its client."""

    __slots__ = (
        "_counts",
        "_desk",
        "_early",
        "_flood",
        "_grants",
        "_greeted",
        "_guard",
        "_hub",
        "_limits",
        "_malformed",
        "_publisher",
        "_rates",
        "_session_id",
        "_ticket",
        "closed",
        "identity",
        "orders",
        "socket",
    )

    def __init__(
        self,
        socket: Socket,
        desk: Desk,
        hub: Hub,
        publisher: Publisher,
        rates: Rates,
        ticket: Ticket,
        *,
        session_id: str,
        limits: frames.Limits,
        grants: Grants | None,
        guard: Guard,
        counts: Counts,
    ) -> None:
        self.socket = socket
        self.identity: Identity | None = None
        self.orders: dict[OrderId, Membership] = {}
        self.closed = False
        self._desk = desk
        self._hub = hub
        self._publisher = publisher
        self._rates = rates
        self._ticket = ticket
        self._flood = Flood()
        self._session_id = session_id
        self._limits = limits
        self._grants = grants
        self._guard = guard
        self._counts = counts
        self._greeted = False
        self._early: list[frames.ClientFrame] = []
        self._malformed: list[float] = []
        """When the last ones came, at most `MALFORMED_MAX`."""

    # From the socket.

    def receive(self, data: bytes) -> None:
        """Take one text frame."""
        if self.closed:
            return
        try:
            frame = frames.decode_client_frame(data)
        except frames.MalformedFrame as error:
            self._take_malformed(data, str(error))
            return
        if self.identity is None:
            self._take_early(frame)
        else:
            self._take(frame, self.identity)

    def lost(self) -> None:
        """The connection is gone."""
        self.closed = True
        self._ticket.leave()
        self._desk.drop(self)
        for order_id, membership in self.orders.items():
            membership.lane.lost()
            self._unsubscribe(order_id, membership)
        self.orders.clear()

    # From the desk.

    @property
    def backlog(self) -> int:
        """How many bytes wait for the client to take them."""
        return self.socket.buffered

    def welcome(self, identity: Identity) -> None:
        """The token is good."""
        if self.identity is None and "service" in identity.roles:
            self.close(CloseCode.ACCESS, "services have no websocket")
            return
        if self.identity is not None and self.identity.user_id != identity.user_id:
            self.unwelcome("This token is another user's.")
            return
        if self.identity is not None and self.identity.roles != identity.roles:
            self.unwelcome("This token has other roles; connect anew with it.")
            return
        if self.identity is None and not self._ticket.enter(identity.user_id):
            self.close(CloseCode.TOO_MANY_CONNECTIONS, "too many connections of this user")
            return
        self.identity = identity
        for order_id in [order_id for order_id in self.orders if not identity.covers(order_id)]:
            self.withdrawn(order_id)
        self._send(
            frames.Welcome(
                user_id=identity.user_id,
                session_id=self._session_id,
                heartbeat_s=HEARTBEAT_S,
                limits=self._limits,
            )
        )
        early, self._early = self._early, []
        for frame in early:
            if not self.closed:
                self._take(frame, identity)

    def unwelcome(self, why: str) -> None:
        """The token is not good; the one before, if any, lives on."""
        if self.identity is None:
            self.close(CloseCode.TOKEN, "the token was not accepted")
        else:
            self._refuse(None, ErrorCode.UNAUTHENTICATED, why)

    def undecided(self) -> None:
        """Whether the token is good cannot be told now."""
        if self.identity is None:
            self.close(CloseCode.SERVICE_RESTART, "tokens cannot be verified now")
        else:
            self._refuse(None, ErrorCode.UNAVAILABLE, "Tokens cannot be verified now; try again.")

    def opened(self, join: frames.Join, opened: Opened, online: list[UserId] | None) -> None:
        """A join is answered. Nothing may happen between the answer's making and this call."""
        assert self.identity is not None
        membership = self.orders.get(join.order_id)
        if membership is None:
            if len(self.orders) >= self._limits.orders_per_connection:
                at_most = self._limits.orders_per_connection
                self._refuse(join.ref, ErrorCode.BUSY, f"At most {at_most} orders at a time.")
                return
            membership = self._subscribe(join.order_id, opened.room, self.identity)
        membership.answered = opened.room.conversation.head
        self.socket.send(encode_joined(join, opened, self.identity.user_id, online))

    def not_opened(self, join: frames.Join, code: ErrorCode) -> None:
        """A join failed."""
        self._refuse(join.ref, code)

    def paged(self, request: frames.History, answer: Answer) -> None:
        """A page of history is there."""
        self.socket.send(encode_page(request, answer))

    def not_paged(self, request: frames.History, code: ErrorCode) -> None:
        """A page of history cannot be had now."""
        self._refuse(request.ref, code)

    def tell(self, frame: bytes) -> None:
        """A ready-made frame of the Messages area."""
        self.socket.send(frame)

    def not_listed(self, request: frames.Inbox, code: ErrorCode) -> None:
        """A page of the Messages area cannot be had now."""
        self._refuse(request.ref, code)

    # From the hub.

    def withdrawn(self, order_id: OrderId) -> None:
        """The order's own events say that this user takes no part any more."""
        self._desk.drop(self, order_id)
        self._close_order(order_id)
        self._send(frames.Left(ref=None, order_id=order_id, code=ErrorCode.FORBIDDEN))

    # From the gateway's clock.

    def beat(self) -> None:
        """Show that the connection lives, and how far its orders have come.

        All of them: of an order whose last event got lost, something was sent a moment ago. Nothing
        is named too early, since frames come in the order they are sent.
        """
        heads = {
            order_id: membership.room.conversation.shown
            for order_id, membership in self.orders.items()
        }
        self._send(frames.Beat(heads=heads))

    def goodbye(self, reconnect_after_ms: int) -> None:
        """This gateway is going away: take nothing more, and close once what was taken is told."""
        self._send(frames.Goodbye(code="restart", reconnect_after_ms=reconnect_after_ms))
        self.closed = True
        self.part(overdue=False)

    def part(self, *, overdue: bool) -> bool:
        """Close after `goodbye` if every attempt has its outcome; *overdue*: what has none is
        unknown. Tell whether it is closed."""
        lanes = [membership.lane for membership in self.orders.values()]
        if not overdue and not all(lane.idle for lane in lanes):
            return False
        for lane in lanes:
            lane.leave()
        self.close(CloseCode.SERVICE_RESTART, "restart")
        return True

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the connection; what still comes is not read."""
        self.closed = True
        self.socket.close(code, reason)

    # From lanes (`chat_gateway.lane.Outlet`).

    def refuse(
        self,
        ref: int,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        """This attempt will never be shown."""
        self._refuse(ref, code, message, id_=id_, retry_after_ms=retry_after_ms)

    def unknown(self, ref: int, id_: ClientId, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        """Nobody knows what became of it."""
        self._counts.unknown += 1
        self._send(frames.Unknown(ref=ref, id=id_, retry_after_ms=retry_after_ms))

    def settled(self, ref: int, entry: Entry) -> None:
        """An attempt stands. Of a report the client is told here, of all else by the hub."""
        if isinstance(entry.event, log.Report):
            self._send(frames.Done(ref=ref, seq=entry.seq))

    def show(self, entry: Entry) -> None:
        """An entry that stands since an earlier try."""
        self._send(show(entry))

    def look_up(self, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        """Find out whether an id was used."""
        self._desk.look_up(self, lane, order_id, id_)

    # Frames.

    def _take_early(self, frame: frames.ClientFrame) -> None:
        """Before the welcome: one `hello`, and what was sent behind it at once."""
        if not self._greeted and isinstance(frame, frames.Hello):
            self._greeted = True
            self._desk.verify(self, frame.token)
        elif self._greeted and len(self._early) < EARLY_FRAMES_MAX:
            self._early.append(frame)
        else:
            self.close(CloseCode.TOKEN, "the first frame must be hello")

    def _take(self, frame: frames.ClientFrame, identity: Identity) -> None:
        now = self._desk.time()
        wait_ms = self._wait_ms(frame, identity.user_id, now)
        if wait_ms and self._flood.refused(now):
            self.close(CloseCode.FLOODING, "too many requests beyond the rate")
            return
        now_ms = self._desk.now_ms()
        if now_ms >= identity.expires_at * 1000 and not isinstance(frame, frames.Auth):
            self._refuse_frame(frame, ErrorCode.TOKEN_EXPIRED)
            return
        if wait_ms and not isinstance(frame, frames.Attempt):
            self._refuse_frame(frame, ErrorCode.RATE_LIMITED, retry_after_ms=wait_ms)
            return
        match frame:
            case frames.Send() | frames.Edit() | frames.Delete() | frames.Report():
                self._attempt(frame, wait_ms, now_ms)
            case frames.Type():
                self._type(frame)
            case frames.Read():
                self._read(frame)
            case frames.Join():
                self._join(frame, identity)
            case frames.Leave():
                self._leave(frame)
            case frames.History():
                self._history(frame)
            case frames.Auth():
                self._desk.verify(self, frame.token)
            case frames.Hello():
                self._refuse(None, ErrorCode.INVALID, "There was a hello already; use auth.")
            case frames.Inbox():
                self._list(frame)
            case _:
                assert_never(frame)

    def _wait_ms(self, frame: frames.ClientFrame, user_id: UserId, now: float) -> int:
        """Count a frame; in how many ms it may come again, 0 if it may be taken now."""
        match frame:
            case frames.Send() | frames.Edit() | frames.Delete() | frames.Report():
                wait_s = self._rates.messages.take(user_id, 1, now)
            case frames.Join() | frames.History() | frames.Inbox():
                wait_s = self._rates.frames.take(user_id, JOIN_COST, now)
            case _:
                wait_s = self._rates.frames.take(user_id, 1, now)
        return ceil(wait_s * 1000) if wait_s else 0

    def _attempt(self, frame: frames.Attempt, wait_ms: int, now_ms: int) -> None:
        membership = self.orders.get(frame.order_id)
        if membership is None:
            self._refuse_frame(frame, ErrorCode.NOT_JOINED)
            return
        if membership.moderator:
            self._refuse_frame(frame, ErrorCode.FORBIDDEN, "Moderators do not write here.")
            return
        try:
            frame = cleaned(frame, self._limits)
            grants = read_grants(frame, self._limits, self._grants)
        except TextRefused as refusal:
            self._refuse_frame(frame, refusal.code, refusal.message)
            return
        if wait_ms:
            # By way of the lane, where it keeps its place before what was typed after it.
            membership.lane.limit(frame, wait_ms, grants)
        else:
            membership.lane.submit(frame, now_ms, grants)

    def _join(self, frame: frames.Join, identity: Identity) -> None:
        if identity.orders is not None and frame.order_id not in identity.orders:
            self._refuse(frame.ref, ErrorCode.NOT_FOUND)
        elif not self._desk.open(self, frame):
            self._refuse(frame.ref, ErrorCode.BUSY)

    def _leave(self, frame: frames.Leave) -> None:
        dropped = self._desk.drop(self, frame.order_id)
        if not dropped and frame.order_id not in self.orders:
            self._refuse(frame.ref, ErrorCode.NOT_JOINED)
            return
        self._close_order(frame.order_id)
        self._send(frames.Left(ref=frame.ref, order_id=frame.order_id, code=None))

    def _history(self, frame: frames.History) -> None:
        if frame.order_id not in self.orders:
            self._refuse(frame.ref, ErrorCode.NOT_JOINED)
        elif not self._desk.page(self, frame):
            self._refuse(frame.ref, ErrorCode.BUSY)

    def _list(self, frame: frames.Inbox) -> None:
        try:
            place = None if frame.before is None else inbox_place(frame.before)
        except ForgedCursor:
            self._refuse(frame.ref, ErrorCode.INVALID, "This cursor was not given out.")
            return
        if not self._desk.list(self, frame, place):
            self._refuse(frame.ref, ErrorCode.BUSY)

    def _read(self, frame: frames.Read) -> None:
        membership = self.orders.get(frame.order_id)
        if membership is None:
            self._refuse(None, ErrorCode.NOT_JOINED)
        elif not membership.moderator:
            self._desk.mark(self, membership.room, membership.user_id, frame.up_to)

    def _type(self, frame: frames.Type) -> None:
        membership = self.orders.get(frame.order_id)
        if membership is None:
            self._refuse(None, ErrorCode.NOT_JOINED)
        elif not membership.moderator and membership.room.conversation.may_write(
            membership.user_id, self._desk.now_ms()
        ):
            self._desk.typing(membership.room, membership.user_id, frame.what)

    def _take_malformed(self, data: bytes, why: str) -> None:
        if self.identity is None:
            self.close(CloseCode.TOKEN, "the first frame must be hello, and what follows frames")
            return
        now = self._desk.time()
        if len(self._malformed) == MALFORMED_MAX:
            first = self._malformed.pop(0)
            too_many = now - first <= MALFORMED_WINDOW_S
        else:
            too_many = False
        self._malformed.append(now)
        if too_many:
            self.close(CloseCode.POLICY_VIOLATION, "too many malformed frames")
            return
        ref, id_ = frames.salvage(data)
        self._refuse(ref, ErrorCode.INVALID, why, id_=id_)

    # Inside.

    def _subscribe(self, order_id: OrderId, room: Room, identity: Identity) -> Membership:
        moderator = "moderator" in identity.roles
        partition = partition_of(order_id, self._publisher.partitions)
        lane = Lane(room, identity.user_id, self._publisher, partition, self, self._guard)
        membership = Membership(self, room, lane, identity.user_id, moderator=moderator)
        self.orders[order_id] = membership
        self._hub.subscribe(order_id, membership)
        self._desk.arrived(room, identity.user_id, moderator=moderator)
        return membership

    def _close_order(self, order_id: OrderId) -> None:
        membership = self.orders.pop(order_id, None)
        if membership is not None:
            membership.lane.leave()
            self._unsubscribe(order_id, membership)

    def _unsubscribe(self, order_id: OrderId, membership: Membership) -> None:
        self._hub.unsubscribe(order_id, membership)
        self._desk.departed(membership.room, membership.user_id, moderator=membership.moderator)

    def _refuse_frame(
        self,
        frame: frames.ClientFrame,
        code: ErrorCode,
        message: str | None = None,
        *,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        """Refuse a frame by what it has of `ref` and `id`."""
        id_: ClientId | None = getattr(frame, "id", None)
        ref: int | None = getattr(frame, "ref", None)
        self._refuse(ref, code, message, id_=id_, retry_after_ms=retry_after_ms)

    def _refuse(
        self,
        ref: int | None,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        info = CATALOGUE[code]
        self._counts.refused[code] += 1
        self._send(
            frames.Refused(
                ref=ref,
                id=id_,
                code=code,
                message=message or info.message,
                retry=info.retry,
                retry_after_ms=retry_after_ms if info.retry else None,
            )
        )

    def _send(self, frame: frames.ServerFrame | frames.EventShown) -> None:
        self.socket.send(frames.encode_frame(frame))
