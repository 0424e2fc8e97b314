"""What lies outside sessions and lanes, as recorders: the socket, the desk, a lane's outlet."""

from typing import NamedTuple

from chat_gateway.desk import Client
from chat_gateway.lane import RETRY_AFTER_MS, Lane
from chat_gateway.session import Session
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId
from shared.store.port import InboxPlace
from shared.timeline import Entry
from tests.shared.story import START_MS

NOW_MS = START_MS + 60_000

Frame = frames.ServerFrame | frames.EventShown


class RecordingSocket:
    """The client's end: what was sent to it, and how it was closed."""

    def __init__(self) -> None:
        self.buffered = 0
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def send(self, frame: bytes) -> None:
        if self.closed is None:
            self.sent.append(frame)

    def close(self, code: int, reason: str = "") -> None:
        self.closed = self.closed or (int(code), reason)

    def abort(self) -> None:
        self.closed = self.closed or (1006, "")

    @property
    def code(self) -> int | None:
        """The close code, null while open."""
        return self.closed[0] if self.closed is not None else None

    def take(self) -> list[Frame]:
        """What came since the last call."""
        sent, self.sent = self.sent, []
        return [frames.decode_server_frame(frame) for frame in sent]


class LookUp(NamedTuple):
    """A look-up that was asked for, and the base that was taken then."""

    client: Client
    lane: Lane
    id: MessageId
    base: int


class RecordingDesk:
    """Takes wishes and leaves their answers to the test; its clocks stand still."""

    def __init__(self) -> None:
        self.ms = NOW_MS
        self.seconds = 100.0
        self.full = False
        self.tokens: list[str] = []
        self.joins: list[frames.Join] = []
        self.pages: list[frames.History] = []
        self.lists: list[tuple[frames.Inbox, InboxPlace | None]] = []
        self.look_ups: list[LookUp] = []
        self.marks: list[tuple[UserId, Seq]] = []
        self.moves: list[tuple[str, UserId, bool]] = []
        self.typed: list[tuple[UserId, str]] = []
        self.dropped: list[OrderId | None] = []

    def verify(self, client: Client, token: str) -> None:
        self.tokens.append(token)

    def open(self, client: Client, join: frames.Join) -> bool:
        if not self.full:
            self.joins.append(join)
        return not self.full

    def page(self, client: Client, request: frames.History) -> bool:
        if not self.full:
            self.pages.append(request)
        return not self.full

    def list(self, client: Client, request: frames.Inbox, place: InboxPlace | None) -> bool:
        if not self.full:
            self.lists.append((request, place))
        return not self.full

    def look_up(self, client: Client, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        assert isinstance(client, Session)
        base = client.orders[order_id].room.conversation.places
        self.look_ups.append(LookUp(client, lane, id_, base))

    def drop(self, client: Client, order_id: OrderId | None = None) -> bool:
        self.dropped.append(order_id)
        asked = [join for join in self.joins if order_id in (None, join.order_id)]
        self.joins = [join for join in self.joins if join not in asked]
        self.look_ups = [look_up for look_up in self.look_ups if look_up.client is not client]
        return bool(asked)

    def mark(self, client: Client, room: Room, user_id: UserId, up_to: Seq) -> None:
        self.marks.append((user_id, up_to))

    def arrived(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        self.moves.append(("arrived", user_id, moderator))

    def departed(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        self.moves.append(("departed", user_id, moderator))

    def typing(self, room: Room, user_id: UserId, what: frames.Typing) -> None:
        self.typed.append((user_id, what))

    def now_ms(self) -> int:
        return self.ms

    def time(self) -> float:
        return self.seconds


class RecordingOutlet:
    """What a lane answered, in order: (what, ref or seq, id or code)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int, str]] = []
        self.look_ups: list[MessageId] = []

    def refuse(
        self,
        ref: int,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        self.said.append(("refused", ref, code.value))

    def unknown(self, ref: int, id_: ClientId, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        self.said.append(("unknown", ref, id_))

    def settled(self, ref: int, entry: Entry) -> None:
        if isinstance(entry.event, log.Report):
            self.said.append(("done", ref, entry.event.order_id))

    def show(self, entry: Entry) -> None:
        assert entry.id is not None
        self.said.append(("event", entry.n, entry.id))

    def look_up(self, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        self.look_ups.append(id_)

    def take(self) -> list[tuple[str, int, str]]:
        """What was answered since the last call."""
        said, self.said = self.said, []
        return said
