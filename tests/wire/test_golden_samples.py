"""What was once on the wire is understood for ever."""

from typing import Any, get_args

import msgspec
import pytest

from shared.contracts import events, frames
from shared.contracts.ids import message_id
from tests.wire.golden import Direction, Sample, decode, encode, samples

ALL = samples("events", "client", "server")
UNIONS: dict[Direction, tuple[type[msgspec.Struct], ...]] = {
    "events": get_args(events.Event),
    "client": get_args(frames.ClientFrame),
    "server": get_args(frames.ServerFrame) + get_args(frames.EventShown),
}


def kept(written: Any, read: Any) -> Any:
    """*read* without the fields that *written* does not have, at every depth."""
    if isinstance(written, dict) and isinstance(read, dict):
        return {name: kept(written[name], read[name]) for name in written if name in read}
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        return [kept(one, other) for one, other in zip(written, read, strict=True)]
    return read


def without_defaults(struct: type[msgspec.Struct], content: dict[str, Any]) -> dict[str, Any]:
    """*content* as it was before *struct* got its fields with defaults."""
    required = {field.encode_name for field in msgspec.structs.fields(struct) if field.required}
    tag = struct.__struct_config__.tag_field
    return {k: v for k, v in content.items() if k in required | {tag, "op"}}


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_a_sample_comes_back_as_it_was_written(sample: Sample) -> None:
    """Nothing a sample says is lost or altered by reading and writing it."""
    struct = decode(sample.direction, sample.content)

    assert kept(sample.content, encode(struct)) == sample.content


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_a_sample_means_the_same_when_read_again(sample: Sample) -> None:
    """Reading, writing and reading again ends where the first reading did."""
    struct = decode(sample.direction, sample.content)

    assert decode(sample.direction, encode(struct)) == struct


@pytest.mark.parametrize(
    ("direction", "struct"),
    [(direction, struct) for direction, union in UNIONS.items() for struct in union],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_struct_has_a_sample(direction: Direction, struct: type[msgspec.Struct]) -> None:
    """No Struct of the wire can change its meaning unnoticed."""
    decoded = [decode(sample.direction, sample.content) for sample in samples(direction)]

    assert any(type(one) is struct for one in decoded)


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS.keys())
def test_every_struct_has_a_tag_of_its_own(union: tuple[type[msgspec.Struct], ...]) -> None:
    """Two Structs of a direction never look the same on the wire."""
    tags = [(s.__struct_config__.tag_field, s.__struct_config__.tag) for s in union]

    assert len(set(tags)) == len(union)


@pytest.mark.parametrize("sample", samples("events", "server"), ids=str)
def test_fields_of_later_versions_are_passed_over(sample: Sample) -> None:
    """Records and server frames may grow: readers ignore what they do not know."""
    grown = sample.content | {"mood": {"emoji": "🌊", "since": [1, None]}}

    assert decode(sample.direction, grown) == decode(sample.direction, sample.content)


@pytest.mark.parametrize("sample", samples("client"), ids=str)
def test_unknown_fields_from_clients_are_refused(sample: Sample) -> None:
    """A client hears of a mistyped field at once."""
    with pytest.raises(frames.MalformedFrame, match="Unknown field"):
        decode("client", sample.content | {"mood": "sunny"})


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_fields_with_defaults_may_be_missing(sample: Sample) -> None:
    """What was written before a defaulted field existed still decodes, as the same Struct."""
    struct = type(decode(sample.direction, sample.content))

    older = decode(sample.direction, without_defaults(struct, sample.content))

    assert type(older) is struct


@pytest.mark.parametrize(
    "sample", [s for s in samples("events", "server") if "client_id" in s.content], ids=str
)
def test_ids_in_samples_are_derived_as_ever(sample: Sample) -> None:
    """The same order, writer and client id give the id they gave when the sample was made."""
    content = sample.content

    assert content["id"] == message_id(content["order_id"], content["by"], content["client_id"])
