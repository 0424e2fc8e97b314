"""An order's page in a real browser, and what a person does and sees on it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    FileChooser,
    FilePayload,
    Locator,
    Page,
    Request,
    Response,
    WebSocket,
    expect,
)

CHROMIUM: Final = "/usr/bin/chromium"

DIALOGUE_S: Final = 10.0
TOO_LATE: Final = "closed before the connection is established"

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
        self.leaving = False
        """From now on it may begin to take over from a page that is closed with it."""
        self._sockets: list[WebSocket] = []
        page.on("websocket", lambda socket: self._sockets.append(socket))
        page.on("request", self._depart)
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

    @property
    def connections(self) -> int:
        """Websockets the page has open."""
        return sum(not socket.is_closed() for socket in self._sockets)

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

    def _depart(self, request: Request) -> None:
        # What a page leaves open ends with it, and is not told to be closed.
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self._sockets.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        too_late = self.leaving and TOO_LATE in message.text
        if message.type in ("error", "warning") and not too_late:
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

    async def page(self, **options: Any) -> OrderPage:
        """A new person's empty page; *options*: of the browser."""
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        context = await self._browser.new_context(**options)
        order_page = OrderPage(await context.new_page())
        self._pages.append(order_page)
        return order_page

    async def tab(self, beside: OrderPage) -> OrderPage:
        """Another empty page of the person who has one."""
        order_page = OrderPage(await beside.page.context.new_page())
        self._pages.append(order_page)
        return order_page

    async def open(
        self, order_id: str, user_id: str, *, beside: OrderPage | None = None
    ) -> OrderPage:
        """An order's page, its conversation live; a new person's, or *beside* another page."""
        order_page = await (self.tab(beside) if beside else self.page())
        await order_page.page.goto(f"{self.url}/demo/orders/{order_id}?as={user_id}")
        await order_page.opened()
        return order_page

    async def list(self, user_id: str, *, beside: OrderPage | None = None) -> Page:
        """A Messages area, live; a new person's, or *beside* another page."""
        order_page = await (self.tab(beside) if beside else self.page())
        await order_page.page.goto(f"{self.url}/demo/messages?as={user_id}")
        await expect(order_page.page.locator('[data-phase="live"]')).to_be_visible()
        return order_page.page

    async def leave(self) -> None:
        """Close all pages."""
        for page in self._pages:
            page.leaving = True
        for page in self._pages:
            await page.page.context.close()


async def all_show(words: str, texts: list[str], *pages: OrderPage) -> None:
    """Wait until every page shows exactly these messages that hold *words*, in their order."""
    for page in pages:
        settled = page.message(words).filter(has=page.page.locator("time"))
        await expect(settled.locator(".bubble")).to_have_text(texts)
        await expect(page.message(words)).to_have_count(len(texts))
