"""A marketplace of two pages, to try the quick start with. Yours takes its place.

Run `python docs/examples/shop.py`, with the chat's secret in `ORDER_CHAT_JWT_SECRET`. Anybody may
sign in as anybody here; everything else is as a real shop would have it.
"""

import argparse
import os
import secrets
import sys
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE: Final = Path(__file__).parent
PAGES: Final = ("order.html", "messages.html", "page/order.html")
sys.path.append(str(HERE / "token" / "python"))

from chat_token import token_route  # noqa: E402 (the folder is named above)


class Shop:
    """The pages. *chat*: the chat's address, as browsers reach it."""

    def __init__(self, chat: str) -> None:
        self._chat = chat
        self._websocket = chat.replace("http", "ws", 1)
        self._pages = {name: Template((HERE / name).read_text(encoding="utf-8")) for name in PAGES}
        self._sessions: dict[str, str] = {}
        """User ids by what the cookie says."""

    def signed_in_user(self, request: Request) -> str | None:
        """Whose session a request belongs to."""
        return self._sessions.get(request.cookies.get("session", ""))

    async def sign_in(self, request: Request) -> Response:
        """`/sign-in?as=anna&order=o1`: a real shop asks for a password."""
        session = secrets.token_urlsafe()
        self._sessions[session] = request.query_params["as"]
        answer = RedirectResponse(f"/orders/{request.query_params['order']}", status_code=303)
        answer.set_cookie("session", session, httponly=True, samesite="lax")
        return answer

    async def show_order(self, request: Request) -> Response:
        """An order's page, with the chat on it."""
        return self._page("order.html", request.path_params["order_id"])

    async def show_messages(self, _: Request) -> Response:
        """All conversations of whoever is signed in."""
        return self._page("messages.html")

    async def show_own_client(self, request: Request) -> Response:
        """An order's page with a client written by hand, as `docs/protocol.md` has it."""
        return self._page("page/order.html", request.path_params["order_id"])

    def _page(self, name: str, order_id: str = "") -> Response:
        fields = {"chat": self._chat, "websocket": f"{self._websocket}/v1/chat"}
        fields["order_id"] = order_id
        page = self._pages[name].substitute({key: escape(value) for key, value in fields.items()})
        return HTMLResponse(page, headers={"Content-Security-Policy": self._policy})

    @property
    def _policy(self) -> str:
        return (
            f"default-src 'self'; script-src 'self' {self._chat}; "
            f"connect-src 'self' {self._chat} {self._websocket}; img-src 'self' {self._chat}; "
            "frame-ancestors 'none'"
        )


def main() -> None:
    """Serve the shop on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--chat", default="http://127.0.0.1:8080", help="the chat's address")
    given = parser.parse_args()
    shop = Shop(given.chat)
    routes = [
        Route("/sign-in", shop.sign_in),
        Route("/orders/{order_id}", shop.show_order),
        Route("/messages", shop.show_messages),
        Route("/own-client/{order_id}", shop.show_own_client),
        token_route(os.environ["ORDER_CHAT_JWT_SECRET"], shop.signed_in_user),
        Mount("/chat", StaticFiles(directory=HERE / "page")),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=given.port)


if __name__ == "__main__":
    main()
