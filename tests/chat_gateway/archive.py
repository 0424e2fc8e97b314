"""An archiver's surroundings: a log and a store in files, and stores that fail where told to."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from chat_gateway.archiver.archiver import Archiver
from shared.contracts.events import VERSION, Event
from shared.contracts.ids import NOTHING, OrderId
from shared.contracts.topics import partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from shared.store.port import StoredConversation, StoreUnavailable, Watermark
from shared.store.sqlite import SqliteStore
from shared.timeline import Change, Entry
from tests.chat_gateway.seam_author import draft_of
from tests.shared.story import (
    ANNA,
    BEN,
    HI,
    MODERATOR,
    MOIRA,
    ORDER,
    delete,
    edit,
    id_of,
    message,
    order,
    read,
    report,
)

PARTITIONS: Final = 2
HOME: Final = partition_of(ORDER, PARTITIONS)
"""The partition of the story's order."""
STEPS: Final = ("write_entries", "write_conversations", "raise_watermarks")
TABLES: Final = ("timeline", "cases", "conversations", "summaries", "inbox", "watermarks")
FUTURE: Final = Draft(ORDER, "message", VERSION + 1, b"{}")
GARBAGE: Final = Draft(ORDER, "message", VERSION, b"{")


def story() -> list[Event]:
    """An order in which every kind of change happens."""
    first, second = message(ANNA, 1), message(BEN, 2, base=1, seen=1)
    return [
        order(),
        first,
        second,
        edit(ANNA, 3, first.id, base=2, text="one"),
        read(ANNA, NOTHING, 2),
        first,
        edit(ANNA, 4, first.id, base=3, text="two"),
        delete(BEN, 5, second.id, base=4),
        MOIRA.redact(6, first.id, 5),
        order(2, status="delivered"),
    ]


def moderated() -> list[Event]:
    """The story, and what became of a report and of a flag."""
    reported, flagged = report(BEN, 7, HI, base=6), MOIRA.flag(8, id_of(BEN, 2), 7)
    return [
        *story(),
        reported,
        flagged,
        MOIRA.review(9, flagged.id, 8, state="open", assignee=MODERATOR),
        MOIRA.review(10, reported.id, 9, state="resolved", assignee=MODERATOR),
    ]


class Place(NamedTuple):
    """A folder with a log and a store."""

    data: Path
    log: SqliteLog
    store: SqliteStore

    async def append(self, *events: Event) -> None:
        """Write *events*, each into its order's partition."""
        for event in events:
            await self.log.append(partition_of(event.order_id, PARTITIONS), [draft_of(event)])

    async def archive(self, store: Any = None) -> Archiver:
        """Archive to the end of the log, into *store* if not into the place's own."""
        archiver = Archiver(self.log, store or self.store, epoch=1)
        await archiver.run_to(await self.log.ends())
        return archiver

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything the store holds."""
        return dump(self.data / "store.db")


@asynccontextmanager
async def place_in(data: Path, clock: Callable[[], int] = lambda: 1_000) -> AsyncIterator[Place]:
    """Open a log, whose clock stands still, and a store."""
    log_ = await SqliteLog.open(data / "log.db", partitions=PARTITIONS, clock=clock)
    store = await SqliteStore.open(data / "store.db")
    try:
        yield Place(data, log_, store)
    finally:
        await store.close()
        await log_.close()


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in TABLES
        }


class Died(BaseException):
    """The process ended here."""


class TroubledStore:
    """The store, with a note of each write, and trouble before or after one of them."""

    def __init__(
        self,
        store: SqliteStore,
        *,
        dies_before: str | None = None,
        dies_after: str | None = None,
        refuses_once: str | None = None,
        waits_before: str | None = None,
        entries_most: int | None = None,
    ) -> None:
        """*entries_most*: how many it gets through before its deadline."""
        self.writes: list[str] = []
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self._store = store
        self._dies_before = dies_before
        self._dies_after = dies_after
        self._refuses_once = refuses_once
        self._waits_before = waits_before
        self._entries_most = entries_most

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        return await self._store.watermark(epoch, partition)

    async def conversation(self, order_id: OrderId) -> StoredConversation | None:
        return await self._store.conversation(order_id)

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        await self._before("write_entries")
        if self._entries_most is not None and len(entries) > self._entries_most:
            raise StoreUnavailable("not in time")
        await self._store.write_entries(entries, changes)
        self._after("write_entries")

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        await self._before("write_conversations")
        await self._store.write_conversations(conversations)
        self._after("write_conversations")

    async def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        await self._before("raise_watermarks")
        await self._store.raise_watermarks(watermarks)
        self._after("raise_watermarks")

    async def _before(self, step: str) -> None:
        if step == self._dies_before:
            raise Died
        if step == self._refuses_once:
            self._refuses_once = None
            raise StoreUnavailable("for a moment")
        if step == self._waits_before:
            self.reached.set()
            await self.go_on.wait()

    def _after(self, step: str) -> None:
        self.writes.append(step)
        if step == self._dies_after:
            raise Died
