"""Two people see each other's files in a real browser."""

import asyncio
import json
import re

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.system.browser import FILM, People
from tests.system.desk import DROP, NOTES, document, picture, table
from tests.system.link import open_linked

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_files_are_seen_by_both(people: People, words: str) -> None:
    """Pictures and documents show what is in them, everything else is a card to download."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    still, brief, prices = f"{words}.png", f"{words}.pdf", f"{words}.csv"

    await anna.attach([picture(still), document(brief), table(prices)])
    await anna.all_ready(still, brief, prices)
    await anna.say(words)

    for side in (anna, ben):
        await expect(side.message(words)).to_contain_text(prices)
        await side.shows(f"Open {still}")
        await side.page.get_by_role("button", name=f"Download {brief}").first.hover()
        await expect(side.message(words).locator('[data-state="there"]')).to_have_count(2)
    assert await ben.download(prices) == (prices, b"cut,price\none,2\n")
    await expect(anna.page.get_by_label("Files to send")).to_be_hidden()


async def test_picture_opens_in_a_tab_of_its_own(people: People, words: str) -> None:
    """A click shows the whole picture; the page it opens cannot reach back."""
    anna = await people.open(FILM, "anna")
    name = f"{words}.png"
    await anna.attach([picture(name, 900, 300)])
    await anna.all_ready(name)
    await anna.say("")
    await anna.shows(f"Open {name}")

    async with anna.page.context.expect_page() as opening:
        await anna.page.get_by_role("button", name=f"Open {name}").click()

    tab: Page = await opening.value
    await tab.wait_for_load_state()
    assert await tab.evaluate("[opener, document.images[0].naturalWidth]") == [None, 900]


async def test_a_picture_has_its_place_before_it_comes(people: People, words: str) -> None:
    """What stands below does not move when a picture arrives."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    arrive = asyncio.Event()

    async def hold(route: Route) -> None:
        await arrive.wait()
        await route.continue_()

    await ben.page.route("**/thumbnail", hold)
    await anna.attach([picture(f"{words}.png", 500, 400)])
    await anna.all_ready(f"{words}.png")
    await anna.say(words)
    button = ben.page.get_by_role("button", name=f"Open {words}.png")
    await expect(button).to_have_attribute("data-state", "loading")
    before = await button.bounding_box()

    arrive.set()

    await ben.shows(f"Open {words}.png")
    assert await button.bounding_box() == before


async def test_picture_is_fetched_once(people: People, words: str) -> None:
    """Whatever else changes about its message, a picture stays as it is."""
    anna = await people.open(FILM, "anna")
    fetched: list[str] = []
    await anna.attach([picture(f"{words}.png")])
    await anna.all_ready(f"{words}.png")
    await anna.say(words)
    await anna.shows(f"Open {words}.png")
    anna.page.on("request", lambda request: fetched.append(request.url))

    await people.open(FILM, "ben")
    await expect(anna.message(words)).to_contain_text("Seen")
    await anna.choose(words, "Edit")
    await anna.say(f"{words}, graded")
    await expect(anna.message(words)).to_contain_text("edited")

    await anna.shows(f"Open {words}.png")
    assert [url for url in fetched if "thumbnail" in url] == []


async def test_picture_that_fails_comes_at_a_click(people: People, words: str) -> None:
    """A picture that could not be fetched says so in its place, and is fetched again at a click."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await ben.page.route("**/thumbnail", lambda route: route.abort())
    await anna.attach([picture(f"{words}.png")])
    await anna.all_ready(f"{words}.png")
    await anna.say(words)
    button = ben.page.get_by_role("button", name=f"Open {words}.png")
    await expect(button).to_contain_text("Preview not available")

    await ben.page.unroute("**/thumbnail")
    await button.click()

    await ben.shows(f"Open {words}.png")
    ben.forgive("net::ERR_FAILED")


async def test_document_that_cannot_be_drawn_is_a_card(people: People, words: str) -> None:
    """No empty frame stands where there is nothing to be seen of a document."""
    anna = await people.open(FILM, "anna")
    await anna.page.route("**/thumbnail", lambda route: route.fulfill(status=404, json={}))
    await anna.attach([document(f"{words}.pdf")])
    await anna.all_ready(f"{words}.pdf")

    await anna.say(words)

    await expect(anna.message(words).get_by_role("button", name="Download")).to_have_count(1)
    await expect(anna.message(words).locator(".picture")).to_have_count(0)
    anna.forgive("404")


async def test_files_of_a_deleted_message_are_gone(people: People, words: str) -> None:
    """Who deletes a message takes its files from both, and no new link is given."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.attach([table(f"{words}.csv")])
    await anna.all_ready(f"{words}.csv")
    async with ben.page.expect_response("**/content") as answering:
        await anna.say(words)
        await ben.download(f"{words}.csv")
    answer = await answering.value

    await anna.choose(words, "Delete", "Delete for all?")

    await expect(ben.page.get_by_text(f"{words}.csv")).to_have_count(0)
    for side, user_id in ((anna, "anna"), (ben, "ben")):
        asked = await side.page.request.get(f"{people.url}/demo/token?as={user_id}")
        own = {"authorization": f"Bearer {(await asked.json())['token']}"}
        assert (await side.page.request.get(answer.url, headers=own)).status == 404


async def test_expired_grant_is_renewed(people: People, words: str) -> None:
    """A message whose files' grants have expired goes under the same id, with fresh ones."""
    anna, link = await open_linked(people)
    completed: list[str] = []
    await anna.attach([table("prices.csv")])
    await anna.all_ready("prices.csv")
    anna.page.on("request", lambda request: completed.append(request.url))
    link.refuse_next_send("invalid")

    await anna.say(words)

    await expect(anna.message(words).locator("time")).to_be_visible()
    assert len(link.sends) == 2
    assert len(set(link.sends)) == 1
    assert [url.split("/")[-1] for url in completed][:1] == ["complete"]


async def test_server_without_files_offers_none(people: People) -> None:
    """Where the server takes no attachments there is no button, and a drop does nothing."""
    anna = await people.page()

    async def take_none(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["op"] == "welcome":
                frame["limits"]["attachments"] = 0
            route.send(json.dumps(frame))

        server.on_message(pass_on)

    await anna.page.route_web_socket("**/v1/chat*", take_none)
    await anna.page.goto(f"{people.url}/demo/orders/{FILM}?as=anna")
    await anna.opened()

    await anna.head.evaluate(DROP, ["drop", [NOTES]])

    await expect(anna.page.get_by_role("button", name="Attach files")).to_be_hidden()
    await expect(anna.page.get_by_label("Files to send")).to_be_hidden()


async def test_files_are_sent_by_keyboard_alone(people: People, words: str) -> None:
    """Everything is reached by Tab, and the focus is never lost."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    keys = anna.page.keyboard

    await anna.box.focus()
    await keys.press("Shift+Tab")
    for names in (["one.png", "two.png"], [f"{words}.csv"]):
        await expect(anna.page.get_by_role("button", name="Attach files")).to_be_focused()
        await keys.press("Enter")
        await anna.pick([picture(name) if name.endswith("png") else table(name) for name in names])
        await anna.all_ready(*names)
        if len(names) == 2:
            await keys.press("Shift+Tab")
            await keys.press("Enter")
            await expect(anna.page.get_by_role("button", name="Remove one.png")).to_be_focused()
            await keys.press("Space")
    await keys.press("Tab")
    await keys.type(words)
    await keys.press("Enter")

    await expect(ben.message(words)).to_contain_text(f"{words}.csv")
    await ben.box.focus()
    async with ben.page.expect_download():
        for _ in range(3):
            await ben.page.keyboard.press("Shift+Tab")
            if await ben.page.locator("order-chat :focus").text_content() == "Download":
                break
        await ben.page.keyboard.press("Enter")


async def test_files_are_the_preview_of_a_message_without_text(people: People, words: str) -> None:
    """The Messages area names the file, or counts them."""
    ben = await people.list("ben")
    anna = await people.open(FILM, "anna")
    line = ben.get_by_role("listitem").filter(has_text="launch film")

    await anna.attach([table(f"{words}.csv")])
    await anna.all_ready(f"{words}.csv")
    await anna.say("")
    await expect(line).to_contain_text(re.compile(rf"📎 \W*{words}.csv"))
    await anna.attach([table("one.csv"), table("two.csv")])
    await anna.all_ready("one.csv", "two.csv")
    await anna.say("")

    await expect(line).to_contain_text("📎 2 files")
