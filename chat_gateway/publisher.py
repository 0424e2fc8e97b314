"""Events on their way to the log: batches per partition, and what became of each.

While one batch of a partition is in flight the next fills, and batches of all partitions leave
together: a request to the log costs about the same for one as for all. A flight ends in one of
three ways: the reader meets its record (`settle`), the log certainly did not take it
(`NotAppended`), or nobody knows in time. After hand-over every error is of the third kind.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import MessageId, OrderId, UserId
from shared.contracts.topics import RECORD_BYTES_MAX
from shared.conversation import LATE_AFTER
from shared.log.port import Draft, Log, NotAppended, Record
from shared.metrics import Durations
from shared.timeline import Entry

logger = logging.getLogger("order_chat.gateway")

APPEND_DEADLINE_S: Final = 5.0
SETTLE_DEADLINE_S: Final = 8.0
"""From the offer until the record must have been met; above `APPEND_DEADLINE_S` so that a slow but
successful append is still met."""
SWEEP_EVERY_S: Final = 0.5
APPEND_EVERY_S: Final = 0.010
"""After batches have left, the next leave no sooner: what comes meanwhile goes with them. What
comes after a quiet moment leaves at once."""
WAITING_MAX: Final = 20_000
"""Drafts that may wait for a batch, in the whole gateway: about 20 MB of the largest messages."""
SAID_MAX: Final = 25_000
"""Events that are kept until the reader meets them, which is a moment later: what may wait, and
what is in flight."""
BATCH_MAX: Final = 500
BATCH_BYTES_MAX: Final = RECORD_BYTES_MAX
"""With more in it a batch would be written in parts, and fail in parts."""
_WITHOUT_ID: Final = (log.OrderChanged, log.Read)
APPEND_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Owner(Protocol):
    """Who offered a flight, and is told how it ended. Told exactly once, and never after `None`."""

    def settled(self, flight: "Flight", entry: Entry) -> None:
        """The reader met the record: this is what it came to."""
        ...

    def not_appended(self, flight: "Flight") -> None:
        """It is not in the log and never will be."""
        ...

    def lost_sight(self, flight: "Flight") -> None:
        """It may be in the log, now or later."""
        ...


class Flight(msgspec.Struct, eq=False):
    """One attempt to write an event that carries an id."""

    event: log.Identified
    owner: Owner | None
    ref: int
    retry: bool
    turn: int
    """Its place among the attempts of its owner."""
    handed: bool = False
    """Whether the log has been given it: from then on it may be there."""
    withdrawn: bool = False
    deadline: float = 0.0


class _Queue(msgspec.Struct):
    """What waits for one partition."""

    waiting: deque[tuple[Draft, Flight | None]]
    append: asyncio.Task[None] | None = None
    """The batch in flight."""
    left_at: float = 0.0
    """When it was handed over."""


class Publisher:
    """Writes to the log for one gateway."""

    def __init__(
        self,
        log_: Log,
        loop: asyncio.AbstractEventLoop,
        *,
        append_every_s: float = APPEND_EVERY_S,
    ) -> None:
        self._log = log_
        self._loop = loop
        self._append_every_s = append_every_s
        self._partitions = [_Queue(deque()) for _ in range(log_.partitions)]
        self._waiting = 0
        self._ready: set[int] = set()
        """Partitions whose next batch leaves with the others."""
        self._leave_at = 0.0
        """When batches may leave again."""
        self._flights: dict[MessageId, Flight] = {}
        """In the order they were offered, and so nearly by deadline. An id names its order too."""
        self._bases: dict[tuple[OrderId, UserId], dict[MessageId, int]] = {}
        self._said: dict[bytes, log.Event] = {}
        """What a record's value says, of those offered here: it need not be decoded."""
        self.append_seconds = Durations(APPEND_BOUNDS_S)
        """Of every batch handed to the log, however it ended."""

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        return len(self._partitions)

    def flight(self, id_: MessageId) -> Flight | None:
        """The flight of an id, if one is under way here."""
        return self._flights.get(id_)

    def offer(self, flight: Flight, partition: int) -> bool:
        """Take a flight for the next batch; false if too much waits already."""
        event = flight.event
        draft = _draft(event)
        if not self._enqueue(partition, draft, flight):
            return False
        if len(self._said) >= SAID_MAX:  # of many it was never known what became of them
            self._said.clear()
        self._said[draft.value] = event
        self.expect(flight)
        writer = event.order_id, event.by
        bases = self._bases.get(writer)
        if bases is None:
            bases = self._bases[writer] = {}
        bases[event.id] = event.base
        return True

    def expect(self, flight: Flight) -> None:
        """Watch for a record that is in the log already, though the reader has not met it."""
        flight.deadline = self._loop.time() + SETTLE_DEADLINE_S
        self._flights[flight.event.id] = flight

    def offer_mark(self, mark: log.Read, partition: int) -> bool:
        """Take a read mark for the next batch. If it is lost, the reader's next one says more."""
        return self._enqueue(partition, _draft(mark), None)

    def withdraw(self, flight: Flight) -> bool:
        """Take a flight back; false if it was handed over already."""
        if flight.handed:
            return False
        flight.withdrawn = True
        self._forget(flight)
        return True

    def oldest_base(self, order_id: OrderId, by: UserId, places: int) -> int:
        """The lowest base among a user's unresolved sends to an order; *places* if there is none.

        What would be late by now can do no harm any more and is forgotten, unless it is in flight:
        should it come out late, what was typed after it must too.
        """
        bases = self._bases.get((order_id, by))
        if not bases:
            return places
        oldest = min(bases.values())
        if places - oldest <= LATE_AFTER:
            return oldest
        for id_, base in list(bases.items()):
            if places - base > LATE_AFTER and id_ not in self._flights:
                del bases[id_]
        return min(bases.values(), default=places)

    def own(self, record: Record) -> log.Event | None:
        """What a record says, if it is one that was offered here a moment ago."""
        event = None if record.value is None else self._said.pop(record.value, None)
        if event is None or (
            record.key == event.order_id
            and record.type == log.TYPES[type(event)]
            and record.version == log.VERSION
        ):
            return event
        return None  # the same words under another name: they are judged as everywhere

    def settle(self, entry: Entry) -> None:
        """The reader met a record; end its flight, if it was one of ours."""
        event = entry.event
        if isinstance(event, _WITHOUT_ID):
            return
        writer = event.order_id, event.by
        bases = self._bases.get(writer)
        if bases is not None:
            bases.pop(event.id, None)
            if not bases:
                del self._bases[writer]
        flight = self._flights.pop(event.id, None)
        if flight is not None and flight.owner is not None:
            flight.owner.settled(flight, entry)

    async def run(self) -> None:
        """Give up on flights whose deadline has passed; runs as long as the gateway."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.sweep(self._loop.time())

    def sweep(self, now: float) -> None:
        """Give up on batches that are overdue at *now*, and tell the owners of flights that are."""
        for queue in self._partitions:
            if queue.append is not None and now >= queue.left_at + APPEND_DEADLINE_S:
                queue.append.cancel()
        overdue = [f for f in self._flights.values() if f.deadline <= now]
        for flight in overdue:
            self._lose(flight)
        self._withdraw_orphans(overdue)

    async def drain(self, deadline_s: float) -> None:
        """Wait until what was offered is handed over and answered, or the deadline has passed."""
        give_up_at = self._loop.time() + deadline_s
        while self._waiting or self._appends():
            if self._loop.time() >= give_up_at:
                return
            await asyncio.sleep(self._append_every_s)

    async def close(self) -> None:
        """Stop every batch under way; what is in flight has an unknown outcome."""
        for queue in self._partitions:
            self._waiting -= len(queue.waiting)
            queue.waiting.clear()
        appends = self._appends()
        for append in appends:
            append.cancel()
        await asyncio.gather(*appends, return_exceptions=True)

    def _enqueue(self, partition: int, draft: Draft, flight: Flight | None) -> bool:
        if self._waiting >= WAITING_MAX:
            return False
        queue = self._partitions[partition]
        queue.waiting.append((draft, flight))
        self._waiting += 1
        if queue.append is None:
            self._leave_soon(partition)
        return True

    def _leave_soon(self, partition: int) -> None:
        if not self._ready:
            if self._loop.time() >= self._leave_at:
                self._loop.call_soon(self._leave)
            else:
                self._loop.call_at(self._leave_at, self._leave)
        self._ready.add(partition)

    def _leave(self) -> None:
        """Hand over a batch of every partition that has something waiting and nothing in flight."""
        self._leave_at = self._loop.time() + self._append_every_s
        ready, self._ready = self._ready, set()
        for partition in ready:
            queue = self._partitions[partition]
            batch = self._next_batch(queue)
            if batch:
                queue.left_at = self._loop.time()
                queue.append = self._loop.create_task(self._append(partition, batch))
                queue.append.add_done_callback(partial(self._appended, partition))

    def _appended(self, partition: int, _: asyncio.Task[None]) -> None:
        queue = self._partitions[partition]
        queue.append = None
        if queue.waiting:
            self._leave_soon(partition)

    def _appends(self) -> list[asyncio.Task[None]]:
        return [queue.append for queue in self._partitions if queue.append is not None]

    def _next_batch(self, queue: _Queue) -> list[tuple[Draft, Flight | None]]:
        batch: list[tuple[Draft, Flight | None]] = []
        size = 0
        while queue.waiting and len(batch) < BATCH_MAX:
            size += len(queue.waiting[0][0].value)
            if batch and size > BATCH_BYTES_MAX:
                break
            item = queue.waiting.popleft()
            self._waiting -= 1
            flight = item[1]
            if flight is None:
                batch.append(item)
            elif not flight.withdrawn:
                flight.handed = True
                batch.append(item)
        return batch

    async def _append(self, partition: int, batch: list[tuple[Draft, Flight | None]]) -> None:
        drafts = [draft for draft, _ in batch]
        flights = [flight for _, flight in batch if flight is not None]
        began = self._loop.time()
        try:
            await self._log.append(partition, drafts)
        except NotAppended:
            for flight in flights:
                if self._forget(flight) and flight.owner is not None:
                    flight.owner.not_appended(flight)
            self._withdraw_orphans(flights)
        except (Exception, asyncio.CancelledError) as error:
            # Whatever it was, it came after hand-over: nobody knows what the log will do with it.
            logger.warning(
                "the outcome of an append is unknown",
                extra={
                    "records": len(drafts),
                    "partition": partition,
                    "error": type(error).__name__,
                },
            )
            for flight in flights:
                self._lose(flight)
            self._withdraw_orphans(flights)
        finally:
            self.append_seconds.observe(self._loop.time() - began)

    def _withdraw_orphans(self, failed: Sequence[Flight]) -> None:
        """Take back what waits behind a failure and has no owner to do so: its connection is gone.

        Its writer sends all of it again, in order.
        """
        if not failed:
            return
        writers = {(flight.event.order_id, flight.event.by) for flight in failed}
        for flight in [f for f in self._flights.values() if f.owner is None]:
            if (flight.event.order_id, flight.event.by) in writers:
                self.withdraw(flight)

    def _lose(self, flight: Flight) -> None:
        """Give a flight up. What waits still is taken back: were it handed over later, it could
        overtake what its writer sends again meanwhile."""
        if self._flights.get(flight.event.id) is not flight:
            return
        if self.withdraw(flight):
            if flight.owner is not None:
                flight.owner.not_appended(flight)
            return
        del self._flights[flight.event.id]
        if flight.owner is not None:
            flight.owner.lost_sight(flight)

    def _forget(self, flight: Flight) -> bool:
        """Drop a flight that never reached the log; false if it was settled by another copy."""
        if self._flights.get(flight.event.id) is not flight:
            return False
        del self._flights[flight.event.id]
        bases = self._bases.get((flight.event.order_id, flight.event.by))
        if bases is not None:
            bases.pop(flight.event.id, None)
        return True


def _draft(event: log.Event) -> Draft:
    return Draft(
        key=event.order_id,
        type=log.TYPES[type(event)],
        version=log.VERSION,
        value=log.encode_event(event),
    )
