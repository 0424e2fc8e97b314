"""The stream's document is enough for a stranger, who has no code of ours."""

from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from shared.contracts import events
from shared.contracts.asyncapi import make_asyncapi
from shared.contracts.examples import EXAMPLES
from tests.wire.golden import FOLDER

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(make_asyncapi()))
MESSAGES: dict[str, Any] = {
    struct.__struct_config__.tag: DOCUMENT["components"]["messages"][
        f"log.{struct.__struct_config__.tag}"
    ]
    for struct in get_args(events.Event)
}
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:asyncapi", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


@pytest.mark.parametrize("type_", MESSAGES)
def test_a_type_is_told_in_full(type_: str) -> None:
    """What it means, its key, both headers, and a record of it that its schema takes."""
    message = MESSAGES[type_]
    (example,) = message["examples"]
    payload = Draft202012Validator(
        {"$ref": f"urn:asyncapi{message['payload']['$ref']}"}, registry=REGISTRY
    )

    assert message["summary"].endswith(".")
    assert message["bindings"]["kafka"]["key"]["description"] == "The order id."
    assert Draft202012Validator(message["headers"]).is_valid(example["headers"])
    assert not Draft202012Validator(message["headers"]).is_valid({"type": type_, "v": "2"})
    assert list(payload.iter_errors(example["payload"])) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: events.TYPES[type(example)])
def test_an_example_is_a_golden_sample(example: events.Event) -> None:
    """What is shown to strangers is what is understood for ever."""
    type_ = events.TYPES[type(example)]
    sample = (FOLDER / "events" / f"{type_}.json").read_bytes()

    assert events.decode_event(example.order_id, type_, events.VERSION, sample) == example


def test_the_stream_has_a_version_of_its_own() -> None:
    """The document's is the protocol's; it says the other one too."""
    assert f"a version of their own, {events.VERSION}," in DOCUMENT["info"]["description"]
