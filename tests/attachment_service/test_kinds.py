"""Which types of files are taken, and how much of each is looked at."""

import pytest

from attachment_service.kinds import (
    HEAD_BYTES,
    IMAGE_BYTES_MAX,
    KINDS,
    PDF_BYTES_MAX,
    Check,
)
from attachment_service.verdicts import SENTENCES, Reason, Rejected


@pytest.mark.parametrize(
    "content_type",
    [
        "image/svg+xml",
        "text/html",
        "application/xhtml+xml",
        "image/heic",
        "image/tiff",
        "image/jp2",
        "application/x-msdownload",
        "application/java-archive",
        "application/octet-stream",
        "image/png; x=image/png",
        "IMAGE/PNG",
        "",
    ],
)
def test_what_is_not_listed_is_not_taken(content_type: str) -> None:
    """The list says what is allowed, exactly as it must be declared."""
    assert content_type not in KINDS


def test_each_type_has_an_extension_to_be_shown() -> None:
    """A file without a name of its own can be given one."""
    wrong = [name for name, kind in KINDS.items() if not kind.extensions[0].startswith(".")]

    assert wrong == []


def test_only_pictures_are_bounded_below_other_files() -> None:
    """An image is held in memory by whoever looks at it; other files are not."""
    bounded = {name for name, kind in KINDS.items() if kind.bytes_max(5 << 30) == IMAGE_BYTES_MAX}

    assert bounded == {name for name, kind in KINDS.items() if kind.check is Check.RASTER}
    assert KINDS["image/png"].bytes_max(1000) == 1000
    assert KINDS["video/mp4"].bytes_max(5 << 30) == 5 << 30


def test_no_more_of_a_file_is_looked_at_than_is_needed() -> None:
    """A film of 5 GB is known by its beginning; a PDF is drawn unless it is huge."""
    read = [
        KINDS["video/mp4"].bytes_read(5 << 30),
        KINDS["text/plain"].bytes_read(10),
        KINDS["image/png"].bytes_read(1 << 20),
        KINDS["application/pdf"].bytes_read(PDF_BYTES_MAX),
        KINDS["application/pdf"].bytes_read(PDF_BYTES_MAX + 1),
    ]

    assert read == [HEAD_BYTES, 10, 1 << 20, PDF_BYTES_MAX, HEAD_BYTES]


def test_every_reason_has_a_sentence_for_whoever_sent_the_file() -> None:
    """What is refused is explained."""
    assert set(SENTENCES) == set(Reason)
    assert str(Rejected(Reason.IMAGE)) == "The image is damaged and cannot be read."
