"""The file store's routes: where a browser posts its form, and where a link leads.

Neither asks for a token: a form and a link are signed, and hold all that they allow. The bounds of
such a form's request are in `files_bounds`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from shared.blobs.calls import Calls
from shared.blobs.files_folder import Draft, Folder
from shared.blobs.files_form import FormReader, Malformed
from shared.blobs.files_signing import (
    LINK_PATH,
    UPLOAD_PATH,
    LinkQuery,
    NotAsSigned,
    Policy,
    Signer,
)
from shared.blobs.port import FORM_S, BlobsUnavailable, NotFound, Shelf
from shared.contracts.errors import ErrorCode
from shared.http import HttpError, read_query

UPLOADS_MAX: Final = 64
"""Files that are written at once: each has its place on the disk before it is known to be whole."""

UPLOADS_OF_FORM_MAX: Final = 2
"""The second is for whoever begins anew before we know that the first was cut. With more, one form
could take all the places, or fill the disk."""

HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # The pages that show it are of other origins.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every file: it may be looked at, and is nobody's page."""


class FileRoutes:
    """Answers for the files in *folder*."""

    def __init__(self, folder: Folder, calls: Calls, signer: Signer) -> None:
        self._folder = folder
        self._calls = calls
        self._signer = signer
        self._under_way: Counter[str] = Counter()
        """How many files are written now, by key."""

    def routes(self) -> Sequence[BaseRoute]:
        """Both."""
        return [
            Route(UPLOAD_PATH, self._take_form, methods=["POST"]),
            Route(f"{LINK_PATH}/{{key:path}}", self._show_file, methods=["GET"]),
        ]

    async def _take_form(self, request: Request) -> Response:
        try:
            reader = FormReader(request.headers.get("Content-Type", ""))
            async with asyncio.timeout(FORM_S):
                return await self._read_form(request, reader)
        except (Malformed, ClientDisconnect, TimeoutError):
            raise HttpError(ErrorCode.INVALID, "The form is malformed or incomplete.") from None
        except NotAsSigned:
            raise HttpError(ErrorCode.FORBIDDEN, "The form is not as signed, or expired.") from None
        except BlobsUnavailable:
            raise HttpError(ErrorCode.UNAVAILABLE) from None

    async def _read_form(self, request: Request, reader: FormReader) -> Response:
        """Read the fields; once they hold, let the file to the disk."""
        chunks = request.stream()
        async for chunk in chunks:
            piece = reader.feed(chunk)
            if reader.in_file:
                break
        else:
            raise Malformed
        policy = self._signer.check_form(reader.fields, now=_now_ms())
        with self._counted(policy.key):
            draft = await self._calls.run(self._folder.draft)
            try:
                size = await self._store(draft, policy, len(piece), piece)
                async for chunk in chunks:
                    piece = reader.feed(chunk)
                    size = await self._store(draft, policy, size + len(piece), piece)
                if not reader.complete:
                    raise Malformed
                if size < policy.size_min:
                    raise HttpError(ErrorCode.INVALID, "The file is smaller than it must be.")
                await self._calls.run(
                    lambda: self._folder.keep(draft, Shelf.QUARANTINE, policy.key)
                )
            finally:
                await self._calls.run(draft.drop)
        return Response(status_code=204)

    async def _store(self, draft: Draft, policy: Policy, size: int, piece: bytes) -> int:
        """Write a piece, with which the file has *size* bytes, unless those are too many."""
        if size > policy.size_max:
            raise HttpError(ErrorCode.TOO_LARGE, "The file is larger than it may be.")
        if piece:
            await self._calls.run(lambda: draft.write(piece))
        return size

    @contextmanager
    def _counted(self, key: str) -> Iterator[None]:
        if self._under_way.total() >= UPLOADS_MAX or self._under_way[key] >= UPLOADS_OF_FORM_MAX:
            raise HttpError(ErrorCode.BUSY)
        self._under_way[key] += 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    async def _show_file(self, request: Request) -> Response:
        key = request.path_params["key"]
        query = read_query(request, LinkQuery)
        try:
            self._signer.check_link(key, query, now=_now_ms())
            found = await self._calls.run(lambda: self._folder.stat(Shelf.CLEAN, key))
        except NotAsSigned:
            raise HttpError(ErrorCode.FORBIDDEN, "The link is not as signed, or expired.") from None
        except NotFound:
            raise HttpError(ErrorCode.NOT_FOUND) from None
        except BlobsUnavailable:
            raise HttpError(ErrorCode.UNAVAILABLE) from None
        headers = {
            **HEADERS,
            "Content-Disposition": query.disposition,
            # As a header too, since Starlette would add a charset to a text's type.
            "Content-Type": query.type,
        }
        return FileResponse(
            self._folder.path(Shelf.CLEAN, key),
            headers=headers,
            media_type=query.type,  # else it looks for tables of types, on the disk
            stat_result=found,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
