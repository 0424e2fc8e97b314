"""The consumer: reads its share of the log, decides, has verdicts given, and notes how far it is.

It is noted only below what everything was given. Verdicts have ids that follow from the log, so one
that is given twice, after a crash or by two consumers that hold one partition for a moment, is
given once. Whoever is killed anywhere and started again misses nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final, TypeVar

from chat_gateway.moderation.deliveries import Deliveries, Tally
from chat_gateway.moderation.engine.rules import Rules
from chat_gateway.moderation.gateway import Gateway
from chat_gateway.moderation.partition import Partition, where_to_begin
from shared.contracts.events import FromTheFuture
from shared.log.port import Log, Reader, Record, Share

logger = logging.getLogger("order_chat.moderation")

GROUP: Final = "order-chat-moderation"
"""The name under which consumers of one kind share the partitions, unless a setting has another."""
FETCH_WAIT_S: Final = 1.0
"""Also how long a partition that was given to this consumer may wait to be read, and how old a note
may be."""
BATCH_MAX: Final = 500
TURN_S: Final = 0.002
"""How long records are looked at before others of the process have a turn."""
RETRY_S: Final = (0.1, 0.5, 2.0, 5.0)
"""Pauses between tries at the log; the last one repeats."""

T = TypeVar("T")


class PartitionStopped(Exception):
    """A record came that this program must not pass over."""


class Consumer:
    """Follows the partitions that are its share. Begun anew, it goes on from what it noted."""

    def __init__(
        self,
        log: Log,
        gateway: Gateway,
        rules: Rules,
        *,
        budget_s: float,
        group: str = GROUP,
        rewind: bool = False,
        rest: float = 0.0,
    ) -> None:
        """*budget_s*: how long a text may keep the rules busy. *rewind*: begin each partition at
        the log's beginning when it is first held, whatever was noted. *rest*: how long it rests for
        each second that it works, so that others of the process get on."""
        self._log = log
        self._gateway = gateway
        self._rules = rules
        self._budget_s = budget_s
        self._group = group
        self._rest = rest
        self._worked_s = 0.0
        """Since it rested last."""
        self._to_rewind = set(range(log.partitions)) if rewind else set[int]()
        self._partitions: dict[int, Partition] = {}
        self._deliveries: Deliveries | None = None
        self._given_up_before = 0
        """Texts over their budget in partitions that are held no more."""
        self.tally = Tally()
        self.stopped: dict[int, str] = {}
        """Partitions that cannot be read on, and why; an operator must act."""
        self.records = 0
        """Records read since the start."""

    @property
    def done(self) -> Mapping[int, int]:
        """By partition held, below which offset everything was decided and given."""
        return {
            number: self._done_below(number, partition)
            for number, partition in self._partitions.items()
        }

    @property
    def over_budget(self) -> int:
        """Texts since the start that took too long, so that nothing was found in them."""
        return self._given_up_before + sum(one.over_budget for one in self._partitions.values())

    async def run(self) -> None:
        """Moderate the share of this process until something ends it.

        Raises `chat_gateway.moderation.deliveries.GaveUp` or
        `chat_gateway.moderation.gateway.NotAllowed`, with nothing noted beyond what was given.
        """
        async with AsyncExitStack() as resources:
            share = await self._insist(lambda: self._log.share(self._group))
            resources.push_async_callback(share.close)
            reader = self._log.reader()
            resources.push_async_callback(reader.close)
            self._deliveries = Deliveries(self._gateway, self.tally, wake=reader.wake)
            resources.push_async_callback(self._deliveries.close)
            resources.callback(self._leave, reader, list(range(self._log.partitions)))
            noted: dict[int, int] = {}
            while True:
                held = share.held
                self._leave(reader, self._partitions.keys() - held)
                for number in held - self._partitions.keys():
                    noted.pop(number, None)
                    await self._follow(reader, share, number)
                for number, records in (await self._fetch(reader)).items():
                    await self._take(reader, number, records)
                self._deliveries.check()
                for number, offset in self.done.items():
                    if noted.get(number) != offset:
                        share.note(number, offset)
                        noted[number] = offset

    async def ping(self) -> None:
        """Raise `PartitionStopped` if a partition cannot be read on."""
        if self.stopped:
            raise PartitionStopped

    def _done_below(self, number: int, partition: Partition) -> int:
        assert self._deliveries is not None
        return self._deliveries.done_below(number, partition.decided_below)

    async def _follow(self, reader: Reader, share: Share, number: int) -> None:
        """Read a partition so that everything from what was noted on is decided as it would be by
        who has read all."""
        noted = None
        if number in self._to_rewind:
            self._to_rewind.remove(number)
        else:
            noted = await self._insist(lambda: share.noted(number))
        judge_from = noted or 0
        end = (await self._insist(self._log.ends))[number]
        if judge_from > end:
            # The log was made anew. Of this one nothing was decided yet.
            logger.warning("the log is shorter than what was noted", extra={"partition": number})
            judge_from = 0
        begin = await self._insist(lambda: where_to_begin(self._log, number, judge_from))
        self._partitions[number] = Partition(
            self._rules, begin, judge_from=judge_from, budget_s=self._budget_s
        )
        reader.follow(number, begin)

    def _leave(self, reader: Reader, numbers: Collection[int]) -> None:
        """Leave these to others, and forget what was said there: it will be read again."""
        for number in numbers:
            reader.unfollow(number)
            partition = self._partitions.pop(number, None)
            if partition is not None:
                self._given_up_before += partition.over_budget
            self.stopped.pop(number, None)

    async def _fetch(self, reader: Reader) -> Mapping[int, Sequence[Record]]:
        try:
            return await reader.fetch(max_wait_s=FETCH_WAIT_S, max_records=BATCH_MAX)
        except OSError as error:
            # The next fetch goes on where this one began.
            logger.warning("the log cannot be read", extra={"error": type(error).__name__})
            await asyncio.sleep(RETRY_S[1])
            return {}

    async def _take(self, reader: Reader, number: int, records: Sequence[Record]) -> None:
        """Decide on records that follow each other."""
        assert self._deliveries is not None
        partition, loop = self._partitions[number], asyncio.get_running_loop()
        for record in records:
            began = loop.time()
            try:
                decisions = partition.take(record)
            except FromTheFuture as error:
                self.stopped[number] = str(error)
                fields = {"partition": number, "reason": str(error)}
                logger.error("a partition is stopped", extra=fields)
                reader.unfollow(number)
                return
            self.records += 1
            self._worked_s += loop.time() - began
            if decisions:
                self._deliveries.hand_over(number, record.offset, decisions)
                await self._deliveries.room()
            if self._worked_s > TURN_S:
                await asyncio.sleep(self._worked_s * self._rest)
                self._worked_s = 0.0

    async def _insist(self, act: Callable[[], Awaitable[T]]) -> T:
        """Try until the log answers. Without it there is nothing else to do."""
        tries = 0
        while True:
            try:
                return await act()
            except OSError as error:
                logger.warning("moderation waits", extra={"error": type(error).__name__})
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
