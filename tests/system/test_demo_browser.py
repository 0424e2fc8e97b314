"""The demo's pages in a real browser: what they add to the chat."""

import re

import pytest
from playwright.async_api import expect

from tests.system.browser import FILM, LOOKBOOK, People

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_change_of_status_is_seen_live(people: People) -> None:
    """When the marketplace moves an order, both pages and both conversations show it."""
    mira = await people.open(LOOKBOOK, "mira")
    ben = await people.open(LOOKBOOK, "ben")

    await ben.press("Accept order")

    for side in (mira, ben):
        await expect(side.log).to_contain_text("Order accepted")
        await expect(side.page.locator("[aria-current=step]")).to_have_text("In progress")


async def test_conversations_are_listed_by_activity(people: People, words: str) -> None:
    """Who is written to sees it live: the line moves up with its preview and its number, the title
    counts it, and a click opens the conversation, where it is read; "back" closes it."""
    ben = await people.list("ben")
    mira = await people.open(LOOKBOOK, "mira")
    lookbook = ben.get_by_role("listitem").filter(has_text="Winter lookbook")

    await mira.say(words)

    await expect(ben.get_by_role("listitem").first).to_contain_text("Winter lookbook")
    await expect(lookbook).to_contain_text(words)
    await expect(lookbook.locator(".badge")).to_be_visible()
    await expect(ben).to_have_title(re.compile(r"^\(\d+\) Messages"))
    await lookbook.get_by_role("button").click()
    await expect(ben.get_by_role("log")).to_contain_text(words)
    await expect(ben.locator(".composer")).to_be_visible()
    await expect(lookbook.locator(".badge")).to_be_hidden()
    await ben.go_back()
    await expect(ben.get_by_role("log")).to_be_hidden()
    await expect(lookbook).to_contain_text(words)


async def test_unread_messages_are_counted_on_an_order_page(people: People, words: str) -> None:
    """The link to the Messages area shows what is unread in other orders, live."""
    ben = await people.open(FILM, "ben")
    mira = await people.open(LOOKBOOK, "mira")
    badge = ben.page.locator("[data-unread-total]")
    await expect(badge).to_have_text(re.compile(r"^\d+$"))
    before = int(await badge.text_content() or 0)

    await mira.say(words)

    await expect(badge).to_have_text(str(before + 1))
    await expect(badge).to_be_visible()


async def test_a_deleted_message_is_no_preview(people: People, words: str) -> None:
    """What is taken back is gone from the list, too."""
    ben = await people.list("ben")
    mira = await people.open(LOOKBOOK, "mira")
    lookbook = ben.get_by_role("listitem").filter(has_text="Winter lookbook")
    await mira.say(words)
    await expect(lookbook).to_contain_text(words)

    await mira.choose(words, "Delete", "Delete for all?")

    await expect(lookbook).to_contain_text("This message was deleted.")
    await expect(lookbook).not_to_contain_text(words)
