"""The widget for those who cannot see it well, or at all."""

import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final, NamedTuple

import pytest
from playwright.async_api import Locator, expect

from tests.system.browser import FILM, LOOKBOOK, PORTRAITS, OrderPage, People
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, chat_of, messages_of, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
VIOLATIONS: Final = """async () => (await axe.run()).violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.flat()}: ${failureSummary}`)
)"""
NOTE_SPOKEN: Final = """region => {
    window.spoken = [];
    new MutationObserver(() => region.textContent && spoken.push(region.textContent))
        .observe(region, { childList: true });
}"""
MOVING: Final = "host => host.shadowRoot.getAnimations().length"


class Look(NamedTuple):
    """How a page is looked at."""

    lang: str
    options: dict[str, Any]


DESKTOP: Final = Look("en", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"})
PHONE: Final = Look(
    "ar",
    {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "has_touch": True,
        "is_mobile": True,
    },
)


class Visitor:
    """Somebody who opens pages and has a look at them."""

    def __init__(self, people: People, host: Host, look: Look) -> None:
        self.host = host
        self._people = people
        self._look = look

    async def demo(self, path: str) -> OrderPage:
        page = await self._people.page(**self._look.options)
        parting = "&" if "?" in path else "?"
        await page.page.goto(f"{self._people.url}/demo{path}{parting}lang={self._look.lang}")
        return page

    async def open(self, body: str) -> OrderPage:
        return await self.host.open(body, lang=self._look.lang, **self._look.options)


async def a_conversation(visitor: Visitor) -> OrderPage:
    page = await visitor.demo(f"/orders/{FILM}?as=anna")
    await page.opened()
    await expect(page.log.get_by_role("article").last).to_be_visible()
    return page


async def an_open_menu(visitor: Visitor) -> OrderPage:
    page = await a_conversation(visitor)
    await page.log.locator(".other .more").last.press("Enter")
    await expect(page.page.get_by_role("menuitem").first).to_be_focused()
    return page


async def a_dialog(visitor: Visitor) -> OrderPage:
    page = await an_open_menu(visitor)
    await page.page.locator("[data-action=report]").click()
    await expect(page.page.get_by_role("dialog")).to_be_visible()
    return page


async def a_reply(visitor: Visitor) -> OrderPage:
    page = await an_open_menu(visitor)
    await page.page.locator("[data-action=reply]").click()
    await page.page.keyboard.type("Half a sentence")
    return page


async def a_closed_order(visitor: Visitor) -> OrderPage:
    page = await visitor.demo(f"/orders/{PORTRAITS}?as=anna")
    await expect(page.page.get_by_role("note")).to_be_visible()
    return page


async def an_error(visitor: Visitor) -> OrderPage:
    page = await visitor.demo(f"/orders/{LOOKBOOK}?as=anna")
    await expect(page.page.locator("order-chat .card.error")).to_be_visible()
    return page


async def an_empty_conversation(visitor: Visitor) -> OrderPage:
    ann = user("ann")
    page = await visitor.open(chat_of(await visitor.host.order("A table", ann), ann))
    await expect(page.page.locator(".card.empty")).to_be_visible()
    return page


async def a_list(visitor: Visitor) -> OrderPage:
    page = await visitor.demo("/messages?as=ben")
    await expect(page.page.locator(".conversation")).to_have_count(3)
    return page


async def a_list_and_a_conversation(visitor: Visitor) -> OrderPage:
    page = await visitor.demo(f"/messages?as=anna&order={FILM}")
    await expect(page.log.get_by_role("article").last).to_be_visible()
    return page


async def an_empty_list(visitor: Visitor) -> OrderPage:
    page = await visitor.open(messages_of(user("ann")))
    await expect(page.page.locator(".why strong")).to_be_visible()
    return page


STATES: Final[list[Callable[[Visitor], Awaitable[OrderPage]]]] = [
    a_conversation,
    an_open_menu,
    a_dialog,
    a_reply,
    a_closed_order,
    an_error,
    an_empty_conversation,
    a_list,
    a_list_and_a_conversation,
    an_empty_list,
]


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop-light-ltr", "phone-dark-rtl"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_axe_finds_nothing(
    people: People,
    host: Host,
    look: Look,
    state: Callable[[Visitor], Awaitable[OrderPage]],
) -> None:
    """The rules that a machine can check hold on the whole page, in each of its states."""
    page = await state(Visitor(people, host, look))

    await page.page.evaluate(AXE)

    assert await page.page.evaluate(VIOLATIONS) == []


def region(page: OrderPage) -> Locator:
    """What is read out as it changes."""
    return page.page.locator(".list > [aria-live=polite]")


async def test_only_what_is_new_is_announced(host: Host) -> None:
    """No history, no older pages, no message of one's own; what others say, and what becomes of
    the order."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.tell(order_id, bob, [f"number {number}" for number in range(1, 61)])
    page = await host.chat(order_id, ann)
    await region(page).evaluate(NOTE_SPOKEN)

    await page.page.get_by_role("button", name="Load earlier").press("Enter")
    await expect(page.log.get_by_role("article", name=re.compile("number 1$"))).to_be_attached()
    await page.say("My own")
    await expect(page.message("My own").locator("time")).to_be_visible()
    await host.tell(order_id, bob, ["Hello Ann"])
    await expect(region(page)).to_have_text("Bob: Hello Ann")
    await host.move(order_id, "in_progress")
    await expect(region(page)).to_have_text("Order accepted")

    await expect(page.log).to_have_attribute("aria-live", "off")
    assert await page.page.evaluate("spoken") == ["Bob: Hello Ann", "Order accepted"]


async def test_many_at_once_are_counted(host: Host) -> None:
    """Nobody listens to ten messages while writing the eleventh."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    page = await host.page()
    await page.page.clock.install()
    await host.chat(order_id, ann, page=page)
    await page.page.clock.pause_at(await page.page.evaluate("Date.now() / 1000 + 1"))

    await host.tell(order_id, bob, [f"number {number}" for number in range(10)])
    await expect(page.message("number 9")).to_be_visible()
    await page.page.clock.run_for(1_000)

    await expect(region(page)).to_have_text("10 new messages")


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
async def test_nothing_moves_for_who_wants_no_motion(host: Host, motion: str, moves: bool) -> None:
    """What is still loading breathes, unless the reader asked for rest."""
    order_id = await host.order("A table", user("ann"))
    page = await host.open(
        f'<order-chat order-id="{order_id}"></order-chat>', reduced_motion=motion
    )
    await expect(page.page.get_by_text("Loading messages…")).to_be_attached()

    animations = await page.page.locator("order-chat").evaluate(MOVING)

    assert (animations > 0) is moves


async def test_colours_of_the_system_are_kept(host: Host) -> None:
    """Where the system forces colours, what is chosen by colour alone has a line round it."""
    ann = user("ann")
    table = await host.order("A table", ann)

    page = await host.messages(ann, f'order-id="{table}"', forced_colors="active")

    line = page.page.get_by_role("button", name="A table")
    await expect(line).to_have_attribute("aria-current", "true")
    await expect(line).to_have_css("outline-style", "solid")
