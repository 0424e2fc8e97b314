"""AsyncAPI 3.0 of what is not HTTP: the websocket protocol both ways, and the log's topic."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from shared.contracts import events, frames
from shared.contracts.components import components_of
from shared.contracts.examples import EXAMPLES
from shared.contracts.topics import RECORD_BYTES_MAX, TIMELINE

CHAT_PATH: Final = "/v1/chat"

_JSON: Final = "application/json"

_ABOUT: Final = f"""\
The websocket protocol of a gateway, version {frames.PROTOCOL_VERSION}, and the log behind it, \
whose records have a version of their own, {events.VERSION}, in the header `v`."""

_TIMELINE: Final = f"""\
Everything that happens in orders, for whoever reads the log itself: JSON in UTF-8, at most \
{RECORD_BYTES_MAX:,} bytes, of the type that the header `type` names.

**Order.** The key is the order's id, the partition that of Kafka's standard partitioner (murmur2 \
of the key, as the Java client has it), and the number of partitions never changes: all of an \
order stands in one partition, in one order. There are neither transactions nor compaction, so \
offsets are dense. `seq`, by which frames and HTTP name a position, is `epoch << 44 | offset`; an \
event's `at` is its record's timestamp (LogAppendTime, ms). Records are kept for ever, unless an \
operator has shortened that.

**A record is what was asked for.** It may be a copy: of all records of an order with the same \
`id` at most one stands. Rarely none does: by the order's state at its place in the log its writer \
might not do this. Nobody is shown what does not stand, and a verdict on it does no harm. Whether \
a record stands is what gateways find out by folding all records of its order.

**Growth.** Within a version types may be added, and fields with a default. Nothing that is there \
is removed, renamed, made required or optional, or takes more or fewer values; that includes the \
values of every `enum`. What is no `enum`, such as `status`, `role`, `flags` and `reason`, may \
say what you do not know. Pass over fields that you do not know. A higher `v` than yours may mean \
something else by the same words: stop that partition there, and be upgraded. So must whoever \
folds stop at a type that it does not know; who folds nothing may pass over it. What does not \
decode under its own `v`, or lacks a key or a header, is absent for every reader."""


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
            "description": _ABOUT,
        },
        "defaultContentType": _JSON,
        "channels": {
            "chat": {
                "address": CHAT_PATH,
                "description": "Text frames, one JSON object each, told apart by `op`; frames "
                "whose `op` is `event` by `type`. The first frame is `hello`.",
                "messages": client.refs() | server.refs() | shown.refs(),
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "query": {
                            "type": "object",
                            "properties": {
                                "order": {
                                    "type": "string",
                                    "description": "Id of an order that will be joined, so that "
                                    "its parties may be served in one place. Decides nothing else.",
                                }
                            },
                        },
                        "bindingVersion": "0.1.0",
                    }
                },
            },
            "timeline": {
                "address": TIMELINE,
                "description": _TIMELINE,
                "messages": log.refs(),
                "bindings": {
                    "kafka": {
                        "topic": TIMELINE,
                        "topicConfiguration": {
                            "cleanup.policy": ["delete"],
                            "retention.ms": -1,
                            "retention.bytes": -1,
                        },
                        "bindingVersion": "0.5.0",
                    }
                },
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
    """What a record has beside its value, and all of one."""
    version = str(events.VERSION)
    return {
        "headers": {
            "type": "object",
            "description": "As bytes of text, the number too.",
            "required": ["type", "v"],
            "properties": {
                "type": {"const": type_},
                "v": {"const": version, "description": "Version of the schema."},
            },
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The order id."},
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [
            {
                "headers": {"type": type_, "v": version},
                "payload": msgspec.to_builtins(example),
            }
            for example in EXAMPLES
            if events.TYPES[type(example)] == type_
        ],
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
