"""Records as Kafka takes them and gives them back: keys, values, and the headers `type` and `v`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from shared.contracts.topics import RECORD_BYTES_MAX
from shared.log.port import Draft, NotAppended, Record

KEY_BYTES_MAX: Final = 4_096
ERROR_CHARS_MAX: Final = 1_000

Headers = Sequence[tuple[str, bytes | None]]


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record as Kafka takes it."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    """aiokafka wants a list; records of one kind share theirs."""


def record_to_write(draft: Draft) -> Outgoing:
    """A draft as Kafka takes it.

    Raises `NotAppended` for what the brokers would refuse: after such a batch no later one of its
    partition would get through (A4).
    """
    try:
        key = draft.key.encode()
    except UnicodeEncodeError as error:
        raise NotAppended("a key is not text") from error
    if len(draft.value) > RECORD_BYTES_MAX or len(key) > KEY_BYTES_MAX:
        raise NotAppended(f"a record of {len(draft.value)} bytes is too large")
    return Outgoing(key, draft.value, _headers(draft.type, draft.version))


@lru_cache(maxsize=64)
def _headers(type_: str, version: int) -> list[tuple[str, bytes]]:
    return [("type", type_.encode()), ("v", str(version).encode())]


def letter_to_write(record: Record, error: str, topic: str) -> Outgoing:
    """A dead letter: the record, and in its headers where it came from and why."""
    about = {
        "topic": topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "error": error[:ERROR_CHARS_MAX],
    }
    if record.type is not None:
        about["type"] = record.type
    if record.version is not None:
        about["v"] = str(record.version)
    key = None if record.key is None else record.key.encode()
    return Outgoing(key, record.value, [(name, text.encode()) for name, text in about.items()])


def record_read(polled: ConsumerRecord) -> Record:
    """A record as we know it, whoever wrote it. What is no text, or no number, is missing."""
    type_, version = _kind(polled.headers)
    key = polled.key
    return Record(
        polled.partition,
        polled.offset,
        polled.timestamp,
        None if key is None else _text(key),
        type_,
        version,
        polled.value,
    )


@lru_cache(maxsize=256)
def _kind(headers: Headers) -> tuple[str | None, int | None]:
    """What the headers `type` and `v` say; the last of each counts."""
    found = dict(headers)
    type_, version = found.get("type"), found.get("v") or b""
    number = int(version) if version.isdigit() and len(version) < 10 else None
    return None if type_ is None else _text(type_), number


@lru_cache(maxsize=16_384)  # keys come again and again, and each record holds its own
def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
