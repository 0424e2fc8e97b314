"""The committed OpenAPI and AsyncAPI documents say what the programs do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.routing import Route

import attachment_service.http
import chat_gateway.http
import order_service.http
from deploy import documents
from deploy.standalone import running
from shared.contracts import events, frames
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.contracts.topics import TIMELINE
from shared.operations import Operation, errors_of
from tests.order_service.world import open_log, open_shop
from tests.wire.golden import Direction, Sample, samples

SERVICES = {
    "openapi/chat_gateway.json": chat_gateway.http.OPERATIONS,
    "openapi/order_service.json": order_service.http.OPERATIONS,
    "openapi/attachment_service.json": attachment_service.http.OPERATIONS,
}


def committed(name: str) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode((documents.FOLDER / name).read_bytes())
    return content


ASYNCAPI = committed("asyncapi.json")


def test_the_committed_documents_are_those_of_the_programs() -> None:
    """Whoever changes a route or a Struct commits it too: `python -m deploy.documents`."""
    assert documents.drifted(documents.FOLDER) == []


@pytest.mark.parametrize("name", SERVICES)
def test_openapi_is_valid(name: str) -> None:
    """Any tool for OpenAPI 3.1 can read it."""
    OpenAPIV31SpecValidator(committed(name)).validate()


@pytest.mark.parametrize("name", SERVICES)
def test_every_route_is_in_the_document(name: str) -> None:
    """Each method of each path, under its name, with every status it may answer."""
    paths = committed(name)["paths"]

    shown = {
        operation.name: set(paths[operation.path][operation.method.lower()]["responses"])
        for operation in SERVICES[name]
    }

    assert shown == {
        operation.name: {
            str(status)
            for status in {
                *operation.answers,
                *errors_of(operation),
                *([307] if operation.redirects else []),
            }
        }
        for operation in SERVICES[name]
    }
    assert len({operation.name for operation in SERVICES[name]}) == len(SERVICES[name])


async def test_what_is_served_is_what_is_committed(tmp_path: Path) -> None:
    """Byte for byte; and every route of ours that answers JSON is in some document."""
    async with running(tmp_path, {}) as system:
        transport = httpx.ASGITransport(system.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chat") as client:
            served = {name: await client.get(f"/{name}") for name in documents.make_documents()}
        routes = [route for route in system.app.routes if isinstance(route, Route)]

    assert {name: answer.content for name, answer in served.items()} == {
        name: (documents.FOLDER / name).read_bytes() for name in served
    }
    described = {path for name in SERVICES for path in committed(name)["paths"]}
    assert {route.path for route in routes if route.path.startswith("/v1/")} <= described


async def test_a_service_alone_serves_its_own(tmp_path: Path) -> None:
    """At `/openapi.json`, what the standalone system serves under the service's name."""
    async with open_log(tmp_path) as log, open_shop(tmp_path, log) as shop:
        answer = await shop.client.get("/openapi.json")

    assert answer.json() == committed("openapi/order_service.json")


@pytest.mark.parametrize("code", ErrorCode)
def test_an_operation_shows_its_codes_under_their_status(code: ErrorCode) -> None:
    """Each code is answered with the status of the catalogue, and no other."""
    operation = Operation(
        name="x", method="GET", path="/x", summary="X.", answers={}, errors=(code,), token=False
    )

    assert errors_of(operation) == {CATALOGUE[code].http: (code,)}


# AsyncAPI.


def references(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(content, list):
        for item in content:
            yield from references(item)


def resolve(reference: str) -> Any:
    found: Any = ASYNCAPI
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_asyncapi_refers_to_what_it_has() -> None:
    """Every reference leads somewhere, and every message belongs to an operation."""
    all_references = set(references(ASYNCAPI))

    asked = {
        message["$ref"].rpartition("/")[2]
        for operation in ASYNCAPI["operations"].values()
        for message in operation["messages"]
    }

    assert all(resolve(reference) is not None for reference in all_references)
    assert asked == set(ASYNCAPI["components"]["messages"])


def test_asyncapi_has_every_frame_and_every_record() -> None:
    """Each under the tag it has on the wire, at the place where it is spoken."""
    unions = {
        "client": frames.ClientFrame,
        "server": frames.ServerFrame,
        "event": frames.EventShown,
        "log": events.Event,
    }

    expected = {
        f"{group}.{struct.__struct_config__.tag}"
        for group, union in unions.items()
        for struct in get_args(union)
    }

    assert set(ASYNCAPI["components"]["messages"]) == expected
    assert ASYNCAPI["channels"]["timeline"]["address"] == TIMELINE
    assert set(ASYNCAPI["channels"]["timeline"]["messages"]) == {
        name for name in expected if name.startswith("log.")
    }


@pytest.mark.parametrize("sample", samples("events", "client", "server"), ids=str)
def test_samples_are_valid_messages(sample: Sample) -> None:
    """A program that relies on AsyncAPI alone accepts every golden sample."""
    groups: dict[Direction, str] = {"events": "log", "client": "client", "server": "server"}
    content = sample.content
    group = "event" if content.get("op") == "event" else groups[sample.direction]
    tag = content["type"] if group in ("log", "event") else content["op"]
    payload = ASYNCAPI["components"]["messages"][f"{group}.{tag}"]["payload"]["$ref"]
    resource = Resource.from_contents(ASYNCAPI, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:asyncapi", resource)

    errors = Draft202012Validator(
        {"$ref": f"urn:asyncapi{payload}"}, registry=registry
    ).iter_errors(content)

    assert list(errors) == []


# The command.


def test_the_command_names_what_drifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` answers 1 and names each file to write again; without it they are written."""
    monkeypatch.setattr(documents, "FOLDER", tmp_path)

    before = documents.main(["--check"])
    named = capsys.readouterr().out
    documents.main([])

    assert before == 1
    assert all(name in named for name in documents.make_documents())
    assert documents.main(["--check"]) == 0
