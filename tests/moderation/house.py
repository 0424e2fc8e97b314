"""What a consumer stands on: a log in a file, and a gateway of the same process that writes to it.

Both are the real ones. What a test lets happen to a consumer happens between it and them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec

from chat_gateway.moderation.consumer import GROUP, Consumer
from chat_gateway.moderation.gateway import Gateway
from chat_gateway.moderation.gateway_inside import InsideGateway
from shared.contracts import events as log
from shared.contracts.ids import MessageId, OrderId, make_seq
from shared.contracts.topics import partition_of
from shared.conversation import Conversation
from shared.log.port import Draft, Record
from tests.chat_gateway.gatehouse import Here
from tests.moderation.said import (
    ALONE,
    BEN,
    FIRST,
    FLAGGED,
    INNOCENT,
    ORDER,
    PAYMENT,
    SECOND,
    SPLIT,
    WHOLE,
    edit,
    id_of,
    rules,
    say,
)
from tests.shared.story import order

OTHER: Final = OrderId("o-77")
"""Another order, in another partition."""
SOON_S: Final = 10.0

HOME: Final = partition_of(ORDER, 2)
"""The partition of the order."""


class Given(NamedTuple):
    """A verdict that stands."""

    order_id: OrderId
    target: MessageId
    action: str
    reason: str


CONVERSATION: Final[Sequence[log.Event]] = (
    say(1, INNOCENT),
    say(2, FIRST),
    say(3, WHOLE, by=BEN),
    say(4, SECOND),
    say(5, INNOCENT),
    say(3, WHOLE, by=BEN),  # a copy
    say(6, INNOCENT, order_id=OTHER),
    say(7, PAYMENT, order_id=OTHER),
    edit(8, id_of(5), WHOLE),
    say(9, FIRST, by=BEN, order_id=OTHER),
    say(10, SECOND, by=BEN, order_id=OTHER),
)
"""What is said in both orders."""
EXPECTED: Final = {
    Given(ORDER, id_of(2), "redact", f"{SPLIT}@1"),
    Given(ORDER, id_of(4), "redact", f"{SPLIT}@1"),
    Given(ORDER, id_of(3, BEN), "redact", f"{ALONE}@2"),
    Given(ORDER, id_of(5), "redact", f"{ALONE}@2"),
    Given(OTHER, id_of(7, order_id=OTHER), "flag", f"{FLAGGED}@1"),
    Given(OTHER, id_of(9, BEN, OTHER), "redact", f"{SPLIT}@1"),
    Given(OTHER, id_of(10, BEN, OTHER), "redact", f"{SPLIT}@1"),
}
"""The verdicts that it calls for."""


class House:
    """The log, the gateway, and the way to make consumers."""

    def __init__(self, here: Here) -> None:
        self.here = here
        self.log = here.engine
        self.gateway = InsideGateway(here.running.writer, here.running.parts["partitions"])
        assert partition_of(ORDER, 2) != partition_of(OTHER, 2)

    async def open_other(self) -> None:
        """Let there be the other order."""
        await self.append(msgspec.structs.replace(order(), order_id=OTHER))

    async def append(self, *events: log.Event) -> None:
        """Write events as their writers would, each into its order's partition."""
        for event in events:
            draft = Draft(
                event.order_id, log.TYPES[type(event)], log.VERSION, log.encode_event(event)
            )
            await self.log.append(partition_of(event.order_id, self.log.partitions), [draft])

    def consumer(
        self, *, engine: Any = None, gateway: Gateway | None = None, **more: Any
    ) -> Consumer:
        """One that is not running yet."""
        return Consumer(engine or self.log, gateway or self.gateway, rules(), budget_s=60, **more)

    async def moderate(self, **more: Any) -> Consumer:
        """Run one until it has done everything there is, its own verdicts included."""
        async with running(self.consumer(**more)) as consumer:
            await self.done(consumer)
        return consumer

    async def done(self, consumer: Consumer) -> None:
        """Wait until a consumer has done everything there is."""
        await until(lambda: consumer.done == dict(enumerate(self.log.committed)))

    async def noted(self) -> None:
        """Wait until it is noted that everything is done."""
        share = await self.log.share(GROUP)
        async with asyncio.timeout(SOON_S):
            for number, end in enumerate(self.log.committed):
                while await share.noted(number) != end:  # noqa: ASYNC110 (a log tells nobody)
                    await asyncio.sleep(0.002)

    async def records(self) -> list[Record]:
        """Everything the log holds, partition after partition."""
        ends = self.log.committed
        read = await self.log.read({number: range(end) for number, end in enumerate(ends)})
        return [record for number in sorted(read) for record in read[number]]

    async def verdicts(self) -> list[Given]:
        """Those that stand, in their places."""
        return standing(await self.records())

    async def written(self) -> int:
        """How many verdicts were written, whether they stand or not."""
        return sum(record.type in ("redact", "flag") for record in await self.records())


def standing(records: Sequence[Record]) -> list[Given]:
    """The verdicts among these that stand."""
    states: dict[OrderId, Conversation] = {}
    found = []
    for record in records:
        event = log.decode_event(record.key, record.type, record.version, record.value)
        state = states.setdefault(event.order_id, Conversation(event.order_id))
        outcome = state.fold(make_seq(1, record.offset), record.at, event)
        if outcome.stands and isinstance(event, log.Redact | log.Flag):
            action = log.TYPES[type(event)]
            found.append(Given(event.order_id, event.target, action, event.reason))
    return found


def doubled(verdicts: Sequence[Given]) -> set[Given]:
    """Those that are there more than once."""
    return {verdict for verdict, count in Counter(verdicts).items() if count > 1}


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[Consumer]:
    """Run a consumer for the block; what ends it before is raised."""
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110 (numbers tell nobody)
            await asyncio.sleep(0.002)


class Mortal:
    """Ends a consumer at the so-manieth time that it comes to a step, as a kill would: from then on
    it gets no answer and leaves nothing behind."""

    STEPS: Final = ("before give", "after give", "before note", "after note")

    def __init__(self, house: House, step: str, time: int) -> None:
        self._house = house
        self._step = step
        self._left = time
        self.dead = asyncio.Event()

    async def give(self, decision: Any) -> bool:
        """See `Gateway`."""
        await self._at("before give")
        new = await self._house.gateway.give(decision)
        await self._at("after give")
        return new

    async def ping(self) -> None:
        """See `Gateway`."""

    async def share(self, group: str) -> Any:
        """See `shared.log.port.Log`; all the rest is the log's own."""
        return _MortalShare(self, await self._house.log.share(group))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._house.log, name)

    def comes_to(self, step: str) -> bool:
        """Whether it is dead by then."""
        if step == self._step and not self.dead.is_set():
            self._left -= 1
            if not self._left:
                self.dead.set()
        return self.dead.is_set()

    async def _at(self, step: str) -> None:
        if self.comes_to(step):
            await asyncio.Event().wait()


class _MortalShare:
    def __init__(self, mortal: Mortal, share: Any) -> None:
        self._mortal = mortal
        self._share = share

    def note(self, partition: int, offset: int) -> None:
        if not self._mortal.comes_to("before note"):
            self._share.note(partition, offset)
            self._mortal.comes_to("after note")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._share, name)


class HandedLog:
    """A log of which a test hands out the share."""

    def __init__(self, house: House) -> None:
        self._log = house.log
        self.held = frozenset(range(house.log.partitions))
        self.notes: dict[int, int] = {}
        self.asked = False
        """Whether a share was asked for."""
        self.times_noted = 0
        self.lowest: int | None = None
        """That was noted."""

    async def share(self, group: str) -> "HandedLog":
        self.asked = True
        return self

    def note(self, partition: int, offset: int) -> None:
        """See `shared.log.port.Share`."""
        self.notes[partition] = offset
        self.times_noted += 1
        self.lowest = offset if self.lowest is None else min(self.lowest, offset)

    async def noted(self, partition: int) -> int | None:
        """See `shared.log.port.Share`."""
        return self.notes.get(partition)

    async def close(self) -> None:
        """See `shared.log.port.Share`; the log stays open."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
