"""What the widget's page shows to copy, on pages of another site than the chat's."""

import asyncio
import importlib.util
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    FilePayload,
    Page,
    Request,
    Route,
    async_playwright,
    expect,
)

from chat_gateway.widget_files import FOLDER
from tests.attachment_service.images import encoded, two_halves
from tests.docs.pages import DOCS, blocks
from tests.docs.visitors import new_page
from tests.system.browser import CHROMIUM
from tests.system.conftest import serving
from tests.system.demo import Demo
from tests.system.wire import token_of

# One browser and one chat serve all tests of the file, so they share an event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TAGS, PINNED_TAGS, HOSTED_TAGS = (block.text for block in blocks("widget.md", "html"))
POLICIES: Final = {block.note: block.text for block in blocks("widget.md", "text")}
SET_TOKEN, WATCH_UNREAD, CLEAR = (block.text for block in blocks("widget.md", "js"))
(WORDS,) = (block.text for block in blocks("widget.md", "json"))
(STYLES,) = (block.text for block in blocks("widget.md", "css"))
ORIGIN: Final = "http://shop.localhost"
"""A secure context, as every name that ends so."""
ARGUMENTS: Final = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
"""Pages that no server sent count as the internet's, which must not look into this machine."""
KEPT: Final = """async () => [
    ...Object.keys(localStorage), ...(await indexedDB.databases()).map(({ name }) => name),
]"""


class Site:
    """A marketplace whose reader is Anna. Its chat stands where the page says `chat.example`."""

    def __init__(self, browser: Browser, chat: Demo) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._chat = chat

    def here(self, text: str) -> str:
        """A text of the page with the chat's real address; files are there too."""
        websocket = self._chat.url.replace("http", "ws", 1)
        text = text.replace("wss://chat.example", websocket)
        return text.replace("https://chat.example", self._chat.url).replace(
            "https://files.example", self._chat.url
        )

    async def visit(
        self, body: str, policy: str, files: Mapping[str, tuple[str, str]] | None = None
    ) -> Page:
        """A page of *body*; *files* are its own, by path: a type and what is in it."""
        page = await new_page(self._browser, self.complaints)
        told = " ".join(self.here(policy).split())

        async def answer(route: Route, request: Request) -> None:
            path = request.url.removeprefix(ORIGIN)
            if path == "/":
                head = {"Content-Security-Policy": told, "Content-Type": "text/html; charset=utf-8"}
                await route.fulfill(body=f"<!doctype html>{self.here(body)}", headers=head)
            elif path == "/chat-token":
                await route.fulfill(json={"token": await token_of(self._chat, "anna")})
            elif files and path in files:
                kind, content = files[path]
                await route.fulfill(body=self.here(content), content_type=kind)
            else:
                await route.fulfill(status=404)

        await page.route(f"{ORIGIN}/**", answer)
        await page.goto(f"{ORIGIN}/")
        return page

    async def pinned(self) -> tuple[str, str]:
        """What the example makes of the chat's import map: the tags, and the entry of a policy."""
        spec = importlib.util.spec_from_file_location("pinned", DOCS / "examples" / "pinned.py")
        assert spec is not None
        assert spec.loader is not None
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        tags, allowed = await asyncio.to_thread(example.pinned, self._chat.url)
        return str(tags), str(allowed)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat_and_browser(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Demo, Browser]]:
    """A chat that lets the site's pages in, and somebody to look at them."""
    data = tmp_path_factory.mktemp("chat")
    async with serving(data, {"ORDER_CHAT_ORIGINS": ORIGIN}) as chat, async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chat, browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(chat_and_browser: tuple[Demo, Browser]) -> AsyncIterator[Site]:
    """A site on which nobody has anything to complain about."""
    chat, browser = chat_and_browser
    site = Site(browser, chat)
    yield site
    for context in browser.contexts:
        await context.close()
    assert site.complaints == []


async def test_the_tags_work_under_the_strictest_policy(site: Site) -> None:
    """Both elements are there, a picture is sent and seen, and nothing that the policy forbids was
    tried."""
    page = await site.visit(TAGS, POLICIES["plain"])

    await expect_both(page)
    chat = page.locator("order-chat")
    kind = "image/png"
    picture = FilePayload(name="red.png", mimeType=kind, buffer=encoded(two_halves(), kind))
    await chat.locator("input[type=file]").set_input_files(picture)
    await expect(chat.get_by_label("Files to send")).to_contain_text("Ready", timeout=15_000)
    await chat.get_by_role("button", name="Send", exact=True).click()
    shown = chat.get_by_role("button", name="Open red.png")
    await expect(shown).to_have_attribute("data-state", "there")


async def test_the_import_map_works_under_its_policy(site: Site) -> None:
    """The example's tags look like those on the page, and lead to the same elements."""
    tags, allowed = await site.pinned()
    elements = TAGS.partition("</script>")[2]
    script_src = POLICIES["pinned"].replace("'sha256-…'", allowed).strip()
    policy = re.sub(r"script-src [^;]*;", lambda _: script_src, POLICIES["plain"])
    page = await site.visit(tags + elements, policy)

    await expect_both(page)
    shape = re.escape(site.here(PINNED_TAGS).strip()).replace("…", "[^{}]+")
    assert re.fullmatch(shape, tags)


async def test_the_files_can_be_hosted_elsewhere(site: Site) -> None:
    """A copy of the folder on the site itself, which names the chat."""
    files = {
        f"/static/order-chat/{path.relative_to(FOLDER).as_posix()}": (
            "text/javascript",
            path.read_text(),
        )
        for path in FOLDER.rglob("*.js")
    }
    policy = re.sub(r"script-src [^;]*;", "script-src 'self';", POLICIES["plain"])
    page = await site.visit(HOSTED_TAGS, policy, files)

    await expect(page.locator('order-chat [data-phase="live"]')).to_be_visible()


async def test_a_page_s_own_words_and_colours_are_taken(site: Site) -> None:
    """As the examples have them; what the file lacks is English."""
    body = TAGS.replace("<order-chat ", '<order-chat words-url="/words.json" ')
    policy = POLICIES["plain"].replace("default-src 'none'", "default-src 'self'")
    files = {"/words.json": ("application/json", WORDS), "/page.css": ("text/css", STYLES)}
    page = await site.visit(f'<link rel="stylesheet" href="/page.css">{body}', policy, files)

    box = page.get_by_label("Message", exact=True)
    await expect(box).to_have_attribute("placeholder", "Écrire un message…")
    await expect(page.locator("order-chat").get_by_role("button", name="Envoyer")).to_be_visible()
    await expect(page.locator("order-chat .order-status")).to_have_text("En cours")
    await expect(page.locator("order-chat .panel")).to_have_css("border-radius", "4px")
    own = page.locator("order-chat .own .bubble").first
    await expect(own).to_have_css("background-color", "rgb(107, 47, 134)")
    await expect(page.locator("order-chat header")).to_have_css("border-block-end-width", "3px")


async def test_the_scripts_of_a_page_work_as_they_are_written(site: Site) -> None:
    """A token by `setToken`, a badge by `watchUnread`; and at the end nothing is kept."""
    modules = {"/token.js": SET_TOKEN, "/unread.js": WATCH_UNREAD}
    files = {path: ("text/javascript", content) for path, content in modules.items()}
    body = TAGS.replace(' token-url="/chat-token"', "", 1) + '<b id="unread" hidden></b>'
    body += "".join(f'<script type="module" src="{path}"></script>' for path in modules)
    policy = POLICIES["plain"].replace("script-src", "script-src 'self'")
    page = await site.visit(body, policy, files)

    await expect(page.locator('order-chat [data-phase="live"]')).to_be_visible()
    await expect(page.locator("#unread")).to_have_text(re.compile(r"^\d+$"))
    await page.get_by_label("Message", exact=True).fill("a draft")
    assert set(await page.evaluate(KEPT)) > {"order-chat", "order-chat-uploads"}
    await page.unroute_all()
    await page.route(f"{ORIGIN}/**", lambda route: route.fulfill(body="signed out"))
    await page.goto(f"{ORIGIN}/signed-out")
    await page.evaluate(CLEAR)
    assert await page.evaluate(KEPT) == []


async def expect_both(page: Page) -> None:
    """The conversation is live, and the list has it."""
    await expect(page.locator('order-chat [data-phase="live"]')).to_be_visible()
    await expect(page.locator("order-chat").get_by_role("log")).to_contain_text("Good idea")
    await expect(page.locator("order-messages .conversation").first).to_be_visible()
