"""One gateway: its sessions, and the tasks that do for them what takes time."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from chat_gateway.admission import Ticket
from chat_gateway.contact import Guard
from chat_gateway.counts import Counts
from chat_gateway.desk import Client
from chat_gateway.expiries import Expiries
from chat_gateway.failures import code_of
from chat_gateway.feed import Feed
from chat_gateway.hub import Hub
from chat_gateway.inbox import Inbox
from chat_gateway.inbox_lines import Viewer
from chat_gateway.lane import Lane
from chat_gateway.limits import Rates
from chat_gateway.looks import Looks
from chat_gateway.marks import Marks
from chat_gateway.presence import Presence
from chat_gateway.publisher import Publisher
from chat_gateway.seam import Query, Reader, read_page
from chat_gateway.session import HEARTBEAT_S, Session
from chat_gateway.socket import Socket
from chat_gateway.tail import Room
from chat_gateway.visits import ANSWER_DEADLINE_S, Visits, reader_of
from shared.contracts import frames
from shared.contracts.errors import CloseCode
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.grants import Grants
from shared.store.port import InboxPlace
from shared.tokens import BadToken, Identity, KeysUnavailable, Verifier

logger = logging.getLogger("order_chat.gateway")

HELLO_DEADLINE_S: Final = 5.0
EXPIRY_GRACE_S: Final = 5.0
BACKLOG_MAX: Final = 65_536
"""While more than this waits for a client, no further page is made for it: a slow line must not
fill up with answers until the client counts as too slow, comes back and asks for the same again."""
BACKLOG_CHECK_S: Final = 0.02
OPENING_MAX: Final = 50
PAGING_MAX: Final = 8


class _Turn(msgspec.Struct):
    """One page after the other, for one client."""

    lock: asyncio.Lock
    wanted: int = 0
    """How many pages have it or wait for it."""


class Gateway:
    """The desk of all sessions (`chat_gateway.desk.Desk`), and their beginning and end."""

    def __init__(
        self,
        feed: Feed,
        publisher: Publisher,
        hub: Hub,
        presence: Presence,
        marks: Marks,
        inbox: Inbox,
        visits: Visits,
        looks: Looks,
        verifier: Verifier,
        limits: frames.Limits,
        rates: Rates,
        grants: Grants | None,
        guard: Guard,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._feed = feed
        self._publisher = publisher
        self._hub = hub
        self._presence = presence
        self._marks = marks
        self._inbox = inbox
        self._visits = visits
        self._looks = looks
        self._verifier = verifier
        self._limits = limits
        self._rates = rates
        self._grants = grants
        self._guard = guard
        self._clock = clock
        self._wishes: dict[Client, dict[asyncio.Task[None], tuple[str, OrderId | None]]] = {}
        self._turns: dict[Client, _Turn] = {}
        self._hellos: dict[Client, asyncio.TimerHandle] = {}
        """Of each session that has not said who it is: the deadline for that."""
        self._expiries = Expiries(clock)
        self._wheel: list[set[Session]] = [set() for _ in range(HEARTBEAT_S)]
        self.counts = Counts()

    # Sessions.

    def open_session(self, socket: Socket, ticket: Ticket) -> Session:
        """A session for a socket that was just accepted; it ends the ticket."""
        session = Session(
            socket,
            self,
            self._hub,
            self._publisher,
            self._rates,
            ticket,
            session_id=secrets.token_urlsafe(9),
            limits=self._limits,
            grants=self._grants,
            guard=self._guard,
            counts=self.counts,
        )
        self.counts.connections += 1
        self._wheel[self.counts.connections % HEARTBEAT_S].add(session)
        self._hellos[session] = asyncio.get_running_loop().call_later(
            HELLO_DEADLINE_S, self._hello_due, session
        )
        return session

    def sessions(self) -> list[Session]:
        """All open sessions."""
        return [session for slot in self._wheel for session in slot]

    async def run(self) -> None:
        """Beat: each session once in `HEARTBEAT_S`, a slice of them every second."""
        while True:
            for slot in self._wheel:
                await asyncio.sleep(1)
                for session in list(slot):
                    if session.identity is not None and not session.closed:
                        session.beat()

    def _hello_due(self, session: Session) -> None:
        if session.identity is None:
            session.close(CloseCode.TOKEN, "no hello came in time")

    # Wishes of sessions.

    def verify(self, client: Client, token: str) -> None:
        """See `Desk`."""
        self._start(client, "verify", None, self._verify(client, token))

    def open(self, client: Client, join: frames.Join) -> bool:
        """See `Desk`."""
        if self._under_way(client, "open") >= OPENING_MAX:
            return False
        self._start(client, "open", join.order_id, self._open(client, join))
        return True

    def page(self, client: Client, request: frames.History) -> bool:
        """See `Desk`."""
        if self._under_way(client, "page") >= PAGING_MAX:
            return False
        self._start(client, "page", request.order_id, self._page(client, request))
        return True

    def list(self, client: Client, request: frames.Inbox, place: InboxPlace | None) -> bool:
        """See `Desk`."""
        if self._under_way(client, "list") >= PAGING_MAX:
            return False
        self._start(client, "list", None, self._list(client, request, place))
        return True

    def look_up(self, client: Client, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        """See `Desk`."""
        room = self._feed.room(order_id)
        assert room is not None  # the client has it open
        base = room.conversation.places  # taken before the look-up starts
        self._start(client, "look_up", order_id, self._look_up(lane, order_id, id_, base))

    def drop(self, client: Client, order_id: OrderId | None = None) -> bool:
        """See `Desk`."""
        wishes = self._wishes.get(client, {})
        dropped = [task for task, (_, of) in wishes.items() if order_id is None or of == order_id]
        for task in dropped:
            task.cancel()
            wishes.pop(task, None)
        if order_id is None:
            self._forget(client)
        return bool(dropped)

    def mark(self, client: Client, room: Room, user_id: UserId, up_to: Seq) -> None:
        """See `Desk`."""
        conversation = room.conversation
        up_to = min(up_to, conversation.head)
        message = conversation.message_at(up_to)
        if message is not None:
            self._marks.note(room, user_id, up_to, message.n)
        elif conversation.n and not self._under_way(client, "mark"):
            # Older than what the state remembers: who pages up that far has a mark far above it,
            # but for a reader who starts at the beginning.
            work = self._mark_older(room, user_id, up_to)
            self._start(client, "mark", conversation.order_id, work)

    def arrived(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        """See `Desk`."""
        order_id = room.conversation.order_id
        self._presence.listen(order_id)
        if not moderator and not room.conversation.quiet:
            self._presence.arrive(order_id, user_id)

    def departed(self, room: Room, user_id: UserId, *, moderator: bool) -> None:
        """See `Desk`."""
        order_id = room.conversation.order_id
        self._presence.deafen(order_id)
        if not moderator:
            self._presence.depart(order_id, user_id)

    def typing(self, room: Room, user_id: UserId, what: frames.Typing) -> None:
        """See `Desk`."""
        self._presence.typing(room.conversation.order_id, user_id, what)

    def now_ms(self) -> int:
        """See `Desk`."""
        return int(self._clock() * 1000)

    def time(self) -> float:
        """See `Desk`."""
        return time.monotonic()

    # How they are met.

    async def _verify(self, client: Client, token: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                identity = await self._verifier.verify(token)
        except BadToken as error:
            client.unwelcome(str(error))
        except (KeysUnavailable, TimeoutError):
            client.undecided()
        else:
            before = client.identity
            client.welcome(identity)
            if client.identity is identity:
                self._watch_expiry(client, before, identity)

    async def _open(self, client: Client, join: frames.Join) -> None:
        identity = client.identity
        assert identity is not None
        order_id = join.order_id
        limit = min(join.limit, self._limits.page)
        query = Query(after=join.after, before=None, limit=limit)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                online = await self._presence.who(order_id)
                opened = await self._looks.open(identity, order_id, query, turn=self._turn(client))
        except Exception as error:
            code = code_of(error)
            self.counts.not_joined(code)
            client.not_opened(join, code)
        else:
            self.counts.joined(opened)
            client.opened(join, opened, online)

    async def _page(self, client: Client, request: frames.History) -> None:
        identity = client.identity
        assert identity is not None
        reader = reader_of(identity)
        limit = min(request.limit, self._limits.page)
        query = Query(after=request.after, before=request.before, limit=limit)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                answer = await self._feed.answer(
                    request.order_id,
                    request.after,
                    lambda tail: read_page(tail, request.order_id, reader, query),
                    turn=self._turn(client),
                )
        except Exception as error:
            client.not_paged(request, code_of(error))
        else:
            client.paged(request, answer)

    async def _list(self, client: Client, request: frames.Inbox, place: InboxPlace | None) -> None:
        identity = client.identity
        assert identity is not None
        limit = min(request.limit, self._limits.page)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S), self._turn(client):
                await self._inbox.open(client, Viewer.of(identity), place, limit, request.ref)
        except Exception as error:
            client.not_listed(request, code_of(error))

    async def _mark_older(self, room: Room, user_id: UserId, up_to: Seq) -> None:
        order_id = room.conversation.order_id
        query = Query(after=None, before=Seq(up_to + 1), limit=self._limits.page)
        reader = Reader(user_id, moderator=False)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                answer = await self._feed.answer(
                    order_id,
                    None,
                    lambda tail: read_page(tail, order_id, reader, query),
                )
        except Exception as error:
            code_of(error)  # lost, as any mark may be: the next one says more
            return
        for shown in reversed(answer.events):
            event = frames.decode_server_frame(shown.frame)
            if isinstance(event, frames.MessageShown):
                self._marks.note(room, user_id, up_to, event.n)
                return

    async def _look_up(self, lane: Lane, order_id: OrderId, id_: MessageId, base: int) -> None:
        found = await self._visits.look_up(order_id, id_)
        lane.looked_up(found, base, self.now_ms())

    @asynccontextmanager
    async def _turn(self, client: Client) -> AsyncIterator[None]:
        """One page at a time for each client, and none while it has not taken the one before."""
        turn = self._turns.setdefault(client, _Turn(asyncio.Lock()))
        turn.wanted += 1
        try:
            async with turn.lock:
                while client.backlog > BACKLOG_MAX:  # noqa: ASYNC110 (transports tell nobody)
                    await asyncio.sleep(BACKLOG_CHECK_S)
                yield
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                self._turns.pop(client, None)

    def _watch_expiry(self, client: Client, before: Identity | None, now: Identity) -> None:
        assert isinstance(client, Session)
        if before is not None:
            self._expiries.forget(client, before.expires_at + EXPIRY_GRACE_S)
        elif (hello := self._hellos.pop(client, None)) is not None:
            hello.cancel()
        self._expiries.watch(client, now.expires_at + EXPIRY_GRACE_S)

    # Tasks.

    def _under_way(self, client: Client, kind: str) -> int:
        wishes = self._wishes.get(client, {})
        return sum(1 for task, (other, _) in wishes.items() if other == kind and not task.done())

    def _start(
        self,
        client: Client,
        kind: str,
        order_id: OrderId | None,
        work: Coroutine[Any, Any, None],
    ) -> None:
        task = asyncio.create_task(work)
        self._wishes.setdefault(client, {})[task] = kind, order_id
        task.add_done_callback(lambda task: self._done(client, task))

    def _done(self, client: Client, task: asyncio.Task[None]) -> None:
        wishes = self._wishes.get(client)
        if wishes is not None:
            wishes.pop(task, None)
            if not wishes:
                del self._wishes[client]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a wish failed", exc_info=error)

    def _forget(self, client: Client) -> None:
        self._wishes.pop(client, None)
        self._turns.pop(client, None)
        self._inbox.leave(client)
        if (hello := self._hellos.pop(client, None)) is not None:
            hello.cancel()
        assert isinstance(client, Session)
        if client.identity is not None:
            self._expiries.forget(client, client.identity.expires_at + EXPIRY_GRACE_S)
        for slot in self._wheel:
            slot.discard(client)
