"""File names: shown to people, and offered when a file is saved. Nothing is ever stored by them."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

NAME_CHARS_MAX: Final = 200
"""Longer ones keep their end, where the extension is."""
_STEM_END: Final = 150
"""Of a name that is too long, so much of the beginning stays."""

_UNSEEN: Final = dict.fromkeys(
    [0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
"""Invisible characters that no script needs: with those that turn the direction a name that ends
in `gpj.exe` looks as if it ended in `exe.jpg`. Joiners stay, since Persian and emoji need them."""
_NOT_A_NAME: Final = re.compile(r'[/\\:*?"<>|]')
"""What a file system or a header might take for something else."""


def clean_name(sent: str, extensions: Sequence[str]) -> str:
    """A name fit to be shown, that ends in one of *extensions* (with their dots): what opens the
    file goes by that.

    What is not fit is left out or replaced, never refused: people do not choose their files' names.
    """
    name = unicodedata.normalize("NFC", sent).translate(_UNSEEN)
    name = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cs", "Cn", "Co"))
    name = " ".join(_NOT_A_NAME.sub("_", name).split()).strip(". ")
    if not name.strip("_"):
        name = "file"
    if not name.lower().endswith(tuple(extensions)):
        name += extensions[0]
    if len(name) > NAME_CHARS_MAX:
        name = f"{name[:_STEM_END]}…{name[_STEM_END + 1 - NAME_CHARS_MAX :]}"
    return name


def disposition(name: str, *, inline: bool) -> str:
    """The header `Content-Disposition` for a name (RFC 6266, RFC 8187)."""
    how = "inline" if inline else "attachment"
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}"
