"""Two people use the demo in a real browser."""

import json
import re
from typing import Final

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.system.browser import FILM, LOOKBOOK, PORTRAITS, People

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKUP: Final = [
    '<img src=x onerror="hacked = 1">',
    "<svg/onload=hacked=1>",
    "</div></template><script>hacked = 1</script>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=hacked=1>'>",
    "<form id=body><input name=innerHTML></form><a id=hacked>",
    "[a](javascript:hacked=1) javascript:hacked=1 &#106;avascript:hacked=1 data:text/html,x",
    "{{constructor.constructor('hacked = 1')()}} ${hacked = 1}",
    "&lt;b&gt; &amp;amp; \\u003cscript\\u003e",
    "photo\u202egpj.exe \u2067back\u2069",
]
"""What a page that trusts a text would run, load, or be turned round by."""


async def test_history_is_shown(people: People) -> None:
    """Who opens an order sees what was said before."""
    anna = await people.open(FILM, "anna")

    await expect(anna.message("Good idea. Dark green")).to_contain_text("Ben Okafor")
    await expect(anna.log).to_contain_text("Order accepted")


async def test_messages_appear_on_both_sides(people: People, words: str) -> None:
    """What either says, both see, in the same order."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")

    await anna.say(f"{words} from Anna")
    await expect(ben.message(f"{words} from Anna")).to_be_visible()
    await ben.say(f"{words} from Ben")

    both = [f"{words} from Anna", f"{words} from Ben"]
    for side in (anna, ben):
        await expect(side.message(words).locator(".bubble")).to_have_text(both)


async def test_text_is_never_markup(people: People, words: str) -> None:
    """What looks like markup is shown letter by letter, to its writer too (attacks 26 and 27)."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    texts = [f"{words} {text}" for text in MARKUP]

    for text in texts:
        await anna.say(text)

    for side in (anna, ben):
        bubbles = side.message(words).locator(".bubble")
        await expect(bubbles).to_have_text(texts)
        await expect(bubbles.locator("img, svg, script, iframe, form, a, style")).to_have_count(0)
        assert await side.page.evaluate("globalThis.hacked") is None


async def test_typing_is_seen(people: People) -> None:
    """While one types, the other is told."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")

    await anna.type("Let me th")

    await expect(ben.page.get_by_text("Anna is typing…")).to_be_visible()


async def test_presence_is_seen(people: People) -> None:
    """Who opens the order is shown as online to the other."""
    anna = await people.open(FILM, "anna")

    await people.open(FILM, "ben")

    await expect(anna.page.get_by_text("online", exact=True)).to_be_visible()


async def test_message_read_is_marked_seen(people: People, words: str) -> None:
    """Under the last message the other has on the screen stands "Seen"."""
    anna = await people.open(FILM, "anna")
    await people.open(FILM, "ben")

    await anna.say(words)

    await expect(anna.message(words)).to_contain_text("Seen")


async def test_message_nobody_opened_is_not_marked_seen(people: People, words: str) -> None:
    """A message is not seen before the other side has opened the order."""
    mira = await people.open(LOOKBOOK, "mira")

    await mira.say(words)

    await expect(mira.message(words).locator("time")).to_be_visible()
    await expect(mira.message(words)).not_to_contain_text("Seen")


async def test_change_of_status_is_seen_live(people: People) -> None:
    """When the marketplace moves an order, both pages and both conversations show it."""
    mira = await people.open(LOOKBOOK, "mira")
    ben = await people.open(LOOKBOOK, "ben")

    await ben.press("Accept order")

    for side in (mira, ben):
        await expect(side.log).to_contain_text("Order accepted")
        await expect(side.page.locator("[aria-current=step]")).to_have_text("In progress")


async def test_completed_order_cannot_be_written_in(people: People) -> None:
    """A read-only conversation shows all and says why nothing can be added."""
    anna = await people.open(PORTRAITS, "anna")

    await expect(anna.box).to_be_hidden()
    await expect(anna.page.get_by_role("note")).to_contain_text("This order is completed.")
    await expect(anna.message("Private use is covered")).to_be_visible()


async def test_reload_shows_all(people: People, words: str) -> None:
    """What was said, and what was being typed, is there after a reload."""
    anna = await people.open(FILM, "anna")
    await anna.say(words)
    await expect(anna.message(words).locator("time")).to_be_visible()
    await anna.type("A thought not finished")

    await anna.reload()

    await expect(anna.message(words)).to_be_visible()
    await expect(anna.box).to_have_value("A thought not finished")


async def test_edit_is_seen_by_the_other(people: People, words: str) -> None:
    """An edited message shows its new text, and that it was edited."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.say(f"{words} at furst")

    await anna.choose(words, "Edit")
    await anna.say(f"{words} at first")

    await expect(ben.message(f"{words} at first")).to_contain_text("edited")


async def test_delete_is_seen_by_the_other(people: People, words: str) -> None:
    """A deleted message leaves its place, and not its text."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.say(words)
    await expect(ben.message(words)).to_be_visible()

    await anna.choose(words, "Delete", "Delete for all?")

    await expect(ben.message(words)).to_have_count(0)
    await expect(ben.log).to_contain_text("This message was deleted.")


@pytest.mark.parametrize("arrives", [True, False])
async def test_message_cut_off_on_its_way_appears_once(
    people: People, words: str, arrives: bool
) -> None:
    """A connection that dies as a message is sent costs neither the message nor its place,
    whether the message arrived or not."""
    anna = await people.page()
    cuts = 0

    async def cut_first_send(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        async def pass_on(frame: str | bytes) -> None:
            nonlocal cuts
            cut = json.loads(frame)["op"] == "send" and cuts == 0
            if arrives or not cut:
                server.send(frame)
            if cut:
                cuts += 1
                await route.close(code=1012, reason="cut")

        route.on_message(pass_on)

    await anna.page.route_web_socket("**/v1/chat", cut_first_send)
    await anna.page.goto(f"{people.url}/demo/orders/{FILM}?as=anna")
    await anna.opened()

    await anna.say(f"{words} one")
    await anna.say(f"{words} two")

    settled = anna.message(words).filter(has=anna.page.locator("time")).locator(".bubble")
    await expect(settled).to_have_text([f"{words} one", f"{words} two"], timeout=15_000)
    assert cuts == 1


async def test_stranger_is_told_nothing(people: People) -> None:
    """Who has no part in an order gets no conversation, and no hint of one."""
    anna = await people.page()

    await anna.page.goto(f"{people.url}/demo/orders/{LOOKBOOK}?as=anna")

    await expect(anna.page.get_by_role("alert").filter(has_text="not available")).to_be_visible()
    await expect(anna.log).to_be_hidden()


async def test_conversations_are_listed_by_activity(people: People, words: str) -> None:
    """Who is written to sees it live: the line moves up with its preview and its number, the title
    and the other pages count it, and a click opens the order, where it is read."""
    ben = await people.list("ben")
    mira = await people.open(LOOKBOOK, "mira")
    lookbook = ben.get_by_role("listitem").filter(has_text="Winter lookbook")

    await mira.say(words)

    await expect(ben.get_by_role("listitem").first).to_contain_text("Winter lookbook")
    await expect(lookbook).to_contain_text(words)
    await expect(lookbook.locator(".badge")).to_be_visible()
    await expect(ben).to_have_title(re.compile(r"^\(\d+\) Messages"))
    await lookbook.get_by_role("link").click()
    await expect(ben.get_by_role("log")).to_contain_text(words)
    await expect(ben.locator(".composer")).to_be_visible()
    await ben.get_by_role("link", name="Messages").click()
    await expect(lookbook).to_contain_text(words)
    await expect(lookbook.locator(".badge")).to_have_count(0)


async def test_unread_messages_are_counted_on_an_order_page(people: People, words: str) -> None:
    """The link to the Messages area shows what is unread in other orders, live."""
    ben = await people.open(FILM, "ben")
    mira = await people.open(LOOKBOOK, "mira")
    badge = ben.page.locator("[data-unread-total]")
    before = int(await badge.text_content() or 0)

    await mira.say(words)

    await expect(badge).to_be_visible()
    await expect(badge).to_have_text(re.compile(r"^\d+$"))
    assert int(await badge.text_content() or 0) >= max(1, before)


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
