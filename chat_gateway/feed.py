"""The log, followed: one reader for the whole gateway, a tail for each partition somebody needs.

A partition is followed from its first join on, and for as long as one of its rooms is in use. The
reader's own loop alone seeks and stops, between two fetches.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar, assert_never

from chat_gateway.catch_up import CatchUpReader
from chat_gateway.hub import Hub
from chat_gateway.publisher import Publisher
from chat_gateway.seam import (
    Access,
    AskAccess,
    AwaitRecord,
    CatchUp,
    FindCarriers,
    FindEntry,
    Need,
    ReachEnd,
    ReadConversation,
    ReadPage,
    ReadWatermark,
    Unavailable,
)
from chat_gateway.tail import Gap, Room, Tail
from shared.contracts.events import FromTheFuture
from shared.contracts.ids import NOTHING, OrderId, Seq, epoch_of, offset_of
from shared.contracts.topics import partition_of
from shared.log.port import Log, Reader, Record
from shared.store.port import Reading, StoreUnavailable

logger = logging.getLogger("order_chat.gateway")

FETCH_EVERY_S: Final = 0.005
"""After a fetch that brought something, the next begins no sooner: it costs the same for more."""
FETCH_WAIT_S: Final = 1.0
FETCH_RECORDS_MAX: Final = 2_000
RETRY_EVERY_S: Final = 0.5
PATIENCE_S: Final = 2.0
"""How long a join waits for the reader or for an order's event before it is `unavailable`."""
FOLLOW_DEADLINE_S: Final = 60.0
"""How long a partition may take to be read from the watermark to its end; joins do not wait so
long, they only find it nearer done when they come again."""
IDLE_S: Final = 600.0
"""A room nobody has open is kept this long, so that who comes back needs no store."""
SWEEP_EVERY_S: Final = 30.0
TAIL_BYTES_MAX: Final = 256 * 1024 * 1024

T = TypeVar("T")
AskAgain = Callable[[], Awaitable[Access | None]]


class PartitionStopped(Exception):
    """A record came that this program must not pass over."""


class Feed:
    """Tails by partition, the loop that feeds them, and the waiting that `seam` leaves out."""

    def __init__(
        self,
        log: Log,
        store: Reading,
        hub: Hub,
        publisher: Publisher,
        *,
        epoch: int,
        tail_bytes_max: int = TAIL_BYTES_MAX,
    ) -> None:
        self._log = log
        self._store = store
        self._hub = hub
        self._publisher = publisher
        self._epoch = epoch
        self._tail_bytes_max = tail_bytes_max
        self._tails: dict[int, Tail] = {}
        self._following: dict[int, asyncio.Task[None]] = {}
        self._held: Counter[OrderId] = Counter()
        self._in_use: dict[int, int] = {}
        """Generators at work on a partition's tail: it must not be replaced under them."""
        self._to_seek: dict[int, int] = {}
        self._to_stop: set[int] = set()
        self._idle_since: dict[OrderId, float] = {}
        self._progress = asyncio.Event()
        self._reader: Reader | None = None
        self._catch_up = CatchUpReader(log)
        self.stopped: dict[int, str] = {}
        """Partitions that cannot be read on, and why; an operator must act."""
        self.folded = 0
        """Records folded into rooms since the start."""

    # What is asked of it.

    @property
    def followed(self) -> int:
        """How many partitions have a tail."""
        return len(self._tails)

    @property
    def tail_bytes(self) -> int:
        """What all tails hold together."""
        return sum(tail.bytes for tail in self._tails.values())

    async def ping(self) -> None:
        """Raise `PartitionStopped` if a partition cannot be read on."""
        if self.stopped:
            raise PartitionStopped

    def room(self, order_id: OrderId) -> Room | None:
        """An order's room, if it is open here."""
        tail = self._tails.get(self._partition(order_id))
        return tail.rooms.get(order_id) if tail is not None else None

    @contextmanager
    def holding(self, order_id: OrderId) -> Iterator[None]:
        """Keep the order's room, once it is open, for as long as the block runs."""
        self._held[order_id] += 1
        try:
            yield
        finally:
            self._held[order_id] -= 1
            if not self._held[order_id]:
                del self._held[order_id]

    async def answer(
        self,
        order_id: OrderId,
        after: Seq | None,
        steps: Callable[[Tail], Generator[Need, Any, T]],
        *,
        turn: AbstractAsyncContextManager[None] | None = None,
        ask_again: AskAgain | None = None,
    ) -> T:
        """Run one of the seam's generators over the order's tail, once that is past *after* and it
        is the reader's *turn*.

        What it returns is handed on without another `await`. Raises what the generator raises, and
        `Unavailable` where the log or the store do not answer in time.
        """
        partition = self._partition(order_id)
        self._in_use[partition] = self._in_use.get(partition, 0) + 1
        try:
            tail = await self._tail(partition)
            await self._reach(tail, after)
            async with turn or nullcontext():
                return await self._drive(tail, order_id, steps(tail), ask_again)
        except (StoreUnavailable, OSError, ValueError) as error:
            # OSError: the log cannot be read, or not in time. ValueError: a snapshot of another
            # version of the fold; the archiver says so to the operator.
            raise Unavailable from error
        except FromTheFuture as error:
            self._stop(partition, str(error))
            raise Unavailable from error
        finally:
            self._in_use[partition] -= 1

    # The loop.

    async def run(self) -> None:
        """Read for as long as the gateway lives."""
        loop = asyncio.get_running_loop()
        self._reader = reader = self._log.reader()
        sweep_at = loop.time() + SWEEP_EVERY_S
        try:
            while True:
                self._apply_changes(reader)
                started = loop.time()
                try:
                    batches = await reader.fetch(
                        max_wait_s=FETCH_WAIT_S, max_records=FETCH_RECORDS_MAX
                    )
                except OSError as error:
                    # The next fetch goes on where this one began.
                    fields = {"error": type(error).__name__}
                    logger.warning("the log cannot be read", extra=fields)
                    await asyncio.sleep(RETRY_EVERY_S)
                    continue
                for partition, records in batches.items():
                    self._take(partition, records)
                if batches:
                    self._wake_waiting()
                    await asyncio.sleep(max(0.0, started + FETCH_EVERY_S - loop.time()))
                    self._trim()  # now that what was taken is on its way to the members
                if loop.time() >= sweep_at:
                    sweep_at = loop.time() + SWEEP_EVERY_S
                    self.sweep(loop.time())
        finally:
            for task in self._following.values():
                task.cancel()
            await self._catch_up.close()
            await reader.close()

    def sweep(self, now: float) -> None:
        """Close rooms that were idle too long at *now*, and stop following what nobody needs."""
        for partition, tail in list(self._tails.items()):
            for order_id in list(tail.rooms):
                if self._hub.members(order_id) or order_id in self._held:
                    self._idle_since.pop(order_id, None)
                elif now - self._idle_since.setdefault(order_id, now) > IDLE_S:
                    del tail.rooms[order_id], self._idle_since[order_id]
            if not tail.rooms and not self._in_use.get(partition):
                del self._tails[partition]
                self._to_stop.add(partition)

    def _take(self, partition: int, records: Sequence[Record]) -> None:
        tail = self._tails.get(partition)
        if tail is None:
            return
        publisher, hub = self._publisher, self._hub
        for record in records:
            try:
                taken = tail.take(record, publisher.own(record))
            except (Gap, FromTheFuture) as error:
                self._stop(partition, str(error))
                return
            if taken is not None:
                room, entry = taken
                self.folded += 1
                hub.publish(room, entry)
                publisher.settle(entry)

    def _trim(self) -> None:
        """Keep all tails together within their bound, at the cost of the longest."""
        while (over := self.tail_bytes - self._tail_bytes_max) > 0:
            longest = max(self._tails.values(), key=lambda tail: tail.bytes)
            least = max(0, longest.bytes - over)
            while longest.bytes > least:
                longest.drop_oldest()

    def _stop(self, partition: int, why: str) -> None:
        """Read no further: to skip a record would be to disagree with other readers for ever."""
        logger.error("a partition is stopped", extra={"partition": partition, "reason": why})
        self.stopped[partition] = why
        self._to_stop.add(partition)
        self._wake_waiting()

    def _apply_changes(self, reader: Reader) -> None:
        for partition in self._to_stop:
            reader.unfollow(partition)
        self._to_stop.clear()
        for partition, offset in self._to_seek.items():
            reader.follow(partition, offset)
        self._to_seek.clear()

    def _wake_waiting(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    # Following.

    def _partition(self, order_id: OrderId) -> int:
        return partition_of(order_id, self._log.partitions)

    async def _tail(self, partition: int) -> Tail:
        """The partition's tail, once it has been read to the end that was seen first."""
        if partition in self.stopped:
            raise Unavailable
        following = self._following.get(partition)
        if following is None and partition not in self._tails:
            following = asyncio.create_task(self._follow(partition))
            self._following[partition] = following
            following.add_done_callback(lambda task: self._followed(partition, task))
        if following is not None:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.shield(following)
        tail = self._tails.get(partition)
        if tail is None or partition in self.stopped:
            raise Unavailable
        return tail

    def _followed(self, partition: int, task: asyncio.Task[None]) -> None:
        del self._following[partition]
        if not task.cancelled() and (error := task.exception()) is not None:
            fields = {"partition": partition, "error": type(error).__name__}
            logger.warning("a partition is not followed", extra=fields)

    async def _follow(self, partition: int) -> None:
        async with asyncio.timeout(FOLLOW_DEADLINE_S):
            watermark = await self._store.watermark(self._epoch, partition)
            start = watermark.offset if watermark is not None else 0
            end = (await self._log.ends())[partition]
            tail = self._tails[partition] = Tail(self._epoch, partition, start)
            self._to_stop.discard(partition)
            self._to_seek[partition] = start
            if self._reader is not None:
                self._reader.wake()
            await self._until(lambda: tail.end >= end or partition in self.stopped)

    async def _reach(self, tail: Tail, after: Seq | None) -> None:
        """Wait until the reader is past a position the client holds, if the log has that at all."""
        if after is None or after == NOTHING or epoch_of(after) != self._epoch:
            return
        offset = offset_of(after)
        if offset < tail.end:
            return
        async with asyncio.timeout(PATIENCE_S):
            ends = await self._log.ends()
            if offset < ends[tail.partition]:
                await self._until(lambda: offset < tail.end)

    async def _reach_end(self, tail: Tail) -> None:
        """Wait until the reader is past what the log holds now."""
        async with asyncio.timeout(PATIENCE_S):
            end = (await self._log.ends())[tail.partition]
            await self._until(lambda: tail.end >= end)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._progress.wait()

    # Driving the seam.

    async def _drive(
        self,
        tail: Tail,
        order_id: OrderId,
        steps: Generator[Need, Any, T],
        ask_again: AskAgain | None,
    ) -> T:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        got: Any = None
        while True:
            try:
                need = steps.send(got)
            except StopIteration as done:
                answer: T = done.value
                return answer
            got = await self._meet(tail, order_id, need, ask_again, deadline)

    async def _meet(
        self,
        tail: Tail,
        order_id: OrderId,
        need: Need,
        ask_again: AskAgain | None,
        deadline: float,
    ) -> Any:
        match need:
            case ReadWatermark():
                return await self._store.watermark(self._epoch, tail.partition)
            case ReadConversation():
                return await self._store.conversation(order_id)
            case ReadPage():
                return list(
                    await self._store.page(
                        order_id,
                        after=need.after,
                        before=need.before,
                        limit=need.limit,
                        newest=need.newest,
                        types=need.types,
                    )
                )
            case FindEntry():
                return await self._store.find(order_id, need.id)
            case FindCarriers():
                return list(
                    await self._store.carriers(order_id, need.attachment_id, limit=need.limit)
                )
            case AwaitRecord():
                return await self._await_record(tail, order_id, deadline)
            case CatchUp():
                return await self._catch_up.read(tail, order_id, need.after)
            case ReachEnd():
                return await self._reach_end(tail)
            case AskAccess():
                return await ask_again() if ask_again is not None else None
            case _:
                assert_never(need)

    async def _await_record(self, tail: Tail, order_id: OrderId, deadline: float) -> bool:
        """Wait for the order's next record; false when the deadline comes first."""
        room = tail.rooms[order_id]
        head = room.conversation.head
        try:
            async with asyncio.timeout_at(deadline):
                await self._until(lambda: room.conversation.head > head)
        except TimeoutError:
            return False
        return True
