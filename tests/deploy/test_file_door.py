"""The proxy's second port: files to and from the object store, and nothing else of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from attachment_service.model import PART_BYTES
from shared.blobs import open_blobs
from shared.blobs.port import Shelf
from tests.deploy.door import Behind, Door, ask, door, echo
from tests.ports.blob_engines import KEY, TYPE, Minio, upload

pytestmark = pytest.mark.connected

FORM: Final = "POST /order-chat-quarantine"
LINK: Final = "/order-chat-clean/a1/photo.png?X-Amz-Signature=5%2F"
PAGE: Final = {"Origin": "https://shop.example"}
DEADLINE_S: Final = 10.0


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Door]:
    """The proxy before servers that say who they are."""
    async with (
        echo("chat") as chat,
        echo("store") as store,
        door(tmp_path, Behind([chat, chat], chat, chat, store)) as opened,
    ):
        yield opened


@pytest.fixture
def minio(tmp_path: Path) -> Iterator[Minio]:
    with Minio(tmp_path) as engine:
        yield engine


@pytest.mark.parametrize(
    "request_",
    [FORM, "OPTIONS /order-chat-quarantine", f"GET {LINK}", f"OPTIONS {LINK}"],
)
async def test_forms_and_links_reach_the_store_as_they_are(opened: Door, request_: str) -> None:
    """Path and host are signed, so neither is touched."""
    answer = await ask(opened.files, request_)

    assert answer.body["name"] == "store"
    assert answer.body["head"].startswith(f"{request_} HTTP/1.1\r\nHost: chat.example\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        "GET /order-chat-quarantine",
        "PUT /order-chat-quarantine/a1",
        "POST /order-chat-quarantine/a1",
        "POST /order-chat-clean/a1",
        "PUT /order-chat-clean/a1",
        "DELETE /order-chat-clean/a1",
        "GET /order-chat-clean",
        "GET /order-chat-clean/",
        "GET /order-chat-clean?list-type=2",
        "GET /order-chat-clean/../minio/admin/v3/info",
        "GET /order-chat-clean/%2e%2e/order-chat-quarantine/a1",
        "GET /order-chat-clean/a1%2f..%2f..%2fminio/health/live",
        "GET /order-chat-cleaner/a1",
        "GET /minio/v2/metrics/cluster",
        "POST /minio/admin/v3/add-user",
        "GET /v1/inbox",
        "GET /",
    ],
)
async def test_nothing_else_of_the_store_is_there(opened: Door, request_: str) -> None:
    """Whoever had its key could not use it here: no listing, no administration, no other bucket."""
    answer = await ask(opened.files, request_)

    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


async def test_files_are_not_served_beside_the_chat(opened: Door) -> None:
    """A file shares no origin with the pages that show it."""
    answers = [await ask(opened.chat, request) for request in (FORM, f"GET {LINK}")]

    assert [answer.status for answer in answers] == [404, 404]


async def test_what_no_form_brings_is_refused_before_it_comes(opened: Door) -> None:
    """A part of 16 MiB fits; for a gigabyte nobody waits."""
    announced = "Content-Length: 1073741824"

    answer = await ask(opened.files, FORM, announced)

    assert (answer.status, answer.body["error"]["code"]) == (413, "too_large")


async def test_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    """As of any other server: try again."""
    async with door(tmp_path, Behind()) as opened:
        answer = await ask(opened.files, FORM)

    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")


async def test_a_file_goes_on_while_it_comes(tmp_path: Path) -> None:
    """The store has the beginning before the browser has sent the end: no file waits here."""
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def store(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set_result(await reader.readexactly(9))
        writer.close()

    server = await asyncio.start_server(store, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, door(tmp_path, Behind(object_store=port)) as opened:
        _, browser = await asyncio.open_connection("127.0.0.1", opened.files)
        browser.write(f"{FORM} HTTP/1.1\r\nHost: files\r\nContent-Length: 9999\r\n\r\n".encode())
        browser.write(b"beginning")

        async with asyncio.timeout(DEADLINE_S):
            beginning = await arrived
        browser.close()

    assert beginning == b"beginning"


async def test_a_page_of_the_shop_posts_and_fetches_a_file(tmp_path: Path, minio: Minio) -> None:
    """At the real store, by form and link that name the proxy: a part as large as they come, and
    answers that the page may read."""
    store = urlsplit(minio.url).port
    assert store is not None
    async with door(tmp_path, Behind(object_store=store), prefix=minio.prefix) as opened:
        public = f"http://127.0.0.1:{opened.files}"
        blobs = await open_blobs(minio.url, tmp_path, public_url=public)
        file = b"0123456789abcdef" * (PART_BYTES // 16)
        blob = await upload(minio, blobs, KEY, file)
        await blobs.publish(KEY, blob.etag, KEY)
        link = blobs.link(KEY, content_type=TYPE, disposition="inline")
        form = blobs.form(KEY, TYPE, size_min=1, size_max=1)
        async with httpx.AsyncClient(headers=PAGE) as page:
            wish = {"Access-Control-Request-Method": "POST"}
            may_post = await page.options(form.url, headers=wish)
            whole = await page.get(link)
            middle = await page.get(link, headers={"Range": "bytes=5-9"})
            forged = await page.get(link.replace("photo", "other"))
        await blobs.remove(Shelf.CLEAN, KEY)
        await blobs.close()

    assert {urlsplit(form.url).netloc, urlsplit(link).netloc} == {urlsplit(public).netloc}
    assert may_post.status_code in (200, 204)
    assert "POST" in may_post.headers["Access-Control-Allow-Methods"]
    assert may_post.headers["Access-Control-Allow-Origin"] in ("*", PAGE["Origin"])
    assert whole.headers["Access-Control-Allow-Origin"] in ("*", PAGE["Origin"])
    assert (whole.content, whole.headers["Content-Type"]) == (file, TYPE)
    assert (middle.status_code, middle.content) == (206, b"56789")
    assert forged.status_code == 403
