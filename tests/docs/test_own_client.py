"""The client that is written by hand, to show the protocol: it keeps what the page promises."""

import asyncio
import json
import re

import pytest
from playwright.async_api import Browser, Locator, Page, WebSocketRoute, expect

from tests.docs.pages import DOCS, blocks
from tests.docs.test_quick_start import PAGE as QUICK_START
from tests.docs.visitors import new_page, say
from tests.docs.walk import Walk

pytestmark = pytest.mark.browser

*TO_THE_PAGE, LAST = blocks(QUICK_START, "sh")
(OWN_CLIENT,) = re.findall(r"<(http://\S+)>", (DOCS / "protocol.md").read_text())


@pytest.fixture
def shop(walk: Walk) -> Walk:
    """The quick start's shop, open."""
    walk.take(TO_THE_PAGE)
    return walk


async def test_two_people_talk_through_it(shop: Walk, browser: Browser) -> None:
    """Under the page's policy, and they see the order go on; what is said is text."""
    complaints: list[str] = []
    anna = await visit(shop, browser, "anna", complaints)
    ben = await visit(shop, browser, "ben", complaints)

    await say(anna, "Hi Ben")
    await expect(lines(ben).last).to_have_text("anna: Hi Ben")
    await say(ben, "Hi <b>Anna</b>")
    await expect(lines(anna).last).to_have_text("ben: Hi <b>Anna</b>")
    await asyncio.to_thread(shop.take, [LAST])

    said = ["Order: pending", "anna: Hi Ben", "ben: Hi <b>Anna</b>", "Order: in progress"]
    for page in (anna, ben):
        await expect(lines(page)).to_have_text(said)
    assert complaints == []


@pytest.mark.parametrize("arrives", [True, False], ids=["frame arrives", "frame is lost"])
async def test_what_is_sent_into_a_cut_arrives_once(
    shop: Walk, browser: Browser, arrives: bool
) -> None:
    """The page comes back and sends again what is in doubt: it stands once, in its place."""
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

    await anna.route_web_socket("**/v1/chat*", cut_first_send)
    await open_client(shop, anna, "anna")
    await say(anna, "one")
    await say(anna, "two")

    await expect(lines(anna)).to_have_text(
        ["Order: pending", "anna: one", "anna: two"], timeout=15_000
    )
    assert ops.count("hello") == 2


async def visit(shop: Walk, browser: Browser, user_id: str, complaints: list[str]) -> Page:
    """Somebody's page with the client on it."""
    page = await new_page(browser, complaints)
    await open_client(shop, page, user_id)
    return page


async def open_client(shop: Walk, page: Page, user_id: str) -> None:
    """Sign in without looking at the order's page, and go to the client."""
    address = shop.here(OWN_CLIENT)
    sign_in = re.sub(r"/own-client/(.+)", rf"/sign-in?as={user_id}&order=\1", address)
    await page.context.request.get(sign_in, max_redirects=1)
    await page.goto(address)


def lines(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("listitem")
