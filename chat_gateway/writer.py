"""Attempts that come by HTTP: each through a lane of its own, and the same one asked once.

A websocket's answers come as frames, when they come. Who asks by HTTP waits for one answer, so an
attempt is driven here to its end or to its deadline. It goes on when its caller has gone.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from chat_gateway.attempt import Attempt, same_request
from chat_gateway.contact import Guard
from chat_gateway.failures import code_of
from chat_gateway.feed import Feed
from chat_gateway.lane import RETRY_AFTER_MS, Lane, Uncertain
from chat_gateway.publisher import Publisher
from chat_gateway.seam import Query
from chat_gateway.tail import Room
from chat_gateway.verdicts import NothingToJudge, acts_on, completed
from chat_gateway.visits import ANSWER_DEADLINE_S, Visits
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId
from shared.contracts.topics import partition_of
from shared.timeline import Entry
from shared.tokens import Identity

WRITING_MAX: Final = 1_000
"""Attempts under way at a time; each may hold the largest message."""
_UNAVAILABLE: Final = CATALOGUE[ErrorCode.UNAVAILABLE].message
_NEWEST: Final = Query(after=None, before=None, limit=1)


class Written(msgspec.Struct, frozen=True):
    """It stands; `new`: this very attempt wrote it."""

    entry: Entry
    new: bool


class Refused(msgspec.Struct, frozen=True):
    """It does not stand; `unknown`, `unavailable` or `busy`: that cannot be said now."""

    code: ErrorCode
    message: str


Outcome = Written | Refused


class _Writing(NamedTuple):
    attempt: Attempt
    task: asyncio.Task[Outcome]


class Writer:
    """The attempts of one gateway that came by HTTP."""

    def __init__(
        self,
        visits: Visits,
        feed: Feed,
        publisher: Publisher,
        guard: Guard,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._visits = visits
        self._feed = feed
        self._publisher = publisher
        self._guard = guard
        self._clock = clock
        self._writing: dict[tuple[OrderId, MessageId], _Writing] = {}

    async def write(self, identity: Identity, attempt: Attempt) -> Outcome:
        """Write what the bearer of a token asks for, unless it was written before.

        The id is looked up first, whatever the attempt says: HTTP clients, and what stands between
        them and us, send again without saying so. Ends within 30 seconds.
        """
        attempt.retry = True
        key = attempt.event.order_id, attempt.event.id
        writing = self._writing.get(key)
        if writing is None:
            if len(self._writing) >= WRITING_MAX:
                return _refused(ErrorCode.BUSY)
            task = asyncio.create_task(self._visit(identity, attempt))
            self._writing[key] = _Writing(attempt, task)
            task.add_done_callback(lambda _: self._writing.pop(key))
            return await asyncio.shield(task)
        if not same_request(attempt.event, writing.attempt.event):
            return _refused(ErrorCode.CONFLICT)
        outcome = await asyncio.shield(writing.task)
        return Written(outcome.entry, new=False) if isinstance(outcome, Written) else outcome

    async def close(self) -> None:
        """Stop waiting; what was handed over has an unknown outcome."""
        tasks = [writing.task for writing in self._writing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, identity: Identity, attempt: Attempt) -> Outcome:
        order_id = attempt.event.order_id
        with self._feed.holding(order_id):
            try:
                async with asyncio.timeout(ANSWER_DEADLINE_S):
                    opened = await self._visits.open(identity, order_id, _NEWEST)
            except Exception as error:
                return _refused(code_of(error))
            return await self._drive(opened.room, attempt)

    async def _drive(self, room: Room, attempt: Attempt) -> Outcome:
        event = attempt.event
        partition = partition_of(event.order_id, self._publisher.partitions)
        answer = _Answer(asyncio.get_running_loop())
        lane = Lane(room, event.by, self._publisher, partition, answer, self._guard)
        try:
            lane.take(attempt, self._now_ms())
            if answer.look_up_asked:
                base = room.conversation.places  # nothing was awaited since it was asked for
                found = await self._visits.look_up(event.order_id, event.id)
                answer.was_there = isinstance(found, Entry)
                if found is None:
                    await self._complete(room, attempt)
                lane.looked_up(found, base, self._now_ms())
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                return await answer.outcome
        except NothingToJudge as refusal:
            return Refused(refusal.code, refusal.message)
        except TimeoutError:
            return _refused(ErrorCode.UNKNOWN)
        finally:
            lane.lost()

    async def _complete(self, room: Room, attempt: Attempt) -> None:
        """See what a moderator's attempt acts on, as it stands now. Raises `NothingToJudge`."""
        target = None
        if (id_ := acts_on(attempt.event)) is not None:
            found = await self._visits.look_up(attempt.event.order_id, id_)
            if isinstance(found, Uncertain):
                raise NothingToJudge(ErrorCode.UNAVAILABLE, _UNAVAILABLE)
            target = found
        attempt.event = completed(attempt.event, room.conversation, target)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


class _Answer:
    """The outlet of a lane that carries one attempt: keeps the first answer, the only one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.outcome: asyncio.Future[Outcome] = loop.create_future()
        self.look_up_asked = False
        self.was_there = False

    def refuse(
        self,
        ref: int,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        """See `chat_gateway.lane.Outlet`."""
        self._end(_refused(code, message))

    def unknown(self, ref: int, id_: ClientId, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        """See `chat_gateway.lane.Outlet`."""
        self._end(_refused(ErrorCode.UNKNOWN))

    def settled(self, ref: int, entry: Entry) -> None:
        """See `chat_gateway.lane.Outlet`."""
        self._end(Written(entry, new=not self.was_there))

    def show(self, entry: Entry) -> None:
        """See `chat_gateway.lane.Outlet`."""
        self._end(Written(entry, new=False))

    def look_up(self, lane: Lane, order_id: OrderId, id_: MessageId) -> None:
        """See `chat_gateway.lane.Outlet`; whoever drives the lane does it."""
        self.look_up_asked = True

    def _end(self, outcome: Outcome) -> None:
        if not self.outcome.done():  # its deadline may have passed at this very moment
            self.outcome.set_result(outcome)


def _refused(code: ErrorCode, message: str | None = None) -> Refused:
    return Refused(code, message or CATALOGUE[code].message)
