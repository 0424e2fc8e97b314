"""The archiver: log to store, in three acknowledged steps, each repeatable.

Entries with what they change first, then the conversations folded from them, then the watermark.
A crash between any two leaves a store that the next run brings to the same end: what is written
again is guarded by its position. `python -m chat_gateway.archiver --rebuild` drops the store and
makes it anew from the log.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from chat_gateway.announcer import Announcer
from chat_gateway.settings import Settings
from chat_gateway.watermarks import WrongLog, check_watermarks
from shared.contracts.events import FromTheFuture, NotAnEvent, decode_event
from shared.contracts.ids import OrderId, Seq, UserId, make_seq
from shared.conversation import Conversation, OtherFold, from_snapshot, to_snapshot
from shared.log import open_log
from shared.log.port import Log, NotAppended, OutcomeUnknown, Reader, Record
from shared.logs import configure_logs
from shared.signals import open_signals
from shared.sqlite import InUse
from shared.store import open_store
from shared.store.port import Store, StoredConversation, StoreUnavailable, Watermark
from shared.summary import concerned, parties_of, summarize
from shared.timeline import Change, Entry, change_of, make_entry

logger = logging.getLogger("order_chat.archiver")

FETCH_WAIT_S: Final = 1.0
BATCH_MAX: Final = 1_000
RETRY_S: Final = (0.1, 0.5, 2.0, 5.0)
"""Pauses between tries; the last one repeats. Without a store there is nothing else to do."""
CONVERSATIONS_KEPT: Final = 5_000
"""States kept between batches: a few kilobytes each, up to a hundred for the busiest."""


T = TypeVar("T")


class PartitionStopped(Exception):
    """A record came that this program must not pass over."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that is no event, and why."""

    record: Record
    error: str


class Batch(msgspec.Struct):
    """What a stretch of one partition comes to: the three steps, ready to be written."""

    partition: int
    entries: list[Entry] = []
    changes: list[Change] = []
    conversations: list[StoredConversation] = []
    watermark: Watermark | None = None
    """After the last record that was taken; null if none was."""
    changed: dict[UserId, dict[OrderId, Seq]] = {}
    """Whose conversations changed, each with the last record that did."""
    dead_letters: list[DeadLetter] = []
    stopped: str | None = None
    """Why the partition must not be read on after this batch."""


def fold_batch(
    records: Sequence[Record], states: Mapping[OrderId, Conversation], epoch: int
) -> Batch:
    """Fold records that follow each other in one partition into *states*, which are changed.

    *states* holds the stored state of every order in the records.
    """
    batch = Batch(records[0].partition)
    touched: dict[OrderId, Conversation] = {}
    for record in records:
        try:
            event = decode_event(record.key, record.type, record.version, record.value)
        except FromTheFuture as error:
            batch.stopped = str(error)
            break
        except NotAnEvent as error:
            batch.dead_letters.append(DeadLetter(record, str(error)))
        else:
            seq = make_seq(epoch, record.offset)
            state = states[event.order_id]
            if seq > state.head:  # else it was folded before a crash, and written before that
                before = parties_of(state)
                entry = make_entry(seq, record.at, event, state.fold(seq, record.at, event))
                batch.entries.append(entry)
                if (change := change_of(entry)) is not None:
                    batch.changes.append(change)
                touched[event.order_id] = state
                if entry.stands:
                    for user_id in concerned(event, before | parties_of(state)):
                        batch.changed.setdefault(user_id, {})[event.order_id] = seq
        batch.watermark = Watermark(epoch, record.partition, record.offset + 1, record.at)
    batch.conversations = [
        StoredConversation(order_id, state.head, to_snapshot(state), summarize(state))
        for order_id, state in touched.items()
    ]
    return batch


class Archiver:
    """Follows every partition and writes what it comes to. One for each partition at a time."""

    def __init__(
        self, log: Log, store: Store, *, epoch: int, announcer: Announcer | None = None
    ) -> None:
        """*announcer* tells gateways what changed; without one they find out by themselves."""
        self._log = log
        self._store = store
        self._epoch = epoch
        self._announcer = announcer
        self._states: OrderedDict[OrderId, Conversation] = OrderedDict()
        self.stopped: dict[int, str] = {}
        """Partitions that cannot be read on, and why; an operator must act."""
        self._ended = False

    async def run(self) -> None:
        """Archive for as long as the process lives."""
        try:
            await self._archive(until=None)
        except OtherFold:
            logger.critical(
                "the store was written by another version of the fold: stop everything, run "
                "python -m chat_gateway.archiver --rebuild"
            )
            raise
        except Exception as error:
            logger.critical("the archiver ended", exc_info=error)
            raise
        finally:
            self._ended = True

    async def run_to(self, ends: Sequence[int]) -> None:
        """Archive up to the given offset of every partition, then return."""
        await self._archive(until=list(ends))

    async def ping(self) -> None:
        """Raise `PartitionStopped` if a partition, or any, cannot be read on."""
        if self.stopped or self._ended:
            raise PartitionStopped

    async def _archive(self, until: list[int] | None) -> None:
        reader = self._log.reader()
        positions = await self._positions()
        for partition, offset in enumerate(positions):
            reader.follow(partition, offset)
        try:
            while until is None or any(
                position < end
                for partition, (position, end) in enumerate(zip(positions, until, strict=True))
                if partition not in self.stopped
            ):
                batches = await self._fetch(reader)
                for partition, records in batches.items():
                    if not records:
                        continue
                    positions[partition] = await self._take(records)
                    if partition in self.stopped:
                        reader.unfollow(partition)
        finally:
            await reader.close()

    async def _fetch(self, reader: Reader) -> Mapping[int, Sequence[Record]]:
        try:
            return await reader.fetch(max_wait_s=FETCH_WAIT_S, max_records=BATCH_MAX)
        except OSError as error:
            # The next fetch goes on where this one began.
            logger.warning("the log cannot be read", extra={"error": type(error).__name__})
            await asyncio.sleep(RETRY_S[1])
            return {}

    async def _positions(self) -> list[int]:
        positions = []
        for partition in range(self._log.partitions):
            watermark = await self._store.watermark(self._epoch, partition)
            positions.append(watermark.offset if watermark is not None else 0)
        return positions

    async def _take(self, records: Sequence[Record]) -> int:
        """Write what a stretch of a partition comes to; answer the position after it."""
        orders = {OrderId(record.key) for record in records if record.key is not None}
        states = {order_id: await self._state(order_id) for order_id in orders}
        batch = fold_batch(records, states, self._epoch)
        if batch.stopped is not None:
            self.stopped[batch.partition] = batch.stopped
            fields = {"partition": batch.partition, "reason": batch.stopped}
            logger.error("a partition is stopped", extra=fields)
        if batch.watermark is not None:
            await self._write(batch, batch.watermark)
            if self._announcer is not None:
                self._announcer.announce(batch.changed)
        self._keep_few()
        return batch.watermark.offset if batch.watermark is not None else records[0].offset

    async def _write(self, batch: Batch, watermark: Watermark) -> None:
        """The three steps, each tried until it is acknowledged: without one, not the next."""
        for letter in batch.dead_letters:
            await _insist(partial(self._log.dead_letter, letter.record, letter.error))
        if batch.entries:
            await _insist(lambda: self._store.write_entries(batch.entries, batch.changes))
        if batch.conversations:
            await _insist(lambda: self._store.write_conversations(batch.conversations))
        await _insist(lambda: self._store.raise_watermark(watermark))

    async def _state(self, order_id: OrderId) -> Conversation:
        state = self._states.get(order_id)
        if state is None:
            stored = await _insist(lambda: self._store.conversation(order_id))
            state = Conversation(order_id) if stored is None else from_snapshot(stored.snapshot)
            self._states[order_id] = state
        self._states.move_to_end(order_id)
        return state

    def _keep_few(self) -> None:
        while len(self._states) > CONVERSATIONS_KEPT:
            self._states.popitem(last=False)


async def _insist(write: Callable[[], Awaitable[T]]) -> T:
    """Try until it is acknowledged. There is no end to it but the process's: to go on without
    would be to lose something, and readiness shows the lag meanwhile."""
    tries = 0
    while True:
        try:
            return await write()
        except (StoreUnavailable, NotAppended, OutcomeUnknown) as error:
            logger.warning("the archiver waits", extra={"error": type(error).__name__})
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1


async def rebuild(log: Log, store: Store, *, epoch: int) -> None:
    """Drop what the archiver made, and make it anew from the log as far as it goes now.

    Raises `RuntimeError` if a partition could not be read to its end, and `WrongLog`, with nothing
    dropped, if the store holds what this log does not have.
    """
    await check_watermarks(log, store, epoch=epoch)
    if any(older != epoch for older in await store.epochs()):
        raise WrongLog(
            f"the store holds epochs before {epoch}, which no longer are in the log: "
            "a rebuild would lose them"
        )
    ends = await log.ends()
    await store.drop()
    archiver = Archiver(log, store, epoch=epoch)
    await archiver.run_to(ends)
    if archiver.stopped:
        raise RuntimeError(f"partitions stopped before their end: {archiver.stopped}")


async def main(data: Path, environment: Mapping[str, str], *, rebuild_first: bool) -> None:
    """Archive, or rebuild the store and return."""
    settings = Settings.read(environment, data)
    async with AsyncExitStack() as resources:
        log = await open_log(settings.log_url, settings.data)
        resources.push_async_callback(log.close)
        store = await open_store(settings.store_url, settings.data)
        resources.push_async_callback(store.close)
        if rebuild_first:
            await rebuild(log, store, epoch=settings.epoch)
        else:
            await check_watermarks(log, store, epoch=settings.epoch)
            signals = await open_signals(settings.signals_url)
            resources.push_async_callback(signals.close)
            announcer = Announcer(signals)
            announcing = asyncio.create_task(announcer.run())
            resources.callback(announcing.cancel)
            await Archiver(log, store, epoch=settings.epoch, announcer=announcer).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m chat_gateway.archiver", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--rebuild", action="store_true", help="drop the store, make it anew from the log, and end"
    )
    arguments = parser.parse_args()
    configure_logs(sys.stderr)
    try:
        asyncio.run(main(arguments.data, os.environ, rebuild_first=arguments.rebuild))
    except (ValueError, OSError, InUse, RuntimeError) as error:
        sys.exit(f"archiver: {error}")
