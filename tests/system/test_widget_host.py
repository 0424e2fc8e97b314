"""What the elements and the page they are on say to each other."""

from typing import Any, Final

import pytest
from playwright.async_api import WebSocket, expect

from tests.system.browser import OrderPage
from tests.system.engines import EMBEDDED_ONLY
from tests.system.host import Host, chat_of, messages_of, told, user

# One browser serves all tests of the file, so they share its event loop.
pytestmark = [pytest.mark.browser, EMBEDDED_ONLY, pytest.mark.asyncio(loop_scope="module")]

SET_TOKEN: Final = {
    "function": """user => document.querySelector("order-chat").setToken(
        async () => (await (await fetch(`/chat-token?as=${user}`)).json()).token
    )""",
    "text": """async user => document.querySelector("order-chat").setToken(
        (await (await fetch(`/chat-token?as=${user}`)).json()).token
    )""",
}
GET_TOKEN_MS: Final = 5_000


class Sockets:
    """The websockets of a page, from the first on."""

    def __init__(self, page: OrderPage) -> None:
        self._all: list[WebSocket] = []
        page.page.on("websocket", lambda socket: self._all.append(socket))

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._all)

    @property
    def addresses(self) -> list[str]:
        """Of all of them."""
        return [socket.url for socket in self._all]

    @property
    def open(self) -> int:
        """How many there are."""
        return sum(not socket.is_closed() for socket in self._all)

    async def end(self) -> None:
        """Wait until the last one is closed."""
        if not self._all[-1].is_closed():
            await self._all[-1].wait_for_event("close")


async def test_the_page_is_told_what_happens(host: Host) -> None:
    """That the chat is there, how the order stands, what is unread, and what was sent."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.tell(order_id, bob, ["Hello Ann"])

    page = await host.chat(order_id, ann)
    await page.say("Hello Bob")
    await expect(page.message("Hello Bob").locator("time")).to_be_visible()
    await host.move(order_id, "in_progress")
    await expect(page.log).to_contain_text("Order accepted")

    assert await told(page, "order-chat:ready") == [{"order_id": order_id}]
    orders = await told(page, "order-chat:order")
    assert [(order["title"], order["status"]) for order in orders] == [
        ("A table", "pending"),
        ("A table", "in_progress"),
    ]
    unread = await told(page, "order-chat:unread")
    assert [each["unread"] for each in unread] == [1, 0]
    assert {each["order_id"] for each in unread} == {order_id}
    (sent,) = await told(page, "order-chat:sent")
    assert sent.keys() == {"order_id", "id", "client_id"}
    assert sent["order_id"] == order_id
    assert await told(page, "order-chat:error") == []


async def test_the_connection_names_the_order(host: Host) -> None:
    """So that its parties may be served in one place; the Messages area names none."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    sockets = Sockets(page)
    await host.open(chat_of(order_id, ann), page=page)
    await expect(page.page.locator('[data-phase="live"]')).to_be_visible()
    await host.open(messages_of(ann), page=page)
    await expect(page.page.locator('[data-phase="live"]')).to_be_visible()

    panel, messages = (address.partition("/v1/chat")[2] for address in sockets.addresses)
    assert panel == f"?order={order_id}"
    assert messages == ""


@pytest.mark.parametrize("way", ["function", "text"])
async def test_the_page_gives_the_token(host: Host, way: str) -> None:
    """Instead of naming an address: as a function that fetches one, or as text."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.open(f'<order-chat order-id="{order_id}"></order-chat>')

    await page.page.evaluate(SET_TOKEN[way], ann)

    await page.opened()
    await page.say("Hello")
    await expect(page.message("Hello").locator("time")).to_be_visible()


async def test_a_page_that_gives_no_token_is_told_so(host: Host) -> None:
    """After a while, by a card and an event; a token that comes late is taken all the same."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    await page.page.clock.install()
    await host.open(f'<order-chat order-id="{order_id}"></order-chat>', page=page)
    await expect(page.page.get_by_text("Loading messages…")).to_be_attached()

    await page.page.clock.run_for(GET_TOKEN_MS)
    await expect(page.page.get_by_role("alert")).to_contain_text("No token was given")
    (problem,) = await told(page, "order-chat:error")
    assert problem["code"] == "no_token"
    await page.page.evaluate(SET_TOKEN["function"], ann)

    await page.opened()
    await expect(page.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("attributes", "code", "text"),
    [
        ("", "no_order", "No order was named"),
        ('order-id="nobody-s"', "not_found", "Conversation not found"),
        ('order-id="o1" server="somewhere"', "bad_server", "The chat's address is wrong"),
    ],
)
async def test_a_page_that_asks_for_what_cannot_be_is_told_so(
    host: Host, attributes: str, code: str, text: str
) -> None:
    """By a card that can be read, and an event."""
    token_url = f'token-url="/chat-token?as={user("ann")}"'

    page = await host.open(f"<order-chat {token_url} {attributes}></order-chat>")

    await expect(page.page.get_by_role("alert")).to_contain_text(text)
    await expect(page.box).to_be_hidden()
    (problem,) = await told(page, "order-chat:error")
    assert problem["code"] == code
    assert problem["message"]


async def test_who_is_not_signed_in_is_told_so(host: Host) -> None:
    """And goes on from there, once signed in."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.page()
    answers: list[dict[str, Any]] = [{"status": 401}, {"json": {"token": await host.token(ann)}}]
    await page.page.route("**/sign-in", lambda route: route.fulfill(**answers.pop(0)))
    await host.open(
        f'<order-chat order-id="{order_id}" token-url="/sign-in"></order-chat>', page=page
    )
    await expect(page.page.get_by_role("alert")).to_contain_text("You are not signed in")

    await page.press("Try again")

    await page.opened()
    page.forgive("401")


async def test_focus_goes_where_one_writes(host: Host) -> None:
    """Also if it is asked for before there is anything to have it."""
    ann = user("ann")
    order_id = await host.order("A table", ann)
    page = await host.open("")

    await page.page.evaluate(
        """html => {
            document.querySelector("main").innerHTML = html;
            queueMicrotask(() => document.querySelector("order-chat").focus());
        }""",
        chat_of(order_id, ann),
    )

    await expect(page.box).to_be_focused()
    await page.page.evaluate("document.activeElement.blur()")
    await expect(page.box).not_to_be_focused()
    await page.page.evaluate("document.querySelector('order-chat').focus()")
    await expect(page.box).to_be_focused()


async def test_another_order_takes_the_place(host: Host) -> None:
    """By its attribute, over the same connection; what was typed waits in its own order."""
    ann = user("ann")
    table, chair = await host.order("A table", ann), await host.order("A chair", ann)
    await host.tell(chair, ann, ["about the chair"])
    page = await host.page()
    sockets = Sockets(page)
    await host.chat(table, ann, page=page)
    await page.type("about the table")
    chat = page.page.locator("order-chat")

    await chat.evaluate("(chat, id) => chat.setAttribute('order-id', id)", chair)
    await expect(page.message("about the chair")).to_be_visible()
    await expect(page.box).to_have_value("")
    await chat.evaluate("(chat, id) => chat.setAttribute('order-id', id)", table)

    await page.opened()
    await expect(page.box).to_have_value("about the table")
    await expect(page.message("about the chair")).to_have_count(0)
    ready = await told(page, "order-chat:ready")
    assert [each["order_id"] for each in ready] == [table, chair, table]
    assert (sockets.count, sockets.open) == (1, 1)


async def test_an_element_that_is_taken_away_leaves_nothing_behind(host: Host) -> None:
    """No connection and no failing code; put back, it is there again."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    page = await host.page()
    sockets = Sockets(page)
    await host.chat(order_id, ann, page=page)
    await page.type("Half a sentence")

    await page.page.evaluate("(window.chat = document.querySelector('order-chat')).remove()")
    await sockets.end()
    assert (sockets.count, sockets.open) == (1, 0)
    await host.tell(order_id, bob, ["Hello Ann"])
    await page.page.evaluate("document.body.append(chat)")

    await expect(page.message("Hello Ann")).to_be_visible()
    await expect(page.box).to_have_value("Half a sentence")
    assert (sockets.count, sockets.open) == (2, 1)


async def test_an_element_that_is_moved_stays_connected(host: Host) -> None:
    """At once as a list is sorted, or a moment later as a page is rebuilt."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    page = await host.page()
    sockets = Sockets(page)
    await host.chat(order_id, ann, page=page)
    panel = page.page.locator(".panel")
    await panel.evaluate("panel => { panel.isTheFirst = true; }")

    await page.page.evaluate("document.body.prepend(document.querySelector('order-chat'))")
    await page.say("Moved at once")
    assert await panel.evaluate("panel => panel.isTheFirst")
    await expect(page.message("Moved at once").locator("time")).to_be_visible()
    await page.page.evaluate(
        """() => {
            const chat = document.querySelector("order-chat");
            chat.remove();
            setTimeout(() => document.body.append(chat), 200);
        }"""
    )
    await page.opened()
    await page.say("Moved a moment later")
    await expect(page.message("Moved a moment later").locator("time")).to_be_visible()

    assert (sockets.count, sockets.open) == (1, 1)


async def test_all_elements_of_a_page_share_a_connection(host: Host) -> None:
    """Whatever they show; it ends with the last of them."""
    ann = user("ann")
    table, chair = await host.order("A table", ann), await host.order("A chair", ann)
    page = await host.page()
    sockets = Sockets(page)
    body = chat_of(table, ann) + chat_of(chair, ann) + messages_of(ann)
    await host.open(body, page=page)
    await expect(page.page.locator('[data-phase="live"]')).to_have_count(3)

    await page.page.evaluate("document.querySelector('order-messages').remove()")
    await page.page.evaluate("document.querySelector('order-chat').remove()")
    await page.say("Still here")
    await expect(page.message("Still here").locator("time")).to_be_visible()

    assert (sockets.count, sockets.open) == (1, 1)
    await page.page.evaluate("document.querySelector('order-chat').remove()")
    await sockets.end()


async def test_a_page_gives_it_a_look_of_its_own(host: Host) -> None:
    """By custom properties and by named parts."""
    ann = user("ann")
    order_id = await host.order("A table", ann)

    page = await host.open(
        "<style>order-chat { --order-chat-accent: rgb(1, 2, 3); }"
        "order-chat::part(bubble) { border-radius: 4px; }</style>" + chat_of(order_id, ann)
    )
    await page.say("Hello")
    await page.type("and more")

    bubble = page.message("Hello").locator(".bubble")
    await expect(bubble).to_have_css("border-radius", "4px")
    await expect(page.page.locator("button.send")).to_have_css("background-color", "rgb(1, 2, 3)")
