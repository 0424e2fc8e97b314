"""What processes use, and times kept in a histogram."""

import asyncio
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.bench.load.latency import Latencies
from tests.bench.load.meter import Meter

PATIENCE_S = 20.0
BUSY = "kept = b'x' * 50_000_000; print(flush=True)\nwhile True: pass"
IDLE = "print(flush=True); input()"


@asynccontextmanager
async def child(program: str) -> AsyncIterator[Process]:
    """A process that has said that it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield process
    finally:
        process.kill()
        await process.communicate()


async def test_a_busy_process_is_told_from_an_idle_one() -> None:
    """By its CPU and by its memory."""
    async with child(BUSY) as busy, child(IDLE) as idle:
        meter = Meter({"both": [busy.pid, idle.pid], "idle": [idle.pid]})
        before = meter.sample()
        async with asyncio.timeout(PATIENCE_S):
            while (used := meter.sample().since(before)).cpu["both"] < 0.2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        memory = meter.memory()

    assert used.cpu["idle"] < 0.02
    assert used.at > 0.19
    assert 0 < used.own < used.at + 0.1
    assert memory["both"].anonymous - memory["idle"].anonymous > 50_000_000
    assert memory["idle"].pss > 1_000_000


async def test_a_process_that_is_gone_is_missed() -> None:
    """What it used cannot be told any more."""
    async with child(IDLE) as gone:
        meter = Meter({"gone": [gone.pid]})

    with pytest.raises(OSError, match=r"."):
        meter.sample()


def test_quantiles_are_exact_to_a_hundredth() -> None:
    """From µs to minutes; the longest time is kept as it was."""
    latencies = Latencies()
    times = [0.01 * 1.003**step for step in range(5_000)]

    for ms in reversed(times):
        latencies.add(ms)

    cuts = statistics.quantiles(times, n=100, method="inclusive")
    assert latencies.quantile(0.5) == pytest.approx(cuts[49], rel=0.01)
    assert latencies.quantile(0.99) == pytest.approx(cuts[98], rel=0.01)
    assert latencies.most == latencies.quantile(1.0) == max(times)
    assert latencies.count == 5_000


def test_times_beyond_all_bounds_are_kept_in_the_last_buckets() -> None:
    """None is left out, and nothing breaks."""
    latencies = Latencies()

    for ms in (0.0, -1.0, 1e9):
        latencies.add(ms)

    assert (latencies.count, latencies.most) == (3, 1e9)


def test_no_times_have_no_quantiles() -> None:
    """A slice in which nothing was said shows as 0."""
    assert Latencies().quantile(0.99) == 0.0


def test_histograms_are_merged() -> None:
    """The whole knows what its parts knew."""
    one, other = Latencies(), Latencies()
    one.add(1.0)
    other.add(100.0)

    whole = Latencies.merged([one, other])

    assert (whole.count, whole.most) == (2, 100.0)
    assert whole.quantile(0.5) == pytest.approx(1.0, rel=0.01)
