"""A token endpoint for Order Chat: it tells the chat who is signed in at the marketplace.

Needs Starlette and PyJWT, and the secret the chat verifies with in `ORDER_CHAT_JWT_SECRET`.
"""

import time
from collections.abc import Callable
from typing import Final

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LIFETIME_S: Final = 900
"""How long a token is good. Pages fetch a new one whenever they need it."""


def token_for(user_id: str, secret: str) -> str:
    """A token that says its bearer is *user_id*."""
    now = int(time.time())
    claims = {"sub": user_id, "aud": "order-chat", "iat": now, "exp": now + LIFETIME_S}
    return jwt.encode(claims, secret, algorithm="HS256")


def token_route(secret: str, signed_in_user: Callable[[Request], str | None]) -> Route:
    """`GET /chat-token`: a token for whoever *signed_in_user* finds in the request's session.

    The user's id must come from your own session, never from the query or the body.
    """

    async def chat_token(request: Request) -> Response:
        user_id = signed_in_user(request)
        if user_id is None:
            return Response(status_code=401)
        answer = {"token": token_for(user_id, secret)}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return Route("/chat-token", chat_token)
