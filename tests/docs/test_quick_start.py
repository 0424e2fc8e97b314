"""The quick start, walked from the first line to the last."""

import asyncio
import json
import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.docs.pages import DOCS, blocks
from tests.docs.visitors import new_page, say
from tests.docs.walk import Walk

PAGE = "quick-start.md"
*TO_THE_PAGE, LAST = blocks(PAGE, "sh")
ANNA, BEN, MESSAGES = re.findall(r"<(http://\S+)>", (DOCS / PAGE).read_text())


def test_every_block_works_as_it_is_written(walk: Walk) -> None:
    """In order and on a fresh system, each command succeeds: an order, a token, a change of it."""
    token = json.loads(walk.take(TO_THE_PAGE))

    assert list(token) == ["token"]
    assert json.loads(walk.take([LAST]))["status"] == "in_progress"


@pytest.mark.browser
async def test_two_people_talk_on_the_page(walk: Walk, browser: Browser) -> None:
    """Whoever opens the addresses has the chat and the list, under the page's policy, and sees the
    order go on; what is said is text."""
    complaints: list[str] = []
    await asyncio.to_thread(walk.take, TO_THE_PAGE)
    anna, ben = await new_page(browser, complaints), await new_page(browser, complaints)
    await anna.goto(walk.here(ANNA))
    await ben.goto(walk.here(BEN))

    await say(anna, "Hi Ben")
    await expect(lines(ben).last).to_have_text("Hi Ben")
    await say(ben, "Hi <b>Anna</b>")
    await expect(lines(anna).last).to_have_text("Hi <b>Anna</b>")
    await asyncio.to_thread(walk.take, [LAST])

    said = ["Order placed", "Hi Ben", "Hi <b>Anna</b>", "Order accepted"]
    for page in (anna, ben):
        await expect(lines(page)).to_have_text(said)
    await anna.goto(walk.here(MESSAGES))
    conversations = anna.get_by_label("Conversations").get_by_role("button")
    await expect(conversations.first).to_contain_text("A short film")
    assert complaints == []


def lines(page: Page) -> Locator:
    """What was said, and what became of the order."""
    return page.get_by_role("log").locator(".bubble, .status > span")
