"""Figures as cells of a table."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.figures import Results, Spread, Talked
from tests.bench.plan import NAMES

NONE: Final = "–"
VOID: Final = "void"
SERVER: Final = "server"
"""The name of the server's processes; the other names are of what stands behind it."""
BEHIND: Final = {"orders": "order service", "mongo": "store", "kafka": "Kafka", "redis": "Redis"}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """With as many digits as mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(figure: Spread) -> str:
    """The median, and between what the runs were."""
    if figure.least == figure.most:
        return number(figure.median)
    return f"{number(figure.median)} ({number(figure.least)} to {number(figure.most)})"


def share(figure: Spread) -> str:
    """A part of a core."""
    return f"{figure.median:.0%}"


def ratio(value: float, to: float | None) -> str:
    """How many times ours it is."""
    return f"{number(value / to)} ×" if to else NONE


def behind(cpu_us: Mapping[str, float]) -> str:
    """What stands behind the server, without what is next to nothing."""
    parts = [
        f"{BEHIND.get(name, name)} {used:.1f}"
        for name, used in cpu_us.items()
        if name != SERVER and used >= 0.05
    ]
    return ", ".join(parts) or NONE


def faults(talked: Talked) -> str:
    """What went wrong with deliveries."""
    counts = (
        (talked.lost, "lost"),
        (talked.doubled, "doubled"),
        (talked.reordered, "out of order"),
    )
    return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "none"


def with_missing(results: Results, kind: str, shown: str) -> str:
    """What was measured, and why the rest was not."""
    why = [
        f"Not measured ({kind}): {NAMES[which]}, {reason}."
        for which, reason in results.missing.get(kind, {}).items()
    ]
    return "\n\n".join(part for part in (shown, *why) if part)
