"""Many connections that talk to one server, and what is measured of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from tests.bench.load.latency import Latencies
from tests.bench.load.ledger import Ledger
from tests.bench.load.line import Address, Line, LineLost
from tests.bench.load.meter import Meter
from tests.bench.load.talk import Talk

TICK_S: Final = 0.001
"""The open loop looks so often what is due: a message's instant is the planned one, so that this
is part of what is measured."""
BURST: Final = 200
"""The open loop says so many at most before it listens again, when it is behind."""
CLOSE_S: Final = 5.0
POLL_S: Final = 0.02
MICROSECONDS: Final = 1e6


class LoadFailed(Exception):
    """What was to be measured cannot be."""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one run. The window is the time in which it was measured."""

    said: int
    """Messages that were to be said in the window."""
    delivered: int
    """Deliveries in the window; each message has one for each member of its order."""
    members: int
    seconds: float
    """Length of the window."""
    cpu: Mapping[str, float]
    """Seconds of CPU that the processes under each name used in the window."""
    generator_cpu: float
    """The same of the process that measures. Near `seconds`, it measured itself."""
    latencies: Latencies
    """Of all deliveries of what was to be said in the window, whenever they came, from the instant
    at which the message was to be said."""
    slices: Sequence[float]
    """The 99th percentile of those in each slice of the window, in ms."""
    lost: int
    """Deliveries that did not come, of the whole run."""
    doubled: int
    """Those that came again."""
    reordered: int
    """Those that came after a later one of the same sender."""

    @property
    def per_second(self) -> float:
        """Messages that were said and delivered to all, a second."""
        return self.delivered / self.members / self.seconds

    def cpu_us(self, name: str) -> float:
        """µs of CPU that the processes under a name used for each message, said and delivered."""
        return self.cpu[name] * MICROSECONDS * self.members / max(1, self.delivered)

    @property
    def sound(self) -> bool:
        """Everything came once and in its order."""
        return not (self.lost or self.doubled or self.reordered)


class Comeback(msgspec.Struct, kw_only=True):
    """How connections that were cut came back."""

    seconds: Sequence[float]
    """From the first attempt until each could talk again, the first one first."""
    failures: Mapping[str, int]
    """Why others could not, and how many of them."""


class Load:
    """Connections that are all open. One thing is done with them at a time."""

    def __init__(
        self,
        addresses: Sequence[Address],
        talks: Sequence[Talk],
        members: int,
        deadline_s: float,
        patience_s: float,
    ) -> None:
        self._addresses = addresses
        self._talks = talks
        self._members = members
        self._deadline_s = deadline_s
        self._patience_s = patience_s
        self._ledger = Ledger(len(talks), members)
        self._lines: list[Line] = []

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        address: Address,
        talks: Sequence[Talk],
        *,
        members: int = 2,
        also: Sequence[Address] = (),
        at_once: int = 50,
        deadline_s: float = 60.0,
        patience_s: float = 10.0,
    ) -> AsyncIterator["Load"]:
        """All connections open and joined; raises `LoadFailed` if one is not by the deadline.

        *members*: so many connections, one after the other, are in one order. *also*: the others of
        the server's addresses; connections take them in turn. *at_once*: so many openings are under
        way at most. *patience_s*: what does not come for so long after the end is lost.
        """
        load = cls((address, *also), talks, members, deadline_s, patience_s)
        try:
            came = await load._open_all(talks, at_once)
            if came.failures:
                missing = len(talks) - len(came.seconds)
                raise LoadFailed(f"{missing} of {len(talks)} did not join: {dict(came.failures)}")
            yield load
        finally:
            await load._close()

    async def closed(
        self, *, window: int, seconds: float, warm_s: float, meter: Meter, slice_s: float = 10.0
    ) -> Outcome:
        """Every connection says *window* messages, and as many again whenever all of its own have
        come back. Raises `LoadFailed` if a connection ends."""
        self._ledger.begin()
        for line in self._lines:
            line.keep_saying(window)
        await asyncio.sleep(warm_s)
        finish = await self._measure(seconds, slice_s, meter)
        for line in self._lines:
            line.keep_saying(0)
        await self._drain()
        return finish()

    async def open(
        self,
        *,
        per_second: float,
        seconds: float,
        warm_s: float,
        meter: Meter,
        slice_s: float = 10.0,
    ) -> Outcome:
        """Messages by random connections at the instants of a Poisson process, whatever comes back
        when. Raises `LoadFailed` if a connection ends."""
        self._ledger.begin()
        speaking = asyncio.create_task(self._speak(per_second, warm_s + seconds))
        try:
            await asyncio.sleep(warm_s)
            finish = await self._measure(seconds, slice_s, meter)
            await speaking
        finally:
            speaking.cancel()
        await self._drain()
        return finish()

    async def cut(self) -> None:
        """Abort all connections at once."""
        for line in self._lines:
            line.abort()
        for line in self._lines:
            await line.ended.wait()

    async def come_back(self, *, at_once: int) -> Comeback:
        """Open all connections that were cut again, each where it was."""
        return await self._open_all([line.talk.again() for line in self._lines], at_once)

    async def _open_all(self, talks: Sequence[Talk], at_once: int) -> Comeback:
        start = time.perf_counter()
        slots = asyncio.Semaphore(at_once)
        seconds: list[float] = []
        failures: Counter[str] = Counter()

        async def open_one(number: int, line: Line, address: Address) -> None:
            try:
                async with slots, asyncio.timeout_at(give_up_at):
                    await asyncio.get_running_loop().create_connection(lambda: line, *address)
                    await line.joined
            except (OSError, LineLost) as error:
                # A time-out is an OSError without a text.
                failures[str(error) or "no answer in time"] += 1
                line.abort()
            else:
                seconds.append(time.perf_counter() - start)

        give_up_at = asyncio.get_running_loop().time() + self._deadline_s
        self._lines = []
        async with asyncio.TaskGroup() as opening:
            for number, talk in enumerate(talks):
                address = self._addresses[number % len(self._addresses)]
                line = Line(number, talk, self._ledger, address)
                self._lines.append(line)
                opening.create_task(open_one(number, line, address))
        return Comeback(seconds=seconds, failures=failures)

    async def _speak(self, per_second: float, seconds: float) -> None:
        chance = random.Random(per_second)
        at = time.perf_counter()
        end = at + seconds
        in_a_row = 0
        while (at := at + chance.expovariate(per_second)) < end:
            early = at - time.perf_counter()
            if early > 0 or in_a_row == BURST:
                await asyncio.sleep(max(TICK_S, early) if early > 0 else 0)
                in_a_row = 0
            chance.choice(self._lines).say(at)
            in_a_row += 1

    async def _measure(self, seconds: float, slice_s: float, meter: Meter) -> Callable[[], Outcome]:
        """Let the window pass; what gives the outcome, once all has come."""
        ledger = self._ledger
        before, heard = meter.sample(), ledger.heard
        ledger.measure(seconds, slice_s)
        await asyncio.sleep(seconds)
        used, delivered = meter.sample().since(before), ledger.heard - heard
        return lambda: Outcome(
            said=ledger.said,
            delivered=delivered,
            members=self._members,
            seconds=used.at,
            cpu=used.cpu,
            generator_cpu=used.own,
            latencies=Latencies.merged(ledger.slices),
            slices=[each.quantile(0.99) for each in ledger.slices],
            lost=ledger.lacking,
            doubled=ledger.doubled,
            reordered=ledger.reordered,
        )

    async def _drain(self) -> None:
        """Wait until all has come, or nothing more comes. Raises `LoadFailed`."""
        lacking, since = self._ledger.lacking, time.perf_counter()
        while True:
            self._check()
            if not lacking or time.perf_counter() - since > self._patience_s:
                return
            await asyncio.sleep(POLL_S)
            if self._ledger.lacking != lacking:
                lacking, since = self._ledger.lacking, time.perf_counter()

    def _check(self) -> None:
        why = Counter(line.why for line in self._lines if line.ended.is_set())
        if why:
            raise LoadFailed(f"{why.total()} of {len(self._lines)} connections ended: {dict(why)}")

    async def _close(self) -> None:
        for line in self._lines:
            line.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                for line in self._lines:
                    await line.ended.wait()
        except TimeoutError:
            await self.cut()
