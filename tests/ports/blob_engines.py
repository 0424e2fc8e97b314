"""The engines the contract of the object store is tested on."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import minio
from starlette.applications import Starlette

import shared.blobs.files
import shared.blobs.minio  # noqa: F401 - reads files, so not while an event loop runs
from shared.blobs import open_blobs
from shared.blobs.port import Blob, Blobs, Served, Shelf, UploadForm
from shared.http import EXCEPTION_HANDLERS

KEY = "a1/photo.png"
TYPE = "image/png"


class Engine(Protocol):
    """Where a test's objects live: nothing there at first, and gone with the test."""

    async def open(self) -> Blobs:
        """Open it."""
        ...

    async def post(self, form: UploadForm, file: bytes) -> int:
        """What a browser does with a form; the status of the answer."""
        ...

    async def get(self, link: str) -> httpx.Response:
        """What a browser does with a link."""
        ...

    def browser(self) -> httpx.AsyncClient:
        """A client that reaches it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Browsing(ABC):
    """What a browser does, with the client of an engine."""

    @abstractmethod
    def browser(self) -> httpx.AsyncClient: ...

    async def post(self, form: UploadForm, file: bytes) -> int:
        async with self.browser() as client:
            # The fields go first, as the store wants it.
            files = {"file": ("blob", file, TYPE)}
            return (await client.post(form.url, data=form.fields, files=files)).status_code

    async def get(self, link: str) -> httpx.Response:
        async with self.browser() as client:
            return await client.get(link)


class Files(Browsing):
    """A folder, and an application that serves what it serves."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.root = data / "blobs"

    async def open(self) -> Blobs:
        blobs = await open_blobs("file:///blobs", self.data)
        self.app = app_for(blobs)
        return blobs

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://chat.example"
        )

    def files(self) -> list[str]:
        """All that is in the folder now, but for what it needs itself."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(
            str(path.relative_to(self.root)) for path in found if path.parent != self.root
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def app_for(blobs: Blobs) -> Starlette:
    """An application that serves a store's own routes."""
    assert isinstance(blobs, Served)
    return Starlette(routes=blobs.routes(), exception_handlers=EXCEPTION_HANDLERS)


class Minio(Browsing):
    """Two buckets of its own at the server that `ORDER_CHAT_BLOBS_URL` names."""

    def __init__(self, data: Path) -> None:
        self.data = data
        address = urlsplit(os.environ.get("ORDER_CHAT_BLOBS_URL", ""))
        assert address.scheme == "minio", (
            "ORDER_CHAT_BLOBS_URL must name a MinIO: run this with make test-connected"
        )
        self.prefix = f"test-{uuid4().hex}"
        self.url = address._replace(path=f"/{self.prefix}").geturl()
        self.key = address.username
        self.server = server_at(self.url)

    async def open(self) -> Blobs:
        return await open_blobs(self.url, self.data)

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient()

    def bucket(self, shelf: Shelf) -> str:
        return f"{self.prefix}-{shelf}"

    def keys(self) -> list[str | None]:
        """All that is in the buckets now."""
        return [
            found.object_name
            for shelf in Shelf
            for found in self.server.list_objects(self.bucket(shelf), recursive=True)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        empty_buckets(self.url)


def server_at(url: str) -> minio.Minio:
    """The server that an `ORDER_CHAT_BLOBS_URL` names."""
    address = urlsplit(url)
    return minio.Minio(
        f"{address.hostname}:{address.port}",
        access_key=address.username,
        secret_key=address.password,
        secure=False,
        region="us-east-1",
    )


def empty_buckets(url: str) -> None:
    """Remove the buckets of an `ORDER_CHAT_BLOBS_URL`, and all that is in them."""
    server, prefix = server_at(url), urlsplit(url).path.removeprefix("/")
    for bucket in (f"{prefix}-{shelf}" for shelf in Shelf):
        if server.bucket_exists(bucket):
            for found in server.list_objects(bucket, recursive=True):
                assert found.object_name is not None
                server.remove_object(bucket, found.object_name)
            server.remove_bucket(bucket)


async def upload(engine: Engine, blobs: Blobs, key: str, file: bytes) -> Blob:
    """Post *file* as a browser would, and tell what lies in quarantine then."""
    form = blobs.form(key, TYPE, size_min=0, size_max=len(file))
    status = await engine.post(form, file)
    assert status == 204
    return await blobs.stat(Shelf.QUARANTINE, key)
