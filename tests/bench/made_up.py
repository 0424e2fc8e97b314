"""Figures that nobody measured, for tests."""

from tests.bench.figures import Results, Spread, Talked


def same(value: float) -> Spread:
    """Every run gave this."""
    return Spread(*[float(value)] * 3)


def talked(
    *,
    cost: float = 20,
    behind: float = 5,
    per_second: float = 1_000,
    members: int = 2,
    p99_ms: float = 8,
    lost: int = 0,
) -> Talked:
    """Runs of some talk; *cost* and *behind* in µs of CPU for each message."""
    return Talked(
        connections=200,
        members=members,
        runs=3,
        seconds=10.0,
        said=30_000,
        per_second=same(per_second),
        cpu_us={"server": same(cost), "redis": same(behind)},
        generator=same(0.25),
        p50_ms=same(p99_ms / 2),
        p99_ms=same(p99_ms),
        p999_ms=same(p99_ms * 2),
        lost=lost,
        doubled=0,
        reordered=0,
    )


def results(**found: object) -> Results:
    """A run that measured this and nothing else."""
    whole = Results(date="2026-01-31", command="make bench", machine="2 cores")
    for name, figures in found.items():
        setattr(whole, name, figures)
    return whole
