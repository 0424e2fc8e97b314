"""What the tests of the attachment service build: the service over real engines, and its callers.

Its two neighbours are fakes here, each a table: the order service, and the gateway that knows which
message carries a file. `tests/system` has them real.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from attachment_service.adapters import open_uploads
from attachment_service.checks import Checks
from attachment_service.http import AttachmentRoutes
from attachment_service.inspection import Inspection
from attachment_service.janitor import Janitor
from attachment_service.ports import Caller, MessagesUnavailable, Scanner, Uploads
from attachment_service.service import Attachments
from shared.blobs.port import Blobs, Served, Shelf, UploadForm
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, UserId
from shared.grants import Grants
from shared.http import EXCEPTION_HANDLERS
from shared.order_client import OrdersUnavailable, Part
from shared.tokens import Role, SecretVerifier, mint
from tests.attachment_service.crash import BLOBS, UPLOADS, Fuse, Fused
from tests.ports.blob_engines import Engine

SECRET = b"a secret of the tests, long enough to sign with"
ORDER = OrderId("o1")
ANNA, BEN, CORA = UserId("anna"), UserId("ben"), UserId("cora")
FILE_BYTES_MAX = 100 << 20
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nnothing that could be drawn\n%%EOF\n"
ZIP = b"PK\x05\x06" + bytes(18)
"""An empty archive."""


class OrderTable:
    """A fake order service: who takes part in what, and may do what."""

    def __init__(self) -> None:
        part = Part("creator", 1, ("read", "send", "attach"))
        self.parts: dict[tuple[OrderId, UserId], Part] = {(ORDER, ANNA): part, (ORDER, BEN): part}
        self.down = False

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        await self.ping()
        return self.parts.get((order_id, user_id))

    async def ping(self) -> None:
        if self.down:
            raise OrdersUnavailable


class MessageTable:
    """A fake gateway: which files a message carries (true: it stands), and who reads the order."""

    def __init__(self, orders: OrderTable) -> None:
        self._orders = orders
        self.carried: dict[str, bool] = {}
        self.down = False

    async def carries(self, caller: Caller | None, order_id: OrderId, attachment_id: str) -> bool:
        await self.ping()
        if caller is None:
            return attachment_id in self.carried
        if "moderator" in caller.identity.roles:
            return attachment_id in self.carried
        reads = (order_id, caller.identity.user_id) in self._orders.parts
        return reads and self.carried.get(attachment_id, False)

    async def ping(self) -> None:
        if self.down:
            raise MessagesUnavailable


class Clock:
    """The wall clock, set forward by the test."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


class Desk:
    """The service at work, and whoever comes to it."""

    def __init__(
        self,
        engine: Engine,
        uploads: Uploads,
        blobs: Blobs,
        scanner: Scanner | None,
        fuse: Fuse | None,
    ) -> None:
        self.engine = engine
        self.uploads = uploads
        self.blobs = blobs
        self.clock = Clock()
        self.orders = OrderTable()
        self.messages = MessageTable(self.orders)
        self.grants = Grants(SECRET, lambda: self.clock() / 1_000)
        self.inspection = Inspection()
        served = blobs.routes() if isinstance(blobs, Served) else ()
        if fuse is not None:
            uploads, blobs = Fused(uploads, fuse, *UPLOADS), Fused(blobs, fuse, *BLOBS)
        self.checks = Checks(uploads, blobs, self.inspection, scanner, self.clock)
        self.attachments = Attachments(
            uploads, blobs, self.orders, self.messages, self.checks, self.grants, self.clock
        )
        self.janitor = Janitor(uploads, blobs, self.messages, self.checks, self.clock)
        routes = AttachmentRoutes(
            self.attachments, SecretVerifier(SECRET), file_bytes_max=FILE_BYTES_MAX, rates=True
        )
        self.app = Starlette(
            routes=[*routes.routes(), *served],
            exception_handlers=EXCEPTION_HANDLERS,
        )

    async def close(self) -> None:
        await self.checks.close()
        await self.inspection.close()

    # Callers.

    async def ask(
        self,
        method: str,
        path: str,
        user: str = ANNA,
        *,
        role: Role = "user",
        orders: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> httpx.Response:
        """What a user is answered."""
        token = mint(SECRET, user, roles=[role], orders=orders, ttl_s=3_600, now=time.time())
        async with self.browser() as client:
            return await client.request(
                method,
                path,
                json=json,
                headers={"Authorization": f"Bearer {token}", **(headers or {})},
            )

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://chat.example", timeout=30
        )

    async def reserve(
        self,
        size: int,
        content_type: str = "application/pdf",
        *,
        filename: str = "brief.pdf",
        user: str = ANNA,
        order_id: str = ORDER,
        **more: Any,
    ) -> httpx.Response:
        body = {
            "order_id": order_id,
            "filename": filename,
            "content_type": content_type,
            "size": size,
            **more,
        }
        return await self.ask("POST", "/v1/attachments", user, json=body)

    async def post(self, form: Mapping[str, Any], file: bytes) -> int:
        """Post a form of an answer, as a browser does."""
        url = form["url"].removeprefix("http://chat.example")
        return await self.engine.post(UploadForm(url, form["fields"], 0), file)

    async def bring(self, file: bytes, content_type: str = "application/pdf", **more: Any) -> str:
        """Reserve a file and post all of it; its id."""
        answer = await self.reserve(len(file), content_type, **more)
        assert answer.status_code == 201, answer.text
        view = answer.json()
        forms = [(0, len(file), view["upload"])] if view["upload"] else parts_of(view)
        for start, size, form in forms:
            assert await self.post(form, file[start : start + size]) == 204
        return str(view["id"])

    async def complete(self, id_: str, user: str = ANNA) -> httpx.Response:
        return await self.ask("POST", f"/v1/attachments/{id_}/complete", user)

    async def send(self, file: bytes, content_type: str = "application/pdf", **more: Any) -> str:
        """A file that is ready, and that a message carries; its id."""
        id_ = await self.bring(file, content_type, **more)
        answer = await self.complete(id_)
        assert answer.status_code == 200, answer.text
        self.messages.carried[id_] = True
        return id_

    async def open(
        self, id_: str, user: str = BEN, what: str = "content", **more: Any
    ) -> httpx.Response:
        """What somebody is answered who wants to see a file."""
        accept = {"Accept": "application/json"}
        return await self.ask("GET", f"/v1/attachments/{id_}/{what}", user, headers=accept, **more)

    async def fetch(self, id_: str, user: str = BEN, what: str = "content") -> httpx.Response:
        """The file itself, by a fresh link."""
        answer = await self.open(id_, user, what)
        assert answer.status_code == 200, answer.text
        return await self.engine.get(answer.json()["url"].removeprefix("http://chat.example"))

    # What is left.

    async def objects(self) -> dict[Shelf, list[str]]:
        """All that lies in the store."""
        later = self.clock() + 86_400_000
        return {
            shelf: sorted([key async for key in self.blobs.older(shelf, later)]) for shelf in Shelf
        }


def parts_of(view: Mapping[str, Any]) -> list[tuple[int, int, Mapping[str, Any]]]:
    """Where each part with a form begins, how long it is, and the form."""
    found, start = [], 0
    for part in view["parts"]:
        if part["upload"] is not None:
            found.append((start, part["size"], part["upload"]))
        start += part["size"]
    return found


@asynccontextmanager
async def open_desk(
    data: Path, engine: Engine, scanner: Scanner | None = None, fuse: Fuse | None = None
) -> AsyncIterator[Desk]:
    """The service over SQLite and an object store, both the test's own. *fuse* may end it."""
    async with AsyncExitStack() as resources:
        uploads = await open_uploads("sqlite:///store.db", data)
        resources.push_async_callback(uploads.close)
        blobs = await engine.open()
        resources.push_async_callback(blobs.close)
        desk = Desk(engine, uploads, blobs, scanner, fuse)
        resources.push_async_callback(desk.close)
        yield desk


def assert_refused(answer: httpx.Response, code: ErrorCode, status: int, text: str = "") -> None:
    """The answer is an error of this code and status whose message holds *text*."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert text in error["message"]
