"""The quick start, walked from the first line to the last."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    Locator,
    Page,
    Route,
    WebSocketRoute,
    async_playwright,
    expect,
)

from tests.docs.pages import DOCS, blocks
from tests.docs.walk import Walk
from tests.system.browser import CHROMIUM

PAGE = "quick-start.md"
*TO_THE_PAGE, LAST = blocks(PAGE, "sh")
ANNA, BEN = re.findall(r"<(http://\S+/sign-in\S+)>", (DOCS / PAGE).read_text())


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """A newcomer who has read nothing yet."""
    walk = Walk(tmp_path)
    yield walk
    walk.end()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


def test_every_block_works_as_it_is_written(walk: Walk) -> None:
    """In order and on a fresh system, each command succeeds: an order, a token, a change of it."""
    token = json.loads(walk.take(TO_THE_PAGE))

    assert list(token) == ["token"]
    assert json.loads(walk.take([LAST]))["status"] == "in_progress"


@pytest.mark.browser
async def test_two_people_talk_on_the_page(walk: Walk, browser: Browser) -> None:
    """Whoever opens the two addresses has a chat, under the page's policy, and sees the order go
    on; what is said is text."""
    complaints: list[str] = []
    await asyncio.to_thread(walk.take, TO_THE_PAGE)
    anna, ben = await new_page(browser, complaints), await new_page(browser, complaints)
    await anna.goto(walk.here(ANNA))
    await ben.goto(walk.here(BEN))

    await say(anna, "Hi Ben")
    await expect(lines(ben).last).to_have_text("anna: Hi Ben")
    await say(ben, "Hi <b>Anna</b>")
    await expect(lines(anna).last).to_have_text("ben: Hi <b>Anna</b>")
    await asyncio.to_thread(walk.take, [LAST])

    said = ["Order: pending", "anna: Hi Ben", "ben: Hi <b>Anna</b>", "Order: in progress"]
    for page in (anna, ben):
        await expect(lines(page)).to_have_text(said)
    assert complaints == []


@pytest.mark.browser
@pytest.mark.parametrize("arrives", [True, False], ids=["frame arrives", "frame is lost"])
async def test_what_is_sent_into_a_cut_arrives_once(
    walk: Walk, browser: Browser, arrives: bool
) -> None:
    """The page comes back and sends again what is in doubt: it stands once, in its place."""
    await asyncio.to_thread(walk.take, TO_THE_PAGE)
    anna = await new_page(browser, [])
    ops: list[str] = []

    async def cut_first_send(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        async def pass_on(frame: str | bytes) -> None:
            ops.append(json.loads(frame)["op"])
            cut = ops[-1] == "send" and ops.count("send") == 1
            if arrives or not cut:
                server.send(frame)
            if cut:
                await route.close(code=1012, reason="cut")

        route.on_message(pass_on)

    await anna.route_web_socket("**/v1/chat", cut_first_send)
    await anna.goto(walk.here(ANNA))
    await say(anna, "one")
    await say(anna, "two")

    await expect(lines(anna)).to_have_text(
        ["Order: pending", "anna: one", "anna: two"], timeout=15_000
    )
    assert ops.count("hello") == 2


async def new_page(browser: Browser, complaints: list[str]) -> Page:
    """A page in a profile of its own; *complaints* collects what the browser has against it."""
    page = await (await browser.new_context()).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    await page.route("**/favicon.ico", no_icon)
    return page


async def no_icon(route: Route) -> None:
    await route.fulfill(status=204)


def lines(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("listitem")


async def say(page: Page, text: str) -> None:
    """Type a message and send it."""
    box = page.get_by_label("Message", exact=True)
    await box.fill(text)
    await box.press("Enter")
