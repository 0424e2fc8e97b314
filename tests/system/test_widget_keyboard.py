"""The widget without a mouse: everything is reached, and the focus is never lost."""

import re
from typing import Final

import pytest
from playwright.async_api import Locator, expect

from tests.system.browser import OrderPage
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

FOCUSED: Final = """() => {
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element.getAttribute("aria-label") ?? element.textContent;
}"""
PHONE: Final = {"width": 390, "height": 844}


async def dialogue(host: Host, *texts: str) -> tuple[OrderPage, OrderPage]:
    """Ann's and Bob's page of an order; Bob said *texts*."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.tell(order_id, bob, texts)
    pages = await host.chat(order_id, ann), await host.chat(order_id, bob)
    for page in pages:
        await expect(page.log.get_by_role("article")).to_have_count(len(texts))
    return pages


async def press(page: OrderPage, *keys: str) -> None:
    for key in keys:
        await page.page.keyboard.press(key)


def article(page: OrderPage, text: str) -> Locator:
    """The message that ends with *text*, by the name that is read out."""
    return page.log.get_by_role("article", name=re.compile(f"{text}$"))


async def test_from_the_page_to_a_message_sent(host: Host) -> None:
    """Tab leads through the newest message to the box; of the messages it stops at one."""
    ann, bob = await dialogue(host, "one", "two")

    stops: list[str] = []
    while not stops or stops[-1] != "Message":
        await press(ann, "Tab")
        stops.append(re.sub(r".*M: ", "", await ann.page.evaluate(FOCUSED)))
    await ann.page.keyboard.type("Hello")
    await press(ann, "Shift+Enter")
    await ann.page.keyboard.type("Bob")
    await press(ann, "Enter")

    assert stops == ["two", "Message actions", "Attach files", "Message"]
    await expect(bob.message("Hello\nBob")).to_be_visible()
    await expect(ann.log.locator("article[tabindex='0']")).to_have_count(1)
    await expect(ann.box).to_be_focused()
    await expect(ann.box).to_have_value("")


async def test_arrows_lead_from_message_to_message(host: Host) -> None:
    """Up, down, to the first and the last; Escape leads back to the box."""
    ann, _ = await dialogue(host, "one", "two", "three", "four")
    await ann.box.focus()
    await press(ann, "Shift+Tab", "Shift+Tab", "Shift+Tab")
    await expect(article(ann, "four")).to_be_focused()

    await press(ann, "ArrowUp", "ArrowUp")
    await expect(article(ann, "two")).to_be_focused()
    await press(ann, "Home")
    await expect(article(ann, "one")).to_be_focused()
    await press(ann, "ArrowUp")
    await expect(article(ann, "one")).to_be_focused()
    await press(ann, "End", "ArrowUp", "ArrowDown")
    await expect(article(ann, "four")).to_be_focused()
    await press(ann, "Escape")

    await expect(ann.box).to_be_focused()


async def test_the_menu_of_a_message(host: Host) -> None:
    """Enter opens it, arrows and letters go through it, Escape leads back, Enter chooses."""
    ann, _ = await dialogue(host, "one", "two")
    await article(ann, "one").focus()
    items = ann.page.get_by_role("menuitem")

    await press(ann, "Enter")
    await expect(items).to_have_text(["Reply", "Copy text", "Report"])
    await expect(items.nth(0)).to_be_focused()
    await press(ann, "ArrowUp")
    await expect(items.nth(2)).to_be_focused()
    await press(ann, "c")
    await expect(items.nth(1)).to_be_focused()
    await press(ann, "Escape")
    await expect(items).to_have_count(0)
    await expect(article(ann, "one")).to_be_focused()
    await press(ann, "Shift+F10", "Enter")

    await expect(ann.page.get_by_text("Reply to Bob")).to_be_visible()
    await expect(ann.box).to_be_focused()
    await press(ann, "Escape")
    await expect(ann.page.get_by_text("Reply to Bob")).to_be_hidden()
    await expect(ann.box).to_be_focused()


async def test_the_last_own_message_is_edited_from_the_box(host: Host) -> None:
    """By the arrow up in an empty box; Escape gives up what was changed."""
    ann, bob = await dialogue(host, "one")
    await ann.say("at furst")
    await expect(article(ann, "at furst").locator("time")).to_be_visible()

    await press(ann, "ArrowUp")
    await expect(ann.box).to_have_value("at furst")
    await press(ann, "End", "!", "Escape")
    await expect(ann.box).to_have_value("")
    await press(ann, "ArrowUp")
    await ann.type("at first")
    await press(ann, "Enter")

    await expect(bob.message("at first")).to_contain_text("edited")
    await expect(ann.box).to_be_focused()


async def test_an_own_message_is_deleted(host: Host) -> None:
    """The menu asks once more; then the focus is still in the list."""
    ann, bob = await dialogue(host, "one")
    await ann.say("a slip")
    await expect(bob.message("a slip")).to_be_visible()
    await article(ann, "a slip").focus()

    await press(ann, "Enter", "d")
    await expect(ann.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await press(ann, "Enter", "Enter")

    await expect(bob.message("a slip")).to_have_count(0)
    await expect(article(ann, "You deleted this message.")).to_be_focused()


async def test_a_message_is_reported(host: Host) -> None:
    """Reason, note and all; then the message says so, and the focus is at it again."""
    ann, _ = await dialogue(host, "Pay me outside", "two")
    await article(ann, "Pay me outside").focus()

    await press(ann, "Enter", "End", "Enter")
    dialog = ann.page.get_by_role("dialog", name="Report this message")
    await expect(dialog).to_contain_text("Pay me outside")
    await expect(dialog.get_by_label("Spam or advertising")).to_be_focused()
    await press(ann, "ArrowDown", "ArrowDown")
    await expect(dialog.get_by_label("Asks to pay or talk elsewhere")).to_be_checked()
    await press(ann, "Tab")
    await ann.page.keyboard.type("He asked twice")
    await press(ann, "Tab", "Tab")
    await expect(dialog.get_by_role("button", name="Send report")).to_be_focused()
    await press(ann, "Enter")

    await expect(dialog).to_be_hidden()
    await expect(article(ann, "Pay me outside")).to_contain_text("Reported")
    await expect(article(ann, "Pay me outside")).to_be_focused()


async def test_a_report_is_given_up(host: Host) -> None:
    """By Escape, and only the dialog; nothing is reported."""
    ann, _ = await dialogue(host, "one")
    await article(ann, "one").focus()
    await press(ann, "Enter", "End", "Enter")
    await expect(ann.page.get_by_role("dialog")).to_be_visible()

    await press(ann, "Escape")

    await expect(ann.page.get_by_role("dialog")).to_be_hidden()
    await expect(article(ann, "one")).to_be_focused()
    await expect(article(ann, "one")).not_to_contain_text("Reported")


async def test_messages_that_come_leave_the_focus(host: Host) -> None:
    """In the list and in the box, where what was typed stays, too."""
    ann, bob = await dialogue(host, "one", "two")
    await article(ann, "one").focus()

    await bob.say("three")
    await expect(article(ann, "three")).to_be_visible()
    await expect(article(ann, "one")).to_be_focused()
    await article(ann, "one").get_by_role("button", name="Message actions").focus()
    await bob.say("four")
    await expect(article(ann, "four")).to_be_visible()
    await expect(article(ann, "one").get_by_role("button")).to_be_focused()
    await ann.box.focus()
    await ann.page.keyboard.type("Half a ")
    await bob.say("five")
    await expect(article(ann, "five")).to_be_visible()
    await ann.page.keyboard.type("sentence")

    await expect(ann.box).to_have_value("Half a sentence")


async def test_who_writes_no_more_reads_on(host: Host) -> None:
    """When the order is closed under one's hands, the focus goes to the list."""
    ann_id = user("ann")
    order_id = await host.order("A table", ann_id)
    ann = await host.chat(order_id, ann_id)
    await ann.type("Half a sentence")

    await host.move(order_id, "cancelled")

    await expect(ann.page.get_by_role("note")).to_contain_text("This order is cancelled.")
    await expect(ann.log).to_be_focused()


async def test_the_messages_area(host: Host) -> None:
    """From the search down to a line, into its conversation, and back."""
    ann, bob = user("ann"), user("bob")
    for title in ("A table", "A chair", "A lamp"):
        await host.order(title, ann, bob)
    page = await host.messages(ann, viewport=PHONE)
    lines = page.page.get_by_role("list", name="Conversations").get_by_role("button")
    await expect(lines).to_have_count(3)

    await press(page, "Tab")
    await expect(page.page.get_by_label("Search conversations")).to_be_focused()
    await press(page, "ArrowDown", "ArrowDown")
    await expect(lines.filter(has_text="A chair")).to_be_focused()
    await press(page, "End", "Home", "ArrowDown", "Enter")
    await expect(page.page.get_by_role("heading", name="A chair")).to_be_visible()
    await expect(page.box).to_be_focused()
    await page.page.keyboard.type("Hello Bob")
    await press(page, "Enter")
    await page.page.get_by_role("button", name="Back to conversations").press("Enter")

    await expect(lines.first).to_contain_text("You: Hello Bob")
    await expect(lines.first).to_be_focused()


async def test_a_line_that_moves_keeps_the_focus(host: Host) -> None:
    """As does one that is passed by another."""
    ann, bob = user("ann"), user("bob")
    table = await host.order("A table", ann, bob)
    chair = await host.order("A chair", ann, bob)
    page = await host.messages(ann)
    lines = page.page.get_by_role("list", name="Conversations").get_by_role("button")
    await lines.filter(has_text="A table").focus()

    await host.tell(table, bob, ["about the table"])
    await expect(lines).to_contain_text(["A table", "A chair"])
    await expect(lines.first).to_be_focused()
    await host.tell(chair, bob, ["about the chair"])
    await expect(lines).to_contain_text(["A chair", "A table"])

    await expect(lines.last).to_be_focused()
