"""Whether a file is what it claims to be, and what of it is kept.

Runs where nothing can be harmed (`inspector`): what is read here was sent by anybody. What counts
is how a file begins. One that is of its type only further on, or of two types at once, is of the
first; it is never served as anything but the type it was declared for.
"""

import codecs
import re
from typing import Final

import msgspec
from pure_magic_rs import MagicDb

from attachment_service.kinds import KINDS, UNNAMED, Check, Kind
from attachment_service.raster import Raster
from attachment_service.thumbnail import first_page, thumbnail
from attachment_service.verdicts import Reason, Rejected
from shared.blobs.port import PUT_BYTES_MAX

_MAGIC: Final = MagicDb()

# Looked up now: Python finds a codec in a file, and none can be opened later (`sandbox`).
_UTF_8: Final = codecs.getincrementaldecoder("utf-8")
_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: _UTF_8,
    codecs.BOM_UTF16_LE: codecs.getincrementaldecoder("utf-16-le"),
    codecs.BOM_UTF16_BE: codecs.getincrementaldecoder("utf-16-be"),
}

_CONTROLS: Final = re.compile(r"[^\t\n\f\r\x20-\x7e\xa0-\U0010ffff]")
"""What is in no text, though it may be in UTF-8: NUL before all."""

_CONTROL_BYTES: Final = re.compile(rb"[^\t\n\f\r\x20-\x7e\x80-\xff]")
"""The same where a character is a byte, as old programs write tables: above ASCII all are letters
or signs in one code page or another."""

_PDF_WITHIN: Final = 1_024
_NOT_TEXT: Final = re.compile(r"\s*(<[!?/a-z]|%PDF-|%!PS|\{\\rtf|GIF8[79]a|#!)", re.IGNORECASE)
"""Markup, whatever a browser makes of it; documents; scripts."""


class Found(msgspec.Struct, frozen=True):
    """What became of a file that is as it should be."""

    image: bytes | None = None
    thumbnail: bytes | None = None
    width: int | None = None
    height: int | None = None


def inspect(content_type: str, size: int, data: bytes, *, draw: bool = True) -> Found:
    """Look at a file of *size* bytes of which *data* is the beginning, or all; *draw* a PDF's first
    page if it is all. Raises `Rejected`."""
    kind = KINDS[content_type]
    match kind.check:
        case Check.RASTER:
            if not kind.begins.match(data):
                raise Rejected(Reason.TYPE)
            return _image(content_type, data)
        case Check.TEXT:
            _check_text(data, whole=len(data) == size)
            return Found()
        case Check.PDF | Check.SNIFFED:
            _check_type(kind, data)
            drawn = draw and kind.check is Check.PDF and len(data) == size
            return Found(thumbnail=first_page(data) if drawn else None)


def _image(content_type: str, data: bytes) -> Found:
    raster = Raster(content_type, data)
    small = thumbnail(raster.first)
    image = raster.encode()
    if len(image) > PUT_BYTES_MAX:
        raise Rejected(Reason.TOO_MANY_PIXELS)
    return Found(image, small, *raster.first.size)


def _check_type(kind: Kind, data: bytes) -> None:
    """It begins as its type does, and a library that knows many types takes it for no other."""
    if not kind.begins.match(data):
        raise Rejected(Reason.TYPE)
    if _names(data).isdisjoint(kind.found):
        raise Rejected(Reason.TYPE)


def _names(data: bytes) -> set[str]:
    """What the library may mean by what it finds.

    Formats without a type, images of game cartridges above all, are seen in anything: their marks
    stand at the end, which here is where reading stopped. So the likeliest with a type counts, too.
    """
    best = _MAGIC.best_magic_buffer(data).mime_type
    if best != UNNAMED:
        return {best}
    named = (each for each in _MAGIC.all_magics_buffer(data) if each.mime_type != UNNAMED)
    likeliest = max(named, key=lambda each: each.strength, default=None)
    return {best} if likeliest is None else {best, likeliest.mime_type}


def _check_text(data: bytes, *, whole: bool) -> None:
    """UTF-8, UTF-16 that says so, or a code page of single bytes; without control characters and
    without a type of its own."""
    marked = (each for each in _BYTE_ORDER_MARKS.items() if data.startswith(each[0]))
    mark, decoder = next(marked, (b"", _UTF_8))
    try:
        # A beginning may end within a character.
        text = decoder().decode(data[len(mark) :], final=whole)
        controls = _CONTROLS.search(text) is not None
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        # Readers of PDF find it behind other bytes too.
        other = bool(mark) or "%PDF-" in text[:_PDF_WITHIN]
        controls = other or _CONTROL_BYTES.search(data) is not None
    if controls or _NOT_TEXT.match(text):
        raise Rejected(Reason.TYPE)
