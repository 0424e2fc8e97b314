"""The archiver: log to store, in three acknowledged steps, each repeatable.

Entries with what they change first, then the conversations folded from them, then the watermark.
A crash between any two leaves a store that the next run brings to the same end: what is written
again is guarded by its position. For the same reason two archivers may hold one partition for a
moment, while it passes from one to the other.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from chat_gateway.announcer import Announcer
from chat_gateway.archiver.batch import Batch, fold_batch
from shared.contracts.ids import OrderId
from shared.contracts.topics import partition_of
from shared.conversation import Conversation, OtherFold, from_snapshot
from shared.log.port import Log, NotAppended, OutcomeUnknown, Reader, Record, Share
from shared.store.port import Store, StoreUnavailable
from shared.timeline import Entry

logger = logging.getLogger("order_chat.archiver")

GROUP: Final = "order-chat-archiver"
"""The name under which archivers share the partitions; tools that watch lag know it too."""
FETCH_WAIT_S: Final = 1.0
"""Also how long a partition that was given to this archiver may wait to be read."""
BATCH_MAX: Final = 1_000
RETRY_S: Final = (0.1, 0.5, 2.0, 5.0)
"""Pauses between tries; the last one repeats. Without a store there is nothing else to do."""
PORTION_MIN: Final = 10
"""A store that does not get through a write in time is given less at once, down to this: what is
too much for its deadline would be too much for ever."""
CONVERSATIONS_KEPT: Final = 5_000
"""States kept between batches: a few kilobytes each, up to a hundred for the busiest."""

T = TypeVar("T")
Write = Callable[[Sequence[T]], Awaitable[None]]


class PartitionStopped(Exception):
    """A record came that this program must not pass over."""


class Archiver:
    """Follows the partitions that are its share, and writes what they come to."""

    def __init__(
        self, log: Log, store: Store, *, epoch: int, announcer: Announcer | None = None
    ) -> None:
        """*announcer* tells gateways what changed; without one they find out by themselves."""
        self._log = log
        self._store = store
        self._epoch = epoch
        self._announcer = announcer
        self._states: OrderedDict[OrderId, Conversation] = OrderedDict()
        self._positions: dict[int, int] = {}
        """Of every partition followed, the offset to be read next."""
        self.stopped: dict[int, str] = {}
        """Partitions that cannot be read on, and why; an operator must act."""
        self.records = 0
        """Records archived since the start."""
        self.dead_letters = 0
        """Records put aside since the start."""
        self.waits = 0
        """Tries that failed since the start."""
        self._ended = False
        self._portion = BATCH_MAX
        """How much is written at once."""

    @property
    def held(self) -> int:
        """How many partitions it follows or has stopped at."""
        return len(self._positions)

    async def run(self) -> None:
        """Archive the share of this process for as long as it lives."""
        try:
            share = await self._insist(lambda: self._log.share(GROUP))
            try:
                await self._archive(share)
            finally:
                await share.close()
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
        """Archive every partition, whoever else may, up to the given offsets, then return."""
        reader = self._log.reader()
        try:
            await self._follow(reader, range(len(ends)))
            while any(
                self._positions[partition] < end
                for partition, end in enumerate(ends)
                if partition not in self.stopped
            ):
                await self._read_on(reader)
        finally:
            await reader.close()

    async def ping(self) -> None:
        """Raise `PartitionStopped` if a partition, or any, cannot be read on."""
        if self.stopped or self._ended:
            raise PartitionStopped

    async def _archive(self, share: Share) -> None:
        reader = self._log.reader()
        try:
            while True:
                held = share.held
                self._unfollow(reader, self._positions.keys() - held)
                await self._follow(reader, held - self._positions.keys())
                for partition in await self._read_on(reader):
                    share.note(partition, self._positions[partition])
        finally:
            await reader.close()

    async def _follow(self, reader: Reader, partitions: Collection[int]) -> None:
        """Read these from where the store says they were read to: by whomever, it is there."""
        for partition in partitions:
            watermark = await self._insist(partial(self._store.watermark, self._epoch, partition))
            self._positions[partition] = watermark.offset if watermark is not None else 0
            reader.follow(partition, self._positions[partition])

    def _unfollow(self, reader: Reader, partitions: Collection[int]) -> None:
        """Leave these to others, and forget their states: they will be behind when one returns."""
        for partition in partitions:
            reader.unfollow(partition)
            del self._positions[partition]
            self.stopped.pop(partition, None)
        if partitions:
            for order_id in list(self._states):
                if partition_of(order_id, self._log.partitions) in partitions:
                    del self._states[order_id]

    async def _read_on(self, reader: Reader) -> Collection[int]:
        """Write what comes next; answer the partitions of which something came."""
        fetched = [records for _, records in await self._fetch(reader) if records]
        batches = [await self._fold(records) for records in fetched]
        await self._write([batch for batch in batches if batch.watermark is not None])
        for batch, records in zip(batches, fetched, strict=True):
            self._move_on(batch, records[0].offset)
            if batch.partition in self.stopped:
                reader.unfollow(batch.partition)
        self._keep_few()
        return {batch.partition for batch in batches}

    async def _fetch(self, reader: Reader) -> Collection[tuple[int, Sequence[Record]]]:
        try:
            batches: Mapping[int, Sequence[Record]] = await reader.fetch(
                max_wait_s=FETCH_WAIT_S, max_records=BATCH_MAX
            )
            return batches.items()
        except OSError as error:
            # The next fetch goes on where this one began.
            logger.warning("the log cannot be read", extra={"error": type(error).__name__})
            self.waits += 1
            await asyncio.sleep(RETRY_S[1])
            return ()

    async def _fold(self, records: Sequence[Record]) -> Batch:
        """What a stretch of a partition comes to."""
        orders = {OrderId(record.key) for record in records if record.key is not None}
        states = {order_id: await self._state(order_id) for order_id in orders}
        batch = fold_batch(records, states, self._epoch)
        if batch.stopped is not None:
            self.stopped[batch.partition] = batch.stopped
            fields = {"partition": batch.partition, "reason": batch.stopped}
            logger.error("a partition is stopped", extra=fields)
        return batch

    def _move_on(self, batch: Batch, first: int) -> None:
        """Read on after a batch that is written, which began at *first*."""
        if batch.watermark is None:
            return
        self._positions[batch.partition] = batch.watermark.offset
        self.records += batch.watermark.offset - first
        if self._announcer is not None:
            self._announcer.announce(batch.changed)

    async def _write(self, batches: Sequence[Batch]) -> None:
        """The three steps, each tried until it is acknowledged: without one, not the next.

        For all partitions together: a store takes about as long for sixteen of them as for one.
        Entries may be written in portions: what one changes stands before it.
        """
        letters = [letter for batch in batches for letter in batch.dead_letters]
        entries = [entry for batch in batches for entry in batch.entries]
        conversations = [each for batch in batches for each in batch.conversations]
        watermarks = [batch.watermark for batch in batches if batch.watermark is not None]
        changes = {(one.order_id, one.by): one for batch in batches for one in batch.changes}

        async def write_entries(entries: Sequence[Entry]) -> None:
            places = ((entry.order_id, entry.seq) for entry in entries)
            concerned = [changes[place] for place in places if place in changes]
            await self._store.write_entries(entries, concerned)

        for letter in letters:
            await self._insist(partial(self._log.dead_letter, letter.record, letter.error))
            self.dead_letters += 1
        await self._write_in_portions(entries, write_entries)
        await self._write_in_portions(conversations, self._store.write_conversations)
        if watermarks:
            await self._insist(lambda: self._store.raise_watermarks(watermarks))

    async def _write_in_portions(self, items: Sequence[T], write: Write[T]) -> None:
        """Write all, in their order, as much at once as the store gets through."""
        done = tries = 0
        while done < len(items):
            portion = items[done : done + self._portion]
            try:
                await write(portion)
            except StoreUnavailable as error:
                self._portion = max(PORTION_MIN, self._portion // 2)
                await self._pause(error, tries)
                tries += 1
            else:
                self._portion = min(BATCH_MAX, self._portion + PORTION_MIN)
                done, tries = done + len(portion), 0

    async def _state(self, order_id: OrderId) -> Conversation:
        state = self._states.get(order_id)
        if state is None:
            stored = await self._insist(lambda: self._store.conversation(order_id))
            state = Conversation(order_id) if stored is None else from_snapshot(stored.snapshot)
            self._states[order_id] = state
        self._states.move_to_end(order_id)
        return state

    def _keep_few(self) -> None:
        while len(self._states) > CONVERSATIONS_KEPT:
            self._states.popitem(last=False)

    async def _insist(self, act: Callable[[], Awaitable[T]]) -> T:
        """Try until it is acknowledged. There is no end to it but the process's: to go on without
        would be to lose something, and readiness shows the lag meanwhile."""
        tries = 0
        while True:
            try:
                return await act()
            except (StoreUnavailable, NotAppended, OutcomeUnknown, OSError) as error:
                await self._pause(error, tries)
                tries += 1

    async def _pause(self, error: Exception, tries: int) -> None:
        logger.warning("the archiver waits", extra={"error": type(error).__name__})
        self.waits += 1
        await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
