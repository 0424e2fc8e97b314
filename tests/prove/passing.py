"""Everything a panel shows while one scrolls through it, and what is wrong with it."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from tests.prove.panel import Panel

STEP: Final = 0.8
"""Of what is on the screen, that one turn of the wheel moves by: nothing is passed over."""
PATIENCE_S: Final = 300.0
BACK_PX_MAX: Final = 1.0
"""Places are whole pixels, heights are not."""

Way = Literal["up", "down"]

# Writes down which messages are in the page whenever rows come or go, which are on the screen at
# each frame and how far they went against the wheel, and the longest task. A text is told once;
# after that its place stands for it.
_WATCH: Final = """
(way) => {
  const root = document.querySelector("order-chat").shadowRoot;
  const log = root.querySelector("[role=log]");
  const seen = { texts: [], windows: [], screens: [], most: 0, back: [0, 0], longest: 0 };
  const places = new WeakMap();
  const place = (article) => {
    if (!places.has(article)) {
      places.set(article, seen.texts.push(article.querySelector(".text").textContent) - 1);
    }
    return places.get(article);
  };
  let articles = [];
  let before = null; // a message on the screen at the last frame: {article, y}
  const rows = () => {
    articles = [...root.querySelectorAll("article")];
    seen.most = Math.max(seen.most, articles.length);
    const now = articles.map(place);
    if (now.join() !== seen.windows.at(-1)?.join()) seen.windows.push(now);
  };
  const screen = () => {
    const { top, bottom } = log.getBoundingClientRect();
    const shown = articles.filter((article) => {
      const box = article.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    });
    if (before?.article.isConnected) {
      const moved = before.article.getBoundingClientRect().top - before.y;
      const back = way === "up" ? -moved : moved;
      if (back > seen.back[0]) seen.back = [back, place(before.article)];
    }
    // Of the first a pixel may be there to be seen.
    const whole = shown[1] ?? shown[0];
    before = { article: whole, y: whole.getBoundingClientRect().top };
    const now = [place(shown[0]), place(shown.at(-1))];
    if (now.join() !== seen.screens.at(-1)?.join()) seen.screens.push(now);
    frame = requestAnimationFrame(screen);
  };
  const changes = new MutationObserver(rows);
  changes.observe(log, { childList: true, subtree: true });
  const tasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
  });
  tasks.observe({ type: "longtask" });
  rows();
  let frame = requestAnimationFrame(screen);
  globalThis.endWatch = () => {
    cancelAnimationFrame(frame);
    changes.disconnect();
    tasks.disconnect();
    return seen;
  };
}
"""

# Whether an end is on the screen, once the next frame was drawn.
_AT_END: Final = """
(way) => new Promise((resolve) => requestAnimationFrame(() => {
  const root = document.querySelector("order-chat").shadowRoot;
  const log = root.querySelector("[role=log]");
  const below = log.scrollHeight - log.clientHeight - log.scrollTop;
  resolve(way === "up"
    ? log.scrollTop < 1 && root.querySelector(".earlier").hidden
    : below < 1 && root.querySelector(".pill").hidden);
}))
"""


class Passed(NamedTuple):
    """What came by."""

    windows: Sequence[Sequence[str]]
    """All messages in the page, whenever others came or left."""
    screens: Sequence[tuple[str, str]]
    """The first and the last on the screen, whenever it was another."""
    most: int
    """So many messages were in the page at once."""
    back: tuple[float, str]
    """How far (px) a message on the screen went against the wheel at most, from one frame to the
    next, and which one."""
    longest_ms: float
    """The longest task; 0 if none took 50 ms."""


async def pass_by(panel: Panel, way: Way) -> Passed:
    """Turn the wheel until the first or the last message is on the screen."""
    log = panel.page.get_by_role("log")
    box = await log.bounding_box()
    assert box is not None
    step = box["height"] * (-STEP if way == "up" else STEP)
    await panel.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await panel.page.evaluate(_WATCH, way)
    give_up_at = time.monotonic() + PATIENCE_S
    while not await panel.page.evaluate(_AT_END, way):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{PATIENCE_S} s of turning the wheel did not lead to the end")
        await panel.page.mouse.wheel(0, step)
    seen = await panel.page.evaluate("endWatch()")
    texts: list[str] = seen["texts"]
    return Passed(
        [[texts[place] for place in window] for window in seen["windows"]],
        [(texts[first], texts[last]) for first, last in seen["screens"]],
        seen["most"],
        (seen["back"][0], texts[seen["back"][1]]),
        seen["longest"],
    )


def faults_of(passed: Passed, way: Way, expected: Sequence[str]) -> list[str]:
    """What of it is not the *expected* messages, each once and in their order; texts differ."""
    places = {text: place for place, text in enumerate(expected)}
    faults = []
    shown: set[int] = set()
    for window in passed.windows:
        found = [places.get(text, -1) for text in window]
        if found != list(range(found[0], found[0] + len(found))):
            faults.append(f"these were not in their order: {found}")
        shown.update(found)
    if missing := len(expected) - len(shown & set(places.values())):
        faults.append(f"{missing} of {len(expected)} were never in the page")
    spans = [(places.get(first, -1), places.get(last, -1)) for first, last in passed.screens]
    if way == "down":
        spans = [(-last, -first) for first, last in spans]  # as if one went up
    for (before, _), (first, last) in pairwise(spans):
        if first > before + 1:  # by a pixel a row may leave the screen again
            faults.append(f"the screen went back from {abs(before)} to {abs(first)}")
        if last < before - 1:
            faults.append(f"passed over: what is between {abs(last)} and {abs(before)}")
    back_px, text = passed.back
    if back_px > BACK_PX_MAX:
        faults.append(f"the screen jumped back by {back_px:.1f} px at {places.get(text)}")
    return faults
