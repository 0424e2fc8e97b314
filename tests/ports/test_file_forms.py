"""What becomes of the forms that the file store takes itself (attacks 31, 33 and 40)."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from shared.blobs.files_form import HEAD_BYTES_MAX
from shared.blobs.files_http import UPLOADS_OF_FORM_MAX
from shared.blobs.port import Blobs, Shelf, UploadForm
from tests.ports.blob_engines import KEY, TYPE, Files
from tests.ports.forms import BOUNDARY, Part, encoded, field, fields_of, file
from tests.ports.records import until

FILE = file(b"hello")
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

Edit = Callable[[list[Part]], list[Part]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Files]:
    with Files(tmp_path) as engine:
        yield engine


@pytest.fixture
async def blobs(engine: Files) -> AsyncIterator[Blobs]:
    blobs = await engine.open()
    yield blobs
    await blobs.close()


@pytest.fixture
def form(blobs: Blobs) -> UploadForm:
    return blobs.form(KEY, TYPE, size_min=2, size_max=5)


async def posted(
    engine: Files,
    content: bytes | AsyncIterator[bytes],
    *,
    url: str = "/blobs/quarantine",
    type_: str = MULTIPART,
) -> httpx.Response:
    async with engine.browser() as browser:
        return await browser.post(url, content=content, headers={"Content-Type": type_})


def without(index: int) -> Edit:
    return lambda fields: [*fields[:index], *fields[index + 1 :], FILE]


def twice(index: int) -> Edit:
    return lambda fields: [*fields, fields[index], FILE]


def replaced(index: int, other: Callable[[str], str]) -> Edit:
    """With another value of one field."""

    def edit(fields: list[Part]) -> list[Part]:
        headers, value = fields[index]
        other_field = Part(headers, other(value.decode()).encode())
        return [*fields[:index], other_field, *fields[index + 1 :], FILE]

    return edit


def renamed(index: int, name: str) -> Edit:
    """With another name of one field."""

    def edit(fields: list[Part]) -> list[Part]:
        other = field(name, fields[index].content.decode())
        return [*fields[:index], other, *fields[index + 1 :], FILE]

    return edit


def for_another_key(policy: str) -> str:
    return urlsafe_b64encode(urlsafe_b64decode(policy).replace(b"photo", b"other")).decode()


NOT_AS_SIGNED: dict[str, Edit] = {
    "no fields": lambda _: [FILE],
    **{f"{index} missing": without(index) for index in range(4)},
    **{f"{index} twice": twice(index) for index in range(4)},
    **{f"{index} longer": replaced(index, lambda value: value + "=") for index in range(4)},
    **{f"{index} empty": replaced(index, lambda _: "") for index in range(4)},
    "other key": replaced(0, lambda _: "a1/other.png"),
    "key of the clean shelf": replaced(0, lambda _: "../clean/a1/photo.png"),
    "other type": replaced(1, lambda _: "text/html"),
    "other policy": replaced(2, for_another_key),
    "no ASCII": replaced(3, lambda _: "ä" * 64),
    "nested": renamed(0, "key[]"),
    "named in capitals": renamed(0, "KEY"),
    "an acl": lambda fields: [*fields, field("acl", "public-read"), FILE],
    "a redirect": lambda fields: [field("success_action_redirect", "/"), *fields, FILE],
}


@pytest.mark.parametrize("edit", NOT_AS_SIGNED.values(), ids=NOT_AS_SIGNED)
async def test_a_form_not_as_signed_writes_nothing(
    engine: Files, form: UploadForm, edit: Edit
) -> None:
    """Every field is there once, with the value it was signed with, and no other is (attack 33)."""
    answer = await posted(engine, encoded(edit(fields_of(form))))

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert engine.files() == []


MALFORMED: dict[str, Edit] = {
    "no file": lambda fields: fields,
    "two files": lambda fields: [*fields, FILE, FILE],
    "a field behind the file": lambda fields: [*fields[:3], FILE, fields[3]],
    "the file first": lambda fields: [FILE, *fields],
    "a file without a name": lambda fields: [*fields, field("file", "hello")],
    "a field that is a file": lambda fields: [
        Part(f'{fields[0].headers}; filename="a"', fields[0].content),
        *fields[1:],
        FILE,
    ],
    "a name twice": lambda fields: [
        *fields,
        Part('Content-Disposition: form-data; name="file"; name="a"; filename="a"', b"hello"),
    ],
    "a name in two ways": lambda fields: [
        *fields,
        Part("Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''a", b"hello"),
    ],
    "two dispositions": lambda fields: [
        *fields,
        Part(f"{FILE.headers}\r\nContent-Disposition: form-data", b"hello"),
    ],
    "no disposition": lambda fields: [*fields, Part("Content-Type: image/png", b"hello")],
    "another disposition": lambda fields: [
        *fields,
        Part('Content-Disposition: attachment; name="file"; filename="a"', b"hello"),
    ],
    "an encoding": lambda fields: [
        *fields,
        Part(f"{FILE.headers}\r\nContent-Transfer-Encoding: base64", b"aGVsbG8="),
    ],
    "no text": lambda fields: [Part(fields[0].headers, b"\xff"), *fields[1:], FILE],
    "many fields": lambda fields: [*[field("a", "")] * 100, *fields, FILE],
}


@pytest.mark.parametrize("edit", MALFORMED.values(), ids=MALFORMED)
async def test_a_form_that_two_could_read_in_two_ways_writes_nothing(
    engine: Files, form: UploadForm, edit: Edit
) -> None:
    """Fields first, then the file, each named once and in one way."""
    answer = await posted(engine, encoded(edit(fields_of(form))))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"
    assert engine.files() == []


@pytest.mark.parametrize(
    "type_",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        f"multipart/form-data; boundary={'a' * 300}",
        f"multipart/mixed; boundary={BOUNDARY}",
        "application/x-www-form-urlencoded",
        "",
    ],
)
async def test_what_is_no_form_writes_nothing(engine: Files, form: UploadForm, type_: str) -> None:
    """It is told apart by the header that a browser writes."""
    answer = await posted(engine, encoded([*fields_of(form), FILE]), type_=type_)

    assert answer.status_code == 400
    assert engine.files() == []


@pytest.mark.parametrize("left", [1, 10, 30, 40, 200, 400])
async def test_a_form_that_is_cut_off_writes_nothing(
    engine: Files, form: UploadForm, left: int
) -> None:
    """Wherever it ends; the two bytes behind its last boundary may be missing."""
    body = encoded([*fields_of(form), FILE])

    answer = await posted(engine, body[: -left - 2])

    assert answer.status_code == 400
    assert engine.files() == []


async def test_lines_like_a_boundary_are_no_file(engine: Files, blobs: Blobs) -> None:
    """Reading them would take a second for each megabyte, and nobody else would be served."""
    form = blobs.form(KEY, TYPE, size_min=1, size_max=1 << 20)
    lines = f"\r\n--{BOUNDARY}?".encode() * 1_000

    answer = await posted(engine, encoded([*fields_of(form), file(lines)]))

    assert answer.status_code == 400
    assert engine.files() == []


@pytest.mark.parametrize(
    ("size", "status"), [(1, 400), (2, 204), (5, 204), (6, 413), (1 << 20, 413)]
)
async def test_the_size_is_as_signed(
    engine: Files, form: UploadForm, size: int, status: int
) -> None:
    """Both bounds are among what may be (attack 31)."""
    answer = await posted(engine, encoded([*fields_of(form), file(b"a" * size)]))

    assert answer.status_code == status
    assert engine.files() == ([f"quarantine/{KEY}"] if status == 204 else [])


async def test_what_is_too_large_is_not_read_to_its_end(engine: Files, blobs: Blobs) -> None:
    """Who promises a terabyte is answered soon (attack 31)."""
    form = blobs.form(KEY, TYPE, size_min=1, size_max=100_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield encoded([*fields_of(form), file(b"")], end="").removesuffix(b"\r\n")
        for _ in range(1_000):
            sent += 10_000
            yield b"a" * 10_000

    answer = await posted(engine, endless())

    assert (answer.status_code, sent) == (413, 110_000)
    assert engine.files() == []


async def test_a_field_that_never_ends_is_not_read_on(engine: Files, form: UploadForm) -> None:
    """Fields are kept in memory until all of them are there."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield encoded([field("key", "")], end="").removesuffix(b"\r\n")
        for _ in range(1_000):
            sent += 1_000
            yield b"a" * 1_000

    answer = await posted(engine, endless())

    assert answer.status_code == 400
    assert sent <= HEAD_BYTES_MAX + 1_000


@pytest.mark.parametrize(
    "name",
    ["../../x", "key", "a; name=x", "a.png.html", "CON", "\u202egnp.exe" * 30, "", "C:\\a", "a'b"],
)
async def test_the_name_of_a_file_means_nothing(engine: Files, form: UploadForm, name: str) -> None:
    """It is stored under the key that was signed (attack 40)."""
    answer = await posted(engine, encoded([*fields_of(form), file(b"hello", name=name)]))

    assert answer.status_code == 204
    assert engine.files() == [f"quarantine/{KEY}"]


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_it_does_not_matter_how_a_form_is_cut_into_pieces(
    engine: Files, blobs: Blobs, size: int
) -> None:
    """Neither within a field nor within what looks like the end of the file."""
    content = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\r\n\r\n-".encode()
    form = blobs.form(KEY, TYPE, size_min=1, size_max=100)
    body = encoded([*fields_of(form), file(content)])

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    answer = await posted(engine, pieces())

    found = await blobs.stat(Shelf.QUARANTINE, KEY)
    assert answer.status_code == 204
    assert await blobs.read(Shelf.QUARANTINE, KEY, found.etag, 0, 100) == content


async def test_a_form_that_has_expired_is_refused(
    engine: Files, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at when its fields are read."""
    monkeypatch.setattr("shared.blobs.files_signing.FORM_S", 0)
    form = blobs.form(KEY, TYPE, size_min=1, size_max=5)

    answer = await posted(engine, encoded([*fields_of(form), FILE]))

    assert answer.status_code == 403
    assert engine.files() == []


async def test_no_form_writes_to_the_clean_shelf(engine: Files, form: UploadForm) -> None:
    """There is nothing to post it to (attack 33)."""
    body = encoded([*fields_of(form), FILE])

    answers = [await posted(engine, body, url=f"/blobs/clean{path}") for path in ("/a", "/")]

    assert {answer.status_code for answer in answers} <= {404, 405}
    assert engine.files() == []


async def test_a_form_of_another_store_is_refused(engine: Files, tmp_path: Path) -> None:
    """Each store has a secret of its own."""
    with Files(tmp_path / "other") as other:
        others = await other.open()
        form = others.form(KEY, TYPE, size_min=1, size_max=5)
        await others.close()
    blobs = await engine.open()

    answer = await posted(engine, encoded([*fields_of(form), FILE]))

    assert answer.status_code == 403
    await blobs.close()


async def test_a_form_outlives_the_process(engine: Files) -> None:
    """A restart does not send anybody back to ask for another one."""
    first = await engine.open()
    form = first.form(KEY, TYPE, size_min=1, size_max=5)
    await first.close()
    blobs = await engine.open()

    answer = await posted(engine, encoded([*fields_of(form), FILE]))

    assert answer.status_code == 204
    await blobs.close()


async def test_a_form_writes_few_files_at_once(engine: Files, form: UploadForm) -> None:
    """One form in many hands does not fill the disk with what never ends."""
    goes_on = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        whole = encoded([*fields_of(form), FILE])
        yield whole[:-26]
        await goes_on.wait()
        yield whole[-26:]

    waiting = [asyncio.create_task(posted(engine, stuck())) for _ in range(UPLOADS_OF_FORM_MAX)]
    await until(lambda: len(engine.files()) == UPLOADS_OF_FORM_MAX)

    one_more = await posted(engine, encoded([*fields_of(form), FILE]))

    goes_on.set()
    answers = await asyncio.gather(*waiting)
    assert one_more.status_code == 503
    assert [answer.status_code for answer in answers] == [204] * UPLOADS_OF_FORM_MAX
    assert engine.files() == [f"quarantine/{KEY}"]
