"""What the links of the file store show, and in which guise (attacks 36 and 40)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from shared.blobs.port import Blobs, Shelf
from tests.ports.blob_engines import KEY, TYPE, Files


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Files]:
    with Files(tmp_path) as engine:
        yield engine


@pytest.fixture
async def blobs(engine: Files) -> AsyncIterator[Blobs]:
    blobs = await engine.open()
    await blobs.put(KEY, b"0123456789")
    yield blobs
    await blobs.close()


@pytest.fixture
def link(blobs: Blobs) -> str:
    return blobs.link(KEY, content_type="text/html", disposition="attachment")


async def asked(
    engine: Files, link: str, *, method: str = "GET", range_: str | None = None
) -> httpx.Response:
    async with engine.browser() as browser:
        headers = {} if range_ is None else {"Range": range_}
        return await browser.request(method, link, headers=headers)


async def test_a_file_is_nobodys_page(engine: Files, link: str) -> None:
    """Whatever is in it, a browser runs nothing of it, guesses no type and tells nobody of it."""
    answer = await asked(engine, link)

    expected = {
        "content-type": "text/html",
        "content-disposition": "attachment",
        "content-length": "10",
        "cache-control": "private, no-store",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in expected} == expected


async def test_the_head_alone_can_be_asked_for(engine: Files, link: str) -> None:
    """With the same link."""
    answer = await asked(engine, link, method="HEAD")

    assert (answer.status_code, answer.headers["content-length"]) == (200, "10")
    assert answer.content == b""


@pytest.mark.parametrize(
    ("range_", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=10-", 416, b""),
        ("bytes=99-100", 416, b""),
    ],
)
async def test_a_range_is_answered(
    engine: Files, link: str, range_: str, status: int, content: bytes
) -> None:
    """So a browser goes on with a film in its middle."""
    answer = await asked(engine, link, range_=range_)

    assert (answer.status_code, answer.content) == (status, content)


async def test_a_link_shows_its_file_for_a_minute(
    engine: Files, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever got it passed on later sees nothing (attack 36)."""
    monkeypatch.setattr("shared.blobs.files_signing.LINK_S", 0)

    answer = await asked(engine, blobs.link(KEY, content_type=TYPE, disposition="inline"))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("edits", "status"),
    [
        ({"type": TYPE}, 403),
        ({"disposition": "inline"}, 403),
        ({"expires": "9007199254740992"}, 403),
        ({"expires": "1" * 30}, 400),
        ({"expires": "-1"}, 400),
        ({"expires": "soon"}, 400),
        ({"signature": ""}, 403),
        ({"signature": "ä"}, 403),
        ({"signature": "0" * 64}, 403),
        ({"x": "y"}, 400),
    ],
)
async def test_an_edited_link_shows_nothing(
    engine: Files, link: str, edits: dict[str, str], status: int
) -> None:
    """Every value of it is signed."""
    parts = urlsplit(link)
    query = urlencode({**dict(parse_qsl(parts.query)), **edits})

    answer = await asked(engine, parts._replace(query=query).geturl())

    assert answer.status_code == status


@pytest.mark.parametrize("name", ["type", "disposition", "expires", "signature"])
async def test_a_link_says_everything_once(engine: Files, link: str, name: str) -> None:
    """Twice or not at all means nothing."""
    parts = urlsplit(link)
    said = parse_qsl(parts.query)
    queries = [[*said, *((n, v) for n, v in said if n == name)], [p for p in said if p[0] != name]]

    answers = [
        await asked(engine, parts._replace(query=urlencode(query)).geturl()) for query in queries
    ]

    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize(
    "path",
    ["../form-secret", "..%2Fform-secret", "%2e%2e/form-secret", "/etc/passwd", "a%00b", ""],
)
async def test_nobody_leaves_the_shelf(engine: Files, link: str, path: str) -> None:
    """What was not signed is not even looked for (attack 40)."""
    query = urlsplit(link).query

    answer = await asked(engine, f"/blobs/clean/{path}?{query}")

    assert answer.status_code in (403, 404)


async def test_a_store_that_is_down_says_so(engine: Files, blobs: Blobs, link: str) -> None:
    """And not that there is no such file."""
    await blobs.close()

    answer = await asked(engine, link)

    assert answer.status_code == 503


async def test_quarantine_is_shown_to_nobody(engine: Files, blobs: Blobs, link: str) -> None:
    """A link leads to the clean shelf, and there is no other way."""
    await blobs.remove(Shelf.CLEAN, KEY)

    answers = [
        await asked(engine, link.replace("/clean/", f"/{shelf}/")) for shelf in ("quarantine", "")
    ]

    assert all(answer.status_code in (404, 405) for answer in answers)
