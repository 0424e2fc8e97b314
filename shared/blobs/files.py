"""`shared.blobs.port.Blobs` in a folder, for one process, which serves forms and links itself.

`files_folder` keeps the files, `files_signing` signs, `files_form` reads what a browser posts, and
`files_http` has the routes.
"""

import time
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from starlette.routing import BaseRoute

from shared.blobs.calls import COPY_S, Calls
from shared.blobs.files_folder import Folder, etag_of
from shared.blobs.files_http import FileRoutes
from shared.blobs.files_signing import Signer
from shared.blobs.port import (
    PUT_BYTES_MAX,
    READ_BYTES_MAX,
    Blob,
    BlobsUnavailable,
    Shelf,
    UploadForm,
    check_key,
)
from shared.risk import Risk
from shared.secret_file import load_or_make_secret

SECRET_FILE: Final = "form-secret"  # noqa: S105 (a file's name)

PAGE: Final = 1_000
"""Keys looked at in one call."""


def folder_path(url: str, data: Path) -> Path:
    """The folder that `file:///NAME` means: in the folder *data*, unless absolute."""
    parts = urlsplit(url)
    name = Path(unquote(parts.path).removeprefix("/"))
    if not name.name or ".." in name.parts or parts.netloc or parts.query or parts.fragment:
        raise ValueError("ORDER_CHAT_BLOBS_URL looks like file:///blobs, without host and options")
    return data / name


class FileBlobs:
    """`shared.blobs.port.Blobs`, and `Served`, in two folders."""

    def __init__(self, folder: Folder, calls: Calls, secret: bytes, origin: str) -> None:
        self._folder = folder
        self._calls = calls
        self._origin = origin
        self._signer = Signer(secret, origin)
        self._routes = FileRoutes(folder, calls, self._signer)

    @classmethod
    async def open(cls, root: Path, origin: str = "") -> Self:
        """Take the folder *root*, made if it is not there; browsers reach it at *origin*, or where
        they reach the service. Raises `shared.sqlite.InUse`, and `BlobsUnavailable`."""
        calls = Calls(_meaning)
        try:
            folder = await calls.run(lambda: Folder(root))
        except BaseException:
            await calls.close()
            raise
        try:
            secret = await calls.run(lambda: load_or_make_secret(root, SECRET_FILE))
        except BaseException:
            await calls.close()
            folder.close()
            raise
        return cls(folder, calls, secret, origin)

    @property
    def origin(self) -> str:
        """What browsers reach, if it is told apart from the service."""
        return self._origin

    def routes(self) -> Sequence[BaseRoute]:
        """Where its forms and links lead."""
        return self._routes.routes()

    def form(self, key: str, content_type: str, *, size_min: int, size_max: int) -> UploadForm:
        """A form that writes *key* into quarantine and nothing else."""
        return self._signer.form(
            key, content_type, size_min=size_min, size_max=size_max, now=_now_ms()
        )

    async def stat(self, shelf: Shelf, key: str) -> Blob:
        """What lies there now."""
        found = await self._calls.run(lambda: self._folder.stat(shelf, key))
        return Blob(size=found.st_size, etag=etag_of(found))

    async def read(self, shelf: Shelf, key: str, etag: str, start: int, length: int) -> bytes:
        """Bytes of an object, if it still has this ETag."""
        if start < 0 or not 1 <= length <= READ_BYTES_MAX:
            raise ValueError(f"a piece has 1 to {READ_BYTES_MAX} bytes")
        return await self._calls.run(lambda: self._folder.read(shelf, key, etag, start, length))

    async def join(self, parts: Sequence[str], shelf: Shelf, key: str) -> None:
        """Make *key* on *shelf* of *parts* in quarantine."""
        await self._calls.run(lambda: self._folder.join(parts, shelf, key), within_s=COPY_S)

    async def publish(self, key: str, etag: str, clean_key: str) -> None:
        """Give an object of quarantine a place on the clean shelf, if it still has this ETag."""
        await self._calls.run(lambda: self._folder.link(key, etag, Shelf.CLEAN, clean_key))

    async def put(self, key: str, data: bytes) -> None:
        """Write *data* to the clean shelf."""
        if len(data) > PUT_BYTES_MAX:
            raise ValueError(f"more than {PUT_BYTES_MAX} bytes in one piece")
        check_key(key)  # not only when all of it is written
        await self._calls.run(lambda: self._folder.write(Shelf.CLEAN, key, data))

    def link(self, key: str, *, content_type: str, disposition: str) -> str:
        """An address of an object of the clean shelf, for a minute."""
        return self._signer.link(key, content_type, disposition, now=_now_ms())

    async def remove(self, shelf: Shelf, key: str) -> None:
        """Remove an object."""
        await self._calls.run(lambda: self._folder.remove(shelf, key))

    async def older(self, shelf: Shelf, before: int) -> AsyncIterator[str]:
        """The keys of all objects last written before *before*."""
        walk = self._folder.walk(shelf)
        while page := await self._calls.run(lambda: list(islice(walk, PAGE))):
            for key, at in page:
                if at < before:
                    yield key

    async def risks(self) -> Sequence[Risk]:
        """A folder open to others."""
        return await self._calls.run(self._folder.risks)

    async def ping(self) -> None:
        """Raise `BlobsUnavailable` if a folder is gone."""
        await self._calls.run(self._folder.check)

    async def close(self) -> None:
        """Let go of everything."""
        await self._calls.close()
        self._folder.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _meaning(error: Exception) -> Exception | None:
    """Whatever the disk does not do may be done later. Of the error we repeat no file's name."""
    if isinstance(error, OSError):
        return BlobsUnavailable(f"the folder of files: {error.strerror}")
    return None
