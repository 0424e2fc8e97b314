"""The documentation as tests read it: blocks to run, tables to compare."""

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

_BLOCK: Final = re.compile(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, what else its first line says, and its lines."""

    language: str
    note: str
    text: str


def blocks(page: str, language: str) -> list[Block]:
    """All blocks of a page in a language."""
    found = [Block(*match.groups()) for match in _BLOCK.finditer((DOCS / page).read_text())]
    return [block for block in found if block.language == language]


def table(page: str, *head: str) -> list[tuple[str, ...]]:
    """The rows of the one table of a page with these headings, without the code marks."""
    lines = (DOCS / page).read_text().splitlines()
    starts = [at for at, line in enumerate(lines) if _cells(line) == head]
    assert len(starts) == 1, f"{page} has {len(starts)} tables with the head {head}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
    return rows


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("`", "") for cell in line.strip("| ").split(" | "))
