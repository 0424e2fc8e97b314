"""Verdicts on their way to a gateway: what one record calls for together, the records of one order
one after the other, other orders beside them.

What is not given is tried again for a while, and then nothing more is given: to pass over a verdict
would be to lose it. How far everything was given is what may be noted.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from chat_gateway.moderation.gateway import Gateway, Refused, TryAgain
from chat_gateway.moderation.watch import Decision
from shared.contracts.ids import OrderId

logger = logging.getLogger("order_chat.moderation")

AT_ONCE: Final = 16
"""Requests under way. A gateway takes many more; this is enough for all that come in a busy hour,
and one that hangs keeps few from their turn."""
WAITING_MAX: Final = 500
"""Verdicts handed over and not given yet; beyond it nothing more should be read."""
PATIENCE_S: Final = 300.0
"""How long a verdict is tried. Whoever watches the process starts it again then."""
BACKOFF_S: Final = (0.2, 15.0)
"""The longest pause after the first failure, doubled with each, up to the second of these."""


class GaveUp(Exception):
    """A verdict could not be given for too long; the text says why not last."""


class _Errand(NamedTuple):
    partition: int
    offset: int
    decisions: Sequence[Decision]


class Tally:
    """What became of verdicts since the start; a consumer that begins anew counts on."""

    def __init__(self) -> None:
        self.given: Counter[tuple[str, str]] = Counter()
        """By rule and action."""
        self.repeated = 0
        """Verdicts that had been given before."""
        self.refused: Counter[str] = Counter()
        """By code."""
        self.tries = 0
        """Tries that failed and were made again."""


class Deliveries:
    """Everything that one consumer has to have given."""

    def __init__(self, gateway: Gateway, tally: Tally, *, wake: Callable[[], None]) -> None:
        """*wake* is called once when nothing more will be given; see `check`."""
        self._gateway = gateway
        self._tally = tally
        self._wake = wake
        self._queues: dict[OrderId, deque[_Errand]] = {}
        """Of every order with something to be given, what; the first is under way."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[int, Counter[int]] = {}
        """By partition, the offsets that called for what is not given yet, each how often."""
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._moved = asyncio.Event()
        """Something was given, or nothing will be any more."""
        self._failure: Exception | None = None

    def hand_over(self, partition: int, offset: int, decisions: Sequence[Decision]) -> None:
        """Have these given, which the record at *offset* called for: one of them or more."""
        errand, order_id = _Errand(partition, offset, decisions), decisions[0].order_id
        self._places.setdefault(partition, Counter())[offset] += 1
        self._waiting += len(decisions)
        queue = self._queues.get(order_id)
        if queue is not None:
            queue.append(errand)
            return
        self._queues[order_id] = deque([errand])
        task = asyncio.create_task(self._serve(order_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def done_below(self, partition: int, position: int) -> int:
        """Below which offset everything was given, of what was read below *position*."""
        return min(self._places.get(partition, ()), default=position)

    def check(self) -> None:
        """Raise `GaveUp` or `NotAllowed` if nothing more will be given."""
        if self._failure is not None:
            raise self._failure

    async def room(self, most: int = WAITING_MAX) -> None:
        """Wait until no more than *most* are left to be given. Raises as `check` does."""
        while self._waiting > most:
            self._moved.clear()
            self.check()
            await self._moved.wait()
        self.check()

    async def close(self) -> None:
        """Stop; what is under way may or may not be given."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, order_id: OrderId) -> None:
        queue = self._queues[order_id]
        try:
            while queue:
                async with asyncio.TaskGroup() as giving:
                    for decision in queue[0].decisions:
                        giving.create_task(self._give(decision))
                self._settle(queue.popleft())
            del self._queues[order_id]
        except Exception as error:  # one that nobody expected ends everything too
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self._failure = self._failure or first
            self._moved.set()
            self._wake()

    def _settle(self, errand: _Errand) -> None:
        places = self._places[errand.partition]
        places[errand.offset] -= 1
        if not places[errand.offset]:
            del places[errand.offset]
        self._waiting -= len(errand.decisions)
        self._moved.set()

    async def _give(self, decision: Decision) -> None:
        """Try until it is given or refused. Raises `GaveUp` or `NotAllowed`."""
        loop = asyncio.get_running_loop()
        give_up_at, tries = loop.time() + PATIENCE_S, 0
        while self._failure is None:
            try:
                async with self._at_once:
                    new = await self._gateway.give(decision)
            except TryAgain as error:
                self._tally.tries += 1
                pause_s = max(error.after_s, _pause_s(tries))
                tries += 1
                if loop.time() + pause_s > give_up_at:
                    raise GaveUp(str(error)) from error
                await asyncio.sleep(pause_s)
            except Refused as refused:
                self._tally.refused[refused.code] += 1
                logger.info("a verdict was refused", extra={"code": refused.code})
                return
            else:
                self._count(decision, new)
                return
        raise self._failure

    def _count(self, decision: Decision, new: bool) -> None:
        if new:
            self._tally.given[decision.rule, decision.action] += 1
        else:
            self._tally.repeated += 1


def _pause_s(tries: int) -> float:
    first, longest = BACKOFF_S
    return random.uniform(0, min(longest, first * 2**tries))  # noqa: S311 (no secret)
