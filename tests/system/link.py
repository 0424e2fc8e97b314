"""A browser's way to the chat: cut and mended, and what goes by it."""

import asyncio
import json
from functools import partial
from typing import Any, Final

from playwright.async_api import WebSocketRoute

from tests.system.browser import FILM, OrderPage, People

CUT: Final = 1012
"""The code by which a connection is closed: to be tried again."""

PATIENCE_S: Final = 15

KEPT: Final = """async () => {
    const notes = Object.keys(localStorage).filter((key) => key.startsWith("order-chat:unsaved"));
    const opening = indexedDB.open("order-chat");
    await new Promise((resolve) => { opening.onsuccess = resolve; });
    const counting = opening.result.transaction("attempts").objectStore("attempts").count();
    await new Promise((resolve) => { counting.onsuccess = resolve; });
    opening.result.close();
    return notes.length + counting.result;
}"""
"""How many attempts lie in this browser."""


class Link:
    """The websockets of all pages of a browser that are loaded from now on."""

    def __init__(self) -> None:
        self.sends: list[str] = []
        """Ids of the messages that pages handed to it, in order, at every try."""
        self._broken = False
        self._cuts: list[bool] = []
        self._refusals: list[dict[str, Any]] = []
        self._routes: list[WebSocketRoute] = []

    @classmethod
    async def of(cls, person: OrderPage) -> "Link":
        """Stand between a person's browser and the server."""
        link = cls()
        await person.page.context.route_web_socket("**/v1/chat*", link._connect)
        return link

    async def cut(self) -> None:
        """Break off what is connected; nothing gets through before `mend`."""
        self._broken = True
        while self._routes:
            await self._routes.pop().close(code=CUT, reason="cut")

    def mend(self) -> None:
        """Let the next who tries get through."""
        self._broken = False

    def cut_next_send(self, *, arrives: bool) -> None:
        """Break off as the next message is sent, before it arrives or after."""
        self._cuts.append(arrives)

    def refuse_next_send(self, code: str, *, retry_after_ms: int | None = None) -> None:
        """Answer in the server's place; with a time, that it may be tried again."""
        retry = {"retry": retry_after_ms is not None, "retry_after_ms": retry_after_ms}
        self._refusals.append({"op": "refused", "code": code, "message": "No.", **retry})

    async def _connect(self, route: WebSocketRoute) -> None:
        if self._broken:
            await route.close(code=CUT, reason="cut")
            return
        self._routes.append(route)
        route.on_message(partial(self._pass_on, route, route.connect_to_server()))

    async def _pass_on(
        self, route: WebSocketRoute, server: WebSocketRoute, text: str | bytes
    ) -> None:
        frame = json.loads(text)
        if frame["op"] == "send":
            self.sends.append(frame["id"])
            if self._refusals:
                about = {"ref": frame["ref"], "id": frame["id"]}
                route.send(json.dumps(self._refusals.pop(0) | about))
                return
            if self._cuts:
                if self._cuts.pop(0):
                    server.send(text)
                self._routes.remove(route)
                await route.close(code=CUT, reason="cut")
                return
        server.send(text)


async def open_linked(people: People) -> tuple[OrderPage, Link]:
    """Anna's page of the film, its conversation live, and her link."""
    anna = await people.page()
    link = await Link.of(anna)
    await anna.page.goto(f"{people.url}/demo/orders/{FILM}?as=anna")
    await anna.opened()
    return anna, link


async def nothing_kept(person: OrderPage) -> None:
    """Wait until no attempt lies in a person's browser any more."""
    async with asyncio.timeout(PATIENCE_S):
        while await person.page.evaluate(KEPT) > 0:
            await person.page.wait_for_timeout(20)
