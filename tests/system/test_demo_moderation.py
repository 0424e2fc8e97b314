"""The moderators' desk: what is done at it is seen by the parties, live."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route, expect

from tests.system.browser import People
from tests.system.demo import Demo
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, user
from tests.system.moderation_desk import Case, Desk
from tests.system.test_widget_accessibility import AXE, DESKTOP, PHONE, VIOLATIONS, Look

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

MakeCase = Callable[[str], Awaitable[Case]]


@pytest.fixture
def case(demo: Demo, host: Host) -> MakeCase:
    """Make a case: Bob said *words*, and Ann reported it with a note that holds them too."""

    async def make(words: str) -> Case:
        ann, bob = user("ann"), user("bob")
        made = Case(demo, host, await host.order(f"A table, {words}", ann, bob), ann, bob)
        await host.tell(made.order_id, ann, ["Hello Bob"])
        (said,) = await host.tell(made.order_id, bob, [f"Fool! {words}"])
        await made.report(said, f"Look at {words}")
        return made

    return make


async def test_the_story_s_report_and_flag_are_waiting(people: People) -> None:
    """The queue says who tells of what, and where; the conversation is shown at what is meant."""
    desk = await Desk.open(people)

    report = desk.cases.filter(has_text="Asks to pay or talk elsewhere")
    await expect(report).to_contain_text("Anna Keller · Workshop portraits for “About us”")
    await expect(desk.cases.filter(has_text="contact.email")).to_contain_text("(program)")
    await desk.choose("Asks to pay or talk elsewhere")
    await expect(report).to_have_attribute("aria-current", "true")
    await expect(desk.conversation.get_by_role("heading").first).to_contain_text("Workshop portr")
    await expect(desk.message("save the fee")).to_contain_text("Reported")
    await expect(desk.message("save the fee")).to_be_in_viewport()
    await expect(desk.looks.first).to_contain_text("Moira from Trust & Safety")
    await expect(desk.page.get_by_text("Looking into a conversation is recorded.")).to_be_visible()


async def test_a_removed_message_is_gone_live_and_comes_back(
    people: People, case: MakeCase, words: str
) -> None:
    """The other party sees neither text nor reason; moderators see both, and may undo it."""
    made = await case(words)
    ann = await made.anns_page()
    desk = await Desk.open(people)
    await desk.choose(words)

    await desk.message(words).get_by_role("button", name="Remove").click()
    await desk.settle("Remove", "An insult")

    await expect(ann.log).to_contain_text("This message was removed by a moderator.")
    await expect(ann.log).not_to_contain_text(words)
    await expect(desk.message(words)).to_contain_text("Removed by Moira from Trust & Safety")
    await expect(desk.conversation).to_contain_text("removed a message of BobAn insult")
    await ann.reload()
    await expect(ann.log).not_to_contain_text(words)
    await desk.message(words).get_by_role("button", name="Restore").click()
    await desk.settle("Restore", "They are friends")
    await expect(ann.message(words)).to_be_visible()
    await expect(desk.message(words)).not_to_contain_text("Removed by")


async def test_a_muted_party_is_told_until_when(people: People, case: MakeCase, words: str) -> None:
    """The composer makes way for a sentence, after a reload as well, and comes back."""
    made = await case(words)
    bob = await made.bobs_page()
    desk = await Desk.open(people)
    await desk.choose(words)

    await desk.press("Mute Bob")
    await desk.page.get_by_role("dialog").get_by_role("combobox").select_option("1 hour")
    await desk.settle("Mute", "To cool down")

    await expect(bob.page.get_by_role("note")).to_contain_text("You cannot write here until")
    await expect(bob.box).to_be_hidden()
    await expect(desk.conversation).to_contain_text("Muted until")
    await bob.reload()
    await expect(bob.page.get_by_role("note")).to_contain_text("You cannot write here until")
    await desk.press("Unmute Bob")
    await desk.settle("Unmute", "He is calm")
    await expect(bob.box).to_be_visible()
    await desk.press("Mute Bob")
    await desk.page.get_by_role("dialog").get_by_role("combobox").select_option("Until unmuted")
    await desk.settle("Mute", "Once more")
    await expect(bob.page.get_by_role("note")).to_contain_text("at the moment")
    await bob.reload()
    await expect(bob.page.get_by_role("note")).to_contain_text("at the moment")


async def test_a_closed_conversation_can_be_read_alone(
    people: People, case: MakeCase, words: str
) -> None:
    """Both parties are told, after a reload as well, until it is reopened."""
    made = await case(words)
    ann, bob = await made.anns_page(), await made.bobs_page()
    desk = await Desk.open(people)
    await desk.choose(words)

    await desk.press("Close conversation")
    await desk.settle("Close", "Enough")

    for side in (ann, bob):
        await expect(side.page.get_by_role("note")).to_contain_text("closed by a moderator")
        await side.reload()
        await expect(side.page.get_by_role("note")).to_contain_text("closed by a moderator")
        await expect(side.box).to_be_hidden()
    await desk.press("Reopen conversation")
    await desk.settle("Reopen", "They agreed")
    for side in (ann, bob):
        await expect(side.box).to_be_visible()
    await ann.say(f"Peace, {words}")
    await expect(bob.message(f"Peace, {words}")).to_be_visible()


async def test_a_settled_case_moves(people: People, case: MakeCase, words: str) -> None:
    """From hand to hand, out of the open ones, and back; who did it and why is said in place."""
    await case(words)
    desk = await Desk.open(people)
    line = desk.cases.filter(has_text=words)
    await desk.choose(words)

    await desk.press("Assign to me")
    await expect(line).to_contain_text("With Moira from Trust & Safety")
    await desk.page.get_by_label("Only mine").check()
    await expect(desk.cases).to_have_count(1)
    await desk.press("Resolve")
    await desk.settle("Resolve", "Spoke to both")

    await expect(line).to_be_hidden()
    await expect(desk.page.get_by_text("Nothing is waiting.")).to_be_visible()
    await expect(desk.conversation).to_contain_text("resolved the reportSpoke to both")
    await desk.press("Resolved")
    await expect(line).to_be_visible()
    await desk.press("Open again")
    await desk.settle("Open it again", "")
    await expect(line).to_be_hidden()
    await desk.press("Open")
    await desk.press("Release")
    await expect(line).to_be_hidden()
    await desk.page.get_by_label("Only mine").uncheck()
    await desk.press("Dismiss")
    await desk.settle("Dismiss", "")
    await expect(line).to_be_hidden()
    await desk.press("Dismissed")
    await expect(line).to_be_visible()


async def test_what_was_edited_away_and_deleted_is_there(
    people: People, case: MakeCase, words: str
) -> None:
    """Every text a message ever had, and that its writer took it back; it comes in live."""
    made = await case(words)
    bob = await made.bobs_page()
    desk = await Desk.open(people)
    await desk.choose(words)
    message = desk.conversation.get_by_role("article", name="Reported: Bob")
    (said,) = await message.evaluate_all("all => all.map(each => each.dataset.item)")

    await made.edit(said, f"Sir! {words}")
    await made.edit(said, f"Dear! {words}")
    await expect(message).to_contain_text(f"Dear! {words}")
    await message.get_by_text("Earlier versions").click()
    await bob.choose(f"Dear! {words}", "Delete", "Delete for all?")

    await expect(message).to_contain_text("Deleted by its writer")
    await expect(message.locator("del")).to_have_text(f"Dear! {words}")
    for text in (f"Fool! {words}", f"Sir! {words}"):
        await expect(message.locator("details").get_by_text(text)).to_be_visible()
    await desk.page.reload()
    await desk.choose(words)
    await message.get_by_text("Earlier versions").click()
    await expect(message.locator("details").get_by_text(f"Fool! {words}")).to_be_visible()


async def test_what_had_no_answer_is_sent_again_under_its_id(
    people: People, case: MakeCase, words: str
) -> None:
    """A verdict is given once, however often it has to be sent."""
    await case(words)
    desk = await Desk.open(people)
    await desk.choose(words)
    sent: list[str] = []

    async def lose_the_first(route: Route) -> None:
        sent.append(_id_of(route))
        if len(sent) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await desk.page.route("**/verdicts", lose_the_first)

    await desk.message(words).get_by_role("button", name="Flag").click()
    await desk.settle("Flag", "Watch this")

    assert len(sent) == 2
    assert len(set(sent)) == 1
    await expect(desk.conversation.get_by_text("flagged a message of Bob")).to_have_count(1)
    desk.forgive("ERR_FAILED")


async def test_a_refusal_is_said_and_can_be_answered(
    people: People, case: MakeCase, words: str
) -> None:
    """What was typed stays, and the next attempt is another one."""
    await case(words)
    desk = await Desk.open(people)
    await desk.choose(words)
    ids: list[str] = []

    async def refuse_the_first(route: Route) -> None:
        ids.append(_id_of(route))
        error = {"error": {"code": "conflict", "message": "It changed meanwhile."}}
        if len(ids) == 1:
            await route.fulfill(status=409, json=error)
        else:
            await route.continue_()

    await desk.page.route("**/verdicts", refuse_the_first)

    await desk.message(words).get_by_role("button", name="Remove").click()
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("An insult")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(dialog.get_by_role("alert")).to_have_text("It changed meanwhile.")
    await dialog.get_by_role("button", name="Remove").click()

    await expect(desk.message(words)).to_contain_text("Removed by")
    assert len(set(ids)) == 2
    desk.forgive("409")


async def test_an_original_that_is_not_kept_cannot_be_opened(
    people: People, host: Host, case: MakeCase, words: str
) -> None:
    """What looks masked may be what somebody typed."""
    made = await case(words)
    await host.tell(made.order_id, made.bob, ["Call ███"])
    desk = await Desk.open(people)
    await desk.choose(words)
    await expect(desk.message("Call").get_by_title("hidden contact details")).to_have_text("███")

    await desk.message("Call").get_by_role("button", name="Open original").click()
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("Is it a number?")
    await dialog.get_by_role("button", name="Open").click()

    await expect(dialog.get_by_role("alert")).to_contain_text("not kept")
    desk.forgive("404")


async def test_a_long_conversation_is_opened_where_it_was_reported(
    people: People, host: Host, case: MakeCase, words: str
) -> None:
    """Further up than one answer reaches; still older messages come on demand, above what one
    reads."""
    made = await case(words)
    long = "and so on, " * 600
    numbered = [f"number {n}: {long}" for n in range(100, 180)]
    said = await host.tell(made.order_id, made.bob, numbered)
    await made.report(said[30], f"In the middle of {words}")
    desk = await Desk.open(people)

    await desk.choose(f"In the middle of {words}")

    await expect(desk.message("number 130")).to_be_in_viewport()
    await expect(desk.message("number 179")).to_be_attached()
    await expect(desk.message("Hello Bob")).to_have_count(0)
    while await desk.page.get_by_role("button", name="Show earlier messages").is_visible():
        earliest = desk.conversation.get_by_role("article").first
        (before,) = await earliest.evaluate_all("all => all.map(each => each.dataset.item)")
        await desk.press("Show earlier messages")
        await expect(earliest).not_to_have_attribute("data-item", before)
        await expect(desk.conversation.locator(f'[data-item="{before}"]')).to_be_in_viewport()
    await expect(desk.message("Hello Bob")).to_be_attached()


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop-light", "phone-dark"])
@pytest.mark.parametrize("state", ["queue", "conversation", "dialog"])
async def test_axe_finds_nothing(
    people: People, case: MakeCase, words: str, look: Look, state: str
) -> None:
    """The rules that a machine can check hold at the desk, in each of its states."""
    await case(words)
    desk = await Desk.open(people, **look.options)
    if state != "queue":
        await desk.choose(words)
        await desk.message(words).get_by_role("button", name="Remove").click()
        await desk.settle("Remove", "An insult")
        await expect(desk.message(words)).to_contain_text("Removed by")
    if state == "dialog":
        await desk.press("Mute Bob")

    await desk.page.evaluate(AXE)

    assert await desk.page.evaluate(VIOLATIONS) == []


async def test_the_keyboard_suffices(people: People, case: MakeCase, words: str) -> None:
    """From the queue to a verdict and on, without losing the place."""
    await case(words)
    desk = await Desk.open(people)
    await desk.cases.filter(has_text=words).press("Enter")
    await expect(desk.message(words)).to_be_visible()

    await desk.message(words).get_by_role("button", name="Remove").press("Enter")
    await desk.page.keyboard.type("An insult")
    await desk.page.keyboard.press("Tab")
    await desk.page.keyboard.press("Tab")
    await desk.page.keyboard.press("Enter")

    await expect(desk.message(words)).to_contain_text("Removed by")
    await expect(desk.page.locator(":focus")).to_have_attribute("data-item", re.compile("."))


def _id_of(route: Route) -> str:
    body = route.request.post_data_json
    assert body is not None
    id_: str = body["id"]
    return id_
