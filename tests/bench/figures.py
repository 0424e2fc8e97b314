"""What was measured, as it is kept: everything on the page is drawn from it, without measuring."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from tests.bench.load.load import Comeback, Outcome

CURVE_POINTS: Final = 20
"""Of a comeback as it is kept: 5 %, 10 %, …"""


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """A figure of several runs."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The figure of each run."""
        median = statistics.median(values)
        return cls(_rounded(median), _rounded(min(values)), _rounded(max(values)))


class Talked(msgspec.Struct, frozen=True, kw_only=True):
    """Runs in which connections talked, all in the same way."""

    connections: int
    members: int
    runs: int
    seconds: float
    """Of each."""
    said: int
    """Messages in all runs, those before and after the measured window left out."""
    per_second: Spread
    """Messages that were said and delivered to all."""
    cpu_us: Mapping[str, Spread]
    """µs of CPU for each such message, by the processes' name."""
    generator: Spread
    """The part of a core the generator used. Near 1 it measured itself."""
    p50_ms: Spread
    p99_ms: Spread
    p999_ms: Spread
    lost: int
    doubled: int
    reordered: int

    @property
    def sound(self) -> bool:
        """Everything came once and in its order."""
        return not (self.lost or self.doubled or self.reordered)

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], connections: int) -> Self:
        """What came of the runs."""
        first = outcomes[0]

        def late(part: float) -> Spread:
            return Spread.of([each.latencies.quantile(part) for each in outcomes])

        return cls(
            connections=connections,
            members=first.members,
            runs=len(outcomes),
            seconds=round(first.seconds, 1),
            said=sum(each.said for each in outcomes),
            per_second=Spread.of([each.per_second for each in outcomes]),
            cpu_us={
                name: Spread.of([each.cpu_us(name) for each in outcomes]) for name in first.cpu
            },
            generator=Spread.of([each.generator_cpu / each.seconds for each in outcomes]),
            p50_ms=late(0.5),
            p99_ms=late(0.99),
            p999_ms=late(0.999),
            lost=sum(each.lost for each in outcomes),
            doubled=sum(each.doubled for each in outcomes),
            reordered=sum(each.reordered for each in outcomes),
        )


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """What connections cost that say nothing."""

    connections: int
    """That were opened beside those the server was warmed up with."""
    pss: float
    """Bytes of the server's memory for each of them."""
    anonymous: float
    """The same of what no file stands behind."""
    cpu_ms: float | None = None
    """The server's CPU for each of all connections and minute, where it was watched."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """All connections were cut at once, and came back."""

    connections: int
    seconds: Sequence[float]
    """After which one part after the other of those that came back could talk again."""
    half_s: float
    most_s: float
    """The time for 95 %."""
    all_s: float
    cpu_us: Mapping[str, float]
    """For each connection, by the processes' name."""
    failures: Mapping[str, int]
    joins: Mapping[str, float]
    """Ours: how many joins were answered in which way."""

    @classmethod
    def of(
        cls, came: Comeback, cpu: Mapping[str, float], connections: int, joins: Mapping[str, float]
    ) -> Self:
        """*cpu*: seconds used meanwhile."""
        came_back = max(1, len(came.seconds))
        times = came.seconds or [0.0]

        def until(part: float) -> float:
            return round(times[max(0, round(part * len(times)) - 1)], 3)

        return cls(
            connections=connections,
            seconds=[until(point / CURVE_POINTS) for point in range(1, CURVE_POINTS + 1)],
            half_s=until(0.5),
            most_s=until(0.95),
            all_s=until(1),
            cpu_us={name: _rounded(used * 1e6 / came_back) for name, used in cpu.items()},
            failures=came.failures,
            joins=joins,
        )


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """One long run at a steady rate."""

    talked: Talked
    slice_s: float
    p99_ms: Sequence[float]
    """Of each slice."""
    pss: Sequence[int]
    """Bytes of the server's memory at the begin of each slice, and at the end."""

    @property
    def p99_growth(self) -> float:
        """The p99 of the last fifth to that of the first, each the median of its slices."""
        fifth = max(1, len(self.p99_ms) // 5)
        first = statistics.median(self.p99_ms[:fifth])
        return statistics.median(self.p99_ms[-fifth:]) / first

    @property
    def p99_slope(self) -> float:
        """By so many ms the p99 rises a minute."""
        return _slope(self.p99_ms) * 60 / self.slice_s

    @property
    def pss_slope(self) -> float:
        """By so many bytes the memory rises a minute."""
        return _slope(self.pss) * 60 / self.slice_s


class CaughtUp(msgspec.Struct, frozen=True, kw_only=True):
    """The archiver, started after all had been said."""

    behind: int
    """Records it had to do."""
    left: int
    """Those still to do when it was watched no more."""
    seconds: float

    @property
    def per_second(self) -> float:
        """Records it did."""
        return (self.behind - self.left) / self.seconds


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """Talk at a steady rate with an archiver at work."""

    talked: Talked
    behind: int
    """Records it had still to do at the end."""

    @property
    def kept_up(self) -> bool:
        """Whether that is no more than what comes in two seconds: it works in batches."""
        return self.behind <= 2 * self.talked.per_second.median


class Processes(msgspec.Struct, frozen=True, kw_only=True):
    """The same load on one gateway and on two; the CPU is that of all."""

    one: Talked
    two: Talked


class Point(msgspec.Struct, frozen=True):
    """The load where what grows has this size."""

    size: int
    talked: Talked


class Results(msgspec.Struct, kw_only=True):
    """One run of the benchmark, of everything that was measured; by the peers' names."""

    date: str
    command: str
    machine: str
    versions: dict[str, str] = {}
    missing: dict[str, dict[str, str]] = {}
    """Why there is nothing: by kind of work ("all" for all of it), by peer."""
    pairs: dict[str, Talked] = {}
    crowd: dict[str, Talked] = {}
    rooms: dict[str, Talked] = {}
    idle: dict[str, Idle] = {}
    idle_alone: Idle | None = None
    """Ours with one order for each connection."""
    idle_remembering: Idle | None = None
    """Ours with orders that remember all they can."""
    storm: dict[str, Storm] = {}
    storm_later: Storm | None = None
    """Ours, when it had forgotten who takes part in which order."""
    latency: dict[str, Talked] = {}
    soak: Soak | None = None
    caught_up: CaughtUp | None = None
    archived: Archived | None = None
    processes: dict[str, Processes] = {}
    """By what drives it: "closed" or "open"."""
    growth: dict[str, list[Point]] = {}
    """By what grows."""

    def save(self, file: Path) -> None:
        """Keep them."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def load(cls, file: Path) -> Self:
        """Those that were kept."""
        return msgspec.json.decode(file.read_bytes(), type=cls)


def _rounded(value: float) -> float:
    """Four digits: more are not meant."""
    return float(f"{value:.4g}" if abs(value) < 1_000 else round(value))


def _slope(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope
