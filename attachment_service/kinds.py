"""The types of files that are taken, and how each is looked at. What is not here is refused.

Left out on purpose: what a browser may run (SVG, HTML), what a desktop may run, and image formats
whose decoders are a risk of their own (TIFF, JPEG 2000, HEIC).
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

IMAGE_BYTES_MAX: Final = 32 << 20
"""An image is decoded from memory; a photograph of 50 megapixels has less than this."""

PDF_BYTES_MAX: Final = 32 << 20
"""Of a larger PDF no first page is drawn."""

HEAD_BYTES: Final = 64 << 10
"""Of all other files only the beginning is looked at."""

PIXELS_MAX: Final = 50_000_000
"""Of one frame, judged by the header before anything is decoded; four bytes each in memory."""

SIDE_MAX: Final = 16_383
"""In pixels; the longest that WebP has."""

FRAMES_MAX: Final = 1_000
"""Of an animation: 40 seconds of film."""

ANIMATION_PIXELS_MAX: Final = 100_000_000
"""Of all frames together: each is decoded and encoded anew. 400 frames of 500 × 500."""


class Check(StrEnum):
    """How a file is looked at."""

    RASTER = "raster"  # decoded, and encoded anew without metadata
    PDF = "pdf"  # its type; its first page is drawn
    SNIFFED = "sniffed"  # its type, by how it begins
    TEXT = "text"  # has no type to be found in it: is text, and nothing a browser runs


class Kind(NamedTuple):
    """One type of file."""

    check: Check
    extensions: tuple[str, ...]
    """Usual ones, the first for display; with the dot. A name proves nothing."""
    begins: re.Pattern[bytes]
    """What its first bytes match. A file that only has them further on is not of this type."""
    found: frozenset[str] = frozenset()
    """What the sniffing library may call it."""

    def bytes_max(self, file_bytes_max: int) -> int:
        """How large a file of this kind may be where files may have *file_bytes_max*."""
        return min(file_bytes_max, IMAGE_BYTES_MAX if self.check is Check.RASTER else 1 << 63)

    def bytes_read(self, size: int) -> int:
        """How much of a file of *size* is looked at, from its beginning."""
        match self.check:
            case Check.RASTER:
                return size
            case Check.PDF if size <= PDF_BYTES_MAX:
                return size
            case _:
                return min(size, HEAD_BYTES)


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


UNNAMED: Final = "application/octet-stream"
"""What the sniffing library calls a format that has no type of its own, or none it knows."""

_MP4: Final = _begins(rb"\0\0..ftyp")
# The names of the first file in it: a local header of 30 bytes, then the name.
_OFFICE: Final = _begins(
    rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|docProps/|customXml/|word/|xl/|ppt/)"
)
_OOXML: Final = "application/vnd.openxmlformats-officedocument"


def _sniffed(extensions: tuple[str, ...], begins: re.Pattern[bytes], *found: str) -> Kind:
    return Kind(Check.SNIFFED, extensions, begins, frozenset(found))


def _office(extension: str, content_type: str) -> Kind:
    # One whose parts come in an unusual order has no name.
    return _sniffed((extension,), _OFFICE, content_type, UNNAMED)


_TEXT: Final = _begins(rb"")

KINDS: Final[dict[str, Kind]] = {
    "image/jpeg": Kind(Check.RASTER, (".jpg", ".jpeg"), _begins(rb"\xff\xd8\xff")),
    "image/png": Kind(Check.RASTER, (".png",), _begins(rb"\x89PNG\r\n\x1a\n")),
    "image/gif": Kind(Check.RASTER, (".gif",), _begins(rb"GIF8[79]a")),
    "image/webp": Kind(Check.RASTER, (".webp",), _begins(rb"RIFF.{4}WEBP")),
    "application/pdf": Kind(
        Check.PDF, (".pdf",), _begins(rb"%PDF-\d\.\d"), frozenset({"application/pdf"})
    ),
    "video/mp4": _sniffed((".mp4", ".m4v"), _MP4, "video/mp4", "video/x-m4v"),
    "video/quicktime": _sniffed(
        (".mov",),
        _begins(rb"\0\0..ftypqt  |\0\0\0\x08(wide|free|skip)|\0...(moov|mdat)"),
        "video/quicktime",
    ),
    "video/webm": _sniffed((".webm",), _begins(rb"\x1aE\xdf\xa3"), "video/webm"),
    # An MP3 with a large cover before its sound has no name.
    "audio/mpeg": _sniffed(
        (".mp3",),
        _begins(rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"),
        "audio/mpeg",
        UNNAMED,
    ),
    "audio/mp4": _sniffed((".m4a",), _MP4, "audio/mp4", "audio/x-m4a", "video/mp4"),
    "audio/wav": _sniffed((".wav",), _begins(rb"RIFF.{4}WAVE"), "audio/x-wav"),
    "audio/ogg": _sniffed((".ogg", ".oga", ".opus"), _begins(rb"OggS\0"), "audio/ogg"),
    "application/zip": _sniffed((".zip",), _begins(rb"PK(\x03\x04|\x05\x06)"), "application/zip"),
    f"{_OOXML}.wordprocessingml.document": _office(".docx", f"{_OOXML}.wordprocessingml.document"),
    f"{_OOXML}.spreadsheetml.sheet": _office(".xlsx", f"{_OOXML}.spreadsheetml.sheet"),
    f"{_OOXML}.presentationml.presentation": _office(
        ".pptx", f"{_OOXML}.presentationml.presentation"
    ),
    "text/plain": Kind(Check.TEXT, (".txt", ".log", ".md"), _TEXT),
    "text/csv": Kind(Check.TEXT, (".csv",), _TEXT),
}
"""By content type, as it must be declared: lower case, no parameters."""
