"""The widget on a network that is slow, or not there."""

import asyncio
import json
from typing import Final

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.system.browser import OrderPage
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, chat_of, messages_of, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS: Final = 5_000
"""So long a loss is nobody's business."""
SLOW: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 100_000,
    "uploadThroughput": 20_000,
}
LOST: Final = "Connection lost. Reconnecting…"
RESTART: Final = 1012


class Line:
    """A page's websockets: cut, and mended."""

    def __init__(self, page: OrderPage) -> None:
        self._page = page.page
        self._is_cut = False
        self._open: list[WebSocketRoute] = []

    @classmethod
    async def of(cls, page: OrderPage) -> "Line":
        """Before the page is opened."""
        line = cls(page)
        await page.page.route_web_socket("**/v1/chat*", line._take)
        return line

    async def _take(self, route: WebSocketRoute) -> None:
        if self._is_cut:
            await route.close(code=RESTART)
        else:
            route.connect_to_server()
            self._open.append(route)

    async def cut(self) -> None:
        """End those that are open, and let none through."""
        self._is_cut = True
        for route in self._open:
            await route.close(code=RESTART)
        self._open.clear()

    async def mend(self) -> None:
        """Let them through again, and tell the page, as a browser does."""
        self._is_cut = False
        await self._page.clock.resume()
        await self._page.evaluate("dispatchEvent(new Event('online'))")


async def stop_the_clock(page: OrderPage) -> None:
    """From now on time goes by only as the test says."""
    await page.page.clock.pause_at(await page.page.evaluate("Date.now() / 1000 + 1"))


async def both(host: Host) -> tuple[OrderPage, Line]:
    """Ann's page with both elements on it, whose clock can be stopped."""
    ann = user("ann")
    order_id = await host.order("A table", ann, user("bob"))
    page = await host.page()
    line = await Line.of(page)
    await page.page.clock.install()
    await host.open(chat_of(order_id, ann) + messages_of(ann), page=page)
    await expect(page.page.locator('[data-phase="live"]')).to_have_count(2)
    await stop_the_clock(page)
    return page, line


async def test_a_banner_comes_after_five_seconds(host: Host) -> None:
    """Of both, and not before; it goes as the connection comes."""
    page, line = await both(host)
    banners = page.page.locator(".banner:visible")

    await line.cut()
    await expect(page.page.locator('[data-phase="offline"]')).to_have_count(2)
    await page.page.clock.run_for(PATIENCE_MS - 1)
    await expect(banners).to_have_count(0)
    await page.page.clock.run_for(1)
    await expect(banners).to_have_text([LOST, LOST])
    await line.mend()

    await expect(page.page.locator('[data-phase="live"]')).to_have_count(2)
    await expect(banners).to_have_count(0)


async def test_short_losses_are_not_worth_a_word(host: Host) -> None:
    """Who was away for a moment goes on, and is told nothing later either; losses do not add up."""
    page, line = await both(host)

    for _ in range(2):
        await line.cut()
        await expect(page.page.locator('[data-phase="offline"]')).to_have_count(2)
        await page.page.clock.run_for(PATIENCE_MS - 1_000)
        await expect(page.page.locator(".banner:visible")).to_have_count(0)
        await line.mend()
        await expect(page.page.locator('[data-phase="live"]')).to_have_count(2)
        await stop_the_clock(page)
        await page.page.clock.run_for(PATIENCE_MS)

    await expect(page.page.locator('[data-phase="live"]')).to_have_count(2)
    await expect(page.page.locator(".banner:visible")).to_have_count(0)


async def test_a_chat_that_is_never_reached_says_so(host: Host) -> None:
    """After the same time; and it goes on trying."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    line = await Line.of(page)
    await line.cut()
    await page.page.clock.install()

    await host.open(chat_of(order_id, ann), page=page)
    await expect(page.page.get_by_text("Loading messages…")).to_be_attached()
    await page.page.clock.run_for(PATIENCE_MS)
    await expect(page.page.get_by_text("Still trying to reach the chat…")).to_be_visible()
    await line.mend()

    await page.opened()
    await expect(page.page.locator(".banner")).to_be_hidden()


async def test_a_slow_network_is_slow_and_no_more(host: Host) -> None:
    """One sees that messages are on their way, to the screen and from it; all of them arrive."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.tell(order_id, bob, ["Hello Ann"])
    other = await host.chat(order_id, bob)
    page = await host.page()
    devtools = await page.page.context.new_cdp_session(page.page)
    await devtools.send("Network.emulateNetworkConditions", SLOW)
    through = asyncio.Event()

    async def delay(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        async def pass_on(frame: str | bytes) -> None:
            if json.loads(frame)["op"] == "send":
                await through.wait()
            server.send(frame)

        route.on_message(pass_on)

    # What slows requests down does not slow websockets down.
    await page.page.route_web_socket("**/v1/chat*", delay)
    await host.open(chat_of(order_id, ann), page=page)
    await expect(page.page.get_by_text("Loading messages…")).to_be_attached()
    await expect(page.message("Hello Ann")).to_be_visible()
    await page.say("Hello")
    await page.say("Bob")
    await expect(page.log.locator(".pending")).to_have_text(["Sending…", "Sending…"])
    through.set()

    await expect(other.log.locator(".other .bubble")).to_have_text(["Hello", "Bob"])
    await expect(page.log.locator(".own .bubble")).to_have_text(["Hello", "Bob"])
    await expect(page.log.locator(".pending")).to_have_count(0)
    await expect(page.page.locator(".banner")).to_be_hidden()
