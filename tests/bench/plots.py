"""The plots: small SVG files of lines and words, readable on a light ground and on a dark one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.cells import BEHIND
from tests.bench.figures import Results
from tests.bench.plan import NAMES, OURS
from tests.bench.report_of_ours import AXES

INK: Final = "#768390"
"""Of words and axes; its contrast is enough on white and on black."""
COLOURS: Final[Mapping[str, str]] = {
    "ours": "#2f81f7",
    "centrifugo": "#d4820f",
    "plain": "#8957e5",
    "socketio": "#2da160",
    "channels": "#e5534b",
    "channels-queue": "#a3403a",
}
PARTS: Final = {
    "server": "#2f81f7",
    "redis": "#e5534b",
    "kafka": "#d4820f",
    "orders": "#2da160",
    "mongo": "#8957e5",
}
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # words stay words: small, and the reader's own typeface
    "svg.hashsalt": "order-chat",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
MIB: Final = 1 << 20
HEAD: Final = 1.15
"""Room above the highest point, in its height."""
CUT: Final = 3.0
"""Bars longer than so many times ours are cut, or nobody could see the others."""


def draw(results: Results, folder: Path) -> None:
    """Draw all there are figures for."""
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        _save(folder / "cost.svg", _cost, results if results.pairs else None)
        _save(folder / "idle.svg", _idle, results if results.idle else None)
        _save(folder / "comeback.svg", _comeback, results if results.storm else None)
        _save(folder / "latency.svg", _latency, results if results.latency else None)
        _save(folder / "soak.svg", _soak, results if results.soak else None)
        _save(folder / "growth.svg", _growth, results if results.growth else None)


def _save(file: Path, plot: Callable[[Results], Figure], results: Results | None) -> None:
    if results is None:
        file.unlink(missing_ok=True)  # of an earlier run
    else:
        plot(results).savefig(file, metadata={"Date": None, "Creator": None})


def _figure(height: float, columns: int = 1) -> tuple[Figure, Sequence[Any]]:
    figure = Figure(figsize=(8, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _cost(results: Results) -> Figure:
    """Bars of CPU for a message: the server, and what stands behind it."""
    figure, (axes,) = _figure(0.9 + 0.4 * len(results.pairs))
    names = [NAMES[which] for which in results.pairs]
    begins = [0.0] * len(names)
    for part, colour in PARTS.items():
        costs = [
            talked.cpu_us[part].median if part in talked.cpu_us else 0.0
            for talked in results.pairs.values()
        ]
        label = BEHIND.get(part, part)
        if max(costs) >= 0.5:
            axes.barh(names, costs, 0.6, left=begins, color=colour, label=label)
        begins = [begin + cost for begin, cost in zip(begins, costs, strict=True)]
    end = max(begins)
    if OURS in results.pairs:
        end = min(end, CUT * begins[list(results.pairs).index(OURS)])
    for at, whole in enumerate(begins):
        axes.text(min(whole, end), at, f" {whole:,.0f}{' (cut)' * (whole > end)}", va="center")
    axes.set_xlim(0, end)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("µs of CPU for a message to two, at saturation")
    figure.legend(loc="outside upper right", ncols=len(PARTS))
    return figure


def _idle(results: Results) -> Figure:
    """Bars of memory."""
    found = {NAMES[which]: (idle, COLOURS[which]) for which, idle in results.idle.items()}
    for name, idle in (
        ("Order Chat, an order each", results.idle_alone),
        ("Order Chat, 1,024 messages", results.idle_remembering),
    ):
        if idle is not None:
            found[name] = idle, COLOURS[OURS]
    figure, (axes,) = _figure(0.9 + 0.35 * len(found))
    sizes = [idle.pss / 1_000 for idle, _ in found.values()]
    axes.barh(list(found), sizes, 0.6, color=[colour for _, colour in found.values()])
    for at, size in enumerate(sizes):
        axes.text(size, at, f" {size:.1f}", va="center")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("KB of server memory for an idle connection")
    return figure


def _comeback(results: Results) -> Figure:
    """How many were back after how long."""
    figure, (axes,) = _figure(3.2)
    storms = [(NAMES[which], COLOURS[which], "-", s) for which, s in results.storm.items()]
    if results.storm_later is not None:
        later = "Order Chat, must ask who takes part"
        storms.append((later, COLOURS[OURS], "--", results.storm_later))
    for name, colour, line, storm in storms:
        back = len(storm.seconds)
        parts = [100 * (at + 1) / back for at in range(back)]
        axes.plot([0, *storm.seconds], [0, *parts], line, color=colour, label=name)
    axes.set_xlabel("seconds after all connections were cut")
    axes.set_ylabel("% back")
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    figure.legend(loc="outside right upper")
    return figure


def _latency(results: Results) -> Figure:
    """Three percentiles of each server."""
    figure, (axes,) = _figure(3.2)
    for which, talked in results.latency.items():
        late = [talked.p50_ms.median, talked.p99_ms.median, talked.p999_ms.median]
        label = f"{NAMES[which]}\n{talked.per_second.median:,.0f} a second"
        axes.plot(["p50", "p99", "p99.9"], late, "o-", color=COLOURS[which], label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("ms, at half of saturation")
    figure.legend(loc="outside right upper")
    return figure


def _soak(results: Results) -> Figure:
    """Latency and memory over time."""
    soak = results.soak
    assert soak is not None
    figure, (late, memory) = _figure(2.4, columns=2)
    late.plot(
        [at * soak.slice_s for at in range(len(soak.p99_ms))], soak.p99_ms, color=PARTS["server"]
    )
    late.set_ylabel(f"p99 of each {soak.slice_s:.0f} s, ms")
    sizes = [size / MIB for size in soak.pss]
    memory.plot([at * soak.slice_s for at in range(len(sizes))], sizes, color=PARTS["kafka"])
    memory.set_ylabel("memory of the server, MiB")
    for axes, highest in ((late, max(soak.p99_ms)), (memory, max(sizes))):
        axes.set_ylim(0, highest * HEAD)
        axes.set_xlabel("seconds")
    return figure


def _growth(results: Results) -> Figure:
    """Cost of a message against each thing that grows."""
    found = {axis: results.growth[axis] for axis in AXES if results.growth.get(axis)}
    figure, plots = _figure(2.4, columns=len(found))
    for (axis, points), axes in zip(found.items(), plots, strict=True):
        sizes = [f"{point.size:,}" for point in points]
        costs = [point.talked.cpu_us["server"].median for point in points]
        axes.plot(sizes, costs, "o-", color=PARTS["server"], label="a message")
        if axis == "members":
            each = [cost / point.talked.members for cost, point in zip(costs, points, strict=True)]
            axes.plot(sizes, each, "o--", color=PARTS["kafka"], label="a delivery")
            axes.legend()
        axes.set_ylim(0, max(costs) * HEAD)
        axes.set_xlabel(AXES[axis][0])
    plots[0].set_ylabel("µs of server CPU")
    return figure
