"""Files on their way from a real browser: picked, cut off, cancelled, waited for."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Route, expect

from tests.system.browser import FILM, OrderPage, People
from tests.system.desk import (
    DROP,
    LIST,
    MIB,
    NOTES,
    PART,
    READY_S,
    SLOW,
    Line,
    film,
    percent,
    picture,
    table,
)

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("way", ["paste", "drop"])
async def test_files_come_by_paste_and_drop(people: People, words: str, way: str) -> None:
    """Several files at once, into the box or anywhere on the panel."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    target = anna.box if way == "paste" else anna.head

    await target.evaluate(DROP, [way, [NOTES, LIST]])

    await anna.all_ready("notes.txt", "list.csv")
    await anna.say(words)
    await expect(ben.message(words)).to_contain_text("list.csv")
    assert await ben.download("notes.txt") == ("notes.txt", b"tea, cup")


async def test_where_to_drop_is_shown(people: People) -> None:
    """While files are dragged over the panel, it says that they can be dropped there."""
    anna = await people.open(FILM, "anna")
    zone = anna.page.get_by_text("Drop files to attach them")

    await anna.head.evaluate(DROP, ["dragenter", [NOTES]])
    await expect(zone).to_be_visible()
    await anna.head.evaluate(DROP, ["dragleave", [NOTES]])

    await expect(zone).to_be_hidden()


async def test_files_over_a_limit_are_refused_at_once(people: People) -> None:
    """Too many, too large, of no type that is taken: each says so itself, until it is removed."""
    anna = await people.open(FILM, "anna")
    names = [f"still-{number}.png" for number in range(1, 12)]
    page: FilePayload = {"name": "page.html", "mimeType": "text/html", "buffer": b"<p>hi"}

    await anna.attach([page])
    await anna.attach([picture(name) for name in names])

    await expect(anna.chip("page.html")).to_contain_text("Files of this type cannot be sent.")
    await expect(anna.chip("still-11.png")).to_contain_text("A message takes at most 10 files.")
    await expect(anna.page.get_by_role("button", name="Send")).to_be_disabled()
    for name in ("page.html", "still-1.png"):
        await anna.page.get_by_role("button", name=f" {name}").last.click()
    await anna.press("Retry still-11.png")
    await anna.all_ready(*names[1:])
    await expect(anna.page.get_by_role("button", name="Send")).to_be_enabled()


async def test_file_that_is_not_what_it_says_is_rejected(people: People, words: str) -> None:
    """The server's verdict is shown at the file, which can only be removed."""
    anna = await people.open(FILM, "anna")
    fake: FilePayload = {"name": "fake.png", "mimeType": "image/png", "buffer": b"no picture"}

    await anna.attach([fake])
    await anna.type(words)

    await expect(anna.chip("fake.png")).to_contain_text("not of the type it claims to be")
    await expect(anna.page.get_by_role("button", name="Retry fake.png")).to_be_hidden()
    await anna.box.press("Enter")
    await expect(anna.message(words)).to_have_count(0)
    await anna.press("Remove fake.png")
    await anna.box.press("Enter")
    await expect(anna.message(words)).to_be_visible()
    anna.forgive("422")


async def test_failed_upload_is_retried(people: People, words: str) -> None:
    """What the server refuses for now can be sent again at the press of a button."""
    anna = await people.open(FILM, "anna")
    refusal = {"error": {"code": "read_only", "message": "Not now."}}
    await anna.page.route(
        "**/v1/attachments", lambda route: route.fulfill(status=409, json=refusal)
    )
    await anna.attach([picture("still.png")])
    await expect(anna.chip("still.png")).to_contain_text("No files can be attached in this order")

    await anna.page.unroute("**/v1/attachments")
    await anna.press("Retry still.png")

    await anna.all_ready("still.png")
    anna.forgive("409")


async def test_text_goes_where_files_cannot(people: People, words: str) -> None:
    """Where no attachment service answers, the file says so, and the text is sent without it."""
    anna = await people.open(FILM, "anna")
    page = "<!doctype html><title>Not found</title>"
    await anna.page.route(
        "**/v1/attachments",
        lambda route: route.fulfill(status=404, content_type="text/html", body=page),
    )

    await anna.type(words)
    await anna.attach([picture("still.png")])

    await expect(anna.chip("still.png")).to_contain_text("Files cannot be sent at the moment.")
    await expect(anna.page.get_by_role("button", name="Retry still.png")).to_be_visible()
    await expect(anna.box).to_have_value(words)
    await anna.press("Remove still.png")
    await anna.box.press("Enter")
    await expect(anna.message(words).locator("time")).to_be_visible()
    anna.forgive("404")


async def test_file_changed_after_it_was_picked_says_so(people: People, tmp_path: Path) -> None:
    """What is not the picked file any more is not sent, and not mistaken for a bad connection."""
    anna = await people.open(FILM, "anna")
    cut = film(tmp_path, MIB)
    refusal = {"error": {"code": "read_only", "message": "Not now."}}
    await anna.page.route(
        "**/v1/attachments", lambda route: route.fulfill(status=409, json=refusal)
    )
    await anna.attach([cut])
    await expect(anna.chip("cut.mp4")).to_contain_text("No files can be attached in this order")
    await anna.page.unroute("**/v1/attachments")

    cut.write_bytes(b"something else")
    await anna.press("Retry cut.mp4")

    await expect(anna.chip("cut.mp4")).to_contain_text("changed or removed after it was picked")
    anna.forgive("409")


async def test_busy_server_is_asked_again(people: People) -> None:
    """A server that asks for patience gets it, without anybody's help."""
    anna = await people.open(FILM, "anna")
    asked = 0

    async def busy_once(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            refusal = {"error": {"code": "busy", "message": "Too much is under way."}}
            await route.fulfill(status=503, json=refusal, headers={"Retry-After": "1"})
        else:
            await route.continue_()

    await anna.page.route("**/v1/attachments", busy_once)

    await anna.attach([picture("still.png")])

    await expect(anna.chip("still.png")).to_contain_text("Too many files are under way")
    await anna.all_ready("still.png")
    anna.forgive("503")


async def test_cancelled_upload_is_gone(people: People, tmp_path: Path) -> None:
    """A file can be taken back while it is on its way, and the next one follows at once."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, 2 * PART)])
    await anna.attach([picture("still.png")])
    await percent(anna, 10)

    await anna.press("Cancel cut.mp4")

    await anna.all_ready("still.png")
    await expect(anna.page.get_by_role("button", name="Remove still.png")).to_be_focused()


async def test_cut_upload_sends_at_most_one_part_again(
    people: People, words: str, tmp_path: Path
) -> None:
    """A connection lost in the middle of a part costs that part, and nobody has to do anything."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, 2 * PART + MIB)])
    await percent(anna, 65)

    await line.set(offline=True)
    await expect(anna.chip("cut.mp4")).to_contain_text("Trying again…")
    await line.set()

    await anna.all_ready("cut.mp4")
    assert len(line.posts) == 4
    await anna.say(words)
    await expect(anna.message(words).locator("time")).to_be_visible()
    anna.forgive("net::ERR_INTERNET_DISCONNECTED")


async def test_upload_goes_on_after_a_reload(people: People, words: str, tmp_path: Path) -> None:
    """Files survive a reload with what has come of them, and so does the text."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, 2 * PART + MIB)])
    await anna.attach([table("prices.csv")])
    await anna.type(words)
    await percent(anna, 65)
    before = len(line.posts)

    await anna.reload()
    await line.set()
    await anna.all_ready("cut.mp4", "prices.csv")

    assert (before, len(line.posts)) == (2, 5)  # the second and third part, and the table
    await anna.box.press("Enter")
    await expect(ben.message(words)).to_contain_text("cut.mp4")
    await anna.reload()
    await expect(anna.message(words)).to_contain_text("prices.csv")
    await expect(anna.page.get_by_label("Files to send")).to_be_hidden()


KEPT = """async () => {
  const done = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const database = await done(indexedDB.open("order-chat-uploads"));
  const files = database.transaction("files", "readwrite").objectStore("files");
  for (const one of window.kept ?? []) await done(files.put(one));
  window.kept = await done(files.getAll());
  return window.kept.map(({ file }) => file.name);
}"""
"""The names of the files that the browser keeps; those it kept at the call before come back."""


async def test_what_went_with_a_message_is_not_attached_again(people: People, words: str) -> None:
    """A reload in the very moment of sending leaves files that nobody forgets any more: here they
    are put back. The message that has them tells, and they are forgotten then."""
    anna = await people.open(FILM, "anna")
    await anna.attach([table("prices.csv")])
    await anna.all_ready("prices.csv")
    assert await anna.page.evaluate(KEPT) == ["prices.csv"]
    await anna.say(words)
    await expect(anna.message(words).locator("time")).to_be_visible()
    await anna.attach([table("later.csv")])
    await anna.all_ready("later.csv")
    assert sorted(await anna.page.evaluate(KEPT)) == ["later.csv", "prices.csv"]

    await anna.reload()

    await anna.all_ready("later.csv")
    assert await anna.page.evaluate(KEPT) == ["later.csv"]


async def test_chat_taken_off_the_page_lets_go_of_its_files(people: People, tmp_path: Path) -> None:
    """Nothing is sent any more, and no window is kept waiting; put back, the chat goes on with
    what has come."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, 2 * PART)])
    await percent(anna, 55)
    chat = await anna.page.locator("order-chat").element_handle()
    place = await anna.page.locator("order-chat").locator("..").element_handle()

    async with anna.page.expect_event("requestfailed", lambda request: request.url in line.posts):
        await chat.evaluate("chat => chat.remove()")

    held = "async () => (await navigator.locks.query()).held.map(({ name }) => name)"
    names: list[str] = await anna.page.evaluate(held)
    assert [name for name in names if "uploads" in name] == []
    await line.set()
    await place.evaluate("(place, chat) => place.append(chat)", chat)
    await anna.all_ready("cut.mp4")
    assert len(line.posts) == 3  # the second part was under way


async def test_one_window_sends_what_was_kept(people: People, tmp_path: Path) -> None:
    """A second window on the same order leaves the files to the first, and takes them over when
    that one is closed."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    under_way = asyncio.Event()

    async def keep_the_second_part(route: Route) -> None:
        if route.request.url in line.posts[1:]:
            under_way.set()
        else:
            await route.continue_()

    await anna.page.route("**/*", keep_the_second_part)
    await anna.attach([film(tmp_path, 2 * PART)])
    async with asyncio.timeout(READY_S):
        await under_way.wait()

    second = OrderPage(await anna.page.context.new_page())
    await second.page.goto(anna.page.url)
    await second.opened()
    again = await Line.of(second)
    await expect(second.page.get_by_label("Files to send")).to_be_hidden()
    await anna.page.close()

    await second.all_ready("cut.mp4")
    assert len(again.posts) == 1
    assert second.complaints == []


async def test_message_waits_for_its_files(people: People, words: str, tmp_path: Path) -> None:
    """Sent before its files are there, a message goes by itself once they are; the other side is
    told meanwhile that a file is coming, and not any more once it has come."""
    anna = await people.open(FILM, "anna")
    ben = await people.open(FILM, "ben")
    line = await Line.of(anna)
    await line.set(bytes_s=2 * MIB)
    await anna.attach([film(tmp_path, PART)])

    await anna.say(words)

    await expect(anna.page.get_by_text("Sends when the files are ready")).to_be_visible()
    await expect(anna.box).to_have_value(words)
    await expect(ben.page.get_by_text("Anna is sending a file…")).to_be_visible()
    await expect(ben.message(words)).to_contain_text("cut.mp4", timeout=READY_S * 1_000)
    await expect(ben.page.get_by_text("Anna is sending a file…")).to_be_hidden()
    await expect(anna.box).to_have_value("")


async def test_message_that_is_changed_does_not_go_by_itself(
    people: People, words: str, tmp_path: Path
) -> None:
    """Who goes on typing has not finished, whatever was pressed before."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, PART)])
    await anna.say(words)

    await anna.type(f"{words} and more")
    await anna.all_ready("cut.mp4")

    await expect(anna.page.get_by_text("Sends when the files are ready")).to_be_hidden()
    await expect(anna.message(words)).to_have_count(0)


async def test_progress_is_told_to_those_who_do_not_see_it(people: People, tmp_path: Path) -> None:
    """A bar with a number for whoever asks; aloud is said only what came of it."""
    anna = await people.open(FILM, "anna")
    line = await Line.of(anna)
    await line.set(bytes_s=SLOW)
    await anna.attach([film(tmp_path, PART)])
    bar = anna.page.get_by_role("progressbar", name="cut.mp4")
    await percent(anna, 20)
    said = anna.page.locator(".tray [role=status]")
    assert (await said.text_content(), await bar.get_attribute("aria-valuemax")) == ("", "100")

    await line.set()

    await expect(said).to_have_text("cut.mp4 is ready to be sent")
    await expect(bar).to_be_hidden()
