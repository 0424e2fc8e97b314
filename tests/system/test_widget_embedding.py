"""The widget on pages of another site, and against who would misuse it (attack 41)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.system.browser import FILM, OrderPage, People
from tests.system.conftest import Demo
from tests.system.foreign_shop import ForeignShop, foreign_shop

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SAID_BEFORE: Final = "Good idea. Dark green"
HEAR_ERRORS: Final = """
    window.errors = [];
    addEventListener("order-chat:error", ({ detail }) => errors.push(detail.code));
"""
FORGED: Final = """([parent, order_id]) => {
    const frames = [
        { op: "event", type: "message", order_id, seq: 2 ** 52, prev: 1, at: 1, by: "ben",
          id: crypto.randomUUID(), client_id: crypto.randomUUID(), n: 999, text: "forged",
          attachments: [], reply_to: null, edited_at: null, gone: null },
        { op: "send", order_id, id: crypto.randomUUID(), text: "forged", attachments: [] },
    ];
    const wrapped = frames.flatMap((frame) => [
        frame, JSON.stringify(frame), { type: "frame", frame }, { type: "order-chat", data: frame },
        { frame }, ["frame", frame],
    ]);
    const orders = ["setToken", "order-chat:setToken", "token", "stop", "close", "restart"].map(
        (type) => ({ type, op: type, token: "forged", order_id }));
    for (const said of [...wrapped, ...orders]) parent.postMessage(said, "*");
}"""
"""What a window of another site may send to the one that shows the chat."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForeignShop]:
    """A shop whose origin the chat has on its list."""
    async with foreign_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="module")
async def visitors(browser: Browser, shop: ForeignShop) -> AsyncIterator[People]:
    """People with nothing to complain about, at the shop."""
    shop.tampered = None
    visitors = People(browser, shop.url)
    yield visitors
    await visitors.leave()
    assert visitors.complaints == []


async def visit(visitors: People, way: str, user_id: str = "anna") -> OrderPage:
    """A new person's page of the shop, with the chat embedded in one of its ways."""
    visitor = await visitors.page()
    await visitor.page.add_init_script(HEAR_ERRORS)
    await visitor.page.goto(f"{visitors.url}/{way}/{FILM}?as={user_id}")
    return visitor


@pytest.mark.parametrize("way", ["plain", "pinned", "copied"])
async def test_a_page_of_another_site_has_both(visitors: People, words: str, way: str) -> None:
    """Under a policy that allows the chat's scripts and no style, no inline code, no string made
    code: the conversation is there, goes on, and is on the list."""
    visitor = await visit(visitors, way)
    chat = visitor.page.locator("order-chat")
    await expect(chat.locator('[data-phase="live"]')).to_be_visible()

    await expect(chat.get_by_role("log")).to_contain_text(SAID_BEFORE)
    await chat.get_by_label("Message", exact=True).fill(words)
    await chat.get_by_label("Message", exact=True).press("Enter")

    sent = chat.get_by_role("article").filter(has_text=words)
    await expect(sent).to_have_count(1)
    await expect(sent.locator(".pending")).to_have_count(0)
    await expect(visitor.page.locator("order-messages .conversation").first).to_be_visible()
    assert await chat.evaluate("chat => chat.shadowRoot.adoptedStyleSheets[0].cssRules.length > 0")


@pytest.mark.parametrize("module", ["order-chat.js", "link/session.js"])
async def test_a_module_that_was_tampered_with_does_not_run(
    visitors: People, shop: ForeignShop, module: str
) -> None:
    """The browser refuses it by the hash in the import map, and with it all that stands on it."""
    shop.tampered = module

    visitor = await visitors.page()
    async with visitor.page.expect_event(
        "console", lambda said: "integrity" in said.text and module in said.text
    ):
        await visitor.page.goto(f"{shop.url}/copied/{FILM}?as=anna")
    await visitor.page.wait_for_load_state()

    assert await visitor.page.evaluate("customElements.get('order-chat') === undefined")
    assert await visitor.page.locator("order-chat").evaluate("chat => chat.shadowRoot") is None
    visitor.forgive("integrity")


async def test_a_site_that_is_not_allowed_is_told_so(browser: Browser, tmp_path: Path) -> None:
    """A card says what is wrong in words, and an event says it to the page."""
    async with foreign_shop(tmp_path, allowed=False) as shop:
        visitors = People(browser, shop.url)
        visitor = await visit(visitors, "plain")

        chat = visitor.page.locator("order-chat")
        await expect(chat.get_by_role("alert")).to_be_visible(timeout=15_000)
        await expect(chat.get_by_role("alert")).to_contain_text("site")
        assert "origin" in await visitor.page.evaluate("errors")
        assert await chat.get_by_role("log").count() == 0
        await visitors.leave()


async def test_the_demo_is_in_nobody_s_frame(visitors: People, demo: Demo) -> None:
    """A site that lays something over it could make people press its buttons (clickjacking)."""
    visitor = await visitors.page()
    async with visitor.page.expect_event("console", lambda said: "frame-ancestors" in said.text):
        await visitor.page.goto(f"{visitors.url}/frame?of={demo.url}/demo/orders/{FILM}?as=anna")

    framed = visitor.page.frame_locator("iframe")
    await expect(framed.locator("order-chat")).to_have_count(0)
    visitor.forgive("frame-ancestors", "chrome-error:")


async def test_forged_messages_of_another_window_do_nothing(
    visitors: People, demo: Demo, words: str
) -> None:
    """The widget takes orders from its page and its server alone: what another site posts to the
    window neither shows nor sends, nor ends anything."""
    anna = await visit(visitors, "plain")
    ben = await visit(visitors, "plain", "ben")
    for side in (anna, ben):
        await expect(side.page.locator("order-chat .panel")).to_have_attribute("data-phase", "live")
    async with anna.page.expect_popup() as opening:
        await anna.page.evaluate("url => { window.open(url); }", f"{demo.url}/demo")
    popup = await opening.value
    await popup.wait_for_load_state()

    await popup.evaluate(f"(args) => ({FORGED})([window.opener, args])", FILM)
    await ben.page.locator("order-chat").get_by_label("Message", exact=True).fill(words)
    await ben.page.locator("order-chat").get_by_label("Message", exact=True).press("Enter")

    log = anna.page.locator("order-chat").get_by_role("log")
    await expect(log).to_contain_text(words)
    await expect(log).not_to_contain_text("forged")
    assert await anna.page.evaluate("errors") == []
    await popup.close()
