"""Reading again what the tail had to drop before the archiver had it.

One reader for each partition at a time, whatever number of joins wait for it. What it reads for an
order is kept a while, so that a join which was told to come back finds it.
"""

import asyncio
import logging
from typing import Final

from chat_gateway.tail import Lent, Tail
from shared.contracts.ids import OrderId, Seq, offset_of
from shared.log.port import Log, Reader

logger = logging.getLogger("order_chat.gateway")

PATIENCE_S: Final = 5.0
"""How long a join waits for its stretch; then it is `unavailable`, and the reading goes on."""
KEEP_S: Final = 60.0
"""How long what was read is kept for a join that comes back."""
FETCH_WAIT_S: Final = 1.0
FETCH_RECORDS_MAX: Final = 2_000
STALLED_MAX: Final = 10
"""Fetches in a row that may bring nothing before the reader gives up."""


class CatchUpReader:
    """Fills `Tail.lent` for the orders that joins ask for."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reading: dict[int, asyncio.Task[None]] = {}

    async def read(self, tail: Tail, order_id: OrderId, after: Seq) -> bool:
        """Have the order's records above *after* read; tell whether all are lent now."""
        lent = tail.lent.get(order_id)
        if lent is None or lent.after > after:
            lent = tail.lent[order_id] = Lent(after, tail.start)
            asyncio.get_running_loop().call_later(KEEP_S, self._forget, tail, order_id, lent)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not lent.whole and tail.lent.get(order_id) is lent:
                    await asyncio.shield(self._pass(tail))
        except TimeoutError:
            pass
        return lent.whole

    async def close(self) -> None:
        """Stop reading."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    def _pass(self, tail: Tail) -> asyncio.Task[None]:
        """The reading under way, or a new one for all that is asked for by now."""
        task = self._reading.get(tail.partition)
        # One that is done may still stand here until its call-back has run, and to wait for it
        # would not be to wait at all.
        if task is None or task.done():
            task = asyncio.create_task(self._read(tail))
            self._reading[tail.partition] = task
            task.add_done_callback(lambda ended: self._ended(tail.partition, ended))
        return task

    def _ended(self, partition: int, task: asyncio.Task[None]) -> None:
        if self._reading.get(partition) is task:
            del self._reading[partition]

    async def _read(self, tail: Tail) -> None:
        wanted = {order: lent for order, lent in tail.lent.items() if not lent.whole}
        if not wanted:
            return
        until = max(lent.until for lent in wanted.values())
        first = min(_first_offset(tail, lent.after) for lent in wanted.values())
        reader = self._log.reader()
        reader.follow(tail.partition, first)
        try:
            if await self._fill(reader, tail, wanted, first, until):
                for lent in wanted.values():
                    lent.whole = True
        finally:
            await reader.close()

    async def _fill(
        self, reader: Reader, tail: Tail, wanted: dict[OrderId, Lent], position: int, until: int
    ) -> bool:
        stalled = 0
        while position < until and stalled < STALLED_MAX:
            batches = await reader.fetch(max_wait_s=FETCH_WAIT_S, max_records=FETCH_RECORDS_MAX)
            records = batches.get(tail.partition, ())
            stalled = 0 if records else stalled + 1
            for record in records:
                lent = wanted.get(OrderId(record.key)) if record.key is not None else None
                if lent is not None and record.offset < lent.until:
                    lent.earlier.append(record)
                position = record.offset + 1
        return position >= until

    def _forget(self, tail: Tail, order_id: OrderId, lent: Lent) -> None:
        if tail.lent.get(order_id) is lent:
            del tail.lent[order_id]


def _first_offset(tail: Tail, after: Seq) -> int:
    """The offset that follows a position; the log's beginning for one of an epoch before."""
    return offset_of(after) + 1 if after >= tail.seq(0) else 0
