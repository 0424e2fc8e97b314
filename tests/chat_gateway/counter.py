"""The HTTP side of a running gateway, and callers of it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from chat_gateway import app
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import UserId
from shared.grants import Grants
from shared.http import EXCEPTION_HANDLERS, cors
from tests.chat_gateway.gatehouse import Here, opened
from tests.chat_gateway.world import GRANTS, identity
from tests.shared.story import ORDER, STRANGER, client_id

ORIGIN = "https://shop.example"
MESSAGES = f"/v1/orders/{ORDER}/messages"


class Counter:
    """Asks one gateway. `who` is a token that `gatehouse.Tokens` takes."""

    def __init__(self, running: app.Running) -> None:
        self._application = Starlette(
            routes=[*running.http.routes(), *running.moderation.routes()],
            middleware=cors({ORIGIN}),
            exception_handlers=EXCEPTION_HANDLERS,
        )

    async def ask(
        self, method: str, path: str, *, who: str = "anna", **more: Any
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self._application)
        async with httpx.AsyncClient(transport=transport, base_url="http://chat") as client:
            headers = {"Authorization": f"Bearer {who}"} | more.pop("headers", {})
            return await client.request(method, path, headers=headers, **more)

    async def read(
        self, *, who: str = "anna", path: str = MESSAGES, **query: Any
    ) -> httpx.Response:
        return await self.ask("GET", path, who=who, params=query)

    async def say(
        self, key: int, text: str = "Hi!", *, who: str = "anna", path: str = MESSAGES, **more: Any
    ) -> httpx.Response:
        body = {"id": client_id(key), "text": text, **more}
        return await self.ask("POST", path, who=who, json=body)

    async def carrier(
        self, attachment_id: str, *, who: str = "anna", order_id: str = ORDER
    ) -> httpx.Response:
        return await self.ask("GET", f"/v1/orders/{order_id}/attachments/{attachment_id}", who=who)

    async def redact(
        self, message_id: str, *, key: int = 900, reason: str = "abuse", who: str = "moira"
    ) -> httpx.Response:
        body = {"id": client_id(key), "reason": reason}
        return await self.ask("POST", f"{MESSAGES}/{message_id}/redact", who=who, json=body)

    async def judge(
        self, action: str, *, key: int = 900, who: str = "moira", reason: str = "abuse", **more: Any
    ) -> httpx.Response:
        body = {"id": client_id(key), "action": action, "reason": reason, **more}
        return await self.ask("POST", f"/v1/orders/{ORDER}/verdicts", who=who, json=body)

    async def review(
        self, report_id: str, state: str, *, key: int = 950, who: str = "moira", **more: Any
    ) -> httpx.Response:
        body = {"id": client_id(key), "state": state, **more}
        path = f"/v1/orders/{ORDER}/reports/{report_id}/review"
        return await self.ask("POST", path, who=who, json=body)


@asynccontextmanager
async def counter(
    folder: Path, limits: frames.Limits | None = None, grants: Grants | None = GRANTS
) -> AsyncIterator[tuple[Here, Counter]]:
    """A gateway with one order, known to Anna and Ben, and its HTTP side."""
    async with opened(folder, limits, grants) as here:
        expires_at = time.time() + 600
        shop = UserId("service:shop")
        here.tokens.good |= {
            "eve": identity(STRANGER, expires_at=expires_at),
            "shop": identity(shop, role="service", expires_at=expires_at),
        }
        yield here, Counter(here.running)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of an error."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    return answer.status_code, ErrorCode(error["code"])
