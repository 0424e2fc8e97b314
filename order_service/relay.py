"""Brings events from the outbox to the log: at least once, and each order's events in their order.

An event may be appended twice, since only a removed row is known to be in the log. That does no
harm: the fold voids an order version that is not above the last.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from order_service.ports import Outbox, Outgoing
from shared.contracts.events import TYPES, VERSION, OrderChanged, encode_event
from shared.contracts.topics import partition_of
from shared.log.port import Draft, Log

BATCH: Final = 1_000
"""Events looked at in one go. So many may wait for a partition that is down before the events of
other partitions wait behind them."""
TRY_S_MAX: Final = 5.0
FIRST_PAUSE_S: Final = 0.1
LAST_PAUSE_S: Final = 5.0
LOOK_EVERY_S: Final = 5.0
"""How long an event stays unseen whose process died before it could relay it."""
ASK_EVERY_S: Final = 0.5
"""How long who waits does not know what another process's relay brought to the log."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class RelayStopped(Exception):
    """The relay does not run: what is saved now stays in the outbox."""


class Relay:
    """Appends what is in *outbox* to *log*, and tells who waits for it. One per process.

    It has nothing in flight twice at a time: one batch per partition, tried until acknowledged.
    Where several processes share an outbox, each relays all of it, so that one may die. Then an
    event may be appended by several, and an earlier one of an order after a later one. Both are
    void, and nothing is lost by it: no relay appends an event before those of its order that are
    lower, unless they are in the log already, and each event says all there is to say.
    *first_pause_s* is the pause after a try that failed; it doubles up to `LAST_PAUSE_S`.
    """

    def __init__(
        self,
        outbox: Outbox,
        log: Log,
        *,
        try_s_max: float = TRY_S_MAX,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._outbox = outbox
        self._log = log
        self._try_s_max = try_s_max
        self._first_pause_s = first_pause_s
        self._wake = asyncio.Event()
        self._in_flight: set[int] = set()
        """Partitions."""
        self._waiting: dict[asyncio.Event, int] = {}
        """Who waits, for which event's number."""
        self._task: asyncio.Task[None] | None = None
        self.relayed = 0
        """Events brought to the log since the start."""
        self.failures = 0
        """Tries that failed since the start."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relay until the block is left; what is not in the log by then stays in the outbox."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._wake.set()

    async def published(self, number: int) -> None:
        """Return when this event is in the log. Bound it: a log that is down may stay down."""
        arrived = asyncio.Event()
        # Before the outbox is asked, or the event could leave it unheard in between.
        self._waiting[arrived] = number
        try:
            while not arrived.is_set() and await self._outbox.holds(number):
                await _set_within(arrived, ASK_EVERY_S)
        finally:
            del self._waiting[arrived]

    async def ping(self) -> None:
        """Raise `RelayStopped` if nothing would be published."""
        if self._task is None or self._task.done():
            raise RelayStopped

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as publishing:
            while True:
                self._wake.clear()
                # Taken before the outbox is read: what is in flight now may be gone from it later.
                in_flight = frozenset(self._in_flight)
                batch = await self._insist("reading the outbox", lambda: self._outbox.first(BATCH))
                for partition, outgoing in self._by_partition(batch).items():
                    if partition not in in_flight:
                        self._in_flight.add(partition)
                        publishing.create_task(self._publish(partition, outgoing))
                await _set_within(self._wake, LOOK_EVERY_S)

    def _by_partition(self, batch: Sequence[Outgoing]) -> Mapping[int, Sequence[Outgoing]]:
        parts: dict[int, list[Outgoing]] = defaultdict(list)
        for outgoing in batch:
            parts[partition_of(outgoing.event.order_id, self._log.partitions)].append(outgoing)
        return parts

    async def _publish(self, partition: int, batch: Sequence[Outgoing]) -> None:
        drafts = [_draft(outgoing.event) for outgoing in batch]
        numbers = {outgoing.number for outgoing in batch}
        await self._insist("appending to the log", lambda: self._log.append(partition, drafts))
        self.relayed += len(drafts)
        await self._insist("clearing the outbox", lambda: self._outbox.remove(numbers))
        for arrived, number in self._waiting.items():
            if number in numbers:
                arrived.set()
        self._in_flight.discard(partition)
        self._wake.set()

    async def _insist(self, what: str, act: Callable[[], Awaitable[T]]) -> T:
        """Do it until it succeeds: an event that is stored must reach the log, however late."""
        pause_s = self._first_pause_s
        while True:
            try:
                async with asyncio.timeout(self._try_s_max):
                    return await act()
            except Exception as error:
                self.failures += 1
                _log.warning("%s failed", what, extra={"error": type(error).__name__})
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when *event* is set, or after so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _draft(event: OrderChanged) -> Draft:
    return Draft(
        key=event.order_id, type=TYPES[type(event)], version=VERSION, value=encode_event(event)
    )
