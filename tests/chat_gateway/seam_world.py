"""One partition and everything that happens to it, without threads and without an event loop.

The archiver and the catch-up reader are the real ones. Their coroutines are driven by hand: each
stops before every call of log and store, and goes on, or dies there, when the model says so.
"""

import sqlite3
from collections.abc import Coroutine, Generator, Mapping, Sequence
from random import Random
from typing import Any, Final, cast

from chat_gateway.archiver.archiver import Archiver
from chat_gateway.catch_up import CatchUpReader
from chat_gateway.hub import Hub
from chat_gateway.tail import Lent, Tail
from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq, make_seq
from shared.conversation import to_snapshot
from shared.log.port import Draft, Log, Record
from shared.store.port import Store, StoredConversation, Watermark
from shared.store.tables import StoreTables
from shared.timeline import Change, Entry
from tests.chat_gateway.seam_author import Author, OrderService
from tests.chat_gateway.seam_truth import Truth, Violation

EPOCH: Final = 1
ORDERS: Final = tuple(OrderId(f"o{n}") for n in range(3))
_Steps = Coroutine[Any, Any, None]


class _Pause:
    """Stops the coroutine that awaits it."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class _Reader:
    def __init__(self, records: list[Record], dice: Random) -> None:
        self._records = records
        self._dice = dice
        self._position = 0

    def follow(self, partition: int, offset: int) -> None:
        self._position = offset

    async def fetch(self, *, max_wait_s: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        await _Pause()
        left = len(self._records) - self._position
        if left == 0:
            return {}
        start = self._position
        self._position += min(left, self._dice.randint(1, max(5, left // 3)))
        return {0: self._records[start : self._position]}

    async def close(self) -> None:
        pass


class _Share:
    """All there is: the archivers of a world follow one another, zombies aside."""

    held = frozenset({0})

    def note(self, partition: int, offset: int) -> None:
        return

    async def close(self) -> None:
        return


class _Log:
    """As much of the log's port as the archiver and the catch-up reader use."""

    partitions = 1

    def __init__(self, records: list[Record], dice: Random) -> None:
        self._records = records
        self._dice = dice

    def reader(self) -> _Reader:
        return _Reader(self._records, self._dice)

    async def share(self, group: str) -> _Share:
        return _Share()

    async def dead_letter(self, record: Record, error: str) -> None:
        await _Pause()


class _Store:
    """As much of the store's port as the archiver uses."""

    def __init__(self, tables: StoreTables) -> None:
        self._tables = tables

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        await _Pause()
        return self._tables.watermark(epoch, partition)

    async def conversation(self, order_id: OrderId) -> StoredConversation | None:
        await _Pause()
        return self._tables.conversation(order_id)

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        await _Pause()
        self._tables.write_entries(entries, changes)

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        await _Pause()
        self._tables.write_conversations(conversations)

    async def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        await _Pause()
        self._tables.raise_watermarks(watermarks)


class World:
    """Log, store, archivers and one gateway's tail and hub."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self.records: list[Record] = []
        self.truths = {order_id: Truth(order_id) for order_id in ORDERS}
        self.services = {order_id: OrderService(order_id, dice) for order_id in ORDERS}
        self.authors = {
            order_id: Author(self.truths[order_id], self.services[order_id], dice)
            for order_id in ORDERS
        }
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self.store = StoreTables(self._connection)
        self._log = cast(Log, _Log(self.records, dice))
        self._archivers: list[_Steps] = [self._new_archiver()]
        self._catching_up: _Steps | None = None
        self.follow()

    def close(self) -> None:
        """Let go of the store."""
        for archiver in self._archivers:
            archiver.close()
        self._stop_catching_up()
        self._connection.close()

    # The log.

    def append(self, draft: Draft) -> None:
        """Write a record, and tell the truth of it."""
        offset = len(self.records)
        record = Record(
            0, offset, 1_000 * offset, draft.key, draft.type, draft.version, draft.value
        )
        self.records.append(record)
        try:
            event = log.decode_event(record.key, record.type, record.version, record.value)
        except log.NotAnEvent:
            return
        self.truths[event.order_id].take(make_seq(EPOCH, offset), record.at, event)

    def publish_order(self, order_id: OrderId) -> None:
        """Let the next event of the order service into the log, if there is one."""
        event = self.services[order_id].publish()
        if event is not None:
            self.append(Draft(order_id, "order", log.VERSION, log.encode_event(event)))

    # The archivers.

    @property
    def has_zombie(self) -> bool:
        return len(self._archivers) > 1

    def archive(self, which: int = 0) -> None:
        """Let an archiver go on to its next call of log or store."""
        self._archivers[which].send(None)

    def crash_archiver(self) -> None:
        """It dies between two calls; another begins at the watermark."""
        self._archivers[0].close()
        self._archivers[0] = self._new_archiver()

    def wake_zombie(self) -> None:
        """An archiver that believed to be alone goes on beside the new one."""
        self._archivers.append(self._archivers[0])
        self._archivers[0] = self._new_archiver()

    def end_zombies(self) -> None:
        """They notice."""
        while self.has_zombie:
            self._archivers.pop().close()

    def archive_all(self) -> None:
        """Let a new archiver come to the end of the log."""
        self.end_zombies()
        self.crash_archiver()
        while self.watermark != len(self.records):
            self.archive()

    @property
    def watermark(self) -> int:
        stored = self.store.watermark(EPOCH, 0)
        return stored.offset if stored is not None else 0

    def check_store(self) -> None:
        """Raise `Violation` unless the store is what the whole log comes to."""
        for order_id, truth in self.truths.items():
            head = truth.conversation.head
            stored = self.store.page(
                order_id, after=Seq(0), before=None, limit=len(self.records), newest=False
            )
            expected = [told.at(head) for told in truth.told if told.entry.stands]
            if stored != expected:
                raise Violation(f"the store of {order_id} is not what the log comes to")
            conversation = self.store.conversation(order_id)
            snapshot = conversation.snapshot if conversation is not None else None
            if truth.told and snapshot != to_snapshot(truth.conversation):
                raise Violation(f"the stored state of {order_id} is not what the log comes to")

    # The gateway.

    def follow(self) -> None:
        """A gateway begins: it follows the log from the watermark on."""
        self._stop_catching_up()
        self.tail = Tail(EPOCH, 0, self.watermark)
        self.hub = Hub()
        self.ready_at = len(self.records)
        """Joins wait until the reader has come so far."""

    @property
    def behind(self) -> int:
        return len(self.records) - self.tail.end

    def read(self, count: int) -> None:
        """The gateway's reader brings the next records, and the hub publishes them."""
        for record in self.records[self.tail.end : self.tail.end + count]:
            taken = self.tail.take(record)
            if taken is not None:
                self.hub.publish(*taken)

    def trim(self, count: int) -> int:
        """Memory is short; answer how many records were dropped."""
        dropped = min(count, self.tail.end - self.tail.start)
        for _ in range(dropped):
            self.tail.drop_oldest()
        return dropped

    def evict(self) -> None:
        """Rooms nobody has open were idle too long."""
        for order_id in list(self.tail.rooms):
            if not self.hub.members(order_id) and self._dice.random() < 0.7:
                del self.tail.rooms[order_id]

    # Catching up, as `CatchUpReader.read` goes about it.

    def lend(self, order_id: OrderId, after: Seq) -> Lent:
        """What a join waits for."""
        lent = self.tail.lent.get(order_id)
        if lent is None or lent.after > after:
            lent = self.tail.lent[order_id] = Lent(after, self.tail.start)
        return lent

    def catch_up(self) -> None:
        """Let the catch-up reader go on by one fetch."""
        if self._catching_up is None:
            reader = CatchUpReader(self._log)
            self._catching_up = reader._read(self.tail)
        try:
            self._catching_up.send(None)
        except StopIteration:
            self._catching_up = None

    def forget_lent(self) -> None:
        """Nobody came back for it in time."""
        for order_id in list(self.tail.lent):
            del self.tail.lent[order_id]

    def _stop_catching_up(self) -> None:
        if self._catching_up is not None:
            self._catching_up.close()
        self._catching_up = None

    def _new_archiver(self) -> _Steps:
        store = cast(Store, _Store(self.store))
        steps = Archiver(self._log, store, epoch=EPOCH).run()
        steps.send(None)  # to its first call
        return steps
