"""The Messages area of one gateway: pages of conversations, and a push for each that changes.

What changes comes to a viewer by three ways. Rooms that are open here are seen folding, at once.
What other gateways do is signalled by the archiver when it is in the store. And because a signal
may be lost, a viewer's numbers are compared with the store's after signals were down, and about
once a minute. `inbox_lines` and `inbox_account` say what is shown; here is what waits.
"""

import asyncio
import logging
import random
from contextlib import suppress
from itertools import islice
from typing import Final, cast

import msgspec

from chat_gateway.announcer import channel_of, decode_changed
from chat_gateway.inbox_account import Account
from chat_gateway.inbox_lines import Viewer, line_of, newest
from chat_gateway.inbox_reads import InboxReads, Listing
from chat_gateway.inbox_watch import Listener, Watch
from chat_gateway.open_rooms import FindRoom, OpenRooms
from chat_gateway.seam import Unavailable
from chat_gateway.tail import Room
from shared.contracts import frames
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId, Seq, UserId
from shared.signals.port import Signals, SignalsUnavailable
from shared.store.port import InboxPlace, Reading
from shared.summary import concerned, summarize
from shared.timeline import Entry

logger = logging.getLogger("order_chat.gateway")

POLL_EVERY_S: Final = (45.0, 75.0)
"""Between two comparisons with the store: 60 s, spread so that viewers do not come together."""
RETRY_AFTER_S: Final = (1.0, 5.0)
AFTER_LOSS_S: Final = (0.0, 2.0)
"""When signals are back everybody asks the store: spread over this time."""
PUSH_EVERY_S: Final = 0.05
"""A first change is pushed at once, what follows is gathered for this long."""
SUBSCRIBE_DEADLINE_S: Final = 2.0
LINES_MAX: Final = 100
"""Lines read at a time."""
SWEEP_EVERY_S: Final = 60.0


class Inbox:
    """The inboxes of one gateway's users."""

    def __init__(self, store: Reading, signals: Signals, find_room: FindRoom) -> None:
        self._signals = signals
        self._rooms = OpenRooms(find_room)
        self._reads = InboxReads(store, self._rooms)
        self._watches: dict[Viewer, Watch] = {}
        self._by_user: dict[UserId, list[Watch]] = {}
        self._of: dict[Listener, Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty: set[Watch] = set()
        self._next_push = 0.0

    # What is asked of it.

    async def open(
        self, listener: Listener, viewer: Viewer, place: InboxPlace | None, limit: int, ref: int
    ) -> None:
        """Tell *listener* a page that follows on *place*, and from here on every change.

        Raises `Unavailable`, or `TimeoutError` where the caller has a deadline.
        """
        watch = self._enter(listener, viewer)
        async with watch.turn:
            if not watch.subscribed:  # first this, then the store: so nothing falls between
                await self._subscribe(watch)
            page, news = await self._reads.page(viewer, watch.account, place, limit)
            if listener in watch.listeners:  # it may have left meanwhile
                listener.tell(encode_inbox(ref, page))
                watch.show(page.orders, page.lines, page.unread_total)
            watch.take(news)
            watch.settle()

    async def read(self, viewer: Viewer, place: InboxPlace | None, limit: int) -> Listing:
        """A page that follows on *place*, once. Raises `Unavailable`."""
        page, _ = await self._reads.page(viewer, Account(viewer), place, limit)
        return page

    def leave(self, listener: Listener) -> None:
        """Tell *listener* nothing more; without effect if it was told nothing."""
        watch = self._of.pop(listener, None)
        if watch is None:
            return
        watch.listeners.discard(listener)
        if not watch.listeners:
            del self._watches[watch.viewer]
            watches = self._by_user[watch.viewer.user_id]
            watches.remove(watch)
            if not watches:
                del self._by_user[watch.viewer.user_id]
            watch.wake.set()

    # What rooms tell.

    def opened(self, room: Room) -> None:
        """Somebody has opened a room here."""
        self._rooms.note(room)

    def folded(self, room: Room, entry: Entry) -> None:
        """A room here took its next record."""
        if not self._by_user and not isinstance(entry.event, OrderChanged):
            return  # nobody is to be told, and the parties are who they were
        parties = self._rooms.note(room)
        if not entry.stands:
            return
        order_id = entry.order_id
        for user_id in concerned(entry.event, parties):
            for watch in self._by_user.get(user_id, ()):
                if watch.account.opened and watch.viewer.covers(order_id):
                    watch.dirty.add(order_id)
                    self._push_soon(watch)

    # Its own life.

    async def run(self) -> None:
        """Keep the index of rooms small, and end with all that was begun."""
        try:
            while True:
                await asyncio.sleep(SWEEP_EVERY_S)
                self._rooms.sweep()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _enter(self, listener: Listener, viewer: Viewer) -> Watch:
        watch = self._of.get(listener)
        if watch is not None and watch.viewer == viewer:
            return watch
        self.leave(listener)
        watch = self._watches.get(viewer)
        if watch is None:
            watch = self._watches[viewer] = Watch(viewer, self._hear)
            self._by_user.setdefault(viewer.user_id, []).append(watch)
            task = asyncio.create_task(self._tend(watch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        watch.listeners.add(listener)
        self._of[listener] = watch
        return watch

    # What is open here.

    def _push_soon(self, watch: Watch) -> None:
        if not self._dirty:
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._next_push), self._push)
        self._dirty.add(watch)

    def _push(self) -> None:
        """Tell every viewer what moved on in rooms here since the last time."""
        self._next_push = asyncio.get_running_loop().time() + PUSH_EVERY_S
        watches, self._dirty = self._dirty, set()
        for watch in watches:
            dirty, watch.dirty = watch.dirty, set()
            rooms = [room for order_id in dirty if (room := self._rooms.find(order_id))]
            # All numbers first, so that each push has the total of all.
            moved = [
                (room, summary)
                for room in rooms
                if (summary := summarize(room.conversation)) and watch.account.learn(summary)
            ]
            for room, summary in moved:
                if not watch.viewer.reads(summary):
                    watch.tell_gone(summary.order_id)
                elif (line := line_of(room, None)) is not None:
                    watch.tell_line(line)
                else:
                    watch.fetch([summary.order_id])
            watch.settle()

    # What is signalled.

    async def _subscribe(self, watch: Watch) -> None:
        """Without signals the Messages area works too, up to a minute late."""
        with suppress(SignalsUnavailable, TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_DEADLINE_S):
                await self._signals.subscribe(channel_of(watch.viewer.user_id), watch.hear)
        watch.subscribed = True

    async def _unsubscribe(self, watch: Watch) -> None:
        with suppress(SignalsUnavailable, TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_DEADLINE_S):
                await self._signals.unsubscribe(channel_of(watch.viewer.user_id), watch.hear)

    def _hear(self, watch: Watch, payload: bytes) -> None:
        if not payload:  # signals were down, and what was said meanwhile is lost
            after_s = random.uniform(*AFTER_LOSS_S)  # noqa: S311 (no secret)
            asyncio.get_running_loop().call_later(after_s, watch.compare_soon)
            return
        try:
            changed = decode_changed(payload)
        except msgspec.DecodeError:
            logger.warning("a signal cannot be read")
            return
        watch.hint(
            order_id
            for order_id, seq in changed.items()
            if watch.viewer.covers(order_id)
            and not watch.account.knows(order_id, seq)
            and not self._has_folded(order_id, seq)
        )

    def _has_folded(self, order_id: OrderId, seq: Seq) -> bool:
        room = self._rooms.find(order_id)
        return room is not None and room.conversation.head >= seq

    # What the store knows.

    async def _tend(self, watch: Watch) -> None:
        """Read for a viewer what was hinted at, and now and then compare, while anybody listens."""
        try:
            while watch.listeners:
                with suppress(TimeoutError):
                    async with asyncio.timeout(random.uniform(*POLL_EVERY_S)):  # noqa: S311
                        await watch.wake.wait()
                watch.compare |= not watch.wake.is_set()
                watch.wake.clear()
                try:
                    async with watch.turn:
                        if watch.account.opened:
                            await self._catch_up(watch)
                except Unavailable:
                    logger.warning("an inbox is behind: the store cannot be read")
                    await asyncio.sleep(random.uniform(*RETRY_AFTER_S))  # noqa: S311
                    watch.wake.set()
        finally:
            await self._unsubscribe(watch)

    async def _catch_up(self, watch: Watch) -> None:
        if watch.compare:
            news = await self._reads.compare(watch.viewer, watch.account)
            watch.compare = False
            watch.take(news)
        while watch.stale and watch.listeners:
            orders = list(islice(watch.stale, LINES_MAX))
            watch.stale.difference_update(orders)  # before the read: who comes later is read again
            try:
                stored = await self._reads.lines(watch.viewer, orders)
            except Unavailable:
                watch.fetch(orders)
                raise
            found = {each: newest(stored.get(each), self._rooms.find(each)) for each in orders}
            for order_id, line in found.items():
                if line is None:
                    counted = watch.account.lose(order_id)
                else:
                    counted = watch.account.learn(line.summary)
                if counted and (line is None or not watch.viewer.reads(line.summary)):
                    watch.tell_gone(order_id)
            for line in found.values():
                if line is not None and watch.viewer.reads(line.summary):
                    watch.tell_line(line)
        watch.settle()


def encode_inbox(ref: int, page: Listing) -> bytes:
    """The frame that answers `inbox`."""
    # msgspec puts ready-made JSON where a Raw stands; the declared type is what the reader decodes.
    lines = cast(list[frames.ConversationSummary], [msgspec.Raw(line) for line in page.lines])
    return frames.encode_frame(
        frames.InboxPage(
            ref=ref, conversations=lines, unread_total=page.unread_total, next=page.cursor
        )
    )
