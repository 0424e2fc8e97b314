"""The widget's files as browsers get them: read once, compressed once, named by what they hold."""

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import rjsmin

FOLDER: Final = Path(__file__).parent / "widget"
PREFIX: Final = "/widget"
ENTRY: Final = "order-chat.js"
STYLES: Final = "style.js"
"""All of its texts are CSS."""
_SPARE_IN_CSS: Final = re.compile(rb"\s*([{};,])\s*|(?<=:)\s+|/\*.*?\*/")
_SPARE_AT_AN_END: Final = re.compile(rb";(?=})|,(?=\))")
"""A statement ends with its block, an argument with its list; no text of a module holds these."""
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}
"""Files with other endings are not served."""


class WidgetFile(NamedTuple):
    """One answer, ready to be sent."""

    content: bytes
    gzipped: bytes
    media_type: str
    etag: str
    """A weak one: it stands for the content, compressed or not."""


class ImportMap(msgspec.Struct):
    """For `<script type="importmap">` on a page that runs exactly these modules or none."""

    imports: dict[str, str]
    integrity: dict[str, str]


class WidgetFiles:
    """The files by their paths below the folder. *contents* holds modules and JSON alone."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._files = {
            path: make_file(content, MEDIA_TYPES[Path(path).suffix])
            for path, content in contents.items()
        }
        self._integrity = {
            path: f"sha384-{b64encode(hashlib.sha384(content).digest()).decode()}"
            for path, content in sorted(contents.items())
            if path.endswith(".js")
        }
        self.version: Final = _digest(
            b"".join(
                path.encode() + b"\0" + hashlib.sha256(content).digest()
                for path, content in sorted(contents.items())
            )
        )
        """Another one as soon as any of the files is."""
        self.script: Final = make_file(self._script().encode(), MEDIA_TYPES[".js"])
        """What pages name: the way to the modules of this version."""

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "WidgetFiles":
        """The files of *folder*, modules without comments and spare white space. It blocks."""
        return cls(
            {
                path.relative_to(folder).as_posix(): _read(path)
                for path in folder.rglob("*")
                if path.suffix in MEDIA_TYPES
            }
        )

    def get(self, path: str) -> WidgetFile | None:
        """The file of that very path; there is no other way to any."""
        return self._files.get(path)

    def import_map(self, origin: str) -> ImportMap:
        """The modules of this version at *origin*, each with the hash that it must have."""
        folder = f"{origin}{PREFIX}/{self.version}"
        return ImportMap(
            {"order-chat": f"{folder}/{ENTRY}"},
            {f"{folder}/{path}": value for path, value in self._integrity.items()},
        )

    def _script(self) -> str:
        # All modules are named here, so that a browser asks for all at once, and not for those a
        # module imports only when it has read it. The entry is first and runs them in its order.
        others = (path for path in self._integrity if path != ENTRY)
        lines = [f'export * from "./{self.version}/{ENTRY}";']
        lines += [f'import "./{self.version}/{path}";' for path in others]
        return "\n".join([*lines, ""])


def make_file(content: bytes, media_type: str) -> WidgetFile:
    """Compress a file once, as well as it goes; equal contents give equal answers."""
    gzipped = gzip.compress(content, 9, mtime=0)
    return WidgetFile(content, gzipped, media_type, f'W/"{_digest(content)}"')


def _read(path: Path) -> bytes:
    """What is sent of a file: comments are for who reads the sources, and weigh a third of them."""
    content = path.read_bytes()
    if path.suffix != ".js":
        return content
    module = rjsmin.jsmin(content)
    if path.name == STYLES:
        module = _SPARE_IN_CSS.sub(rb"\1", module)
    return _SPARE_AT_AN_END.sub(b"", module)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
