"""Attacks on attachments, each against every object store, from the form to the link.

Numbers are those of the list of attacks. Edited forms and links (33, 36) are in
`tests/ports/test_blobs.py`, files that are not what they say in `test_routes.py` and
`test_inspect*.py`, a store that takes what it must refuse (35) in `test_unsafe_store.py`, addresses
that lead elsewhere (39) in `test_gateway_messages.py`.
"""

import zlib
from io import BytesIO
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from shared.blobs.port import Shelf
from tests.attachment_service.files import archive
from tests.attachment_service.images import (
    apng_of,
    bomb,
    chunk,
    encoded,
    gif_of,
    header,
    two_halves,
)
from tests.attachment_service.world import ORDER, PDF, Desk


async def test_a_file_of_another_size_never_lies_in_the_store(desk: Desk) -> None:
    """31: five times the size on a form for one, and less than it says: refused by the store."""
    view = (await desk.reserve(len(PDF))).json()

    statuses = [await desk.post(view["upload"], file) for file in (PDF * 5, PDF[:-1], b"")]

    assert all(400 <= status < 500 for status in statuses), statuses
    assert (await desk.objects())[Shelf.QUARANTINE] == []


@pytest.mark.parametrize("tail", [archive("Main.class"), b"<script>alert(1)</script>", PDF])
async def test_what_stands_behind_an_image_is_not_kept(desk: Desk, tail: bytes) -> None:
    """31: one file that is two, an image and an archive, a page or a document."""
    file = encoded(two_halves(), "image/png") + tail
    id_ = await desk.send(file, "image/png", filename="a.png")

    kept = (await desk.fetch(id_)).content

    assert Image.open(BytesIO(kept)).size == (40, 20)
    assert tail not in kept


async def test_a_double_extension_ends_in_that_of_the_type(desk: Desk) -> None:
    """31: `a.png.html` is saved as what it is."""
    file = encoded(two_halves(), "image/png")
    id_ = await desk.send(file, "image/png", filename="a.png.html")

    fetched = await desk.fetch(id_)

    assert fetched.headers["Content-Type"] == "image/png"
    assert fetched.headers["Content-Disposition"] == "inline; filename*=UTF-8''a.png.html.png"


async def test_there_is_nothing_to_put_to(desk: Desk) -> None:
    """32: forms alone write, since no PUT could be held to a size; a link lets nobody write."""
    id_ = await desk.send(PDF)
    form = (await desk.reserve(3)).json()["upload"]
    link = (await desk.open(id_)).json()["url"]

    async with browser(desk) as client:
        answers = [
            await client.put(here(form["url"]), content=b"abc"),
            await client.put(f"{here(form['url'])}/{form['fields']['key']}", content=b"abc"),
            await client.put(here(link), content=b"abc"),
            await client.delete(here(link)),
        ]

    assert all(answer.status_code >= 400 for answer in answers)
    assert (await desk.objects())[Shelf.QUARANTINE] == []
    assert (await desk.fetch(id_)).content == PDF


@pytest.mark.parametrize(
    ("content_type", "file", "reason"),
    [
        ("image/png", bomb(), "too_many_pixels"),
        ("image/png", apng_of(100_000), "too_many_pixels"),
        ("image/gif", gif_of(100_000), "too_many_pixels"),
        ("image/png", header(40, 20) + chunk(b"IDAT", b"\0" * 100), "image"),
        ("image/jpeg", encoded(two_halves(), "image/jpeg")[:300], "image"),
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "type"),
        ("image/png", b"II*\0" + bytes(100), "type"),
        ("image/jpeg", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100), "type"),
    ],
    ids=["pixels", "APNG", "GIF", "garbage", "cut off", "SVG", "TIFF", "JPEG 2000"],
)
async def test_images_that_are_bombs_are_rejected(
    desk: Desk, content_type: str, file: bytes, reason: str
) -> None:
    """37: by their headers, or by the end of the process that looks at them; the service lives."""
    id_ = await desk.bring(file, content_type, filename="a.png")

    answer = await desk.complete(id_)

    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}
    assert (await desk.complete(await desk.bring(PDF))).status_code == 200


async def test_where_a_photograph_was_taken_is_nobodys_business(desk: Desk) -> None:
    """37: no note of the camera's is left."""
    photo, notes = two_halves(), Image.Exif()
    notes[0x010F] = "A camera"
    notes.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    file = encoded(photo, "image/jpeg", exif=notes, comment=b"canary")
    id_ = await desk.send(file, "image/jpeg", filename="a.jpg")

    kept = (await desk.fetch(id_)).content

    assert b"canary" in file
    assert b"A camera" in file
    assert dict(Image.open(BytesIO(kept)).getexif()) == {}
    assert b"canary" not in kept
    assert b"A camera" not in kept


async def test_an_archive_is_never_unpacked(desk: Desk) -> None:
    """38: a gigabyte in a megabyte, and a name that climbs out of its folder: kept as it came."""
    squeezer = zlib.compressobj(9)
    squeezed = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(1_024))
    file = archive("../../etc/passwd") + squeezed + squeezer.flush()

    id_ = await desk.send(file, "application/zip", filename="42.zip")

    fetched = await desk.fetch(id_)
    assert fetched.content == file
    assert fetched.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("sent", "saved"),
    [
        ("../../x.pdf", "_.._x.pdf"),
        ("CON", "CON.pdf"),
        ("two\nlines.pdf", "two lines.pdf"),
        ('"; filename=evil.html', "_; filename=evil.html.pdf"),
        ("photo\u202efdp.exe", "photofdp.exe.pdf"),
        ("\u2066hidden\u2069.pdf", "hidden.pdf"),
    ],
)
async def test_a_name_is_for_display_alone(desk: Desk, sent: str, saved: str) -> None:
    """40: no folder, no second header, no turned direction; no key is made of it."""
    id_ = await desk.send(PDF, filename=sent)

    fetched = await desk.fetch(id_)

    assert fetched.headers["Content-Disposition"] == (
        f"attachment; filename*=UTF-8''{quote(saved, safe='')}"
    )
    assert [key.partition(".")[0] for key in (await desk.objects())[Shelf.CLEAN]] == [f"{id_}/file"]


async def test_a_name_of_300_characters_is_cut(desk: Desk) -> None:
    """40: its beginning and its end stay, marks that turn the direction go."""
    view = (await desk.reserve(3, filename="\u202e" + "n" * 300 + ".pdf")).json()

    assert len(view["name"]) == 200
    assert view["name"].startswith("nnn")
    assert view["name"].endswith("nnn.pdf")


async def test_a_terabyte_is_refused_before_anything_is_sent(desk: Desk) -> None:
    """A declared size is compared before a form is made."""
    answer = await desk.ask(
        "POST",
        "/v1/attachments",
        json={
            "order_id": ORDER,
            "filename": "a.zip",
            "content_type": "application/zip",
            "size": 1 << 40,
        },
    )

    assert answer.status_code == 413


def here(url: str) -> str:
    """An address of the file store, for the client that reaches it."""
    return url.removeprefix("http://chat.example")


def browser(desk: Desk) -> httpx.AsyncClient:
    """A client that reaches either store."""
    return desk.engine.browser()
