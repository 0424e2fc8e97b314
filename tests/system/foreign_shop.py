"""A shop on another origin, whose pages embed the chat under a policy that allows nothing else."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Final

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from shared.server import Server, config_for
from tests.system.conftest import START_S, Demo, serving
from tests.system.wire import token_of

MODULE: Final = '<script type="module" src="{url}"></script>'
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Shop</title>
<link rel="icon" href="data:,">
{scripts}
{body}
"""


class ForeignShop:
    """Its pages at *url*, and the chat they embed."""

    def __init__(self, url: str, chat: Demo, client: httpx.AsyncClient) -> None:
        self.url = url
        self.chat = chat
        self._client = client
        self.tampered: str | None = None
        """The module that comes through `/widget/` with a byte changed."""

    def routes(self) -> list[Route]:
        """Its pages, its tokens, and its own copy of the widget."""
        return [
            Route("/plain/{order_id}", self.plain),
            Route("/pinned/{order_id}", self.pinned),
            Route("/copied/{order_id}", self.copied),
            Route("/frame", self.frame),
            Route("/chat-token", self.token),
            Route("/widget/{path:path}", self.copy),
        ]

    async def plain(self, request: Request) -> Response:
        """By one script and two tags, as the documentation has it."""
        script = MODULE.format(url=f"{self.chat.url}/widget/order-chat.js")
        return self._page(script, self._elements(request), scripts_from=[self.chat.url])

    async def pinned(self, request: Request) -> Response:
        """By an import map: the chat's own modules, and exactly those."""
        return await self._with_import_map(request, self.chat.url)

    async def copied(self, request: Request) -> Response:
        """By an import map that leads through this shop, where a module may be tampered with."""
        return await self._with_import_map(request, self.url)

    async def frame(self, request: Request) -> Response:
        """A page of this site around another one, `?of=`."""
        other = escape(request.query_params["of"])
        page = PAGE.format(scripts="", body=f'<iframe title="Framed" src="{other}"></iframe>')
        return HTMLResponse(page)

    async def token(self, request: Request) -> Response:
        """Who is signed in as `?as=`; a real shop looks at its session."""
        return JSONResponse({"token": await token_of(self.chat, request.query_params["as"])})

    async def copy(self, request: Request) -> Response:
        """What the chat serves at the same path, asked for by this shop's name."""
        answer = await self._fetch(request.url.path)
        content = answer.content
        if self.tampered is not None and request.url.path.endswith(f"/{self.tampered}"):
            content += b"\n"
        kept = ("Content-Type", "Cache-Control")
        return Response(
            content, answer.status_code, headers={name: answer.headers[name] for name in kept}
        )

    async def _fetch(self, path: str) -> httpx.Response:
        host = self.url.partition("://")[2]
        return await self._client.get(f"{self.chat.url}{path}", headers={"Host": host})

    async def _with_import_map(self, request: Request, origin: str) -> Response:
        if origin == self.url:
            answer = await self._fetch("/widget/importmap.json")
        else:
            answer = await self._client.get(f"{origin}/widget/importmap.json")
        # As JSON it is safe between tags: "<" is in no path and no hash.
        (entry,) = msgspec.json.decode(answer.content)["imports"].values()
        scripts = f'<script type="importmap">{answer.text}</script>\n{MODULE.format(url=entry)}'
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        return self._page(
            scripts, self._elements(request), scripts_from=[f"'sha256-{digest}'", origin]
        )

    def _elements(self, request: Request) -> str:
        order_id = escape(request.path_params["order_id"])
        shared = f'token-url="/chat-token?as={escape(request.query_params["as"])}"'
        shared += f' server="{self.chat.url}"'
        return (
            f'<order-chat order-id="{order_id}" {shared}></order-chat>\n'
            f"<order-messages {shared}></order-messages>"
        )

    def _page(self, scripts: str, body: str, scripts_from: list[str]) -> Response:
        policy: Mapping[str, str] = {
            "default-src": "'none'",
            "script-src": " ".join(scripts_from),
            "style-src": "'none'",
            "connect-src": f"'self' {self.chat.url} {self.chat.url.replace('http', 'ws', 1)}",
            "img-src": f"{self.chat.url} blob: data:",
            "base-uri": "'none'",
            "form-action": "'none'",
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }
        told = "; ".join(f"{name} {value}" for name, value in policy.items())
        page = PAGE.format(scripts=scripts, body=body)
        return HTMLResponse(page, headers={"Content-Security-Policy": told})


@asynccontextmanager
async def foreign_shop(data: Path, *, allowed: bool = True) -> AsyncIterator[ForeignShop]:
    """A shop, and a chat of another site over *data* that lets the shop's pages in, or does not."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    url = f"http://localhost:{listening.getsockname()[1]}"
    environment = {"ORDER_CHAT_ORIGINS": url} if allowed else {}
    async with serving(data, environment) as chat, httpx.AsyncClient() as client:
        shop = ForeignShop(url, chat, client)
        server = Server(config_for(Starlette(routes=shop.routes()), "127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(START_S):
            while not server.started:  # noqa: ASYNC110 (the server has a flag, no event)
                await asyncio.sleep(0.01)
        try:
            yield shop
        finally:
            server.should_exit = True
            await task
