"""`python -m tests.bench.first_message`: how long the panel takes, from its script tag to its first
message.

Starts the system as `make run` does and opens the film order's page in Chromium, each time in a
fresh profile, then again and again in one whose cache has the modules. The clock is the page's: it
starts when the browser begins to fetch the script, and stops once a frame with a message is drawn.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.bench.two_windows import CHROMIUM, serving

LOADS: Final = 20
WARM_LOADS: Final = 3
"""Of the server, before it counts."""
PATIENCE_S: Final = 30.0

# Notes when the first message is in a shadow root, and when a frame that shows it has been drawn.
_NOTE: Final = """
const attach = Element.prototype.attachShadow;
globalThis.firstDrawn = new Promise((resolve) => {
  Element.prototype.attachShadow = function (how) {
    const root = attach.call(this, how);
    const changes = new MutationObserver(() => {
      if (!root.querySelector("article")) return;
      changes.disconnect();
      const made = performance.now();
      const tell = () => resolve({ made, drawn: performance.now() });
      requestAnimationFrame(() => setTimeout(tell));
    });
    changes.observe(root, { childList: true, subtree: true });
    return root;
  };
});
performance.setResourceTimingBufferSize(1_000);
"""

# Times in ms since the script's fetch began, and what the modules weighed on their way.
_READ: Final = """
async () => {
  const { made, drawn } = await firstDrawn;
  const entries = performance.getEntriesByType("resource");
  const modules = entries.filter(({ name }) => name.includes("/widget/"));
  const start = modules.find(({ name }) => name.endsWith("/widget/order-chat.js")).startTime;
  const end = (some) => Math.max(...some.map(({ responseEnd }) => responseEnd)) - start;
  const sum = (some) => some.reduce((total, each) => total + each, 0);
  return {
    modules: end(modules),
    token: end(entries.filter(({ name }) => name.includes("/demo/token"))),
    made: made - start,
    drawn: drawn - start,
    files: modules.length,
    bytes: sum(modules.map(({ encodedBodySize }) => encodedBodySize)),
    transferred: sum(modules.map(({ transferSize }) => transferSize)),
  };
}
"""


class Load(NamedTuple):
    """One load: ms since the script's fetch began until it was so; bytes."""

    modules: float
    """All modules had come."""
    token: float
    """The tokens had come."""
    made: float
    """A message was in the page."""
    drawn: float
    """It was on the screen."""
    files: int
    bytes: int
    """Of the modules, compressed."""
    transferred: int
    """The same with headers; without what came out of the cache."""


async def main() -> None:
    """Measure, and print a line for each kind of load."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            await fresh_loads(browser, url, WARM_LOADS)
            first = await fresh_loads(browser, url, LOADS)
            context = await new_context(browser)
            await loads(context, url, 1)
            again = await loads(context, url, LOADS)
            await browser.close()
    print(f"fresh profile: {line(first)}")
    print(f"modules in the cache: {line(again)}")


async def fresh_loads(browser: Browser, url: str, count: int) -> list[Load]:
    """Load the page so often, each time in a profile of its own."""
    taken = []
    for _ in range(count):
        context = await new_context(browser)
        taken += await loads(context, url, 1)
        await context.close()
    return taken


async def new_context(browser: Browser) -> BrowserContext:
    """A profile that has seen nothing."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(_NOTE)
    return context


async def loads(context: BrowserContext, url: str, count: int) -> list[Load]:
    """Load the page so often in one profile, in a new tab each time."""
    taken = []
    for _ in range(count):
        page = await context.new_page()
        await page.goto(f"{url}/demo/orders/film-2041?as=anna")
        async with asyncio.timeout(PATIENCE_S):
            read: dict[str, Any] = await page.evaluate(_READ)
        taken.append(Load(**read))
        await page.close()
    return taken


def line(taken: Sequence[Load]) -> str:
    """The figures of some loads."""
    drawn = [load.drawn for load in taken]
    modules, token, made = (
        statistics.median(times)
        for times in zip(*((load.modules, load.token, load.made) for load in taken), strict=True)
    )
    load = taken[-1]
    return (
        f"{len(taken)} loads, script tag to first message: median "
        f"{statistics.median(drawn):.0f} ms, worst {max(drawn):.0f} ms (modules {modules:.0f}, "
        f"tokens {token:.0f}, message in the page {made:.0f} ms); {load.files} modules, "
        f"{load.bytes / 1_000:.1f} kB gzipped, {load.transferred / 1_000:.1f} kB transferred"
    )


if __name__ == "__main__":
    asyncio.run(main())
