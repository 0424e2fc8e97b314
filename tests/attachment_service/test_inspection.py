"""Files are looked at in processes of their own, which may do what they like: we live on."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from PIL import Image, ImageCms

from attachment_service.child import Child
from attachment_service.inspection import Finding, Inspection, InspectionUnavailable, Read
from attachment_service.kinds import HEAD_BYTES, IMAGE_BYTES_MAX
from attachment_service.verdicts import Reason, Rejected
from shared.blobs.port import READ_BYTES_MAX
from tests.attachment_service import files
from tests.attachment_service.images import FORMATS, bomb, decoded, encoded, film, two_halves
from tests.attachment_service.processes import children
from tests.attachment_service.test_inspect_images import SECRET, exif

PNG = encoded(two_halves(), "image/png")
READY = "import sys; sys.stdin.buffer.readline(); print('{\"network\":false}', flush=True); "
"""The beginning of an inspector that has been taken over, by what it reads next."""


def of(data: bytes) -> Read:
    async def read(start: int, length: int) -> bytes:
        return data[start : start + length]

    return read


def taken_over(code: str) -> tuple[str, ...]:
    """An inspector that behaves until it has read the file, and then runs this. A fake."""
    return (sys.executable, "-I", "-c", READY + code)


async def look(inspection: Inspection, content_type: str, data: bytes) -> Finding:
    return await inspection.inspect(content_type, len(data), of(data))


async def reason(inspection: Inspection, content_type: str, data: bytes) -> Reason | None:
    try:
        await look(inspection, content_type, data)
    except Rejected as rejected:
        return rejected.reason
    return None


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_who_is_handed_a_file_stands_back_for_all() -> None:
    """It is in our session: niceness counts for nothing between two (sched_autogroup)."""
    says = "import os; print(os.getsid(0), os.getpgrp() == os.getpid())"
    child = await Child.start((sys.executable, "-I", "-c", says), {}, heard=True)
    try:
        said = (await child.stdout.readline()).split()
    finally:
        await child.end()

    assert said == [str(os.getsid(0)).encode(), b"True"]


@pytest.fixture
async def inspection() -> AsyncIterator[Inspection]:
    """Real inspections; when the test is over no process and no descriptor is left of them."""
    inspection = Inspection()
    before, open_before = children(), descriptors()
    yield inspection
    await inspection.close()
    await until(lambda: descriptors() <= open_before)
    assert children() <= before


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (a descriptor tells nobody)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("content_type", FORMATS)
async def test_image_comes_back_encoded_anew(inspection: Inspection, content_type: str) -> None:
    """Through the process and back: image, thumbnail and size, and nothing that is not seen."""
    how = {"comment": SECRET} if content_type == "image/gif" else {"exif": exif(6)}
    data = encoded(two_halves(), content_type, **how)

    found = await look(inspection, content_type, data)

    assert found.image is not None
    assert found.thumbnail is not None
    assert SECRET not in found.image + found.thumbnail
    # Turned as its note said, so what reads notes is there, in a process that opens no file.
    size = (40, 20) if content_type == "image/gif" else (20, 40)
    assert (found.width, found.height) == decoded(found.image).size == size
    assert decoded(found.thumbnail).format == "WEBP"


@pytest.mark.parametrize("content_type", ["image/gif", "image/png", "image/webp"])
async def test_film_comes_back_moving(inspection: Inspection, content_type: str) -> None:
    """What Pillow needs for films is there, in a process that opens no file."""
    found = await look(inspection, content_type, film(content_type))

    assert found.image is not None
    assert getattr(decoded(found.image), "n_frames", 1) == 3


async def test_image_of_every_kind_comes_back(inspection: Inspection) -> None:
    """Whatever its colours are made of, no part of a decoder is missed where none can be loaded."""
    halves, deep = two_halves(), Image.new("I;16", (4, 4), 40_000)
    clear = Image.new("RGBA", (40, 20), (255, 0, 0, 100))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sent = [("image/png", encoded(halves.convert(mode), "image/png")) for mode in ("1", "L", "LA")]
    sent += [(name, encoded(clear, name)) for name in ("image/png", "image/gif", "image/webp")]
    sent += [
        ("image/png", encoded(deep, "image/png")),
        ("image/png", encoded(clear.quantize(4), "image/png", icc_profile=profile)),
        ("image/gif", encoded(clear, "image/gif", save_all=True, append_images=[halves])),
        ("image/jpeg", encoded(halves.convert("CMYK"), "image/jpeg")),
        ("image/jpeg", encoded(halves.convert("L"), "image/jpeg")),
        ("image/jpeg", encoded(halves, "image/jpeg", icc_profile=profile, progressive=True)),
    ]

    reasons = [await reason(inspection, *each) for each in sent]

    assert reasons == [None] * len(sent)


async def test_other_files_are_kept_as_they_are(inspection: Inspection) -> None:
    """A PDF is drawn, UTF-16 is read, a film is known, in a process that opens no file."""
    names = ["pdf", "text in UTF-16", "mp4 of ffmpeg", "docx of Word"]

    found = [await look(inspection, *files.GOOD[name]) for name in names]

    assert [each.image for each in found] == [None] * 4
    assert [each.thumbnail is not None for each in found] == [True, False, False, False]


async def test_verdicts_come_through(inspection: Inspection) -> None:
    """A reason is what the process found."""
    reasons = [
        await reason(inspection, "image/png", files.BAD["svg"]),
        await reason(inspection, "image/png", PNG[:50]),
        await reason(inspection, "image/png", bomb()),
        await reason(inspection, "application/pdf", files.BAD["PDF behind junk"]),
        await reason(inspection, "image/svg+xml", files.BAD["svg"]),
    ]

    expected = [Reason.TYPE, Reason.IMAGE, Reason.TOO_MANY_PIXELS, Reason.TYPE, Reason.TYPE]
    assert reasons == expected


async def test_large_file_is_read_in_pieces_and_no_further_than_needed(
    inspection: Inspection,
) -> None:
    """Of a film 64 KiB are fetched, of an image all, 4 MiB at a time."""
    asked: list[tuple[int, int]] = []
    image = PNG + bytes(10 << 20)

    async def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return image[start : start + length]

    await inspection.inspect("image/png", len(image), read)
    with pytest.raises(Rejected):
        await inspection.inspect("video/mp4", 5 << 30, read)

    four, rest = READ_BYTES_MAX, len(image) - 2 * READ_BYTES_MAX
    assert asked == [(0, four), (four, four), (2 * four, rest), (0, HEAD_BYTES)]


async def test_image_larger_than_images_may_be_is_not_read(inspection: Inspection) -> None:
    """Nothing is fetched of it."""

    async def read(start: int, length: int) -> bytes:
        raise AssertionError("it was read")

    with pytest.raises(Rejected) as rejected:
        await inspection.inspect("image/png", IMAGE_BYTES_MAX + 1, read)

    assert rejected.value.reason is Reason.SIZE


async def test_file_shorter_than_it_says_is_refused(inspection: Inspection) -> None:
    """Who announces more than there is sends another file."""
    with pytest.raises(Rejected) as rejected:
        await inspection.inspect("image/png", len(PNG) + 1, of(PNG))

    assert rejected.value.reason is Reason.SIZE


async def test_what_the_store_raises_passes_through(inspection: Inspection) -> None:
    """A store that is away says nothing of the file."""

    async def read(start: int, length: int) -> bytes:
        raise ConnectionError("the store is away")

    with pytest.raises(ConnectionError):
        await inspection.inspect("image/png", 1000, read)


async def test_cancelled_inspection_ends_its_process(inspection: Inspection) -> None:
    """Nobody waits for what it found, so it stops; the next has its turn."""
    begun = asyncio.Event()
    before = children()

    async def read(start: int, length: int) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(inspection.inspect("image/png", 1000, read))
    await begun.wait()
    assert len(children() - before) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert children() - before == set()
    assert await reason(inspection, "image/png", PNG) is None


async def test_only_so_many_are_looked_at_at_a_time(inspection: Inspection) -> None:
    """The third waits until one of two is done."""
    begun: list[int] = []
    go_on = asyncio.Event()

    def reading(n: int) -> Callable[[int, int], Awaitable[bytes]]:
        async def read(start: int, length: int) -> bytes:
            begun.append(n)
            await go_on.wait()
            return PNG

        return read

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(inspection.inspect("image/png", len(PNG), reading(n)))
        await until(lambda: len(begun) == 2)
        waiting = [len(begun), len(children())]
        go_on.set()

    assert waiting == [2, 2]
    assert sorted(begun) == [0, 1, 2]


READ_ALL = f"sys.stdin.buffer.read({len(PNG)}); "
EVIL = {
    "dies": READ_ALL + "import os; os.kill(os.getpid(), 11)",
    "fails": READ_ALL + "1 / 0",
    "does not read": "sys.exit(0)",
    "says nothing": READ_ALL,
    "says no JSON": READ_ALL + "print('<html>')",
    "says no end of it": READ_ALL + "sys.stdout.write('x' * (100 << 20))",
    "claims too much": READ_ALL + "print('{\"image\":99999999999}')",
    "claims what it does not send": READ_ALL + "print('{\"image\":100}')",
    "sends what it does not claim": READ_ALL + "print('{}'); print('more')",
    "knows other fields": READ_ALL + "print('{\"clean\":true}')",
    "finds an image clean without one": READ_ALL + "print('{}')",
    "gives reasons that are not its": READ_ALL + 'print(\'{"reason":"infected"}\')',
    "gives a reason and an image": READ_ALL
    + 'sys.stdout.write(\'{"reason":"type","image":1}\\nx\')',
    "sends a page": READ_ALL
    + 'sys.stdout.write(\'{"image":6,"thumbnail":6,"width":1,"height":1}\\n<html><html>\')',
    "sends a page for a thumbnail": READ_ALL
    + 'sys.stdout.buffer.write(b\'{"image":8,"thumbnail":6,"width":1,"height":1}\\n'
    + "\\x89PNG\\r\\n\\x1a\\n<html>')",
    "is large beyond measure": READ_ALL
    + 'sys.stdout.buffer.write(b\'{"image":8,"thumbnail":12,"width":16000,"height":16000}\\n'
    + "\\x89PNG\\r\\n\\x1a\\nRIFF....WEBP')",
    "ends badly": READ_ALL
    + 'sys.stdout.buffer.write(b\'{"image":8,"thumbnail":12,"width":1,"height":1}\\n'
    + "\\x89PNG\\r\\n\\x1a\\nRIFF....WEBP'); sys.stdout.flush(); sys.exit(3)",
}


@pytest.mark.parametrize("what", EVIL)
async def test_process_that_was_taken_over_is_not_believed(
    inspection: Inspection, what: str
) -> None:
    """Whatever it does once it has read the file, the file is refused, and nothing worse."""
    evil = Inspection(inspector=taken_over(EVIL[what]))

    refused = await reason(evil, "image/png", PNG)

    assert refused is Reason.UNINSPECTABLE
    await evil.close()


async def test_process_that_behaves_is_believed(inspection: Inspection) -> None:
    """What the tests above refuse is refused for what it is."""
    good = taken_over(
        READ_ALL
        + 'sys.stdout.buffer.write(b\'{"image":8,"thumbnail":12,"width":1,"height":1}\\n'
        + "\\x89PNG\\r\\n\\x1a\\nRIFF....WEBP')"
    )

    found = await look(Inspection(inspector=good), "image/png", PNG)

    assert found == Finding(b"\x89PNG\r\n\x1a\n", b"RIFF....WEBP", 1, 1)


async def test_process_that_hangs_is_ended(inspection: Inspection) -> None:
    """One that says nothing for too long is killed, whether it reads or not."""
    for code in (READ_ALL + "import time; time.sleep(60)", "import time; time.sleep(60)"):
        slow = Inspection(within_s=0.3, inspector=taken_over(code))

        refused = await reason(slow, "image/png", PNG + bytes(1 << 20))

        assert refused is Reason.UNINSPECTABLE
        await slow.close()


async def test_pdf_that_cannot_be_drawn_by_anybody_is_still_a_pdf(inspection: Inspection) -> None:
    """A process that dies over the first page is followed by one that does not try."""
    dies_drawing = (
        "import sys, json; job = json.loads(sys.stdin.buffer.readline()); "
        "print('{\"network\":false}', flush=True); sys.stdin.buffer.read(job['length']); "
        "sys.exit(1) if job['draw'] else print('{}')"
    )
    evil = Inspection(inspector=(sys.executable, "-I", "-c", dies_drawing))

    found = await look(evil, "application/pdf", files.pdf())

    assert found == Finding(None, None, None, None)


@pytest.mark.parametrize(
    "inspector",
    [("/nowhere/python",), (sys.executable, "-c", "1 / 0"), (sys.executable, "-c", "print('hi')")],
    ids=["is not there", "does not start", "says something else"],
)
async def test_machine_at_fault_is_not_the_files_fault(
    inspection: Inspection, inspector: tuple[str, ...]
) -> None:
    """Where nothing was looked at, nothing is known: the file is not refused."""
    with pytest.raises(InspectionUnavailable):
        await look(Inspection(inspector=inspector), "image/png", PNG)


async def test_it_is_said_once_that_the_network_can_be_reached(
    inspection: Inspection, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine that does not let us leave its network is no secret, and no flood of lines."""
    code = READ_ALL.replace(str(len(PNG)), "5") + "print('{}')"
    reaching = tuple(word.replace("false", "true") for word in taken_over(code))
    open_ = Inspection(inspector=reaching)
    assert open_.network is None

    for _ in range(2):
        await look(open_, "text/plain", b"hello")

    assert open_.network is True
    assert [record.levelname for record in caplog.records] == ["WARNING"]
