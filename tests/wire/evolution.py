"""How the schema of records may grow within a version: the rule, as a comparison.

Records are kept for ever and read by programs of every release since. A reader drops what it cannot
decode; if another one can, the two disagree for ever about what was said. So within a version

* types may be added, and to a type fields that have a default, which says what their absence means;
* what was released stays as it is: a field's name, type, bounds, default, whether it may be
  missing, and the values of an enum, none fewer and none more. What is to grow is a plain string
  from the beginning, as an order's status and a message's flags are.

Anything else takes a new version. Titles, descriptions and the names of definitions may change: no
record has them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

Schema = Mapping[str, Any]

_WORDS: Final = {"title", "description"}
_PARTS: Final = {"properties", "required", "items", "additionalProperties", "anyOf"}
"""What holds schemas of its own, or speaks about those."""


class Place(NamedTuple):
    """A type, or a part of one: `message`, `message.attachments[].size`, `message.reply_to|1`."""

    path: str
    within: str
    """The path of what it is a part of; empty for a type."""
    promise: Schema
    """What is said of it alone; of a field also whether it is `required`."""

    @property
    def may_be_added(self) -> bool:
        """Whether records without it mean the same as ever, and readers without it go on."""
        return not self.promise.get("required", True) and "default" in self.promise


def breaking(released: Schema, today: Schema) -> list[str]:
    """Where *today* does not keep to what was *released*; each as `docs/schemas/events.json`.

    Of what is gone or new, the whole is named and not its parts.
    """
    before = {place.path: place for place in _places(released)}
    now = {place.path: place for place in _places(today)}
    found = []
    for path, place in before.items():
        if path in now and place.promise != now[path].promise:
            found.append(f"{path} was {_said(place)} and is {_said(now[path])}")
        elif path not in now and (not place.within or place.within in now):
            found.append(f"{path} is gone")
    for path, place in now.items():
        if path not in before and place.within in before and not place.may_be_added:
            found.append(f"{path} is new, and not with a default")
    return found


def _places(schema: Schema) -> Iterator[Place]:
    for type_, reference in schema["discriminator"]["mapping"].items():
        yield from _walk(type_, "", {"$ref": reference}, schema["$defs"])


def _walk(
    path: str, within: str, schema: Schema, definitions: Schema, **of_field: bool
) -> Iterator[Place]:
    """The place of *schema*, then those of its parts."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    own = {
        name: sorted(said) if name == "enum" else said
        for name, said in schema.items()
        if name not in _WORDS | _PARTS | {"$ref"} or isinstance(said, bool)
    }
    yield Place(path, within, own | of_field)
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield from _walk(f"{path}.{name}", path, field, definitions, required=name in needed)
    parts = {f"{path}|{number}": kind for number, kind in enumerate(schema.get("anyOf", ()))}
    for mark, name in (("[]", "items"), ("{}", "additionalProperties")):
        if isinstance(part := schema.get(name), Mapping):  # `false` where nothing else is taken
            parts[path + mark] = part
    for at, part in parts.items():
        yield from _walk(at, path, part, definitions)


def _said(place: Place) -> str:
    return json.dumps(place.promise, sort_keys=True)
