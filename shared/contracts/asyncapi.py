"""AsyncAPI 3.0 of what is not HTTP: the websocket protocol both ways, and the log's topic."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from shared.contracts import events, frames
from shared.contracts.components import components_of
from shared.contracts.topics import TIMELINE

CHAT_PATH: Final = "/v1/chat"

_JSON: Final = "application/json"


def make_asyncapi() -> dict[str, Any]:
    """The document. Equal Structs give equal documents."""
    client = _group("client", get_args(frames.ClientFrame))
    server = _group("server", get_args(frames.ServerFrame))
    shown = _group("event", get_args(frames.EventShown))
    log = _group("log", get_args(events.Event), record=True)
    groups = (client, server, shown, log)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Order Chat",
            "version": str(frames.PROTOCOL_VERSION),
            "description": "The websocket protocol of a gateway, and the log behind it.",
        },
        "defaultContentType": _JSON,
        "channels": {
            "chat": {
                "address": CHAT_PATH,
                "description": "Text frames, one JSON object each, told apart by `op`; frames "
                "whose `op` is `event` by `type`. The first frame is `hello`.",
                "messages": client.refs() | server.refs() | shown.refs(),
                "bindings": {"ws": {"method": "GET"}},
            },
            "timeline": {
                "address": TIMELINE,
                "description": "Everything that happens in orders, one order's events in one "
                "partition. Readers pass over fields they do not know, and stop at a type or "
                "version they do not know.",
                "messages": log.refs(),
                "bindings": {"kafka": {"topic": TIMELINE}},
            },
        },
        "operations": {
            "fromClient": _operation("receive", "chat", client),
            "toClient": _operation("send", "chat", server, shown),
            "append": _operation("send", "timeline", log),
            "follow": _operation("receive", "timeline", log),
        },
        "components": {
            "messages": _merged(group.messages for group in groups),
            "schemas": _merged(group.schemas for group in groups),
        },
    }


class _Group(msgspec.Struct):
    """Messages of one direction, and their schemas; both under names that begin with its own."""

    messages: dict[str, Any]
    schemas: dict[str, Any]

    def refs(self) -> dict[str, Any]:
        return {name: {"$ref": f"#/components/messages/{name}"} for name in self.messages}


def _group(prefix: str, structs: tuple[Any, ...], *, record: bool = False) -> _Group:
    template = f"#/components/schemas/{prefix}.{{name}}"
    _, components = components_of(structs, template)
    messages = {}
    for struct in structs:
        tag = str(struct.__struct_config__.tag)
        message: dict[str, Any] = {
            "name": tag,
            "summary": " ".join(struct.__doc__.split()),
            "contentType": _JSON,
            "payload": {"$ref": template.format(name=struct.__name__)},
        }
        if record:
            message |= _record(tag)
        messages[f"{prefix}.{tag}"] = message
    schemas = {f"{prefix}.{name}": _plain(schema) for name, schema in sorted(components.items())}
    return _Group(messages, schemas)


def _record(type_: str) -> dict[str, Any]:
    """What a record has beside its value."""
    return {
        "headers": {
            "type": "object",
            "required": ["type", "v"],
            "properties": {
                "type": {"const": type_},
                "v": {"const": str(events.VERSION), "description": "Version of the schema."},
            },
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": "The order id."}}},
    }


def _operation(action: str, channel: str, *groups: _Group) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [
            {"$ref": f"#/channels/{channel}/messages/{name}"}
            for group in groups
            for name in group.messages
        ],
    }


def _plain(schema: Any) -> Any:
    """A schema with discriminators as AsyncAPI has them: by the property's name alone."""
    if isinstance(schema, dict):
        return {
            key: value["propertyName"] if key == "discriminator" else _plain(value)
            for key, value in schema.items()
        }
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def _merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}
