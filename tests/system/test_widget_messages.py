"""The Messages area: the list of conversations, and the one that is open beside it."""

import pytest
from playwright.async_api import Locator, expect

from tests.system.browser import FILM, OrderPage, People
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, told, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

PHONE = {"width": 390, "height": 844}


def lines(page: OrderPage) -> Locator:
    return page.page.get_by_role("list", name="Conversations").get_by_role("button")


async def test_who_wrote_last_stands_first(host: Host) -> None:
    """The line moves up with what was said and how much of it is unread; the page's title and an
    event count it; once it is read, all of that goes."""
    ann, bob = user("ann"), user("bob")
    table = await host.order("A table", ann, bob)
    await host.order("A chair", ann, bob)
    page = await host.messages(ann)
    await expect(lines(page)).to_contain_text(["A chair", "A table"])

    await host.tell(table, bob, ["Hello Ann", "Are you there?"])

    await expect(lines(page)).to_contain_text(["A table", "A chair"])
    await expect(lines(page).first).to_contain_text("Are you there?")
    await expect(lines(page).first.locator(".badge")).to_have_text("2")
    await expect(page.page).to_have_title("(2) Shop")
    await lines(page).first.click()
    await expect(page.message("Are you there?")).to_be_visible()
    await expect(lines(page).first.locator(".badge")).to_be_hidden()
    await expect(page.page).to_have_title("Shop")
    totals = [detail["unread_total"] for detail in await told(page, "order-chat:unread")]
    assert (totals[0], max(totals), totals[-1]) == (0, 2, 0)
    assert await told(page, "order-messages:select") == [{"order_id": table}]


async def test_a_conversation_that_is_open_goes_on(host: Host) -> None:
    """What is said in it is in the list, too, and never counts as unread."""
    ann, bob = user("ann"), user("bob")
    table = await host.order("A table", ann, bob)
    page = await host.messages(ann, f'order-id="{table}"')
    await expect(page.box).to_be_visible()

    await page.say("Hello Bob")
    await expect(lines(page).first).to_contain_text("You: Hello Bob")
    await host.tell(table, bob, ["Hello Ann"])

    await expect(lines(page).first).to_contain_text("Hello Ann")
    await expect(lines(page).first).to_have_attribute("aria-current", "true")
    await expect(lines(page).first.locator(".badge")).to_be_hidden()


async def test_conversations_are_found_by_title_and_party(host: Host) -> None:
    """Whatever the case and the accents; where nothing is found, that is said, and undone."""
    ann, bob, cleo = user("ann"), user("bob"), user("cleo")
    await host.order("Möbel fürs Büro", ann, bob)
    await host.order("A chair", ann, cleo)
    page = await host.messages(ann)
    search = page.page.get_by_label("Search conversations")
    await expect(lines(page)).to_have_count(2)

    await search.fill("mobel")
    await expect(lines(page)).to_contain_text(["Möbel fürs Büro"])
    await search.fill("CLEO")
    await expect(lines(page)).to_contain_text(["A chair"])
    await search.fill("nobody")
    await expect(page.page.get_by_text("No conversation matches “nobody”")).to_be_visible()
    await page.press("Show all conversations")

    await expect(lines(page)).to_have_count(2)
    await expect(search).to_have_value("")


async def test_conversations_are_filtered(host: Host) -> None:
    """By what is unread and by status, live."""
    ann, bob = user("ann"), user("bob")
    table = await host.order("A table", ann, bob)
    chair = await host.order("A chair", ann, bob)
    await host.move(chair, "in_progress")
    page = await host.messages(ann)
    unread = page.page.get_by_role("button", name="Unread", exact=True)

    await page.page.get_by_label("Status").select_option("In progress")
    await expect(lines(page)).to_contain_text(["A chair"])
    await page.page.get_by_label("Status").select_option("All statuses")
    await unread.click()
    await expect(page.page.get_by_text("You have read everything")).to_be_visible()
    await host.tell(table, bob, ["Hello"])

    await expect(lines(page)).to_contain_text(["A table"])
    await expect(unread).to_have_attribute("aria-pressed", "true")


async def test_who_has_no_conversation_is_told_so(host: Host) -> None:
    """And sees the first one come."""
    ann, bob = user("ann"), user("bob")
    page = await host.messages(ann)
    await expect(page.page.get_by_text("No conversations yet")).to_be_visible()
    await expect(page.page.get_by_text("Choose a conversation")).to_be_visible()

    await host.order("A table", ann, bob)

    await expect(lines(page)).to_contain_text(["A table"])
    await expect(page.page.get_by_text("No conversations yet")).to_be_hidden()


async def test_a_conversation_that_is_not_ones_own_is_not_there(host: Host) -> None:
    """The pane says so and the page is told; the list stands beside it."""
    ann, bob = user("ann"), user("bob")
    table = await host.order("A table", ann)
    chair = await host.order("A chair", bob)

    page = await host.messages(ann, f'order-id="{chair}"')

    await expect(page.page.get_by_role("alert")).to_contain_text("Conversation not found")
    await expect(lines(page)).to_contain_text(["A table"])
    (problem,) = await told(page, "order-chat:error")
    assert problem["code"] == "not_found"
    await lines(page).first.click()
    await expect(page.page.locator("order-messages")).to_have_attribute("order-id", table)
    await expect(page.box).to_be_focused()


async def test_two_panes_stand_beside_each_other(host: Host) -> None:
    """Where there is room; there is no way back then, as nothing was left."""
    ann = user("ann")
    await host.order("A table", ann, user("bob"))
    page = await host.messages(ann)

    await lines(page).first.click()

    await expect(page.box).to_be_visible()
    await expect(lines(page).first).to_be_visible()
    await expect(page.page.get_by_role("button", name="Back to conversations")).to_be_hidden()


async def test_one_pane_takes_the_place_of_the_other(host: Host) -> None:
    """On a phone; the way back leads to the line one came from."""
    ann = user("ann")
    await host.order("A table", ann, user("bob"))
    chair = await host.order("A chair", ann, user("bob"))
    page = await host.messages(ann, viewport=PHONE)
    await expect(page.page.get_by_text("Choose a conversation")).to_be_hidden()

    await lines(page).last.click()
    await expect(page.page.get_by_role("heading", name="A table")).to_be_visible()
    await expect(lines(page)).to_have_count(0)
    await page.press("Back to conversations")

    await expect(lines(page).last).to_be_focused()
    await expect(page.log).to_be_hidden()
    await page.page.locator("order-messages").evaluate("(it, id) => { it.orderId = id; }", chair)
    await expect(page.page.get_by_role("heading", name="A chair")).to_be_visible()


async def test_the_open_conversation_stands_in_the_address(people: People) -> None:
    """A reload keeps it open, and "back" leaves it; a link leads to the order's own page."""
    anna = await people.list("anna")
    film = anna.get_by_role("button", name="30-second launch film")
    await film.click()
    await expect(anna.get_by_role("log")).to_contain_text("Good idea. Dark green")

    await anna.reload()
    await expect(anna.get_by_role("log")).to_contain_text("Good idea. Dark green")
    await expect(film).to_have_attribute("aria-current", "true")
    await anna.go_back()
    await expect(anna.get_by_role("log")).to_have_count(0)

    await film.click()
    await anna.get_by_role("link", name="Go to order").click()
    await anna.wait_for_url(f"**/demo/orders/{FILM}?as=anna")
