"""One person's tabs: they share a connection, drafts and what is under way."""

import pytest
from playwright.async_api import expect

from tests.system.browser import FILM, LOOKBOOK, OrderPage, People, all_show
from tests.system.engines import EMBEDDED_ONLY
from tests.system.link import nothing_kept, open_linked

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), EMBEDDED_ONLY]

TAKEN_OVER_MS = 5_000
WITHOUT_LOCKS = "delete Navigator.prototype.locks"


def connections(*tabs: OrderPage) -> int:
    """Websockets that these have open together."""
    return sum(tab.connections for tab in tabs)


async def test_tabs_share_one_connection(people: People, words: str) -> None:
    """What is said in either tab, or by the other party, is in both, once; the server sees one
    connection."""
    ben = await people.open(FILM, "ben")
    one = await people.open(FILM, "anna")
    two = await people.open(FILM, "anna", beside=one)

    texts = [f"{words} {number}" for number in ("one", "two", "three")]
    for page, text in zip((one, two, ben), texts, strict=True):
        await page.say(text)
        await expect(ben.message(text)).to_be_visible()

    await all_show(words, texts, one, two, ben)
    assert connections(one, two) == 1


async def test_draft_is_the_same_in_all_tabs(people: People, words: str) -> None:
    """What is typed in one tab stands in the other, can be gone on with there, and is gone from
    both once it is sent."""
    one = await people.open(FILM, "anna")
    two = await people.open(FILM, "anna", beside=one)

    await one.type(words)
    await expect(two.box).to_have_value(words)
    await two.say(f"{words} and more")

    await all_show(words, [f"{words} and more"], one, two)
    await expect(one.box).to_have_value("")
    await expect(two.box).to_have_value("")


async def test_other_tabs_go_on_when_the_connected_one_is_closed(
    people: People, words: str
) -> None:
    """Another tab connects in its place at once, and the rest follow; what was said meanwhile is
    not missed."""
    ben = await people.open(FILM, "ben")
    one = await people.open(FILM, "anna")
    two = await people.open(FILM, "anna", beside=one)
    three = await people.open(FILM, "anna", beside=one)
    assert [tab.connections for tab in (one, two, three)] == [1, 0, 0]

    await one.page.close()
    await ben.say(f"{words} one")
    await expect(two.message(f"{words} one")).to_be_visible(timeout=TAKEN_OVER_MS)
    await three.say(f"{words} two")

    await expect(ben.message(f"{words} two")).to_be_visible(timeout=TAKEN_OVER_MS)
    await all_show(words, [f"{words} one", f"{words} two"], two, three, ben)
    assert connections(two, three) == 1


async def test_reload_of_the_connected_tab_disturbs_nobody(people: People, words: str) -> None:
    """It comes back as one of those that are served, and has missed nothing."""
    ben = await people.open(FILM, "ben")
    one = await people.open(FILM, "anna")
    two = await people.open(FILM, "anna", beside=one)
    await one.say(f"{words} one")

    await one.reload()
    await ben.say(f"{words} two")

    await all_show(words, [f"{words} one", f"{words} two"], one, two, ben)
    assert connections(one, two) == 1


async def test_messages_under_way_outlive_the_connected_tab(people: People, words: str) -> None:
    """What two tabs wrote while nothing got through is delivered by a third after both are closed,
    each message once, in the order of writing."""
    ben = await people.open(FILM, "ben")
    one, link = await open_linked(people)
    two = await people.open(FILM, "anna", beside=one)
    three = await people.open(FILM, "anna", beside=one)

    await link.cut()
    texts = [f"{words} {number}" for number in ("one", "two", "three", "four")]
    for tab, text in zip((one, two, one, two), texts, strict=True):
        await tab.say(text)
    await expect(three.message(words).locator(".pending")).to_have_text(["Sending…"] * 4)
    await one.page.close()
    await two.page.close()
    link.mend()

    await all_show(words, texts, three, ben)
    await nothing_kept(three)


async def test_message_in_flight_outlives_the_connected_tab(people: People, words: str) -> None:
    """The server has it and the tab that sent it never heard: the next one tells the same attempt
    from a new one."""
    one, link = await open_linked(people)
    two = await people.open(FILM, "anna", beside=one)

    link.cut_next_send(arrives=True)
    await one.say(words)
    await one.page.close()

    await all_show(words, [words], two)
    await nothing_kept(two)
    assert len(set(link.sends)) == 1


async def test_tabs_of_different_orders_share_one_connection(people: People, words: str) -> None:
    """Each shows its own order's messages alone."""
    anna = await people.open(FILM, "anna")
    mira = await people.open(LOOKBOOK, "mira")
    film = await people.open(FILM, "ben")
    lookbook = await people.open(LOOKBOOK, "ben", beside=film)

    await anna.say(f"{words} of Anna")
    await mira.say(f"{words} of Mira")
    await film.say(f"{words} to Anna")
    await lookbook.say(f"{words} to Mira")

    await all_show(words, [f"{words} of Anna", f"{words} to Anna"], film, anna)
    await all_show(words, [f"{words} of Mira", f"{words} to Mira"], lookbook, mira)
    assert connections(film, lookbook) == 1


async def test_order_tab_and_messages_tab_agree(people: People, words: str) -> None:
    """What is read in the one is no longer counted in the other, and they share a connection, also
    after the one that has it is closed."""
    mira = await people.open(LOOKBOOK, "mira")
    messages = await people.page()
    await messages.page.goto(f"{people.url}/demo/messages?as=ben")
    await messages.opened()
    line = messages.page.get_by_role("listitem").filter(has_text="Winter lookbook")
    await mira.say(f"{words} one")
    await expect(line).to_contain_text(f"{words} one")
    await expect(line.locator(".badge")).to_be_visible()

    lookbook = await people.open(LOOKBOOK, "ben", beside=messages)

    await expect(line.locator(".badge")).to_be_hidden()
    assert connections(messages, lookbook) == 1
    await messages.page.close()
    await mira.say(f"{words} two")
    await expect(lookbook.message(f"{words} two")).to_be_visible(timeout=TAKEN_OVER_MS)
    assert connections(lookbook) == 1


async def test_readers_of_one_browser_are_kept_apart(people: People, words: str) -> None:
    """Two who share a browser share neither the connection nor drafts, nor what is not sent."""
    anna, link = await open_linked(people)
    ben = await people.open(FILM, "ben", beside=anna)

    await link.cut()
    await anna.say(words)
    await anna.type("Anna's own")

    await expect(anna.message(words).locator(".pending")).to_be_visible()
    await expect(ben.message(words)).to_have_count(0)
    await expect(ben.box).to_have_value("")
    await anna.page.close()
    link.mend()
    await ben.say(f"{words} of Ben")
    await all_show(words, [f"{words} of Ben"], ben)
    again = await people.open(FILM, "anna", beside=ben)
    await expect(again.message(words).locator(".bubble")).to_have_text([f"{words} of Ben", words])


async def test_tabs_without_locks_connect_for_themselves(people: People, words: str) -> None:
    """A browser that cannot share a connection has one for each tab; all else is the same, also
    for what both tabs find unsent."""
    one, link = await open_linked(people)
    await one.page.context.add_init_script(WITHOUT_LOCKS)
    await one.reload()
    two = await people.open(FILM, "anna", beside=one)
    assert [tab.connections for tab in (one, two)] == [1, 1]

    await one.say(f"{words} one")
    await two.say(f"{words} two")
    await all_show(words, [f"{words} one", f"{words} two"], one, two)
    await link.cut()
    await one.say(f"{words} three")
    await two.page.reload()
    link.mend()

    await all_show(words, [f"{words} {number}" for number in ("one", "two", "three")], one, two)
    await nothing_kept(two)
