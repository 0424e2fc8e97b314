"""What concerns Order Chat alone, as the page shows it."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.cells import SERVER, VOID, faults, number, ratio, spread, table, with_missing
from tests.bench.figures import Point, Results, Soak

MIB: Final = 1 << 20
AXES: Final[Mapping[str, tuple[str, str]]] = {
    "orders": ("orders", "two connections in each, and all talk"),
    "silent": ("silent connections", "200 others talk, in pairs"),
    "members": ("members of an order", "at most 200 connections, and all talk"),
    "partitions": ("partitions of the log", "200 connections talk, in pairs"),
}


def caught_up(results: Results) -> str:
    """How far the archiver came that was left out."""
    done = results.caught_up
    if done is None:
        return ""
    began = (
        f"No archiver ran in this time. Started afterwards, it had {done.behind:,} records to do; "
    )
    if not done.left:
        return (
            began
            + f"{done.seconds:.0f} s later it had done them ({done.per_second:,.0f} a second)."
        )
    rest_s = done.left / done.per_second if done.per_second else float("inf")
    return began + (
        f"{done.seconds:.0f} s later it had done {done.behind - done.left:,} of them "
        f"({done.per_second:,.0f} a second, its start included), and at that pace it would need "
        f"{rest_s / 60:,.0f} minutes more."
    )


def soak(soak: Soak | None) -> str:
    """Whether latency and memory grow."""
    if soak is None:
        return ""
    if not soak.talked.sound:
        return f"Ours for long: {VOID}, {faults(soak.talked)}."
    return (
        f"Ours for {soak.talked.seconds:,.0f} s at {number(soak.talked.per_second.median)} "
        f"messages a second: p99 {spread(soak.talked.p99_ms)} ms, of each {soak.slice_s:.0f} s "
        f"{number(min(soak.p99_ms))} to {number(max(soak.p99_ms))} ms, rising by "
        f"{soak.p99_slope:+.2f} ms a minute; memory of the server {soak.pss[0] / MIB:,.0f} MiB "
        f"at first and {soak.pss[-1] / MIB:,.0f} MiB in the end, rising by "
        f"{soak.pss_slope / MIB:+.2f} MiB a minute; all {soak.talked.said:,} messages came once "
        "and in order."
    )


def archived(results: Results) -> str:
    """Latency beside an archiver."""
    found = results.archived
    if found is None:
        return with_missing(results, "archived", "")
    talked = found.talked
    if not talked.sound:
        return f"Ours with an archiver at work: {VOID}, {faults(talked)}."
    kept_up = "kept up" if found.kept_up else "did not keep up"
    return (
        f"Ours with an archiver at work on the same cores, at {number(talked.per_second.median)} "
        f"messages a second for {talked.seconds:.0f} s: p50 {spread(talked.p50_ms)}, p99 "
        f"{spread(talked.p99_ms)}, p99.9 {spread(talked.p999_ms)} ms. The archiver {kept_up}: at "
        f"the end it had {found.behind:,} records to do."
    )


def processes(results: Results) -> str:
    """One gateway and two."""
    heads = ["load", "processes", "messages a second", "CPU µs a message", "to one", "p99, ms"]
    driven = {"closed": "as fast as they can", "open": "half of what one can"}
    rows = []
    for how, both in results.processes.items():
        for count, talked in (("1", both.one), ("2", both.two)):
            cost = talked.cpu_us[SERVER]
            figures = [
                spread(talked.per_second),
                spread(cost),
                ratio(cost.median, both.one.cpu_us[SERVER].median if both.one.sound else None),
                spread(talked.p99_ms),
            ]
            rows.append([driven[how], count, *(figures if talked.sound else [VOID] * 4)])
    return with_missing(results, "processes", table(heads, rows) if rows else "")


def growth(results: Results, axis: str) -> str:
    """A table for one thing that grows."""
    points: Sequence[Point] = results.growth.get(axis, ())
    if not points:
        return with_missing(results, "growth", "") if axis == next(iter(AXES)) else ""
    what, how = AXES[axis]
    first = points[0].talked
    heads = [
        f"{what} ({how})",
        "messages a second",
        "CPU µs a message",
        "to the first",
        "a delivery",
        "p99, ms",
    ]
    rows = []
    for point in points:
        talked = point.talked
        cost = talked.cpu_us[SERVER].median
        figures = [
            spread(talked.per_second),
            number(cost),
            ratio(cost, first.cpu_us[SERVER].median if first.sound else None),
            number(cost / talked.members),
            spread(talked.p99_ms),
        ]
        rows.append([f"{point.size:,}", *(figures if talked.sound else [VOID] * 5)])
    return table(heads, rows)
