"""`python -m tests.attachment_service.mortal DATA BLOBS STEP [scanned]`: an upload whose process
dies.

Reserves, posts and completes one file on the engines in the folder DATA; before or after one of the
calls the service makes of them, the process kills itself with SIGKILL. STEP 0: it lives, and tells
all steps. It prints the attachment's id as soon as its client would know it.
"""

import asyncio
import os
import signal
import sys
import time
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image

from attachment_service.adapters.scan_command import Command
from shared.blobs import open_blobs
from shared.blobs.port import Blobs, Served
from tests.attachment_service.crash import Fuse
from tests.attachment_service.world import open_desk
from tests.ports.blob_engines import Browsing, app_for


class Given(Browsing):
    """An object store that somebody else made, and looks after."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.data = data

    async def open(self) -> Blobs:
        self.blobs = await open_blobs(self.url, self.data)
        return self.blobs

    def browser(self) -> httpx.AsyncClient:
        if not isinstance(self.blobs, Served):
            return httpx.AsyncClient()
        transport = httpx.ASGITransport(app_for(self.blobs))
        return httpx.AsyncClient(transport=transport, base_url="http://chat.example")

    def __enter__(self) -> "Given":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def one_page() -> bytes:
    """A PDF that has a first page to be drawn: what becomes of it takes every kind of call. Always
    the same one."""
    file, made_at = BytesIO(), time.gmtime(0)
    image = Image.new("RGB", (200, 100), "teal")
    image.save(file, "PDF", creationDate=made_at, modDate=made_at)
    return file.getvalue()


async def live(data: Path, blobs_url: str, step: int, scanned: bool) -> None:
    fuse = Fuse(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    scanner = Command(("sh", "-c", "cat >/dev/null")) if scanned else None
    async with open_desk(data, Given(blobs_url, data), scanner, fuse) as desk:
        file = one_page()
        view = (await desk.reserve(len(file))).json()
        print(view["id"], flush=True)
        assert await desk.post(view["upload"], file) == 204
        answer = await desk.complete(view["id"])
        assert answer.status_code == 200, answer.text
    print(*fuse.calls, sep="\n", flush=True)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), "scanned" in sys.argv))
