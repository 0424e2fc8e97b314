"""A marketplace of one page, to try the quick start with. Yours takes its place.

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
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE: Final = Path(__file__).parent
sys.path.append(str(HERE / "token" / "python"))

from chat_token import token_route  # noqa: E402 (the folder is named above)


class Shop:
    """The pages. *server*: the chat's websocket, as browsers reach it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._page = Template((HERE / "page" / "order.html").read_text(encoding="utf-8"))
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
        fields = {"order_id": request.path_params["order_id"], "server": self._server}
        page = self._page.substitute({name: escape(value) for name, value in fields.items()})
        return HTMLResponse(page, headers={"Content-Security-Policy": self._security})

    @property
    def _security(self) -> str:
        chat = urlsplit(self._server)
        return f"default-src 'self'; connect-src 'self' {chat.scheme}://{chat.netloc}"


def main() -> None:
    """Serve the shop on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--server", default="ws://127.0.0.1:8080/v1/chat", help="the chat")
    given = parser.parse_args()
    shop = Shop(given.server)
    routes = [
        Route("/sign-in", shop.sign_in),
        Route("/orders/{order_id}", shop.show_order),
        token_route(os.environ["ORDER_CHAT_JWT_SECRET"], shop.signed_in_user),
        Mount("/chat", StaticFiles(directory=HERE / "page")),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=given.port)


if __name__ == "__main__":
    main()
