"""What a person has on the desk: files to send, and a line to send them by."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image
from playwright.async_api import CDPSession, FilePayload, Request

from tests.system.browser import OrderPage

MIB: Final = 1 << 20
PART: Final = 16 * MIB
READY_S: Final = 30
SLOW: Final = 5 * MIB
"""Bytes a second: a part takes three seconds."""

DROP: Final = """(target, [type, files]) => {
    const data = new DataTransfer();
    for (const { name, mimeType, text } of files) {
        data.items.add(new File([text], name, { type: mimeType }));
    }
    const how = { bubbles: true, cancelable: true, composed: true };
    const made = type === "paste"
        ? new ClipboardEvent(type, { ...how, clipboardData: data })
        : new DragEvent(type, { ...how, dataTransfer: data });
    target.dispatchEvent(made);
}"""
"""What a browser makes of files that come from elsewhere on the desk to an element."""

NOTES: Final = {"name": "notes.txt", "mimeType": "text/plain", "text": "tea, cup"}
LIST: Final = {"name": "list.csv", "mimeType": "application/vnd.ms-excel", "text": "a,b\n1,2\n"}


def picture(name: str, width: int = 600, height: int = 400) -> FilePayload:
    """A PNG."""
    out = BytesIO()
    Image.new("RGB", (width, height), (47, 93, 80)).save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


def document(name: str) -> FilePayload:
    """A PDF of one page."""
    out = BytesIO()
    Image.new("RGB", (595, 842), "white").save(out, "PDF")
    return {"name": name, "mimeType": "application/pdf", "buffer": out.getvalue()}


def table(name: str) -> FilePayload:
    """A CSV, named as a spreadsheet program's by the browser."""
    return {"name": name, "mimeType": "application/vnd.ms-excel", "buffer": b"cut,price\none,2\n"}


def film(folder: Path, bytes_: int) -> Path:
    """What begins like an MP4."""
    path = folder / "cut.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41")
        file.truncate(bytes_)
    return path


class Line(NamedTuple):
    """A person's network, and what was sent to the store by it."""

    devtools: CDPSession
    posts: list[str]

    @classmethod
    async def of(cls, person: OrderPage) -> "Line":
        """Watch a page's uploads."""
        posts: list[str] = []

        def note(request: Request) -> None:
            if request.method == "POST" and request.resource_type == "xhr":
                posts.append(request.url)

        person.page.on("request", note)
        return cls(await person.page.context.new_cdp_session(person.page), posts)

    async def set(self, *, offline: bool = False, bytes_s: int = -1) -> None:
        """Cut it, mend it, or make it slow; -1: as fast as it can."""
        await self.devtools.send(
            "Network.emulateNetworkConditions",
            {
                "offline": offline,
                "latency": 0,
                "downloadThroughput": -1,
                "uploadThroughput": bytes_s,
            },
        )


async def percent(person: OrderPage, at_least: int) -> None:
    """Wait until a file has come so far."""
    bar = person.page.get_by_role("progressbar").first
    async with asyncio.timeout(READY_S):
        while int(await bar.get_attribute("aria-valuenow") or 0) < at_least:
            await person.page.wait_for_timeout(20)
