"""The protocol's page shows what a system really says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.contracts.errors import CloseCode
from shared.contracts.frames import ClientFrame, Limits
from tests.docs import transcript
from tests.docs.pages import table

CHANCE: Final = frozenset(
    {"seq", "prev", "head", "up_to", "after", "before", "at", "edited_at"}
    | {"id", "client_id", "target", "order_id", "session_id"}
)
"""Fields whose values differ from run to run; whether they are null does not."""


async def test_the_transcript_is_what_is_said_now(tmp_path: Path) -> None:
    """Played again, the conversation has the same frames in the same order, ids and times aside."""
    played = await transcript.play(tmp_path)

    assert list(shapes(transcript.committed())) == list(shapes(played))


def test_every_client_frame_is_listed_with_its_fields() -> None:
    """The table of what a client sends names each frame, and each field in its order."""
    rows = table("protocol.md", "op", "fields", "answer")

    assert {row[0]: set(row[1].split(", ")) for row in rows} == {
        str(frame.__struct_config__.tag): set(frame.__struct_fields__)
        for frame in ClientFrame.__args__
    }


def test_every_close_code_is_listed() -> None:
    """The table of close codes names those of the catalogue and no other."""
    rows = table("protocol.md", "code", "what you do")

    assert [int(code) for row in rows for code in row[0].split(", ")] == list(CloseCode)


def test_every_limit_is_listed_with_its_default() -> None:
    """The table of limits says what `welcome` says."""
    rows = table("protocol.md", "limit", "default", "what it bounds")

    told = {
        name: int(value)
        for names, values, _ in rows
        for name, value in zip(names.split(", "), values.split(", "), strict=True)
    }
    limits = Limits()
    assert told == {name: getattr(limits, name) for name in limits.__struct_fields__}


def shapes(text: str) -> Iterator[object]:
    """Each line with what differs from run to run replaced; remarks as they are."""
    for line in text.splitlines():
        speaker, brace, rest = line.partition("{")
        yield (speaker, shape(json.loads(brace + rest))) if brace else line


def shape(value: Any) -> Any:
    """A part of a frame with the values of `CHANCE` replaced by their types."""
    match value:
        case dict():
            return {name: masked(name, inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
    return value


def masked(name: str, value: Any) -> Any:
    return type(value).__name__ if name in CHANCE else shape(value)
