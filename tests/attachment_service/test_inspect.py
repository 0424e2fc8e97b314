"""Files are of the type they were declared for, from their first byte on (attacks 31 and 38)."""

import codecs
from random import Random

import pytest

from attachment_service.inspect import inspect
from attachment_service.kinds import HEAD_BYTES, KINDS
from attachment_service.verdicts import Reason, Rejected
from tests.attachment_service import files
from tests.attachment_service.images import decoded


def refused(content_type: str, data: bytes) -> Reason | None:
    try:
        inspect(content_type, len(data), data)
    except Rejected as rejected:
        return rejected.reason
    return None


@pytest.mark.parametrize("name", files.GOOD)
def test_file_is_taken_for_what_it_is(name: str) -> None:
    """What programs write passes as what it is."""
    content_type, data = files.GOOD[name]

    assert refused(content_type, data) is None


@pytest.mark.parametrize("name", files.BAD)
def test_what_is_not_taken_passes_as_nothing(name: str) -> None:
    """Whatever is declared, what a browser or a desktop may run is refused."""
    passed = [
        content_type for content_type in KINDS if refused(content_type, files.BAD[name]) is None
    ]

    assert passed == []


def test_good_file_passes_as_nothing_else() -> None:
    """A file is refused under every name but its own, and those its bytes cannot tell apart."""
    same = [{"video/mp4", "audio/mp4"}, {"text/plain", "text/csv"}]

    wrong = [
        (name, other)
        for name, (content_type, data) in files.GOOD.items()
        for other in KINDS
        if other != content_type and {other, content_type} not in same
        if refused(other, data) is None
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "content_type", ["application/pdf", "video/mp4", "application/zip", "text/plain", files.DOCX]
)
def test_only_the_type_is_looked_for_in_what_is_no_image(content_type: str) -> None:
    """Nothing is made of a film or an archive, and none is unpacked."""
    data = next(data for declared, data in files.GOOD.values() if declared == content_type)

    found = inspect(content_type, 5 << 30, data)

    assert found.image is None
    assert found.thumbnail is None
    assert found.width is None


def test_bytes_behind_the_type_do_not_change_it() -> None:
    """A ZIP appended to a PDF leaves it a PDF, and it is served as nothing else."""
    both = files.pdf() + files.archive("META-INF/MANIFEST.MF")

    assert refused("application/pdf", both) is None
    assert refused("application/zip", both) is Reason.TYPE


def test_a_chance_mark_where_reading_stops_does_not_change_it() -> None:
    """Of 4,000 archives one ends, where its beginning is cut off, as a game cartridge does."""
    empty = b"PK\x05\x06" + bytes(18)

    reasons = {
        refused("application/zip", (empty + Random(seed).randbytes(HEAD_BYTES))[:HEAD_BYTES])
        for seed in (3_627, 5_191, 6_337, 14_982, 15_179)
    }

    assert reasons == {None}


def test_beginning_of_a_text_may_end_within_a_character() -> None:
    """Of a long text only the beginning is looked at, wherever that ends."""
    text = codecs.BOM_UTF8 + ("a" * (HEAD_BYTES - 4) + "ü" * 100).encode()

    found = inspect("text/plain", len(text), text[:HEAD_BYTES])

    assert found.image is None
    assert refused("text/plain", text[:HEAD_BYTES]) is Reason.TYPE


def test_first_page_is_drawn() -> None:
    """A PDF has a small picture of its first page, upright, with something on it."""
    found = inspect("application/pdf", len(files.pdf()), files.pdf())

    assert found.thumbnail is not None
    picture = decoded(found.thumbnail)
    assert picture.format == "WEBP"
    assert picture.size == (226, 320)
    grey = picture.convert("L").histogram()
    assert sum(grey[:100]) > 0
    assert grey[255] > sum(grey) / 2


@pytest.mark.parametrize(
    "pdf",
    [
        b"%PDF-1.7\n",
        files.pdf()[:300],
        files.pdf().replace(b"/MediaBox[0 0 595 842]", b"/MediaBox[0 0 0 0]    "),
        files.pdf().replace(b"/MediaBox[0 0 595 842]", b"/MediaBox[0 0 9e30 1] "),
        files.pdf().replace(b"/Count 1", b"/Count 0").replace(b"[3 0 R]", b"[]     "),
        files.pdf().replace(
            b"trailer<<", b"trailer<</Encrypt<</Filter/Standard/V 1/R 2/O()/U()/P -4>>"
        ),
    ],
    ids=["no body", "cut off", "no area", "far too large", "no page", "encrypted"],
)
def test_pdf_that_cannot_be_drawn_is_taken_without_a_picture(pdf: bytes) -> None:
    """Readers open what a library does not."""
    found = inspect("application/pdf", len(pdf), pdf)

    assert found.image is None
