"""An order's page in a real browser, and what a person does and sees on it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    FileChooser,
    FilePayload,
    Locator,
    Page,
    Response,
    expect,
)

CHROMIUM: Final = "/usr/bin/chromium"

DIALOGUE_S: Final = 10.0

FILM: Final = "film-2041"
LOOKBOOK: Final = "lookbook-2057"
PORTRAITS: Final = "portraits-1988"


class OrderPage:
    """Somebody's view of an order; `complaints` is what the browser had to say against it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._watch)
        # Heard from the beginning: who starts to listen for each one may miss it.
        self._dialogues: asyncio.Queue[FileChooser] = asyncio.Queue()
        page.on("filechooser", self._dialogues.put_nowait)

    @property
    def log(self) -> Locator:
        """The list of messages and status lines."""
        return self.page.get_by_role("log")

    @property
    def box(self) -> Locator:
        """Where one types."""
        return self.page.get_by_label("Message", exact=True)

    @property
    def head(self) -> Locator:
        """What stands above the list."""
        return self.page.locator(".panel > header")

    def message(self, text: str) -> Locator:
        """The message or attempt that holds *text*."""
        return self.log.get_by_role("article").filter(has_text=text)

    async def type(self, text: str) -> None:
        """Put *text* into the box, and leave it there."""
        await self.box.fill(text)

    async def say(self, text: str) -> None:
        """Send a message."""
        await self.box.fill(text)
        await self.box.press("Enter")

    async def attach(self, files: Sequence[FilePayload] | Sequence[Path]) -> None:
        """Pick files in the dialogue of the button; large ones from the disk."""
        await self.page.get_by_role("button", name="Attach files").click()
        await self.pick(files)

    async def pick(self, files: Sequence[FilePayload] | Sequence[Path]) -> None:
        """Pick files in the dialogue that is about to open."""
        async with asyncio.timeout(DIALOGUE_S):
            dialogue = await self._dialogues.get()
        await dialogue.set_files(files)

    def chip(self, name: str) -> Locator:
        """The file of that name among those being sent."""
        return self.page.get_by_label("Files to send").get_by_role("listitem").filter(has_text=name)

    async def all_ready(self, *names: str) -> None:
        """Wait until exactly these files are there, and ready to be sent."""
        chips = self.page.get_by_label("Files to send").get_by_role("listitem")
        await expect(chips).to_have_count(len(names))
        for name in names:
            await expect(self.chip(name)).to_contain_text("Ready", timeout=15_000)

    async def shows(self, name: str) -> None:
        """Wait until the small picture under the button *name* is on the screen."""
        button = self.page.get_by_role("button", name=name, exact=True)
        await expect(button).to_have_attribute("data-state", "there")
        assert await button.locator("img").evaluate("image => image.naturalWidth") > 0

    async def download(self, name: str) -> tuple[str, bytes]:
        """What the newest file of that name is saved as, and what is in it."""
        button = self.page.get_by_role("button", name=f"Download {name}", exact=True).last
        async with self.page.expect_download() as downloading:
            await button.click()
        saved = await downloading.value
        return saved.suggested_filename, (await saved.path()).read_bytes()

    def forgive(self, *parts: str) -> None:
        """Take back the complaints that hold any of *parts*: the test is about them."""
        kept = [said for said in self.complaints if not any(part in said for part in parts)]
        self.complaints[:] = kept

    async def choose(self, text: str, *items: str) -> None:
        """Open the menu of the message that holds *text*, and choose *items*."""
        message = self.message(text)
        await message.hover()
        await message.get_by_role("button", name="Message actions", exact=True).click()
        for name in items:
            await message.get_by_role("menuitem", name=name, exact=True).click()

    async def press(self, name: str) -> None:
        """Press one of the marketplace's buttons."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def reload(self) -> None:
        """Load the page anew and wait for the conversation."""
        await self.page.reload()
        await self.opened()

    async def opened(self) -> None:
        """Wait for the conversation to be live."""
        await expect(self.page.locator('[data-phase="live"]')).to_be_visible()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _watch(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} for {response.url}")


class People:
    """Those who have a page open at *url*, each in a profile of their own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self._browser = browser
        self._pages: list[OrderPage] = []

    @property
    def complaints(self) -> list[str]:
        """What went wrong on any page."""
        return [complaint for page in self._pages for complaint in page.complaints]

    async def page(self) -> OrderPage:
        """A new person's empty page."""
        context = await self._browser.new_context(viewport={"width": 1280, "height": 800})
        order_page = OrderPage(await context.new_page())
        self._pages.append(order_page)
        return order_page

    async def open(self, order_id: str, user_id: str) -> OrderPage:
        """A new person's page of an order, its conversation live."""
        order_page = await self.page()
        await order_page.page.goto(f"{self.url}/demo/orders/{order_id}?as={user_id}")
        await order_page.opened()
        return order_page

    async def list(self, user_id: str) -> Page:
        """A new person's Messages area, live."""
        order_page = await self.page()
        await order_page.page.goto(f"{self.url}/demo/messages?as={user_id}")
        await expect(order_page.page.locator('[data-phase="live"]')).to_be_visible()
        return order_page.page

    async def leave(self) -> None:
        """Close all pages."""
        for page in self._pages:
            await page.page.context.close()
