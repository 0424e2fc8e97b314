"""One run of the benchmark: who is measured when, how long it still takes, and what failed."""

import textwrap
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from httpx import HTTPError

from deploy.engines.engine import Unavailable
from tests.bench import work, work_of_ours
from tests.bench.contenders import running
from tests.bench.figures import Results
from tests.bench.load.load import LoadFailed
from tests.bench.peers.ours import OrderChat
from tests.bench.peers.peer import Peer
from tests.bench.plan import NAMES, OURS, Kind, Plan
from tests.prove.process import ServerFailed

T = TypeVar("T")

CROWD: Final[frozenset[Kind]] = frozenset({"idle", "crowd", "storm"})
MANY: Final[frozenset[Kind]] = CROWD | {"rooms"}
FEW: Final[frozenset[Kind]] = frozenset({"pairs", "latency"})
"""What is measured on one server: one that had thousands of connections, and one that had not."""
PAIRS_ONLY: Final = "channels-queue"
"""The same server as the one before, on a layer that costs more: so much is shown by one kind."""
WHY_CHARS: Final = 200
START_S: Final = 7.0
"""Two servers and what stands behind each, up and down."""
HALF: Final = 0.5
"""Of saturation: the rate at which latency is measured."""

EXPECTED: Final = (
    *(LoadFailed, Unavailable, ServerFailed),
    *(OSError, HTTPError, ExceptionGroup),
)
"""What ends one kind of work and not the run. A time-out is an `OSError`."""


class Campaign:
    """Measures, puts what came of it into *results*, and says what it does."""

    def __init__(self, folder: Path, plan: Plan, results: Results) -> None:
        self.failed = False
        """Whether something of ours could not be measured."""
        self._folder = folder
        self._plan = plan
        self._results = results
        self._since = time.monotonic()
        self._to_do: dict[tuple[str, Kind], float] = {}

    async def run(self, peers: Sequence[str], kinds: frozenset[Kind]) -> None:
        """Measure these, one after the other."""
        self._to_do = to_do(self._plan, peers, kinds)
        for which in peers:
            own = _kinds_of(which, kinds)
            for folder, together in (("many", own & MANY), ("few", own & FEW)):
                if together:
                    measuring = self._measure(which, self._folder / which / folder, together)
                    await self._try(which, "all", measuring)
            if which == OURS:
                await self._measure_ours(own)
            for kind in own:
                self._to_do.pop((which, kind), None)

    async def _measure(self, which: str, folder: Path, kinds: frozenset[Kind]) -> None:
        """What every server does, on one that is started for it."""
        starting = work_of_ours.order_chat(folder) if which == OURS else None
        async with starting or running(which, folder, self._say) as peer:
            self._results.versions[which] = peer.version
            await self._everybodys(which, peer, kinds)

    async def _everybodys(self, which: str, peer: Peer, kinds: frozenset[Kind]) -> None:
        plan, results = self._plan, self._results
        # The crowd first, since memory is looked at.
        if kinds & CROWD:
            crowd = work.Crowd(peer, plan)
            await self._do(which, *sorted(kinds & CROWD), doing=crowd.measure(kinds))
            _put(results.idle, which, crowd.idle)
            _put(results.crowd, which, crowd.talked)
            _put(results.storm, which, crowd.storm)
            results.storm_later = crowd.storm_later or results.storm_later
        if "rooms" in kinds:
            _put(results.rooms, which, await self._do(which, "rooms", doing=work.rooms(peer, plan)))
        if "pairs" in kinds:
            await self._do(which, "pairs", doing=self._pairs(which, peer))
        if "latency" in kinds:
            await self._do(which, "latency", doing=self._latency(which, peer))

    async def _pairs(self, which: str, peer: Peer) -> None:
        self._results.pairs[which] = await work.pairs(peer, self._plan)
        if isinstance(peer, OrderChat):
            self._results.caught_up = await work_of_ours.catch_up(peer, self._plan.catch_up_s)

    async def _latency(self, which: str, peer: Peer) -> None:
        plan, results = self._plan, self._results
        if which not in results.pairs:  # not asked for, and needed
            results.pairs[which] = await work.pairs(peer, plan)
        rate = results.pairs[which].per_second.median * HALF
        seconds = plan.latency_s if which == OURS else plan.peers_latency_s
        results.latency[which] = await work.latency(peer, plan, rate, seconds)
        if isinstance(peer, OrderChat):
            results.soak = await work_of_ours.soak(peer, plan, rate)

    async def _measure_ours(self, kinds: frozenset[Kind]) -> None:
        """What concerns us alone, each on fleets of its own."""
        if "archived" in kinds:
            await self._do(OURS, "archived", doing=self._archived())
        if "processes" in kinds:
            await self._do(OURS, "processes", doing=self._processes())
        if "growth" in kinds:
            await self._do(OURS, "growth", doing=self._growth())
        if "memory" in kinds:
            await self._do(OURS, "memory", doing=self._memory())

    async def _archived(self) -> None:
        plan, results = self._plan, self._results
        async with work_of_ours.order_chat(self._folder / "archived") as ours:
            if OURS not in results.pairs:  # not asked for, and needed
                results.pairs[OURS] = await work.pairs(ours, plan)
            rate = results.pairs[OURS].per_second.median * HALF
            results.archived = await work_of_ours.archived(ours, plan, rate)

    async def _processes(self) -> None:
        self._results.processes = await work_of_ours.processes(self._folder, self._plan)

    async def _growth(self) -> None:
        plan, results = self._plan, self._results
        async with work_of_ours.order_chat(self._folder / "growth") as ours:
            results.growth = await work_of_ours.growth(ours, plan)
        results.growth["partitions"] = await work_of_ours.partitions(self._folder, plan)

    async def _memory(self) -> None:
        plan, results = self._plan, self._results
        async with work_of_ours.order_chat(self._folder / "alone") as ours:
            results.idle_alone = await work_of_ours.idle_alone(ours, plan)
        async with work_of_ours.order_chat(self._folder / "remembering") as ours:
            results.idle_remembering = await work_of_ours.idle_remembering(ours, plan)

    async def _do(self, which: str, *kinds: Kind, doing: Awaitable[T]) -> T | None:
        """Say what is done and how long all still takes, do it, and keep why it failed."""
        left_min = sum(self._to_do.values()) / 60
        self._say(f"{NAMES[which]}: {', '.join(kinds)} (all in about {left_min:.0f} min)")
        try:
            return await self._try(which, kinds[0], doing)
        finally:
            for kind in kinds:
                self._to_do.pop((which, kind), None)

    async def _try(self, which: str, kind: str, doing: Awaitable[T]) -> T | None:
        try:
            return await doing
        except EXPECTED as error:
            why = _why(error)
            self._results.missing.setdefault(kind, {})[which] = why
            self._say(f"{NAMES[which]}: {kind} failed: {why}")
            self.failed |= which == OURS
            return None

    def _say(self, line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._since), 60)
        print(f"{minutes:2}:{seconds:02} {line}", flush=True)


def to_do(
    plan: Plan, peers: Sequence[str], kinds: frozenset[Kind]
) -> dict[tuple[str, Kind], float]:
    """What is to be measured of whom, and about how many seconds each takes."""
    return {
        (which, kind): plan.cost_s(kind, which) + START_S / len(own)
        for which in peers
        for own in [_kinds_of(which, kinds)]
        for kind in own
    }


def _kinds_of(which: str, kinds: frozenset[Kind]) -> frozenset[Kind]:
    if which == OURS:
        return kinds
    return kinds & (MANY | FEW if which != PAIRS_ONLY else {"pairs"})


def _why(error: BaseException) -> str:
    """The first cause, in one line that is not too long."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return textwrap.shorten(str(error) or type(error).__name__, WHY_CHARS, placeholder=" …")


def _put(into: dict[str, T], which: str, found: T | None) -> None:
    if found is not None:
        into[which] = found
