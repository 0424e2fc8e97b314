"""The log's records may grow, and what was released is kept."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from jsonschema import Draft202012Validator

from shared.contracts import events
from shared.contracts.schemas import make_schemas
from tests.wire.evolution import Schema, breaking
from tests.wire.golden import Sample, samples

RELEASED: Final = sorted(
    (Path(__file__).parent / "released").glob(f"events-v{events.VERSION}*.json")
)
"""The schema at each release that changed it. A file here is never changed: a release that adds
something puts the schema of then beside, as `events-v1-2.json`."""

Change = Callable[[dict[str, Any]], object]


def read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


def today() -> Any:
    """As another program has it: through JSON."""
    return msgspec.json.decode(msgspec.json.encode(make_schemas()["events.json"]))


def changed(change: Change) -> Schema:
    schema: dict[str, Any] = copy.deepcopy(read(RELEASED[0]))
    change(schema)
    return schema


def fields(schema: dict[str, Any], definition: str) -> Any:
    return schema["$defs"][definition]["properties"]


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_today_keeps_to_every_release(released: Path) -> None:
    """Whoever must break it raises `events.VERSION`, and begins a new row of releases."""
    assert breaking(read(released), today()) == []


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
@pytest.mark.parametrize("sample", samples("events"), ids=str)
def test_a_reader_of_a_release_takes_what_is_written_today(released: Path, sample: Sample) -> None:
    """Of the types it knows; all others it can tell by their name."""
    schema = read(released)
    reader = Draft202012Validator(schema)
    known = sample.content["type"] in schema["discriminator"]["mapping"]

    assert reader.is_valid(sample.content) == known


def rename_field(schema: dict[str, Any]) -> None:
    message = fields(schema, "Message")
    message["body"] = message.pop("text")
    schema["$defs"]["Message"]["required"].remove("text")
    schema["$defs"]["Message"]["required"].append("body")


def rename_type(schema: dict[str, Any]) -> None:
    mapping = schema["discriminator"]["mapping"]
    mapping["seen"] = mapping.pop("read")


BREAKING: Final[dict[str, tuple[Change, list[str]]]] = {
    "a type removed": (
        lambda s: s["discriminator"]["mapping"].pop("flag"),
        ["flag is gone"],
    ),
    "a type renamed": (rename_type, ["read is gone"]),
    "a field removed": (lambda s: fields(s, "Edit").pop("flags"), ["edit.flags is gone"]),
    "a field renamed": (
        rename_field,
        ["message.text is gone", "message.body is new, and not with a default"],
    ),
    "a field of a part removed": (
        lambda s: fields(s, "Participant").pop("avatar_url"),
        ["order.participants[].avatar_url is gone"],
    ),
    "a field retyped": (
        lambda s: fields(s, "Delete").update(base={"type": "string"}),
        [
            'delete.base was {"maximum": 9007199254740991, "minimum": 0, "required": true, '
            '"type": "integer"} and is {"required": true, "type": "string"}'
        ],
    ),
    "a field narrowed": (
        lambda s: fields(s, "Flag")["reason"].update(maxLength=100),
        [
            'flag.reason was {"required": true, "type": "string"} and is '
            '{"maxLength": 100, "required": true, "type": "string"}'
        ],
    ),
    "a field widened": (
        lambda s: fields(s, "Read")["n"].pop("maximum"),
        [
            'read.n was {"maximum": 9007199254740991, "minimum": 0, "required": true, '
            '"type": "integer"} and is {"minimum": 0, "required": true, "type": "integer"}'
        ],
    ),
    "null no longer taken": (
        lambda s: fields(s, "Mute")["until"]["anyOf"].pop(),
        ["mute.until|1 is gone"],
    ),
    "one more kind taken": (
        lambda s: fields(s, "Mute")["until"]["anyOf"].append({"type": "string"}),
        ["mute.until|2 is new, and not with a default"],
    ),
    "a field made required": (
        lambda s: s["$defs"]["Review"]["required"].append("note"),
        [
            'review.note was {"default": "", "required": false, "type": "string"} and is '
            '{"default": "", "required": true, "type": "string"}'
        ],
    ),
    "a required field left out at will": (
        lambda s: s["$defs"]["Close"]["required"].remove("reason"),
        [
            'close.reason was {"required": true, "type": "string"} and is '
            '{"required": false, "type": "string"}'
        ],
    ),
    "another default": (
        lambda s: fields(s, "Report")["note"].update(default="none"),
        [
            'report.note was {"default": "", "required": false, "type": "string"} and is '
            '{"default": "none", "required": false, "type": "string"}'
        ],
    ),
    "an enum grown": (
        lambda s: fields(s, "Look")["what"]["enum"].append("export"),
        [
            'look.what was {"enum": ["conversation", "original"], "required": true} and is '
            '{"enum": ["conversation", "export", "original"], "required": true}'
        ],
    ),
    "an enum shrunk": (
        lambda s: fields(s, "Look")["what"]["enum"].remove("original"),
        [
            'look.what was {"enum": ["conversation", "original"], "required": true} and is '
            '{"enum": ["conversation"], "required": true}'
        ],
    ),
    "a new field that is required": (
        lambda s: (
            fields(s, "Unmute").update(mood={"type": "string"}),
            s["$defs"]["Unmute"]["required"].append("mood"),
        ),
        ["unmute.mood is new, and not with a default"],
    ),
    "a new field without a default": (
        lambda s: fields(s, "Reopen").update(mood={"type": "string"}),
        ["reopen.mood is new, and not with a default"],
    ),
    "lists of something else": (
        lambda s: fields(s, "Message")["flags"].update(items={"type": "integer"}),
        ['message.flags[] was {"type": "string"} and is {"type": "integer"}'],
    ),
    "unknown fields refused": (
        lambda s: s["$defs"]["Close"].update(additionalProperties=False),
        ['close was {"type": "object"} and is {"additionalProperties": false, "type": "object"}'],
    ),
    "values of something else": (
        lambda s: fields(s, "OrderChanged")["may"].update(additionalProperties={"type": "string"}),
        [
            'order.may{} was {"type": "array"} and is {"type": "string"}',
            "order.may{}[] is gone",
        ],
    ),
}


@pytest.mark.parametrize(("change", "found"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_a_reader_or_a_record_is_found(change: Change, found: list[str]) -> None:
    """Whatever a record of then would not be read by now, or one of now by then."""
    assert breaking(read(RELEASED[0]), changed(change)) == found


def add_type(schema: dict[str, Any]) -> None:
    schema["$defs"]["Mood"] = {"type": "object", "properties": {"of": {"type": "string"}}}
    schema["discriminator"]["mapping"]["mood"] = "#/$defs/Mood"


def rename_definition(schema: dict[str, Any]) -> None:
    schema["$defs"]["Said"] = {**schema["$defs"].pop("Message"), "title": "Said"}
    schema["discriminator"]["mapping"]["message"] = "#/$defs/Said"


ALLOWED: Final[dict[str, Change]] = {
    "nothing": lambda s: None,
    "a type added": add_type,
    "a field with a default added": lambda s: fields(s, "Message").update(
        mood={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    ),
    "one added to a part": lambda s: fields(s, "Attachment").update(
        pages={"type": "integer", "default": 1}
    ),
    "other words": lambda s: s["$defs"]["Message"].update(description="Said.", title="Said"),
    "a definition renamed": rename_definition,
    "an enum in another order": lambda s: fields(s, "Look")["what"]["enum"].reverse(),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED)
def test_growth_is_allowed(change: Change) -> None:
    """What old readers pass over, and what no record has."""
    assert breaking(read(RELEASED[0]), changed(change)) == []
