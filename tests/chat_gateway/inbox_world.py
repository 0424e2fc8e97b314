"""Several orders, an archiver that dies, signals that are lost, and gateways that come and go.

Tails, rooms, inboxes and the archiver's fold are the real ones. Simulated are engines, and clients
that believe what they are told: a line replaces what was known of it, `left` takes it away.
"""

import asyncio
from collections.abc import Collection, Sequence
from random import Random
from typing import Final, cast

import msgspec

from chat_gateway.announcer import Announcer, channel_of
from chat_gateway.archiver.batch import fold_batch
from chat_gateway.cursors import inbox_place
from chat_gateway.inbox import Inbox
from chat_gateway.inbox_lines import Viewer
from chat_gateway.tail import Tail
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import OrderId, Seq, UserId, make_seq
from shared.conversation import Conversation, from_snapshot
from shared.log.port import Record
from shared.signals.memory import MemorySignals
from shared.store.port import (
    UNREAD_MAX,
    InboxLine,
    InboxPlace,
    Reading,
    Standing,
    StoredConversation,
    Tally,
)
from shared.summary import Summary
from shared.timeline import Change, Entry, apply_all, show
from tests.chat_gateway.seam_author import PARTIES, Author, OrderService
from tests.chat_gateway.seam_truth import Truth
from tests.shared import story
from tests.shared.naive import NaiveConversation

ORDERS: Final = tuple(OrderId(f"o{number}") for number in range(4))
USERS: Final = tuple(party.user_id for party in PARTIES)


class LossySignals(MemorySignals):
    """Loses some of what is published."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice
        self.lossy = True

    async def publish(self, channel: str, payload: bytes) -> None:
        if not self.lossy or self._dice.random() < 0.6:
            await super().publish(channel, payload)


class MemoryStore:
    """The store's rules for conversations and inboxes, said in few words and without a file: a
    thousand histories would spend their time in SQLite. Each read takes some turns of the loop."""

    def __init__(self) -> None:
        self.conversations: dict[OrderId, StoredConversation] = {}
        self._entries: dict[Seq, Entry] = {}

    def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        for entry in entries:
            self._entries.setdefault(entry.seq, entry)
        apply_all(changes, self._entries.values())

    def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        for each in conversations:
            stored = self.conversations.get(each.order_id)
            if stored is None or stored.head < each.head:
                self.conversations[each.order_id] = each

    async def inbox(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None = None,
        limit: int,
        orders: Collection[OrderId] | None = None,
    ) -> Sequence[InboxLine]:
        await asyncio.sleep(0)
        summaries = [
            summary
            for summary in self._of(user_id, orders)
            if before is None or _key(summary) > (-before.updated_at, before.order_id)
        ]
        lines = [self._line(summary) for summary in summaries[:limit]]
        await asyncio.sleep(0)
        return lines

    async def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None = None
    ) -> Tally:
        await asyncio.sleep(0)
        standings = [
            Standing(summary.order_id, summary.head, summary.unread[user_id])
            for summary in self._of(user_id, orders)
        ]
        others = sum(standing.unread for standing in standings[limit:])
        await asyncio.sleep(0)
        return Tally(standings[:limit], min(others, UNREAD_MAX))

    def _of(self, user_id: UserId, orders: Collection[OrderId] | None) -> list[Summary]:
        summaries = [stored.summary for stored in self.conversations.values() if stored.summary]
        mine = [
            summary
            for summary in summaries
            if user_id in summary.unread and (orders is None or summary.order_id in orders)
        ]
        return sorted(mine, key=_key)

    def _line(self, summary: Summary) -> InboxLine:
        last = self._entries.get(summary.last)
        return InboxLine(summary, msgspec.structs.replace(last) if last is not None else None)


class Client:
    """Somebody's Messages area: what it shows after all that it was told."""

    def __init__(self, user_id: UserId) -> None:
        self.user_id = user_id
        self.lines: dict[OrderId, frames.ConversationSummary | frames.ConversationChanged] = {}
        self.unread_total = 0
        self.cursor: str | None = None
        self.asks_again = False

    def tell(self, frame: bytes) -> None:
        match frames.decode_server_frame(frame):
            case frames.InboxPage() as page:
                self.lines |= {line.order_id: line for line in page.conversations}
                self.unread_total, self.cursor = page.unread_total, page.next
            case frames.ConversationChanged() as line:
                self.lines[line.order_id] = line
                self.unread_total = line.unread_total
            case frames.Left(order_id=order_id):
                self.lines.pop(order_id, None)
                self.asks_again = True  # `left` carries no total


class Gateway:
    """A tail, its rooms and the inboxes of its clients."""

    def __init__(self, records: list[Record], store: MemoryStore, signals: MemorySignals) -> None:
        self.tail = Tail(1, 0, 0)
        self.inbox = Inbox(cast(Reading, store), signals, self.tail.rooms.get)
        self.clients: list[Client] = []
        self._records = records
        self._store = store
        self._running = asyncio.create_task(self.inbox.run())

    def read(self, count: int) -> None:
        """The reader takes so many records."""
        for record in self._records[self.tail.end : self.tail.end + count]:
            taken = self.tail.take(record)
            if taken is not None:
                self.inbox.folded(*taken)

    def open_room(self, order_id: OrderId) -> None:
        """Somebody joins: the state is the store's, or the log's from its beginning."""
        if order_id in self.tail.rooms:
            return
        stored = self._store.conversations.get(order_id)
        if stored is not None:
            # As the seam does it: the tail follows on what the store has.
            if stored.head < self.tail.seq(self.tail.start) - 1 or stored.head >= self.tail.seq(
                self.tail.end
            ):
                return
            state = from_snapshot(stored.snapshot)
        elif self.tail.start == 0:
            state = Conversation(order_id)
        else:
            return
        self.inbox.opened(self.tail.open_room(state))

    def close_room(self, order_id: OrderId) -> None:
        self.tail.rooms.pop(order_id, None)

    async def ask(self, client: Client, limit: int, *, further: bool = False) -> None:
        """A client asks for its newest page, or for the one after."""
        place = inbox_place(client.cursor) if further and client.cursor is not None else None
        client.asks_again = False
        await self.inbox.open(client, Viewer(client.user_id), place, limit, 1)

    def leave(self, client: Client) -> None:
        self.clients.remove(client)
        self.inbox.leave(client)

    async def end(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


class InboxWorld:
    """One history; `check` compares all that is shown with a count by hand."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.records: list[Record] = []
        self.truths = {order_id: Truth(order_id) for order_id in ORDERS}
        self.naive = {order_id: NaiveConversation() for order_id in ORDERS}
        self.signals = LossySignals(dice)
        self.store = MemoryStore()
        self._services = {order_id: OrderService(order_id, dice) for order_id in ORDERS}
        self._authors = {
            order_id: Author(self.truths[order_id], self._services[order_id], dice)
            for order_id in ORDERS
        }
        self._announcer = Announcer(self.signals)
        self._announcing = asyncio.create_task(self._announcer.run())
        self._states: dict[OrderId, Conversation] = {}
        self._archived = 0
        self.gateways = [self._new_gateway() for _ in range(2)]
        for order_id in ORDERS:
            first = self._services[order_id].publish()
            assert first is not None
            self._append(order_id, "order", log.encode_event(first))

    # What may happen.

    def write(self) -> None:
        """Somebody writes something into some order."""
        order_id = self.dice.choice(ORDERS)
        draft = self._authors[order_id].next()
        self._append(order_id, draft.type, draft.value)

    def read(self) -> None:
        self.dice.choice(self.gateways).read(self.dice.randrange(1, 6))

    def open_room(self) -> None:
        self.dice.choice(self.gateways).open_room(self.dice.choice(ORDERS))

    def close_room(self) -> None:
        self.dice.choice(self.gateways).close_room(self.dice.choice(ORDERS))

    def drop_oldest(self) -> None:
        """Memory is short, but nothing is dropped here that is not archived."""
        tail = self.dice.choice(self.gateways).tail
        if tail.start < min(tail.end, self._archived):
            tail.drop_oldest()

    def archive(self, *, crashes: bool = True) -> None:
        """The archiver writes a stretch, or dies half way and begins anew."""
        stretch = self.records[self._archived : self._archived + self.dice.randrange(1, 8)]
        if not stretch:
            return
        for order_id in ORDERS:
            if order_id not in self._states:
                stored = self.store.conversations.get(order_id)
                self._states[order_id] = (
                    Conversation(order_id) if stored is None else from_snapshot(stored.snapshot)
                )
        batch = fold_batch(stretch, self._states, 1)
        dies_at = self.dice.randrange(12) if crashes else None
        self.store.write_entries(batch.entries, batch.changes)
        if dies_at == 0:
            self._states.clear()
            return
        self.store.write_conversations(batch.conversations)
        if dies_at == 1:
            self._states.clear()
            return
        self._archived += len(stretch)
        self._announcer.announce(batch.changed)

    async def ask(self) -> None:
        """A client comes, or asks again, or for more."""
        gateway = self.dice.choice(self.gateways)
        if not gateway.clients or (len(gateway.clients) < 4 and self.dice.random() < 0.6):
            client = Client(self.dice.choice(USERS))
            gateway.clients.append(client)
        else:
            client = self.dice.choice(gateway.clients)
        await gateway.ask(client, self.dice.randrange(1, 4), further=self.dice.random() < 0.4)

    def leave(self) -> None:
        gateway = self.dice.choice(self.gateways)
        if gateway.clients:
            gateway.leave(self.dice.choice(gateway.clients))

    async def restart(self) -> None:
        """A gateway is gone with all its clients, and another takes its place."""
        gateway = self.dice.choice(self.gateways)
        self.gateways.remove(gateway)
        await gateway.end()
        self.gateways.append(self._new_gateway())

    # How it ends.

    async def come_to_rest(self) -> None:
        """All is read and archived, and signals are back after a loss: whatever was missed by then
        is found out."""
        while self._archived < len(self.records):
            self.archive(crashes=False)
        for gateway in self.gateways:
            gateway.read(len(self.records))
        await self._turns()
        self.signals.lossy = False
        for user_id in USERS:
            await self.signals.publish(channel_of(user_id), b"")
        await self._turns()
        for gateway in self.gateways:
            for client in gateway.clients:
                if client.asks_again:
                    await gateway.ask(client, 3)
        await self._turns()

    async def end(self) -> None:
        for gateway in self.gateways:
            await gateway.end()
        self._announcing.cancel()
        await asyncio.gather(self._announcing, return_exceptions=True)

    def unread_by_hand(self, user_id: UserId) -> dict[OrderId, int]:
        """How many messages a user has not read in each order he may read."""
        return {
            order_id: naive.unread(user_id)
            for order_id, naive in self.naive.items()
            if naive.order is not None and _may_read(naive.order, user_id)
        }

    def last_by_hand(self, order_id: OrderId) -> frames.EventShown | None:
        """The newest message as it stands now, for a party."""
        last = self.naive[order_id].last_message()
        if last is None:
            return None
        truth = self.truths[order_id]
        told = truth.get(last.record.seq).at(truth.conversation.head)
        return show(told)

    def _new_gateway(self) -> Gateway:
        return Gateway(self.records, self.store, self.signals)

    def _append(self, order_id: OrderId, type_: str, value: bytes) -> None:
        at = 1_000 * (len(self.records) + 1)
        record = Record(0, len(self.records), at, order_id, type_, log.VERSION, value)
        self.records.append(record)
        try:
            event = log.decode_event(order_id, type_, log.VERSION, value)
        except log.NotAnEvent:
            return
        seq = make_seq(1, record.offset)
        self.truths[order_id].take(seq, at, event)
        self.naive[order_id].fold(story.Record(seq, at, event))

    async def _turns(self) -> None:
        """Let everybody come to rest: pushes and reads take few turns."""
        for _ in range(60):
            await asyncio.sleep(0)


def _may_read(order: log.OrderChanged, user_id: UserId) -> bool:
    roles = [party.role for party in order.participants if party.user_id == user_id]
    return bool(roles) and "read" in order.may.get(roles[0], ())


def _key(summary: Summary) -> tuple[int, str]:
    return -summary.updated_at, summary.order_id
