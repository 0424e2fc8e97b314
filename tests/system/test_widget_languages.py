"""The widget in the reader's language and time zone."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, expect

from tests.system.browser import FILM, OrderPage, People
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

ACCEPTED: Final = {"ar": "تم قبول الطلب", "de": "Auftrag angenommen", "es": "Pedido aceptado"}
SEND: Final = {"ar": "إرسال", "de": "Senden", "es": "Enviar"}
LIST: Final = {"ar": "المحادثات", "de": "Unterhaltungen", "es": "Conversaciones"}


async def visit(people: People, path: str) -> OrderPage:
    page = await people.page()
    await page.page.goto(f"{people.url}/demo/{path}")
    return page


def send_of(page: OrderPage) -> Locator:
    """The button that sends, whatever it is called."""
    return page.page.locator("button.send")


async def left_of(bubble: Locator) -> float:
    box = await bubble.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize("lang", ["ar", "de", "es"])
async def test_both_speak_the_language_of_the_page(people: People, lang: str) -> None:
    """The panel and the Messages area, in what is seen and in what is read out."""
    anna = await visit(people, f"orders/{FILM}?as=anna&lang={lang}")
    area = await visit(people, f"messages?as=anna&lang={lang}")

    await expect(anna.log).to_contain_text(ACCEPTED[lang])
    await expect(send_of(anna)).to_have_accessible_name(SEND[lang])
    await expect(area.page.get_by_role("list", name=LIST[lang], exact=True)).to_be_visible()


async def test_a_page_from_right_to_left(people: People) -> None:
    """It is turned round, own messages stand on the left, and times are Arabic ones."""
    anna = await visit(people, f"orders/{FILM}?as=anna&lang=ar")
    await expect(anna.log).to_contain_text(ACCEPTED["ar"])

    await expect(anna.page.locator(".panel")).to_have_css("direction", "rtl")
    own, other = (anna.log.locator(f".{side} .bubble").last for side in ("own", "other"))
    assert await left_of(own) < await left_of(other)
    for time in await anna.log.locator(".message time").all_inner_texts():
        assert time.endswith(("ص", "م")), time


async def test_times_are_written_as_in_the_language(people: People) -> None:
    """In German the day has 24 hours."""
    anna = await visit(people, f"orders/{FILM}?as=anna&lang=de")
    await expect(anna.log).to_contain_text(ACCEPTED["de"])

    for time in await anna.log.locator(".message time").all_inner_texts():
        assert datetime.strptime(time, "%H:%M")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param({"lang": "eo", "dir": "ltr", "messages": {"composer.send": "Sendi"}}, id="eo"),
        pytest.param({"lang": "yi", "dir": "rtl", "messages": {"composer.send": "שיקן"}}, id="yi"),
    ],
)
async def test_a_page_brings_words_of_its_own(host: Host, words: dict[str, Any]) -> None:
    """For any language, by a JSON file; what it lacks is said in English."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    await page.page.route("**/own-words.json", lambda route: route.fulfill(json=words))

    await host.chat(order_id, ann, 'words-url="/own-words.json"', page=page)

    await expect(send_of(page)).to_have_accessible_name(words["messages"]["composer.send"])
    await expect(page.page.locator(".panel")).to_have_css("direction", words["dir"])
    await expect(page.page.locator(".panel")).to_have_attribute("lang", words["lang"])
    await expect(page.page.get_by_text("No messages yet")).to_be_visible()


@pytest.mark.parametrize("attributes", ['lang="tlh"', 'words-url="/own-words.json"'])
async def test_what_cannot_be_had_is_said_in_english(host: Host, attributes: str) -> None:
    """A language that nobody speaks here, or a file that is none."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    await page.page.route("**/own-words.json", lambda route: route.fulfill(body="no words"))

    await host.chat(order_id, ann, attributes, page=page)

    await expect(send_of(page)).to_have_accessible_name("Send")


async def test_the_language_can_be_changed(host: Host) -> None:
    """While one writes; what was typed stays."""
    ann = user("ann")
    page = await host.chat(await host.order("A table", ann), ann)
    await page.type("Half a sentence")

    await page.page.locator("order-chat").evaluate("chat => { chat.lang = 'de'; }")

    await expect(send_of(page)).to_have_accessible_name("Senden")
    await expect(page.page.get_by_label("Nachricht", exact=True)).to_have_value("Half a sentence")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
async def test_times_are_those_of_the_readers_zone(host: Host, zone: str) -> None:
    """Whatever is the server's; so is the day."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    await host.tell(order_id, ann, ["Hello"])

    page = await host.chat(order_id, ann, timezone_id=zone)

    time = page.message("Hello").locator("time")
    at = datetime.fromisoformat(await time.get_attribute("datetime") or "")
    there = at.astimezone(ZoneInfo(zone))
    await expect(time).to_have_text(there.strftime("%-I:%M %p"))
    assert there.strftime("%A, %B %-d, %Y") in (await time.get_attribute("title") or "")
