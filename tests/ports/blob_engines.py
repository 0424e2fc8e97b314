"""The engines the contract of the object store is tested on."""

import os
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import minio

import shared.blobs.minio  # noqa: F401 - reads files, so not while an event loop runs
from shared.blobs import open_blobs
from shared.blobs.port import Blob, Blobs, Shelf, UploadForm

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

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Minio:
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
        self.server = minio.Minio(
            f"{address.hostname}:{address.port}",
            access_key=address.username,
            secret_key=address.password,
            secure=False,
            region="us-east-1",
        )

    async def open(self) -> Blobs:
        return await open_blobs(self.url, self.data)

    async def post(self, form: UploadForm, file: bytes) -> int:
        async with httpx.AsyncClient() as client:
            # The fields go first, as the store wants it.
            files = {"file": ("blob", file, TYPE)}
            return (await client.post(form.url, data=form.fields, files=files)).status_code

    async def get(self, link: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(link)

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
        for shelf in Shelf:
            if self.server.bucket_exists(self.bucket(shelf)):
                for found in self.server.list_objects(self.bucket(shelf), recursive=True):
                    assert found.object_name is not None
                    self.server.remove_object(self.bucket(shelf), found.object_name)
                self.server.remove_bucket(self.bucket(shelf))


async def upload(engine: Engine, blobs: Blobs, key: str, file: bytes) -> Blob:
    """Post *file* as a browser would, and tell what lies in quarantine then."""
    form = blobs.form(key, TYPE, size_min=0, size_max=len(file))
    status = await engine.post(form, file)
    assert status == 204
    return await blobs.stat(Shelf.QUARANTINE, key)
