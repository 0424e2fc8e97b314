"""Beginnings of files as programs write them, made by hand; for each type one or several."""

import io
import struct
import wave
import zipfile
from typing import Final

from PIL import Image

from tests.attachment_service.images import encoded

_OOXML: Final = "application/vnd.openxmlformats-officedocument"
DOCX: Final = f"{_OOXML}.wordprocessingml.document"
XLSX: Final = f"{_OOXML}.spreadsheetml.sheet"
PPTX: Final = f"{_OOXML}.presentationml.presentation"


def archive(*names: str) -> bytes:
    """A ZIP of small files, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for n, name in enumerate(names):
            files.writestr(name, f"<?xml version='1.0'?><part n='{n}'/>" * 20)
    return out.getvalue()


def mp4(major: bytes, *compatible: bytes) -> bytes:
    brands = major + b"\0\0\2\0" + b"".join(compatible)
    start = struct.pack(">I", len(brands) + 8) + b"ftyp" + brands
    return start + b"\0\0\0\x08free\0\0\1\0mdat" + bytes(248)


def matroska(name: bytes) -> bytes:
    inner = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82"
    inner += bytes([0x80 | len(name)]) + name + b"\x42\x87\x81\x04\x42\x85\x81\x02"
    size = b"\x01" + len(inner).to_bytes(7, "big")
    return b"\x1aE\xdf\xa3" + size + inner + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(200)


def ogg(packet: bytes) -> bytes:
    page = b"OggS\0\2" + bytes(8) + b"\1\2\3\4" + bytes(4) + b"\xaa\xbb\xcc\xdd"
    return page + bytes([1, len(packet)]) + packet


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 400, "NONE", ""))
        sound.writeframes(bytes(800))
    return out.getvalue()


def pdf(text: str = "Brief") -> bytes:
    """A whole PDF of one page."""
    stream = f"BT /F1 96 Tf 60 400 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, at = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        at.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in at)
    table = b"xref\n0 6\n0000000000 65535 f \n" + rows
    return out + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)


_SQUARE: Final = Image.new("RGB", (8, 8), "green")
_MP3_FRAME: Final = b"\xff\xfb\x90\x64" + bytes(413)

GOOD: Final[dict[str, tuple[str, bytes]]] = {
    "photo": ("image/jpeg", encoded(_SQUARE, "image/jpeg")),
    "png": ("image/png", encoded(_SQUARE, "image/png")),
    "gif": ("image/gif", encoded(_SQUARE, "image/gif")),
    "webp": ("image/webp", encoded(_SQUARE, "image/webp")),
    "pdf": ("application/pdf", pdf()),
    "mp4 of ffmpeg": ("video/mp4", mp4(b"isom", b"isom", b"iso2", b"avc1", b"mp41")),
    "mp4 of Android": ("video/mp4", mp4(b"mp42", b"isom", b"mp42")),
    "mp4 of Apple": ("video/mp4", mp4(b"M4V ", b"M4V ", b"mp42", b"isom")),
    "mp4 in fragments": ("video/mp4", mp4(b"iso5", b"iso6", b"mp41")),
    "mov": ("video/quicktime", mp4(b"qt  ", b"qt  ")),
    "old mov": ("video/quicktime", b"\0\0\0\x08wide\0\0\1\0mdat" + bytes(248)),
    "webm": ("video/webm", matroska(b"webm")),
    "mp3": ("audio/mpeg", _MP3_FRAME * 3),
    "mp3 with a title": ("audio/mpeg", b"ID3\x04" + bytes(5) + b"\x0aTSSE" + bytes(6) + _MP3_FRAME),
    "mp3 with a cover": ("audio/mpeg", b"ID3\x03\0\0\0\x7f\x7f\0APIC" + bytes(60_000)),
    "m4a": ("audio/mp4", mp4(b"M4A ", b"M4A ", b"mp42", b"isom")),
    "voice of Android": ("audio/mp4", mp4(b"mp42", b"isom", b"mp42")),
    "wav": ("audio/wav", wav()),
    "vorbis": ("audio/ogg", ogg(b"\x01vorbis" + bytes(23))),
    "opus": ("audio/ogg", ogg(b"OpusHead\1\2" + bytes(10))),
    "zip": ("application/zip", archive("a.txt", "b/c.txt")),
    "empty zip": ("application/zip", b"PK\x05\x06" + bytes(18)),
    "docx of Word": (DOCX, archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")),
    "docx of LibreOffice": (
        DOCX,
        archive("_rels/.rels", "docProps/core.xml", "docProps/app.xml", "word/document.xml"),
    ),
    "docx of Google": (DOCX, archive("word/numbering.xml", "word/document.xml")),
    "xlsx of Excel": (XLSX, archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")),
    "xlsx of openpyxl": (XLSX, archive("docProps/app.xml", "docProps/core.xml", "xl/workbook.xml")),
    "pptx": (PPTX, archive("[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml")),
    "text": ("text/plain", "Grüße,\r\n\tschöne 🎬 Welt\n".encode()),
    "no text at all": ("text/plain", b""),
    "text of Windows": ("text/plain", "\ufeffGrüße".encode()),
    "text in UTF-16": ("text/plain", "Grüße 🎬\n".encode("utf-16")),
    "text about code": ("text/plain", b"Use <script> and %PDF- in the page, and ID3 tags.\n"),
    "csv": ("text/csv", b"name;price\r\nclip;12,50\r\n"),
    "csv of old programs": ("text/csv", "Größe;Preis\r\nL;5 €\r\n".encode("cp1252")),
    "csv of Excel": ("text/csv", b"\xff\xfe" + "name\tprice\n".encode("utf-16-le")),
}
"""By name: the type each is declared as, rightly."""

BAD: Final[dict[str, bytes]] = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg after xml": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "html": b"<!DOCTYPE html><html><script>alert(1)</script>",
    "html after blanks": b"\xef\xbb\xbf \r\n\t<hTmL><body onload=alert(1)>",
    "html in UTF-16": "<html><script>alert(1)</script>".encode("utf-16"),
    "comment, then html": b"<!--free--><html><script>alert(1)</script>",
    "brand, then html": b"M4A <html><script>alert(1)</script>\0",
    "exe": b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + bytes(44) + b"\x80" + bytes(67) + b"PE\0\0L\1",
    "elf": b"\x7fELF\2\1\1" + bytes(60),
    "script": b"#!/bin/sh\nrm -rf /\n",
    "jar": archive("META-INF/MANIFEST.MF", "Main.class"),
    "rar": b"Rar!\x1a\7\0" + bytes(20),
    "mkv": matroska(b"matroska"),
    "heic": mp4(b"heic", b"mif1", b"heic"),
    "PDF behind junk": b"junk\n" + pdf(),
    "PDF in html": b"<html><!--\n" + pdf(),
    "PDF behind NUL": b"\0" + pdf(),
    "ZIP behind a byte": b"\0" + archive("a.txt"),
    "rtf": b"{\\rtf1\\ansi hello}",
    "postscript": b"%!PS-Adobe-3.0\nshowpage\n",
    "zeros": bytes(1000),
    "text, then NUL": b"hello\0world\0\x01",
    "Latin-1": "Grüße".encode("latin-1") + b"\x80\xff\0",
}
"""By name: what is none of the types that are taken, whatever it is declared as."""
