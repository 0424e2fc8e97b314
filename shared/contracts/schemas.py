"""JSON Schemas of the wire, made from the Structs, for programs in other languages.

`python -m shared.contracts.schemas` writes them to `docs/schemas`. With `--check` it writes nothing
and names the files that differ from the Structs. Equal Structs give equal bytes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.contracts import events, frames
from shared.contracts.components import components_of

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schemas"

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def make_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each direction, by file name."""
    return {
        "events.json": _schema(
            f"Records of the log, version {events.VERSION}",
            "The value of a record. Readers pass over fields they do not know.",
            [events.Event],
        ),
        "client-frames.json": _schema(
            f"Frames from clients, protocol version {frames.PROTOCOL_VERSION}",
            "Unknown fields are refused.",
            [frames.ClientFrame],
        ),
        "server-frames.json": _schema(
            f"Frames from servers, protocol version {frames.PROTOCOL_VERSION}",
            "Tagged by `op`; frames whose `op` is `event` are told apart by `type`. Clients pass "
            "over fields and types they do not know.",
            [frames.ServerFrame, frames.EventShown],
        ),
    }


def drifted(folder: Path) -> list[str]:
    """Names of the schema files in *folder* that are missing or not as the Structs have them."""
    return [name for name, text in _files().items() if _read(folder / name) != text]


def write(folder: Path) -> None:
    """Write every schema file into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _files().items():
        (folder / name).write_bytes(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or check them; answer the exit status."""
    parser = argparse.ArgumentParser(description="Write the JSON Schemas of the wire.")
    parser.add_argument("--check", action="store_true", help="only say which files drifted")
    if not parser.parse_args(arguments).check:
        write(FOLDER)
        return 0
    names = drifted(FOLDER)
    for name in names:
        print(f"docs/schemas/{name} differs: run `python -m shared.contracts.schemas`")
    return 1 if names else 0


def _schema(title: str, description: str, unions: Sequence[Any]) -> dict[str, Any]:
    """One schema that takes any member of *unions*; each union is told apart by its own tag."""
    heads, components = components_of(unions)
    alternatives = heads[0] if len(heads) == 1 else {"anyOf": list(heads)}
    return {
        "$schema": _DIALECT,
        "title": title,
        "description": description,
        **alternatives,
        "$defs": dict(sorted(components.items())),
    }


def _files() -> dict[str, bytes]:
    return {
        name: msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
        for name, schema in make_schemas().items()
    }


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
