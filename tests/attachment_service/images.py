"""Images made by hand, good ones and bad ones."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from PIL import Image

PNG: Final = b"\x89PNG\r\n\x1a\n"
FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
LEFT: Final = (200, 30, 30)
RIGHT: Final = (30, 30, 200)


def two_halves(width: int = 40, height: int = 20) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), LEFT)
    image.paste(RIGHT, (width // 2, 0, width, height))
    return image


def encoded(image: Image.Image, content_type: str, **how: Any) -> bytes:
    out = BytesIO()
    image.save(out, FORMATS[content_type], **how)
    return out.getvalue()


def film(content_type: str, frames: int = 3, **how: Any) -> bytes:
    """A square that moves to the right, 100 ms a frame, for ever."""
    shown = []
    for n in range(frames):
        frame = Image.new("RGB", (40, 20), "white")
        frame.paste("red", (n * 5, 5, n * 5 + 10, 15))
        shown.append(frame)
    how = {"duration": 100, "loop": 0} | how
    return encoded(shown[0], content_type, save_all=True, append_images=shown[1:], **how)


def decoded(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def chunks(png: bytes) -> Iterator[bytes]:
    """The names of a PNG's chunks."""
    at = len(PNG)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8]
        at += length + 12


def header(width: int, height: int, bits: int = 1, colours: int = 0) -> bytes:
    return PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A whole black PNG, a thousandth of the bytes it has when it is decoded."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return header(width, height) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def gif_of(frames: int) -> bytes:
    """A GIF of so many frames, one pixel each, every one another than the one before."""
    start = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
    pixels = (b"\x02\x02\x44\x01\x00", b"\x02\x02\x4c\x01\x00")
    each = [b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\1\0\1\0\0" + pixel for pixel in pixels]
    return start + b"".join(each) * (frames // 2) + b";"


def apng_of(frames: int, says: int | None = None) -> bytes:
    """An APNG of so many frames, one pixel each; it may say that it has others."""
    packed = zlib.compress(b"\0\0")
    number = iter(range(2 * frames))
    parts = [header(1, 1), chunk(b"acTL", struct.pack(">II", says or frames, 0))]
    for n in range(frames):
        about = struct.pack(">IIIIIHHBB", next(number), 1, 1, 0, 0, 1, 10, 0, 0)
        parts.append(chunk(b"fcTL", about))
        if n == 0:
            parts.append(chunk(b"IDAT", packed))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", next(number)) + packed))
    return b"".join(parts) + chunk(b"IEND", b"")
