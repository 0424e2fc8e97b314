"""A marketplace with orders and users of its own, and pages that embed the widget as it likes."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
from playwright.async_api import Route, expect

from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId
from tests.system.browser import OrderPage, People
from tests.system.demo import Demo
from tests.system.wire import Wire, token_of, wire

PAGE: Final = """<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<title>Shop</title>
<link rel="icon" href="data:,">
<script>
  window.told = [];
  const names = ["chat:ready", "chat:order", "chat:unread", "chat:sent", "chat:error",
    "messages:select"];
  for (const name of names) {{
    addEventListener(`order-${{name}}`, ({{ type, detail }}) => told.push([type, detail]));
  }}
</script>
<script type="module" src="/widget/order-chat.js"></script>
<main><h1>Shop</h1>{body}</main>
"""
"""It writes down what the elements tell it."""

IN_FLIGHT: Final = 20
"""More than these at once may be told to wait."""


class Host:
    """Its pages are of the chat's own origin, at `/host`; its tokens are at `/chat-token?as=`."""

    def __init__(self, demo: Demo, people: People) -> None:
        self._demo = demo
        self._people = people

    async def order(self, title: str, *user_ids: str) -> OrderId:
        """Place an order; a user's name is that of the id up to the dash."""
        order_id = OrderId(f"order-{uuid4()}")
        parties = [{"user_id": id_, "role": "creator", "name": name_of(id_)} for id_ in user_ids]
        await self._call("PUT", f"/v1/orders/{order_id}", {"title": title, "participants": parties})
        return order_id

    async def move(self, order_id: OrderId, status: str) -> None:
        """Bring an order into another status."""
        await self._call("PATCH", f"/v1/orders/{order_id}", {"status": status})

    async def tell(
        self,
        order_id: OrderId,
        user_id: str,
        texts: Sequence[str],
        reply_to: MessageId | None = None,
    ) -> list[MessageId]:
        """Say all that in a user's name, from elsewhere; it stands when this returns."""
        ids: list[MessageId] = []
        async with wire(self._demo, user_id) as client:
            await client.say(frames.Join(ref=1, order_id=order_id))
            await client.next(frames.Joined)
            for start in range(0, len(texts), IN_FLIGHT):
                sends = [
                    frames.Send(
                        ref=2,
                        order_id=order_id,
                        id=ClientId(str(uuid4())),
                        text=text,
                        reply_to=reply_to,
                    )
                    for text in texts[start : start + IN_FLIGHT]
                ]
                ids += await all_stand(client, sends)
        return ids

    async def token(self, user_id: str) -> str:
        """A token of a user."""
        return await token_of(self._demo, user_id)

    async def page(self, **options: Any) -> OrderPage:
        """A new person's empty page, for which there are tokens; *options*: of the browser."""
        page = await self._people.page(**options)
        # Chromium holds a page that the test answers for one of the internet.
        await page.page.context.grant_permissions(["local-network-access"])
        await page.page.route("**/chat-token?as=*", self._give_token)
        return page

    async def open(
        self, body: str, *, lang: str = "en", page: OrderPage | None = None, **options: Any
    ) -> OrderPage:
        """A page of this marketplace with *body* on it: a new person's, or *page*."""
        page = page or await self.page(**options)
        html = PAGE.format(lang=lang, body=body)
        await page.page.route(
            "**/host", lambda route: route.fulfill(content_type="text/html", body=html)
        )
        await page.page.goto(f"{self._demo.url}/host")
        return page

    async def chat(
        self, order_id: OrderId, user_id: str, attributes: str = "", **options: Any
    ) -> OrderPage:
        """A person's page with an order's chat on it, live."""
        page = await self.open(chat_of(order_id, user_id, attributes), **options)
        await page.opened()
        return page

    async def messages(self, user_id: str, attributes: str = "", **options: Any) -> OrderPage:
        """A person's page with the Messages area on it, live."""
        page = await self.open(messages_of(user_id, attributes), **options)
        await expect(page.page.locator('.messages[data-phase="live"]')).to_be_visible()
        return page

    async def _give_token(self, route: Route) -> None:
        (user_id,) = parse_qs(urlsplit(route.request.url).query)["as"]
        await route.fulfill(json={"token": await self.token(user_id)})

    async def _call(self, method: str, path: str, body: dict[str, Any]) -> None:
        token = await token_of(self._demo, "shop", role="service")
        async with httpx.AsyncClient(base_url=self._demo.url) as client:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text


async def all_stand(client: Wire, sends: Sequence[frames.Send]) -> list[MessageId]:
    """Send all of them; what is put off is sent again, as by every client."""
    ids: dict[ClientId, MessageId] = {}
    while waiting := [send for send in sends if send.id not in ids]:
        for send in waiting:
            await client.say(send)
        wait_ms = 0
        for _ in waiting:
            match await outcome(client):
                case frames.MessageShown(client_id=client_id, id=id_):
                    ids[client_id] = id_
                case frames.Refused(retry_after_ms=int(retry_after_ms)):
                    wait_ms = max(wait_ms, retry_after_ms)
                case refused:
                    raise AssertionError(refused)
        await asyncio.sleep(wait_ms / 1000)
    return [ids[send.id] for send in sends]


async def outcome(client: Wire) -> frames.MessageShown | frames.Refused:
    """What became of a message; the next one that is told."""
    while True:
        frame = frames.decode_server_frame(await client.raw())
        if isinstance(frame, frames.MessageShown | frames.Refused):
            return frame


def user(name: str) -> str:
    """The id of somebody who has no part in any order yet."""
    return f"{name}-{uuid4()}"


def name_of(user_id: str) -> str:
    """What the others call a user."""
    return user_id.partition("-")[0].capitalize()


def chat_of(order_id: OrderId, user_id: str, attributes: str = "") -> str:
    """The tag that shows a user an order's chat."""
    return (
        f'<order-chat order-id="{order_id}" token-url="/chat-token?as={user_id}" {attributes}>'
        "</order-chat>"
    )


def messages_of(user_id: str, attributes: str = "") -> str:
    """The tag that shows a user the Messages area."""
    return f'<order-messages token-url="/chat-token?as={user_id}" {attributes}></order-messages>'


async def told(page: OrderPage, name: str) -> list[Any]:
    """What the page was told by events of that name, in order."""
    details: list[Any] = await page.page.evaluate(
        "name => told.filter(([type]) => type === name).map(([, detail]) => detail)", name
    )
    return details
