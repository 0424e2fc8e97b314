"""What is written in a browser gets out once, in its order, or comes back with its text."""

import pytest
from playwright.async_api import expect

from tests.system.browser import FILM, People, all_show
from tests.system.host import Host, chat_of, user
from tests.system.link import Link, nothing_kept, open_linked

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


def three(words: str) -> list[str]:
    """What is said, in its order."""
    return [f"{words} {number}" for number in ("one", "two", "three")]


async def test_messages_written_offline_go_once_online(people: People, words: str) -> None:
    """Who has no network writes on; with the network, all of it arrives, each once, in order."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")

    await anna.page.context.set_offline(True)
    for text in three(words):
        await anna.say(text)
    await expect(anna.message(words).locator(".pending")).to_have_text(["Sending…"] * 3)
    await anna.page.context.set_offline(False)

    await all_show(words, three(words), anna, ben)
    await nothing_kept(anna)
    anna.forgive("net::ERR_INTERNET_DISCONNECTED")


@pytest.mark.parametrize("arrives", [True, False])
async def test_message_cut_off_on_its_way_appears_once(
    people: People, words: str, arrives: bool
) -> None:
    """A connection that dies as a message is sent costs neither the message nor its place,
    whether the message arrived or not."""
    anna, link = await open_linked(people)
    link.cut_next_send(arrives=arrives)

    for text in three(words):
        await anna.say(text)

    await all_show(words, three(words), anna)
    await nothing_kept(anna)
    assert arrives or link.sends[0] in link.sends[1:]


async def test_messages_outlive_a_reload(people: People, words: str) -> None:
    """What was not sent yet, and what was only typed, is there after a reload, and goes."""
    ben = await people.open(FILM, "ben")
    anna, link = await open_linked(people)

    await link.cut()
    for text in three(words):
        await anna.say(text)
    await anna.type("A thought not finished")
    await anna.page.reload()
    link.mend()

    await all_show(words, three(words), anna, ben)
    await nothing_kept(anna)
    await expect(anna.box).to_have_value("A thought not finished")


async def test_messages_of_a_closed_page_go_from_another(people: People, words: str) -> None:
    """Whoever closes the page before a message is out need not come back to it: any page with the
    chat delivers it."""
    ben = await people.open(FILM, "ben")
    anna, link = await open_linked(people)

    await link.cut()
    for text in three(words):
        await anna.say(text)
    await anna.page.close()
    link.mend()
    messages = await people.list("anna", beside=anna)

    await expect(messages.get_by_role("listitem").first).to_contain_text(f"{words} three")
    again = await people.open(FILM, "anna", beside=anna)
    await all_show(words, three(words), again, ben)
    await nothing_kept(again)


async def test_changes_wait_for_the_connection(people: People, words: str) -> None:
    """An edit and a deletion are shown as under way, and happen once it is back."""
    ben = await people.open(FILM, "ben")
    anna, link = await open_linked(people)
    for text in (f"{words} furst", f"{words} too much"):
        await anna.say(text)
    for side in (anna, ben):
        await expect(side.message(words).locator("time")).to_have_count(2)

    await link.cut()
    await anna.choose("furst", "Edit")
    await anna.say(f"{words} first")
    await anna.choose("too much", "Delete", "Delete for all?")
    await expect(anna.message(words).locator(".pending")).to_have_text(["Saving…", "Deleting…"])
    link.mend()

    await all_show(words, [f"{words} first"], anna, ben)
    await nothing_kept(anna)


async def test_refused_message_keeps_its_text(people: People, host: Host, words: str) -> None:
    """A message overtaken by the end of the order stays with its writer, across a reload too, says
    why, and goes at a word; to the others it never was."""
    anna_id, ben_id = user("anna"), user("ben")
    order_id = await host.order("A film", anna_id, ben_id)
    ben = await host.chat(order_id, ben_id)
    anna = await host.page()
    link = await Link.of(anna)
    await host.open(chat_of(order_id, anna_id), page=anna)
    await anna.opened()

    await link.cut()
    await anna.say(words)
    await host.move(order_id, "declined")
    link.mend()

    problem = anna.message(words).locator(".problem")
    await expect(problem).to_contain_text("This order is closed for this.")
    tries = len(link.sends)
    await anna.reload()
    await expect(problem).to_be_visible()
    assert len(link.sends) == tries
    await anna.press("Try again")
    await expect(problem).to_contain_text("This order is closed for this.")
    await expect(anna.message(words)).to_have_count(1)
    await anna.press("Remove")
    await expect(anna.message(words)).to_have_count(0)
    await nothing_kept(anna)
    await expect(ben.log).to_contain_text("Order declined")
    await expect(ben.message(words)).to_have_count(0)


async def test_refused_message_goes_at_another_try(people: People, words: str) -> None:
    """To try again is another attempt with the same text: a refused id is used up."""
    anna, link = await open_linked(people)
    link.refuse_next_send("forbidden")

    await anna.say(words)
    await expect(anna.message(words)).to_contain_text("You are not allowed to do this.")
    await anna.press("Try again")

    await all_show(words, [words], anna)
    await nothing_kept(anna)
    assert len(set(link.sends)) == 2


async def test_message_refused_for_now_goes_by_itself(people: People, words: str) -> None:
    """Where the server asks for patience the same attempt is made again, before what follows."""
    anna, link = await open_linked(people)
    link.refuse_next_send("rate_limited", retry_after_ms=300)

    for text in three(words):
        await anna.say(text)

    await all_show(words, three(words), anna)
    await nothing_kept(anna)
    first, again, *later = link.sends
    assert first == again
    assert len(set(later)) == 2
