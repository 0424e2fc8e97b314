"""The list of messages: where it stands while one reads, and what happens meanwhile."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

import pytest
from playwright.async_api import Locator, expect

from shared.contracts.ids import MessageId, OrderId
from tests.system.browser import OrderPage
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

LONG: Final = 444
ROWS_MAX: Final = 300
SHORT: Final = 60
FIRST: Final = re.compile("number 1$")

COUNT_ROWS: Final = """log => {
    const rows = log.querySelector(".rows");
    const count = () => (window.most = Math.max(window.most, rows.childElementCount));
    window.most = 0;
    new MutationObserver(count).observe(rows, { childList: true });
}"""
ANCHOR: Final = """log => {
    const at = (element) => element.getBoundingClientRect();
    const row = [...log.querySelectorAll("article")].find((row) => at(row).top >= at(log).top);
    return [row.querySelector(".text").textContent, at(row).top - at(log).top];
}"""
"""The first message that is whole on the screen, and how far below the top."""
TO_TOP: Final = "log => { log.scrollTop = 0; }"


def numbers(count: int, start: int = 1) -> list[str]:
    """Texts that say their place."""
    return [f"number {number}" for number in range(start, start + count)]


class Table(NamedTuple):
    """An order in which much was said; first Ann, then Bob, then Cleo spoke."""

    order_id: OrderId
    ann: str
    bob: str
    first: MessageId


async def talk(host: Host, count: int) -> Table:
    ann, bob, cleo = user("ann"), user("bob"), user("cleo")
    order_id = await host.order("A table", ann, bob, cleo)
    ids: list[MessageId] = []
    for number, user_id in enumerate((ann, bob, cleo)):
        ids += await host.tell(order_id, user_id, numbers(count // 3, number * count // 3 + 1))
    return Table(order_id, ann, bob, ids[0])


async def open_at_end(host: Host, table: Table, count: int) -> OrderPage:
    """Ann's page, at the newest message."""
    page = await host.chat(table.order_id, table.ann)
    await expect(page.message(f"number {count}")).to_be_in_viewport()
    return page


async def shown(page: OrderPage) -> list[int]:
    """The numbers of the messages that are in the page, in their order."""
    texts = await page.log.locator("article .text").all_text_contents()
    return [int(text.removeprefix("number ")) for text in texts]


def is_dense(shown: Iterable[int]) -> bool:
    return all(later == earlier + 1 for earlier, later in pairwise(shown))


async def distance_to_end(log: Locator) -> float:
    distance: float = await log.evaluate(
        "log => log.scrollHeight - log.clientHeight - log.scrollTop"
    )
    return distance


async def test_scrolling_to_the_beginning_keeps_the_page_small(host: Host) -> None:
    """However far one goes back, only some messages are in the page, in their order; and the pill
    leads back to the newest."""
    table = await talk(host, LONG)
    page = await open_at_end(host, table, LONG)
    await page.log.evaluate(COUNT_ROWS)

    first = (await shown(page))[0]
    while first > 1:
        await page.log.evaluate(TO_TOP)
        await expect(page.log.locator("article .text").first).not_to_have_text(f"number {first}")
        now = await shown(page)
        assert is_dense(now)
        first = now[0]

    await expect(page.page.locator(".earlier")).to_be_hidden()
    await page.press("Jump to newest")
    await expect(page.message(f"number {LONG}")).to_be_in_viewport()
    assert is_dense(await shown(page))
    assert 200 < await page.page.evaluate("most") <= ROWS_MAX


async def test_a_page_that_comes_moves_nothing(host: Host) -> None:
    """What one reads stays where it is while older messages come in above it."""
    table = await talk(host, SHORT * 2)
    page = await open_at_end(host, table, SHORT * 2)
    oldest = (await shown(page))[0]

    # In one go: the page that is asked for may come at once.
    before = await page.log.evaluate(f"log => {{ log.scrollTop = 300; return ({ANCHOR})(log); }}")
    await expect(page.log.locator("article .text").first).not_to_have_text(f"number {oldest}")

    text, top = await page.log.evaluate(ANCHOR)
    assert text == before[0]
    assert top == pytest.approx(before[1], abs=1)


async def test_earlier_messages_come_by_a_button_too(host: Host) -> None:
    """Wherever the list stands when a screen reader presses it; it goes when nothing is earlier."""
    page = await open_at_end(host, await talk(host, SHORT), SHORT)

    await page.page.get_by_role("button", name="Load earlier").dispatch_event("click")

    await expect(page.log.get_by_role("article", name=FIRST)).to_be_attached()
    await expect(page.page.locator(".earlier")).to_be_hidden()
    assert await shown(page) == [*range(1, SHORT + 1)]


async def test_news_do_not_disturb_who_reads_above(host: Host) -> None:
    """Who scrolled up stays there, is told that something came, and gets there by a press."""
    table = await talk(host, SHORT)
    page = await open_at_end(host, table, SHORT)
    await page.log.evaluate("log => { log.scrollTop -= 2 * log.clientHeight; }")
    await expect(page.page.get_by_role("button", name="Jump to newest")).to_be_visible()
    before = await page.log.evaluate(ANCHOR)

    await host.tell(table.order_id, table.bob, numbers(3, SHORT + 1))

    pill = page.page.get_by_role("button", name="New messages")
    await expect(pill).to_be_visible()
    assert await page.log.evaluate(ANCHOR) == before
    await pill.click()
    await expect(page.message(f"number {SHORT + 3}")).to_be_in_viewport()
    await expect(page.page.locator(".pill")).to_be_hidden()


async def test_who_is_at_the_end_stays_there(host: Host) -> None:
    """However tall it is, what comes in is on the screen."""
    table = await talk(host, SHORT)
    page = await open_at_end(host, table, SHORT)

    for number in range(3):
        await host.tell(table.order_id, table.bob, ["tall\n" * 12 + f"and the end {number}"])
        await expect(page.message(f"and the end {number}")).to_be_visible()

    await expect(page.log.locator("article").last).to_contain_text("and the end 2")
    assert await distance_to_end(page.log) < 1
    await expect(page.page.locator(".pill")).to_be_hidden()


async def test_a_box_that_grows_and_shrinks_leaves_the_list_at_its_end(host: Host) -> None:
    """Whatever stands above or in the box, the newest message is on the screen."""
    table = await talk(host, SHORT)
    page = await open_at_end(host, table, SHORT)
    await page.say("My own")
    await page.choose("My own", "Edit")
    await page.type("longer\n" * 8)
    await expect(page.message("My own")).to_be_in_viewport(ratio=1)
    await page.box.press("Escape")
    await expect(page.page.get_by_text("Editing your message")).to_be_hidden()
    await page.type("a draft of some lines\n" * 8)
    await expect(page.message("My own")).to_be_in_viewport(ratio=1)

    await host.tell(table.order_id, table.bob, ["still there?"])

    await expect(page.message("still there?")).to_be_in_viewport(ratio=1)
    assert await distance_to_end(page.log) < 1
    await expect(page.page.locator(".pill")).to_be_hidden()


async def test_what_is_about_to_be_chosen_stays(host: Host) -> None:
    """A question that waits for an answer outlasts that the message is seen, that others write,
    and that the order changes; the answer counts for the message it was asked of."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A chair", ann, bob)
    page = await host.chat(order_id, ann)
    await page.say("too early")
    await expect(page.message("too early").locator("time")).to_be_visible()
    await page.choose("too early", "Delete")
    sure = page.page.get_by_role("menuitem", name="Delete for all?")
    await expect(sure).to_be_focused()

    other = await host.chat(order_id, bob)
    await expect(page.message("too early")).to_contain_text("Seen")
    await other.say("I see")
    await expect(page.message("I see")).to_be_visible()
    await host.move(order_id, "in_progress")
    await expect(page.log).to_contain_text("Order accepted")

    await expect(sure).to_be_focused()
    await sure.click()
    await expect(other.log).to_contain_text("This message was deleted.")
    await expect(other.message("too early")).to_have_count(0)
    await expect(other.message("I see")).to_be_visible()


async def test_a_selection_stays(host: Host) -> None:
    """What is marked to be copied outlasts what comes in."""
    table = await talk(host, SHORT)
    page = await open_at_end(host, table, SHORT)
    await page.message(f"number {SHORT}").locator(".text").select_text()

    await host.tell(table.order_id, table.bob, ["and more"])

    await expect(page.message("and more")).to_be_visible()
    assert await page.page.evaluate("String(getSelection())") == f"number {SHORT}"


async def test_a_quote_leads_to_its_message(host: Host) -> None:
    """To one that is not loaded, too; and the keyboard goes there with it."""
    table = await talk(host, SHORT * 2)
    await host.tell(table.order_id, table.bob, ["about your first"], reply_to=table.first)
    page = await host.chat(table.order_id, table.ann)

    await page.page.get_by_role("button", name="An earlier message").click()

    first = page.log.get_by_role("article", name=FIRST)
    await expect(first).to_be_focused()
    await expect(first).to_be_in_viewport(ratio=1)
    await page.press("Jump to newest")
    await expect(page.message("about your first")).to_be_in_viewport()
