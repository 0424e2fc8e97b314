"""Golden samples: what was once on the wire, and must be understood for ever.

A sample is never changed and never removed. A new field or Struct gets a sample of its own.
`NAME.oldest.json` is the frame without any field that has a default.
"""

from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from shared.contracts import events, frames

Direction = Literal["events", "client", "server"]

FOLDER: Final = Path(__file__).parent / "samples"


class Sample(msgspec.Struct, frozen=True):
    """One file of `samples/`."""

    direction: Direction
    name: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.direction}/{self.name}"


def samples(*directions: Direction) -> list[Sample]:
    """The samples of these directions, in a fixed order."""
    return [
        Sample(direction, path.stem, msgspec.json.decode(path.read_bytes()))
        for direction in directions
        for path in sorted((FOLDER / direction).glob("*.json"))
    ]


def decode(direction: Direction, content: dict[str, Any]) -> msgspec.Struct:
    """What the program makes of *content* when it reads it from the wire."""
    data = msgspec.json.encode(content)
    match direction:
        case "events":
            return events.decode_event(content["order_id"], content["type"], 1, data)
        case "client":
            return frames.decode_client_frame(data)
        case "server":
            return frames.decode_server_frame(data)


def encode(struct: msgspec.Struct) -> dict[str, Any]:
    """What the program puts on the wire, as plain JSON content."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(struct))
    return content
