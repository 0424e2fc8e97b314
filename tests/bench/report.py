"""The figures as the page shows them: tables, with the ratio to ours beside each figure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tests.bench.cells import (
    NONE,
    SERVER,
    VOID,
    behind,
    faults,
    number,
    ratio,
    share,
    spread,
    table,
    with_missing,
)
from tests.bench.figures import Idle, Results, Storm, Talked
from tests.bench.plan import NAMES, OURS
from tests.bench.promises import promises
from tests.bench.report_of_ours import AXES, archived, caught_up, growth, processes, soak

KB: Final = 1_000


def report(results: Results) -> str:
    """Everything that was measured, as Markdown."""
    return "\n\n".join(part for part in _parts(results) if part)


def _parts(results: Results) -> Iterator[str]:
    yield f"`{results.command}`, {results.date}, on {results.machine}."
    yield _section("What was to be shown", promises(results))
    yield _section(
        "Pairs",
        _talked(results, "pairs", results.pairs),
        caught_up(results),
        _plot("cost", "µs of CPU for each message, by server", results.pairs),
    )
    yield _section("Crowd", _talked(results, "crowd", results.crowd))
    yield _section("Rooms", _talked(results, "rooms", results.rooms))
    yield _section(
        "Idle", _idle(results), _plot("idle", "Memory of an idle connection", results.idle)
    )
    yield _section(
        "Storm", _storm(results), _plot("comeback", "Connections back over time", results.storm)
    )
    yield _section(
        "Latency",
        _latency(results),
        _plot("latency", "Percentiles of latency, by server", results.latency),
        soak(results.soak),
        _plot("soak", "Latency and memory of Order Chat over time", results.soak),
        archived(results),
    )
    yield _section("Two processes", processes(results))
    yield _section(
        "Growth",
        *[growth(results, axis) for axis in AXES],
        _plot("growth", "CPU of a message as something grows", results.growth),
    )
    yield _section("Versions", _versions(results))


def _section(title: str, *parts: str) -> str:
    content = [part for part in parts if part]
    return "\n\n".join([f"### {title}", *content]) if content else ""


def _plot(name: str, what: str, figures: object) -> str:
    """Where `plots.py` draws these figures, if there are any."""
    return f"![{what}](benchmarks/{name}.svg)" if figures else ""


def _talked(results: Results, kind: str, found: Mapping[str, Talked]) -> str:
    heads = [
        "server",
        "messages a second",
        "server: CPU µs a message",
        "to ours",
        "a delivery",
        "behind it, µs a message",
        "all of it, to ours",
        "generator, of a core",
        "wrong deliveries",
    ]
    rows = []
    for which, talked in found.items():
        if which == OURS and not talked.sound:
            rows.append([NAMES[which], *[VOID] * (len(heads) - 2), faults(talked)])
            continue
        cost = talked.cpu_us[SERVER].median
        rows.append(
            [
                NAMES[which],
                spread(talked.per_second),
                spread(talked.cpu_us[SERVER]),
                ratio(cost, _of_ours(found, lambda ours: ours.cpu_us[SERVER].median)),
                number(cost / talked.members),
                behind({name: used.median for name, used in talked.cpu_us.items()}),
                ratio(_whole(talked), _of_ours(found, _whole)),
                share(talked.generator),
                faults(talked),
            ]
        )
    return with_missing(results, kind, table(heads, rows) if rows else "")


def _latency(results: Results) -> str:
    heads = [
        "server",
        "messages a second",
        "p50, ms",
        "p99, ms",
        "to ours",
        "p99.9, ms",
        "server: CPU µs a message",
        "wrong deliveries",
    ]
    rows = []
    for which, talked in results.latency.items():
        if which == OURS and not talked.sound:
            rows.append([NAMES[which], *[VOID] * (len(heads) - 2), faults(talked)])
            continue
        p99 = talked.p99_ms.median
        rows.append(
            [
                NAMES[which],
                number(talked.per_second.median),
                spread(talked.p50_ms),
                spread(talked.p99_ms),
                ratio(p99, _of_ours(results.latency, lambda ours: ours.p99_ms.median)),
                spread(talked.p999_ms),
                spread(talked.cpu_us[SERVER]),
                faults(talked),
            ]
        )
    return with_missing(results, "latency", table(heads, rows) if rows else "")


def _idle(results: Results) -> str:
    heads = [
        "server",
        "connections",
        "memory of one, KB",
        "to ours",
        "without what files back, KB",
        "CPU of one, ms a minute",
        "to ours",
    ]
    ours = results.idle.get(OURS)
    others: dict[str, Idle | None] = {
        f"{NAMES[OURS]}, each in an order of its own": results.idle_alone,
        f"{NAMES[OURS]}, orders that remember 1,024 messages": results.idle_remembering,
    }
    named = [(NAMES[which], idle) for which, idle in results.idle.items()]
    rows = [
        [
            name,
            f"{idle.connections:,}",
            number(idle.pss / KB),
            ratio(idle.pss, ours.pss if ours else None),
            number(idle.anonymous / KB),
            NONE if idle.cpu_ms is None else number(idle.cpu_ms),
            NONE if idle.cpu_ms is None else ratio(idle.cpu_ms, ours.cpu_ms if ours else None),
        ]
        for name, idle in [*named, *others.items()]
        if idle is not None
    ]
    whole = with_missing(results, "idle", table(heads, rows) if rows else "")
    return with_missing(results, "memory", whole)


def _storm(results: Results) -> str:
    heads = [
        "server",
        "half are back, s",
        "95 %, s",
        "all, s",
        "to ours",
        "server: CPU µs for each",
        "to ours",
        "behind it, µs for each",
        "joins",
        "did not come back",
    ]
    ours = results.storm.get(OURS)
    named = [(NAMES[which], storm) for which, storm in results.storm.items()]
    later = f"{NAMES[OURS]}, when it must ask who takes part"
    rows = [
        [
            name,
            number(storm.half_s),
            number(storm.most_s),
            number(storm.all_s),
            ratio(storm.all_s, ours.all_s if ours else None),
            number(storm.cpu_us[SERVER]),
            ratio(storm.cpu_us[SERVER], ours.cpu_us[SERVER] if ours else None),
            behind(storm.cpu_us),
            _joins(storm),
            ", ".join(f"{n:,}: {why}" for why, n in storm.failures.items()) or "none",
        ]
        for name, storm in [*named, (later, results.storm_later)]
        if storm is not None
    ]
    return with_missing(results, "storm", table(heads, rows) if rows else "")


def _joins(storm: Storm) -> str:
    return ", ".join(f"{path} {count:,.0f}" for path, count in storm.joins.items()) or NONE


def _versions(results: Results) -> str:
    rows = [[NAMES[which], version] for which, version in results.versions.items()]
    return with_missing(results, "all", table(["server", "what ran"], rows) if rows else "")


def _of_ours(found: Mapping[str, Talked], figure: Callable[[Talked], float]) -> float | None:
    """A figure of ours that others are compared with, if it is worth anything."""
    ours = found.get(OURS)
    return figure(ours) if ours is not None and ours.sound else None


def _whole(talked: Talked) -> float:
    return sum(used.median for used in talked.cpu_us.values())
