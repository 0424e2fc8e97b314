"""OpenAPI 3.1 of a service, made from its operations and their Structs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.contracts.components import components_of
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.contracts.ids import AttachmentIdField, MessageIdField, OrderIdField
from shared.http import ErrorBody
from shared.operations import Operation, errors_of

PATH_PARAMETERS: Final[Mapping[str, Any]] = {
    "order_id": OrderIdField,
    "message_id": MessageIdField,
    "attachment_id": AttachmentIdField,
    "report_id": MessageIdField,
}
_MEANINGS: Final[Mapping[int, str]] = {202: "Not yet.", 422: "Never.", 503: "Not now."}
_REDIRECT: Final[Mapping[str, Any]] = {
    "description": "It is there.",
    "headers": {"Location": {"schema": {"type": "string"}}},
}
_REF: Final = "#/components/schemas/{name}"
_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    504: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def make_openapi(title: str, description: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of a service. Equal operations and Structs give equal documents."""
    types = _types(operations)
    schemas, components = components_of(types, _REF)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _operation(operation, schema_of, components)
    queries = {operation.query.__name__ for operation in operations if operation.query}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": "1"},
        "paths": paths,
        "components": {
            # Query parameters stand where they are used, each for itself.
            "schemas": {n: c for n, c in sorted(components.items()) if n not in queries},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def document_route(path: str, document: Mapping[str, Any]) -> Route:
    """A route that serves a document as it is now."""
    content = encode_document(document)

    async def serve(_: Request) -> Response:
        return Response(content, media_type="application/json")

    return Route(path, serve, methods=["GET"])


def encode_document(document: Mapping[str, Any]) -> bytes:
    """A document as it is served and committed."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _types(operations: Sequence[Operation]) -> list[Any]:
    """Every type that some operation takes or answers, each once, in their order."""
    types: list[Any] = [ErrorBody]
    for operation in operations:
        types += [t for t in (operation.query, operation.body) if t is not None]
        types += operation.answers.values()
    return list(dict.fromkeys(types))


def _operation(
    operation: Operation, schema_of: Mapping[Any, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        shown["description"] = operation.description
    shown["security"] = [{"bearer": []}] if operation.token else []
    if parameters := [*_path_parameters(operation), *_query_parameters(operation, components)]:
        shown["parameters"] = parameters
    if operation.body is not None:
        shown["requestBody"] = {"required": True, "content": _json(schema_of[operation.body])}
    answers: dict[str, Any] = {
        str(status): {
            "description": _MEANINGS.get(status, "Done."),
            "content": _json(schema_of[type_]),
        }
        for status, type_ in operation.answers.items()
    }
    if operation.redirects:
        answers["307"] = _REDIRECT
    errors = {
        str(status): _error(status, codes, schema_of[ErrorBody])
        for status, codes in errors_of(operation).items()
    }
    shown["responses"] = answers | errors
    return shown


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": msgspec.json.schema(PATH_PARAMETERS[name]),
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    struct = components[operation.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in struct["required"], "schema": schema}
        for name, schema in struct["properties"].items()
    ]


def _error(status: int, codes: Sequence[ErrorCode], schema: Any) -> dict[str, Any]:
    meanings = [f"`{code}`: {CATALOGUE[code].message}" for code in codes]
    shown: dict[str, Any] = {"description": " ".join(meanings), "content": _json(schema)}
    if status in _HEADERS:
        shown["headers"] = dict(_HEADERS[status])
    return shown


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
