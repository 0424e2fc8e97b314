"""Somebody who uploads files as a browser does: forms to the store, at a pace, cut off or not."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import urljoin
from uuid import uuid4

import httpx
import msgspec

from shared.contracts.ids import OrderId

CHUNK: Final = 64 << 10
ARCHIVE: Final = b"PK\x05\x06" + bytes(18)
"""How an archive begins: what follows is nobody's to look at."""
TYPE: Final = "application/zip"
PATIENCE_S: Final = 60.0


def archive(size: int, seed: str) -> bytes:
    """A file of this size that passes for an archive, and that nothing makes smaller."""
    block = random.Random(seed).randbytes(min(size, 1 << 20))
    whole = ARCHIVE + block * (size // len(block) + 1)
    return whole[:size]


class Cut(Exception):
    """The connection was cut on purpose."""


class Sent(msgspec.Struct):
    """What went out of a file, headers of forms not counted."""

    bytes: int = 0
    answers: int = 0


class Uploader:
    """One user's uploads. *http* takes files and questions to wherever they go."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        """*url*: the attachment service's."""
        self._http = http
        self._url = url
        self._token = token
        self.sent = Sent()

    async def ask(
        self, method: str, path: str, json: object = None, accept: str = "application/json"
    ) -> httpx.Response:
        """An answer of the attachment service."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
        return await self._http.request(
            method, f"{self._url}{path}", json=json, headers=headers, timeout=PATIENCE_S
        )

    async def reserve(self, order_id: OrderId, size: int, **more: object) -> dict[str, Any]:
        """A new upload, as it is answered."""
        body = {
            "order_id": order_id,
            "filename": "cut.zip",
            "content_type": TYPE,
            "size": size,
            **more,
        }
        answer = await self.ask("POST", "/v1/attachments", body)
        answer.raise_for_status()
        view: dict[str, Any] = answer.json()
        return view

    async def post_missing(
        self,
        view: Mapping[str, Any],
        file: bytes,
        *,
        budget: int | None = None,
        bytes_s: float | None = None,
    ) -> None:
        """Post what has not come, one part after the other. After *budget* bytes of the file the
        connection is cut, and `Cut` raised. *bytes_s*: how fast, at most."""
        until = None if budget is None else self.sent.bytes + budget
        start = 0
        parts = view["parts"] or [{"size": view["size"], "stored": False, "upload": view["upload"]}]
        for part in parts:
            if not part["stored"]:
                piece = file[start : start + part["size"]]
                await self._post(part["upload"], piece, until, bytes_s)
            start += part["size"]

    async def complete(self, id_: str) -> dict[str, Any]:
        """What comes of it in the end, `checking` not counted; HTTP's status is in `status`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.ask("POST", f"/v1/attachments/{id_}/complete")
                if answer.status_code != 202:
                    return {**answer.json(), "status": answer.status_code}
                await asyncio.sleep(answer.json()["retry_after_ms"] / 1_000)

    async def send(self, gateway_url: str, order_id: OrderId, grant: str) -> None:
        """Say nothing, and show a file."""
        body = {"id": str(uuid4()), "text": "", "attachments": [grant]}
        answer = await self._http.post(
            f"{gateway_url}/v1/orders/{order_id}/messages",
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=PATIENCE_S,
        )
        answer.raise_for_status()

    async def fetch(self, id_: str) -> tuple[int, Callable[[], AsyncIterator[bytes]]]:
        """The status of the answer to who wants a file, and the file itself, in pieces."""
        answer = await self.ask("GET", f"/v1/attachments/{id_}/content")

        async def pieces() -> AsyncIterator[bytes]:
            async with self._http.stream("GET", answer.json()["url"]) as file:
                file.raise_for_status()
                async for piece in file.aiter_raw():
                    yield piece

        return answer.status_code, pieces

    async def _post(
        self, form: Mapping[str, Any], piece: bytes, until: int | None, bytes_s: float | None
    ) -> None:
        boundary = uuid4().hex
        head, tail = _around(form["fields"], boundary)
        length = len(head) + len(piece) + len(tail)

        async def body() -> AsyncIterator[bytes]:
            yield head
            began, out = time.monotonic(), 0
            for start in range(0, len(piece), CHUNK):
                chunk = piece[start : start + CHUNK]
                if until is not None and self.sent.bytes + len(chunk) > until:
                    raise Cut
                yield chunk
                self.sent.bytes += len(chunk)
                out += len(chunk)
                if bytes_s is not None:
                    await asyncio.sleep(max(0.0, began + out / bytes_s - time.monotonic()))
            yield tail

        answer = await self._http.post(
            urljoin(self._url, form["url"]),
            content=body(),
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(length),
            },
            timeout=PATIENCE_S,
        )
        answer.raise_for_status()
        self.sent.answers += 1


def _around(fields: Mapping[str, str], boundary: str) -> tuple[bytes, bytes]:
    """What stands before the file in a form, and after it."""
    lines = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    last = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n'
        f"Content-Type: {TYPE}\r\n\r\n"
    )
    return (lines + last).encode(), f"\r\n--{boundary}--\r\n".encode()
