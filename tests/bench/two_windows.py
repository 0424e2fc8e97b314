"""`python -m tests.bench.two_windows`: how long a message takes from one window to the other.

Starts the system as `make run` does, opens the film order in two Chromium windows, sends messages
from each in turn, and prints the time from the press of Enter in one to the message's appearance in
the other. Both clocks are this machine's.
"""

import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from playwright.async_api import Page, async_playwright

CHROMIUM: Final = "/usr/bin/chromium"
MESSAGES: Final = 200
START_S: Final = 30.0

# Resolves with the time at which an element of the log shows the text.
_AWAIT_TEXT: Final = """
text => new Promise(resolve => {
  const log = document.querySelector('order-chat').shadowRoot.querySelector('[role=log]');
  const now = () => performance.timeOrigin + performance.now();
  const seen = () => log.textContent.includes(text) && resolve(now());
  new MutationObserver(seen).observe(log, {childList: true, subtree: true, characterData: true});
  seen();
})
"""

# Types the text and presses Enter as a person's browser would report it; answers when.
_SAY: Final = """
text => {
  const box = document.querySelector('order-chat').shadowRoot.querySelector('.composer textarea');
  box.value = text;
  box.dispatchEvent(new Event('input', {bubbles: true}));
  const at = performance.timeOrigin + performance.now();
  box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}));
  return at;
}
"""


async def main() -> None:
    """Measure, and print one line."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            anna, ben = [
                await open_order(await (await browser.new_context()).new_page(), url, user)
                for user in ("anna", "ben")
            ]
            taken = []
            for number in range(MESSAGES):
                writer, reader = (anna, ben) if number % 2 else (ben, anna)
                taken.append(await one_message(writer, reader, f"Message number {number}."))
            await browser.close()
    taken.sort()
    print(
        f"{MESSAGES} messages between two windows: p50 {statistics.median(taken):.1f} ms, "
        f"p95 {taken[int(0.95 * MESSAGES)]:.1f} ms, max {taken[-1]:.1f} ms"
    )


async def open_order(page: Page, url: str, user: str) -> Page:
    """The film order as *user*, once its history is shown."""
    await page.goto(f"{url}/demo/orders/film-2041?as={user}")
    await page.get_by_role("article").first.wait_for()
    return page


async def one_message(writer: Page, reader: Page, text: str) -> float:
    """Send *text* from one window; milliseconds until the other shows it."""
    shown = asyncio.create_task(reader.evaluate(_AWAIT_TEXT, text))
    await asyncio.sleep(0.02)  # the observer should stand before the message comes
    sent_at = await writer.evaluate(_SAY, text)
    async with asyncio.timeout(10):
        return float(await shown - sent_at)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """The standalone system on a free port, as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.standalone", "--port", str(port), "--data", str(folder)
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        break
                if time.monotonic() > deadline:
                    raise TimeoutError("the system did not start")
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
