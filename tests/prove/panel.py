"""The panel in Chromium, as a party of an order has it open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Final, NamedTuple

import msgspec
from playwright.async_api import Browser, Locator, Page, async_playwright

from chat_gateway.bodies import MessagesPage
from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from tests.prove.ground import Ground
from tests.system.browser import CHROMIUM

PATIENCE_MS: Final = 90_000
"""So long a page may take that finds its connection cut: back-off grows to 30 s."""
PAGE: Final = frames.Limits().page

SHOP: Final = "http://localhost"
"""The origin of the page. Nobody serves it: what it asks for is answered in the browser."""
WITH_SHOP: Final = {"ORDER_CHAT_ORIGINS": SHOP}
"""What a system is started with that lets such pages in."""

_HTML: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Order</title>
<link rel="icon" href="data:,">
<style>order-chat {{ height: 900px }}</style>
<script type="module" src="{script}"></script>
<order-chat order-id="{order_id}" token-url="/chat-token" server="{chat}"></order-chat>
"""

# What the page still keeps of what was written: in IndexedDB, as notes, and on the screen.
_LEFT: Final = """
async () => {
  const root = document.querySelector("order-chat").shadowRoot;
  const made = (await indexedDB.databases()).some(({ name }) => name === "order-chat");
  const kept = made && await new Promise((resolve, reject) => {
    const opening = indexedDB.open("order-chat");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const asked = database.transaction("attempts").objectStore("attempts").count();
      asked.onsuccess = () => (database.close(), resolve(asked.result));
    };
  });
  return {
    kept: Number(kept),
    notes: Object.keys(localStorage).filter((key) => key.startsWith("order-chat:unsaved")).length,
    pending: root.querySelectorAll(".pending").length,
    refused: root.querySelectorAll(".problem").length,
    newest: [...root.querySelectorAll("article .text")].at(-1)?.textContent ?? "",
  };
}
"""

# The page goes in the very task in which the box took the key.
_GO_WITH_ENTER: Final = """
() => addEventListener("keydown", ({ key }) => key === "Enter" && location.reload())
"""


class Left(NamedTuple):
    """What is not settled in a page: attempts kept, noted, shown as pending, shown as refused."""

    kept: int
    notes: int
    pending: int
    refused: int
    newest: str
    """The last message shown."""

    @property
    def nothing(self) -> bool:
        """Whether all is settled."""
        return not any((self.kept, self.notes, self.pending, self.refused))


class Panel:
    """A page with one order's panel; `errors` is what no module caught."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def box(self) -> Locator:
        """Where one types."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    async def opened(self) -> None:
        """Wait until there is something to type into."""
        await self.box.wait_for(timeout=PATIENCE_MS)

    async def is_live(self) -> bool:
        """Whether the panel has its connection."""
        return await self.page.locator('.panel[data-phase="live"]').count() > 0

    async def reload(self) -> None:
        """Load the page anew, at once."""
        await self.page.reload(wait_until="commit")
        await self.opened()

    async def enter_and_reload(self) -> None:
        """Press Enter in the box; the page is gone before anything else happens in it."""
        await self.page.evaluate(_GO_WITH_ENTER)
        async with self.page.expect_navigation(wait_until="commit"):
            await self.page.keyboard.press("Enter")
        await self.opened()

    async def left(self) -> Left:
        """What is not settled yet."""
        return Left(**await self.page.evaluate(_LEFT))


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's browser, without a window."""
    async with async_playwright() as playwright:
        # A page that nobody serves counts as one from far away, which may not reach this machine.
        near = "--disable-features=LocalNetworkAccessChecks"
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", near]
        )
        try:
            yield browser
        finally:
            await browser.close()


async def open_panel(
    browser: Browser, ground: Ground, order_id: OrderId, user_id: UserId, *, chat: str
) -> Panel:
    """A party's page in a profile of its own, its conversation shown.

    The widget comes from the ground's own address; the panel finds the chat at *chat*, which may
    lead through a link that is cut.
    """
    context = await browser.new_context(viewport={"width": 480, "height": 940})
    token = ground.token(user_id)
    script = f"{ground.url}/widget/order-chat.js"
    html = _HTML.format(script=script, order_id=escape(order_id), chat=escape(chat))
    await context.route(f"{SHOP}/chat-token", lambda route: route.fulfill(json={"token": token}))
    await context.route(
        f"{SHOP}/order", lambda route: route.fulfill(content_type="text/html", body=html)
    )
    panel = Panel(await context.new_page())
    await panel.page.goto(f"{SHOP}/order")
    await panel.opened()
    return panel


class Said(NamedTuple):
    """A message as the log has it."""

    by: UserId
    text: str


async def read_messages(ground: Ground, order_id: OrderId, reader: UserId) -> list[Said]:
    """Everything said in an order, by its history over HTTP."""
    headers = {"Authorization": f"Bearer {ground.token(reader)}"}
    url = f"{ground.url}/v1/orders/{order_id}/messages"
    events: list[frames.EventShown] = []
    complete = False
    while not complete:
        query = {"limit": PAGE} | ({"before": events[0].seq} if events else {})
        answer = await ground.http.get(url, params=query, headers=headers)
        answer.raise_for_status()
        page = msgspec.json.decode(answer.content, type=MessagesPage)
        events, complete = [*page.events, *events], page.complete
    shown = [event for event in events if isinstance(event, frames.MessageShown)]
    return [Said(message.by, message.text) for message in shown]
