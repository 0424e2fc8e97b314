"""`python -m tests.prove.long_history`: through 10,000 messages and back, by the wheel.

In Chromium, at every frame: the messages in the page are a stretch of what was said, 400 at most,
and what is on the screen follows on what was there before. Of the tasks of each run the longest
counts, and of the runs their median: what else the machine does falls on single ones. The short
form does not judge it.
"""

import statistics
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from shared.contracts.ids import OrderId, UserId
from tests.prove.ground import Ground, own_process
from tests.prove.panel import WITH_SHOP, chromium, open_panel
from tests.prove.passing import Way, faults_of, pass_by
from tests.prove.past import write_past
from tests.prove.proof import Proof, main

ORDER_ID: Final = OrderId("long")
ANNA: Final = UserId("anna")

MESSAGES: Final = 10_000
RUNS: Final = 3
NODES_MAX: Final = 400
TASK_MS_MAX: Final = 100.0
WAYS: Final[tuple[Way, Way]] = ("up", "down")


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """Each run in a profile of its own."""
    messages, runs = round(MESSAGES * scale), max(1, round(RUNS * scale))
    texts = await write_past(folder / "data", ORDER_ID, messages, seed)
    tasks_ms: list[float] = []
    nodes: list[int] = []
    violations: list[str] = []
    async with own_process(folder, seed, WITH_SHOP) as (ground, _), chromium() as browser:
        for _ in range(runs):
            longest_ms, most, faults = await _run(browser, ground, texts)
            tasks_ms.append(longest_ms)
            nodes.append(most)
            violations += faults
    median_ms = statistics.median(tasks_ms)
    if max(nodes) > NODES_MAX:
        violations.append(f"{max(nodes)} messages were in the page at once")
    if median_ms > TASK_MS_MAX and scale >= 1:
        violations.append(f"the longest task of the median run took {median_ms:.0f} ms")
    return Proof(
        "a history as long as it may be",
        f"{runs} × through {messages:,} messages to the first and back, by the wheel in Chromium",
        f"each came by once, in order; at most {max(nodes)} in the page; longest task of the "
        f"median run {_told(median_ms)}, of the worst {_told(max(tasks_ms))}",
        violations,
    )


async def _run(browser: Browser, ground: Ground, texts: list[str]) -> tuple[float, int, list[str]]:
    """Up and down once: the longest task, the most messages at once, and what was wrong."""
    panel = await open_panel(browser, ground, ORDER_ID, ANNA, chat=ground.url)
    longest_ms, most, faults = 0.0, 0, []
    for way in WAYS:
        passed = await pass_by(panel, way)
        longest_ms, most = max(longest_ms, passed.longest_ms), max(most, passed.most)
        faults += faults_of(passed, way, texts)
    faults += panel.errors
    await panel.page.context.close()
    return longest_ms, most, faults


def _told(task_ms: float) -> str:
    """A browser tells of tasks from 50 ms on."""
    return f"{task_ms:.0f} ms" if task_ms else "under 50 ms"


if __name__ == "__main__":
    sys.exit(main("long_history", prove, sys.argv[1:]))
