"""What the gateway was to show, what it shows, and whether that is enough."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.bench.cells import VOID, faults, number, spread, table
from tests.bench.figures import Results, Talked
from tests.bench.plan import OURS

COST_US_MAX: Final = 30.0
CHANNELS_MIN: Final = 10.0
"""So many times the cost Django Channels needs at least, on the cheaper of its layers."""
PER_SECOND_MIN: Final = 20_000
TWO_MAX: Final = 1.25
IDLE_MAX: Final = 12_000
P99_MS_MAX: Final = 20.0
GROWTH_MAX: Final = 1.25
"""What a p99 may vary by from one minute to another without growing."""
BACK_S_MAX: Final = 10.0


class Promise(NamedTuple):
    """One line; *kept* is None where nothing was measured that decides it."""

    asked: str
    found: str
    kept: bool | None


def promises(results: Results) -> str:
    """A table of those that were measured; "" if none was."""
    words = {True: "yes", False: "no", None: VOID}
    rows = [[each.asked, each.found, words[each.kept]] for each in _promises(results)]
    return table(["asked", "found", "kept"], rows) if rows else ""


def _promises(results: Results) -> Iterator[Promise]:
    yield from _saturation(results)
    yield from _processes(results)
    yield from _idle(results)
    yield from _latency(results)
    yield from _storm(results)
    for kind, why in results.missing.items():
        if OURS in why:
            yield Promise(f"all of it can be measured: {kind}", why[OURS], False)


def _saturation(results: Results) -> Iterator[Promise]:
    ours = results.pairs.get(OURS)
    if ours is None:
        return
    if not ours.sound:
        yield Promise("everything comes once and in order", faults(ours), False)
        return
    cost, pace = ours.cpu_us["server"], ours.per_second
    yield Promise(
        f"at most {COST_US_MAX:.0f} µs of server CPU for a durable message at saturation",
        f"{spread(cost)} µs",
        cost.median <= COST_US_MAX,
    )
    for which, times, name in (
        ("socketio", 1.0, "less of it than Socket.IO with Redis"),
        ("channels", CHANNELS_MIN, f"at least {CHANNELS_MIN:.0f} times less than Django Channels"),
    ):
        if which in results.pairs:
            found = results.pairs[which].cpu_us["server"].median / cost.median
            yield Promise(name, f"which needs {number(found)} times ours", found > times)
    yield Promise(
        f"at least {PER_SECOND_MIN:,} durable messages a second with {ours.connections} "
        "connections, on one core",
        spread(pace),
        pace.median >= PER_SECOND_MIN,
    )


def _processes(results: Results) -> Iterator[Promise]:
    for how, both in results.processes.items():
        sound = both.one.sound and both.two.sound
        times = _cost(both.two) / _cost(both.one)
        yield Promise(
            f"two processes: at most {TWO_MAX} times the CPU of one for a message ({how} loop)",
            f"{number(times)} times" if sound else VOID,
            times <= TWO_MAX if sound else None,
        )


def _idle(results: Results) -> Iterator[Promise]:
    if (idle := results.idle.get(OURS)) is not None:
        yield Promise(
            f"at most {IDLE_MAX / 1_000:.0f} KB of memory for an idle connection with one order, "
            f"at {idle.connections:,}",
            f"{number(idle.pss / 1_000)} KB",
            idle.pss <= IDLE_MAX,
        )


def _latency(results: Results) -> Iterator[Promise]:
    if (ours := results.latency.get(OURS)) is not None:
        yield Promise(
            f"at half of saturation a p99 under {P99_MS_MAX:.0f} ms",
            f"{spread(ours.p99_ms)} ms" if ours.sound else VOID,
            ours.p99_ms.median < P99_MS_MAX if ours.sound else None,
        )
    if (soak := results.soak) is not None:
        yield Promise(
            f"which does not grow over {soak.talked.seconds:.0f} s: the last fifth at most "
            f"{GROWTH_MAX} times the first",
            f"{number(soak.p99_growth)} times" if soak.talked.sound else VOID,
            soak.p99_growth <= GROWTH_MAX if soak.talked.sound else None,
        )


def _storm(results: Results) -> Iterator[Promise]:
    if (storm := results.storm.get(OURS)) is not None:
        back = sum(storm.joins.values())
        yield Promise(
            f"{storm.connections:,} clients that were cut resume within {BACK_S_MAX:.0f} s, "
            "without a read of the store",
            f"{number(storm.all_s)} s; {storm.joins.get('store', 0):,.0f} of {back:,.0f} joins "
            "read the store",
            storm.all_s <= BACK_S_MAX
            and not storm.failures
            and not (storm.joins.get("store") or storm.joins.get("reset")),
        )


def _cost(talked: Talked) -> float:
    return talked.cpu_us["server"].median
