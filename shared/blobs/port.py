"""What the attachment service may rely on from an object store.

Two shelves. Whatever a browser sent lies in *quarantine*, where a form let it write one key and
nothing else; from there it is copied to *clean*, which no form can write. A form may be used again
while its file is looked at: the ETag tells that. It is an MD5 in many stores, and somebody may have
made two files of one MD5, so what counts is looked at on the clean shelf, or once more there.
"""

import re
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import msgspec

from shared.risk import Risk

if TYPE_CHECKING:  # inspections start anew for each file, and serve nothing
    from starlette.routing import BaseRoute

FORM_S: Final = 300
"""How long a form may be used, again and again."""

FORM_BYTES_MAX: Final = 64 << 20
"""What one form may bring; a larger file comes in parts."""

LINK_S: Final = 60
"""How long a link works: whoever gets it passed on has little of it."""

READ_BYTES_MAX: Final = 4 << 20
"""A file is read in pieces of this: whatever its size, it needs no more memory."""

PUT_BYTES_MAX: Final = 64 << 20
"""A thumbnail, or an image encoded anew, which is in memory whole."""

PART_BYTES_MIN: Final = 5 << 20
"""S3 joins no smaller parts, the last one excepted."""

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*")
KEY_CHARS_MAX: Final = 200
_HEADER: Final = re.compile(r"[\x20-\x7e]+")


class BlobsUnavailable(Exception):
    """The store did not do it, or did not say so in time; asking again is safe."""


class NotFound(Exception):
    """There is no such object."""


class Changed(Exception):
    """The object is not the one with that ETag: it was written again meanwhile."""


class Shelf(StrEnum):
    """Where an object lies."""

    QUARANTINE = "quarantine"
    CLEAN = "clean"


class Blob(msgspec.Struct, frozen=True):
    """An object as it is now."""

    size: int
    etag: str
    """Changes with the bytes. Two writes of the same bytes may share it."""


class UploadForm(msgspec.Struct, frozen=True):
    """What a browser posts as `multipart/form-data`: these fields, then the file, named `file`."""

    url: str
    fields: dict[str, str]
    expires_at: int
    """In ms; a form used later is refused."""


def check_key(key: str) -> str:
    """*key*, if it is one; raise `ValueError` for what could mean something to a file system.

    Whoever makes keys takes care that none is a folder of another, as `a` would be of `a/b`.
    """
    if len(key) > KEY_CHARS_MAX or not _KEY.fullmatch(key):
        raise ValueError("a key is 1 to 200 of A-Z a-z 0-9 _ -, with single . or / between them")
    return key


def check_sizes(size_min: int, size_max: int) -> tuple[int, int]:
    """Both, if a form can be made for them; else raise `ValueError`."""
    if not 0 <= size_min <= size_max <= FORM_BYTES_MAX:
        raise ValueError(f"a form takes from 0 to {FORM_BYTES_MAX} bytes")
    return size_min, size_max


def check_header(value: str) -> str:
    """*value*, if a header can say it and nothing else; else raise `ValueError`."""
    if not _HEADER.fullmatch(value):
        raise ValueError("a header's value is printable ASCII")
    return value


@runtime_checkable
class Served(Protocol):
    """A store that has no server of its own: whoever opened it serves these routes."""

    def routes(self) -> Sequence["BaseRoute"]:
        """Where its forms and links lead."""
        ...


class Blobs(Protocol):
    """Objects on two shelves. Every call ends in bounded time, or raises `BlobsUnavailable`."""

    @property
    def origin(self) -> str:
        """Where browsers post and fetch files, such as `https://files.example`; empty: at the
        service itself, which then is also where the addresses of forms and links begin."""
        ...

    def form(self, key: str, content_type: str, *, size_min: int, size_max: int) -> UploadForm:
        """A form that writes *key* into quarantine and nothing else: exactly this key and content
        type, *size_min* to *size_max* bytes, for `FORM_S` seconds, as often as somebody likes. A
        form edited in any way is refused by the store. Asks nobody. Raises `ValueError` for more
        than `FORM_BYTES_MAX`."""
        ...

    async def stat(self, shelf: Shelf, key: str) -> Blob:
        """What lies there now. Raises `NotFound`."""
        ...

    async def read(self, shelf: Shelf, key: str, etag: str, start: int, length: int) -> bytes:
        """Bytes of an object, at most `READ_BYTES_MAX`: fewer at its end, none past it. Raises
        `NotFound`; `Changed` if its ETag is not *etag*, so that pieces are of one writing."""
        ...

    async def join(self, parts: Sequence[str], shelf: Shelf, key: str) -> None:
        """Make *key* on *shelf* of *parts* in quarantine, in their order, inside the store, with
        nothing of what came with them but their bytes; whole or not at all. The parts stay. Each
        but the last has `PART_BYTES_MIN` or more. Raises `NotFound` if a part is missing, `Changed`
        if one was written meanwhile."""
        ...

    async def publish(self, key: str, etag: str, clean_key: str) -> None:
        """Copy an object from quarantine to *clean_key* on the clean shelf, inside the store, with
        nothing of what came with it but its bytes; whole or not at all. Raises `NotFound`;
        `Changed` if its ETag is not *etag* by then, and copies nothing."""
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Write *data*, at most `PUT_BYTES_MAX`, to *key* on the clean shelf."""
        ...

    def link(self, key: str, *, content_type: str, disposition: str) -> str:
        """An address that anyone may GET an object of the clean shelf from, for `LINK_S` seconds.
        It is answered with this content type and `Content-Disposition` whatever was stored, and
        with `Cache-Control: private, no-store`. Asks nobody: where there is no such object, the
        answer is a 404. Raises `ValueError` for what no header can say."""
        ...

    async def remove(self, shelf: Shelf, key: str) -> None:
        """Remove an object; without effect if there is none."""
        ...

    def older(self, shelf: Shelf, before: int) -> AsyncIterator[str]:
        """The keys of all objects last written before *before*, in ms by the store's clock. What is
        removed while it goes on may be among them or not."""
        ...

    async def risks(self) -> Sequence[Risk]:
        """What is wrong with the store as it is set, found out by trying; nothing stays of that."""
        ...

    async def ping(self) -> None:
        """Raise `BlobsUnavailable` if the store is down now."""
        ...

    async def close(self) -> None:
        """Let go of everything; what is under way may fail."""
        ...
