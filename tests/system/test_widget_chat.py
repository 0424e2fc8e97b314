"""Two people talk about an order in a real browser."""

import re
from typing import Final

import pytest
from playwright.async_api import expect

from tests.system.browser import FILM, LOOKBOOK, PORTRAITS, People
from tests.system.host import Host, user

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

LINKS: Final = (
    'https://example.com/a?b=c#d, (http://example.com) and www.example.com; but no "'
    "javascript:hacked=1 data:text/html,hacked ftp://example.com mailto:anna@example.com "
    "file:///etc/passwd //example.com/a https://example.com@evil.example"
)


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


async def test_only_web_addresses_are_links(people: People, words: str) -> None:
    """A link leads where its text says, over http or https, and gives nothing of this page away."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")

    await anna.say(f"{words} {LINKS}")

    for side in (anna, ben):
        links = side.message(words).locator(".bubble a")
        await expect(links).to_have_text(
            ["https://example.com/a?b=c#d", "http://example.com", "www.example.com"]
        )
        assert await links.evaluate_all("links => links.map(({ href }) => href)") == [
            "https://example.com/a?b=c#d",
            "http://example.com/",
            "https://www.example.com/",
        ]
        for link in await links.all():
            await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
            await expect(link).to_have_attribute("target", "_blank")


async def test_page_behind_a_link_cannot_reach_back(people: People, words: str) -> None:
    """It opens in a tab of its own, and does not learn where it was opened from."""
    anna = await people.open(FILM, "anna")
    await anna.say(f"{words} {people.url}/demo")

    async with anna.page.context.expect_page() as opening:
        await anna.message(words).get_by_role("link").click()

    tab = await opening.value
    await tab.wait_for_load_state()
    assert await tab.evaluate("[opener, document.referrer]") == [None, ""]


async def test_typing_is_seen(people: People, words: str) -> None:
    """While one types the other is told, and not any more once it is said."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")

    await anna.type("Let me th")
    await expect(ben.page.get_by_text("Anna is typing…")).to_be_visible()
    await anna.say(words)

    await expect(ben.message(words)).to_be_visible()
    await expect(ben.page.get_by_text("Anna is typing…")).to_be_hidden()


async def test_presence_is_seen(host: Host) -> None:
    """Who opens the order is shown as online to the other."""
    anna_id, ben_id = user("anna"), user("ben")
    order_id = await host.order("A film", anna_id, ben_id)
    anna = await host.chat(order_id, anna_id)
    await expect(anna.head.get_by_text("offline", exact=True)).to_be_visible()

    await host.chat(order_id, ben_id)

    await expect(anna.head.get_by_text("online", exact=True)).to_be_visible()


async def test_message_read_is_marked_seen(people: People, words: str) -> None:
    """Under the last message the other has on the screen stands "Seen"."""
    anna = await people.open(FILM, "anna")
    await people.open(FILM, "ben")

    await anna.say(f"{words} one")
    await anna.say(f"{words} two")

    await expect(anna.message(f"{words} two")).to_contain_text("Seen")
    await expect(anna.page.get_by_text("Seen", exact=True)).to_have_count(1)


async def test_message_nobody_opened_is_not_marked_seen(people: People, words: str) -> None:
    """A message is not seen before the other side has opened the order."""
    mira = await people.open(LOOKBOOK, "mira")

    await mira.say(words)

    await expect(mira.message(words).locator("time")).to_be_visible()
    await expect(mira.message(words)).not_to_contain_text("Seen")


async def test_edit_is_seen_by_the_other(people: People, words: str) -> None:
    """An edited message shows its new text, and that it was edited."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.say(f"{words} at furst")

    await anna.choose(words, "Edit")
    await anna.say(f"{words} at first")

    for side in (anna, ben):
        await expect(side.message(f"{words} at first")).to_contain_text("edited")
        await expect(side.message(words)).to_have_count(1)


async def test_delete_is_seen_by_the_other(people: People, words: str) -> None:
    """A deleted message leaves its place, and not its text."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.say(words)
    await expect(ben.message(words)).to_be_visible()

    await anna.choose(words, "Delete", "Delete for all?")

    await expect(ben.message(words)).to_have_count(0)
    await expect(ben.log).to_contain_text("This message was deleted.")


async def test_reply_quotes_what_it_answers(people: People, words: str) -> None:
    """A reply repeats the message it answers and leads to it; what is deleted there is gone from
    the quote too."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    await anna.say(words)

    await ben.choose(words, "Reply")
    await expect(ben.page.get_by_text("Reply to Anna Keller")).to_be_visible()
    await ben.say(f"An answer to {words}")

    reply = anna.message(f"An answer to {words}")
    await expect(reply.locator(".quote")).to_have_text(f"Anna Keller{words}")
    await reply.locator(".quote").click()
    question = anna.log.get_by_label(re.compile(f"^You, .*: {words}$"))
    await expect(question).to_be_focused()
    await question.get_by_role("button", name="Message actions").click()
    for name in ("Delete", "Delete for all?"):
        await question.get_by_role("menuitem", name=name, exact=True).click()
    for side in (anna, ben):
        answer = side.message(f"An answer to {words}")
        await expect(answer.locator(".quote")).to_contain_text("This message was deleted.")


async def test_report_is_marked_for_its_writer_alone(people: People, words: str) -> None:
    """Who calls a moderator sees that it is done, in every tab, and cannot do it twice; the one who
    is reported is told nothing. Who thinks better of it sends nothing."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    again = await people.open(FILM, "ben", beside=ben)
    await ben.page.bring_to_front()
    await anna.say(words)
    dialog = ben.page.get_by_role("dialog", name="Report this message")

    await ben.choose(words, "Report")
    await expect(dialog).to_contain_text(words)
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(ben.message(words)).not_to_contain_text("Report")
    await ben.choose(words, "Report")
    await dialog.get_by_label("Asks to pay or talk elsewhere").check()
    await dialog.get_by_label("What a moderator should know").fill("He wants my number.")
    await dialog.get_by_role("button", name="Send report").click()

    for side in (ben, again):
        await expect(side.message(words)).to_contain_text("Reported")
    await ben.choose(words)
    await expect(ben.page.get_by_role("menuitem", name="Copy text")).to_be_visible()
    await expect(ben.page.get_by_role("menuitem", name="Report")).to_have_count(0)
    await expect(anna.message(words)).not_to_contain_text("Report")


async def test_status_stands_between_messages(host: Host) -> None:
    """What the marketplace does with an order is a line at the same place for both."""
    anna_id, ben_id = user("anna"), user("ben")
    order_id = await host.order("A film", anna_id, ben_id)
    anna = await host.chat(order_id, anna_id)
    ben = await host.chat(order_id, ben_id)

    await anna.say("before")
    await expect(ben.message("before")).to_be_visible()
    await host.move(order_id, "in_progress")
    await expect(ben.log).to_contain_text("Order accepted")
    await ben.say("after")

    for side in (anna, ben):
        lines = side.log.locator(".bubble, .status > span")
        await expect(lines).to_have_text(["Order placed", "before", "Order accepted", "after"])
        await expect(side.head).to_contain_text("In progress")


async def test_completed_order_cannot_be_written_in(people: People) -> None:
    """A read-only conversation shows all and says why nothing can be added."""
    anna = await people.open(PORTRAITS, "anna")

    await expect(anna.box).to_be_hidden()
    await expect(anna.page.get_by_role("note")).to_contain_text("This order is completed.")
    await expect(anna.message("Private use is covered")).to_be_visible()


async def test_order_may_end_while_one_types(host: Host, words: str) -> None:
    """The box gives way to the reason, without a reload; what was said stays, and can only be
    answered by reading it."""
    anna_id = user("anna")
    order_id = await host.order("A film", anna_id, user("ben"))
    anna = await host.chat(order_id, anna_id)
    await anna.say(words)
    await anna.type("And another th")

    await host.move(order_id, "cancelled")

    await expect(anna.page.get_by_role("note")).to_contain_text("This order is cancelled.")
    await expect(anna.box).to_be_hidden()
    await anna.choose(words)
    await expect(anna.page.get_by_role("menuitem")).to_have_text(["Copy text"])


async def test_reload_shows_all(people: People, words: str) -> None:
    """What was said, and what was being typed and to whom, is there after a reload."""
    anna = await people.open(FILM, "anna")
    await anna.say(words)
    await anna.choose(words, "Reply")
    await anna.type("A thought not finished")

    await anna.reload()

    await expect(anna.message(words)).to_be_visible()
    await expect(anna.box).to_have_value("A thought not finished")
    await expect(anna.page.get_by_text("Reply to Anna Keller")).to_be_visible()


async def test_stranger_is_told_nothing(people: People) -> None:
    """Who has no part in an order gets no conversation, and no hint of one."""
    anna = await people.page()
    answers: dict[str, str] = {}

    for order_id in (LOOKBOOK, "no-such-order"):
        await anna.page.goto(f"{people.url}/demo/orders/{FILM}?as=anna")
        await anna.opened()
        chat = anna.page.locator("order-chat")
        await chat.evaluate("(chat, id) => chat.setAttribute('order-id', id)", order_id)
        await expect(chat.get_by_role("alert")).to_contain_text("Conversation not found")
        await expect(anna.log).to_be_hidden()
        answers[order_id] = await chat.get_by_role("region").inner_text()

    assert answers[LOOKBOOK] == answers["no-such-order"]
