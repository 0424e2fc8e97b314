"""The committed JSON Schemas say what the Structs say."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from shared.contracts import events, frames, schemas
from tests.wire.golden import Direction, Sample, samples

FILES: dict[Direction, str] = {
    "events": "events.json",
    "client": "client-frames.json",
    "server": "server-frames.json",
}


def committed(direction: Direction) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode((schemas.FOLDER / FILES[direction]).read_bytes())
    Draft202012Validator.check_schema(content)
    return content


SCHEMAS = {direction: committed(direction) for direction in FILES}
VALIDATORS = {direction: Draft202012Validator(schema) for direction, schema in SCHEMAS.items()}


def test_the_committed_schemas_are_those_of_the_structs() -> None:
    """Whoever changes a Struct commits its schema too: `python -m shared.contracts.schemas`."""
    assert schemas.drifted(schemas.FOLDER) == []


@pytest.mark.parametrize("sample", samples("events", "client", "server"), ids=str)
def test_samples_are_valid(sample: Sample) -> None:
    """A program that relies on the schemas alone accepts every golden sample."""
    assert list(VALIDATORS[sample.direction].iter_errors(sample.content)) == []


@pytest.mark.parametrize("sample", samples("client"), ids=str)
def test_the_client_schema_refuses_unknown_fields(sample: Sample) -> None:
    """A client author finds a mistyped field without a server."""
    assert not VALIDATORS["client"].is_valid(sample.content | {"mood": "sunny"})


@pytest.mark.parametrize("sample", samples("events", "server"), ids=str)
def test_the_other_schemas_allow_unknown_fields(sample: Sample) -> None:
    """Programs that validate what they read go on when records and frames grow."""
    assert VALIDATORS[sample.direction].is_valid(sample.content | {"mood": "sunny"})


@pytest.mark.parametrize("direction", FILES)
def test_every_struct_is_in_the_schema_under_its_tag(direction: Direction) -> None:
    """The schema knows exactly the tags of the Structs, each once."""
    union = {
        "events": get_args(events.Event),
        "client": get_args(frames.ClientFrame),
        "server": get_args(frames.ServerFrame) + get_args(frames.EventShown),
    }[direction]
    definitions = SCHEMAS[direction]["$defs"]

    tags = {
        struct.__name__: definitions[struct.__name__]["properties"][
            struct.__struct_config__.tag_field
        ]["enum"]
        for struct in union
    }

    assert tags == {struct.__name__: [struct.__struct_config__.tag] for struct in union}


def test_check_names_what_drifted(tmp_path: Path) -> None:
    """A changed and a missing file are both reported, a good one is not."""
    schemas.write(tmp_path)
    (tmp_path / "events.json").write_bytes(b"{}")
    (tmp_path / "client-frames.json").unlink()

    assert schemas.drifted(tmp_path) == ["events.json", "client-frames.json"]


def test_the_command_checks_what_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` answers 0 and says nothing while all is well."""
    status = schemas.main(["--check"])

    assert (status, capsys.readouterr().out) == (0, "")


def test_the_command_names_what_drifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` answers 1 and names each file to write again; without it they are written."""
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)

    before = schemas.main(["--check"])
    named = capsys.readouterr().out
    schemas.main([])

    assert before == 1
    assert all(file in named for file in FILES.values())
    assert schemas.main(["--check"]) == 0


def test_descriptions_read_as_they_were_written() -> None:
    """Without the indentation that a docstring has in the code."""
    shown = [definition["description"] for definition in SCHEMAS["events"]["$defs"].values()]

    assert any("\n" in text for text in shown)
    assert not any(line.startswith(" ") for text in shown for line in text.splitlines())
