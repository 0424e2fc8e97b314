"""Records that are not ours: dead letters, and records of the future (attack 43)."""

import traceback
from typing import Any

import msgspec
import pytest

from shared.contracts.events import (
    TYPES,
    VERSION,
    Event,
    FromTheFuture,
    Message,
    NotAnEvent,
    decode_event,
    encode_event,
)
from shared.contracts.topics import RECORD_BYTES_MAX
from tests.wire.golden import Sample, samples

CANARY = "the_secret_nobody_may_log"
ORDER = "o-1042"
MESSAGE: dict[str, Any] = next(
    s.content for s in samples("events") if s.name == "message-with-files"
)
ORDER_EVENT: dict[str, Any] = next(s.content for s in samples("events") if s.name == "order")
VALUE = msgspec.json.encode(MESSAGE)


def with_unknown_field(raw: bytes) -> bytes:
    """A good message with an unknown field whose value is *raw*."""
    return VALUE[:-1] + b',"x":' + raw + b"}"


def at_stack_depth(depth: int, value: bytes) -> Event:
    return at_stack_depth(depth - 1, value) if depth else decode_event(ORDER, "message", 1, value)


def reason(type_: str, value: bytes) -> str:
    """All that a log or a header could tell of a dead letter, nothing if it is none."""
    try:
        decode_event(ORDER, type_, 1, value)
    except NotAnEvent as error:
        return "".join(traceback.format_exception_only(error)) + str(shown_cause(error))
    return ""


def shown_cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_record_is_decoded_by_its_headers() -> None:
    """What a writer encodes, every reader decodes to the same event."""
    event = decode_event(ORDER, "message", VERSION, VALUE)

    assert isinstance(event, Message)
    assert decode_event(ORDER, "message", VERSION, encode_event(event)) == event


@pytest.mark.parametrize(
    ("key", "type_", "version", "value"),
    [
        (None, "message", 1, VALUE),
        (ORDER, None, 1, VALUE),
        (ORDER, "message", None, VALUE),
        (ORDER, "message", 1, None),
        (None, None, None, None),
    ],
    ids=["no key", "no type", "no version", "no value", "nothing"],
)
def test_an_incomplete_record_is_a_dead_letter(
    key: str | None, type_: str | None, version: int | None, value: bytes | None
) -> None:
    """A record without key, headers or value is none of ours, and stops nobody."""
    with pytest.raises(NotAnEvent):
        decode_event(key, type_, version, value)


@pytest.mark.parametrize("key", ["o-1043", "", "O-1042", "o-1042 "])
def test_a_record_under_another_key_is_a_dead_letter(key: str) -> None:
    """An event in another order's partition would be folded into the wrong conversation."""
    with pytest.raises(NotAnEvent):
        decode_event(key, "message", 1, VALUE)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\x01\x02\xff" * 64, id="binary"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"1e400", id="number"),
        pytest.param(VALUE[:-1], id="cut off"),
        pytest.param(VALUE + b"{}", id="two objects"),
        pytest.param(b"\xef\xbb\xbf" + VALUE, id="byte order mark"),
        pytest.param(VALUE.replace(b"Love that", b"Love \xff\xfe"), id="invalid UTF-8"),
        pytest.param(VALUE.replace(b"Love that", b"\xed\xa0\x80"), id="surrogate"),
        pytest.param(VALUE.replace(b"Love that", b"\\udc00"), id="escaped surrogate"),
        pytest.param(VALUE.replace(b'"base":1', b'"base":"1"'), id="text for a number"),
        pytest.param(VALUE.replace(b'"base":1', b'"base":1.5'), id="fraction for an integer"),
        pytest.param(VALUE.replace(b'"base":1', b'"base":NaN'), id="not a number"),
        pytest.param(VALUE.replace(b'"base":1', b'"base":null'), id="null for a number"),
        pytest.param(VALUE.replace(b'"base":1,', b""), id="missing field"),
        pytest.param(VALUE.replace(b'"participant"', b'"system"'), id="unknown capacity"),
        pytest.param(VALUE.replace(b'"message"', b'"redact"'), id="another type than its header"),
    ],
)
def test_garbage_is_a_dead_letter(value: bytes) -> None:
    """Whatever the bytes are, the outcome is a dead letter and no other error."""
    with pytest.raises(NotAnEvent):
        decode_event(ORDER, "message", 1, value)


@pytest.mark.parametrize("sample", samples("events"), ids=str)
@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 2**64, 2**200])
def test_numbers_nobody_can_keep_are_dead_letters(sample: Sample, number: int) -> None:
    """An integer that snapshots, stores or JavaScript cannot hold never reaches the fold."""
    integers = [field for field, value in sample.content.items() if type(value) is int]

    for field in integers:
        value = msgspec.json.encode(sample.content).replace(
            msgspec.json.encode({field: sample.content[field]})[1:-1],
            f'"{field}":{number}'.encode(),
        )
        with pytest.raises(NotAnEvent):
            decode_event(ORDER, sample.content["type"], 1, value)


def test_a_record_over_the_limit_is_a_dead_letter() -> None:
    """A megabyte in the log costs no reader more than a look at its length."""
    with pytest.raises(NotAnEvent):
        decode_event(ORDER, "message", 1, with_unknown_field(b'"%b"' % (b"x" * 1_048_576)))


def test_a_record_at_the_limit_is_read() -> None:
    """The limit is the topic's own: what Kafka took, readers take."""
    room = RECORD_BYTES_MAX - len(with_unknown_field(b'""'))
    value = with_unknown_field(b'"%b"' % (b"x" * room))

    assert len(value) == RECORD_BYTES_MAX
    assert isinstance(decode_event(ORDER, "message", 1, value), Message)


@pytest.mark.parametrize("depth", [600, 900, 2_000, 10_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_is_a_dead_letter(depth: int, opening: bytes, closing: bytes) -> None:
    """No depth overflows a reader's stack."""
    value = with_unknown_field(opening * depth + b"1" + closing * depth)

    with pytest.raises(NotAnEvent):
        decode_event(ORDER, "message", 1, value)


@pytest.mark.parametrize("depth", [5, 100, 200, 400, 600, 800, 900, 950])
def test_readers_agree_however_deep_their_own_stack_is(depth: int) -> None:
    """What exists depends on the record alone, not on who calls from where."""
    value = with_unknown_field(b"[" * depth + b"]" * depth)

    def verdict(stack: int) -> str:
        try:
            return type(at_stack_depth(stack, value)).__name__
        except NotAnEvent:
            return "dead letter"

    assert verdict(0) == verdict(400)


def test_brackets_in_a_text_are_no_nesting() -> None:
    """A message full of brackets is a message."""
    text = '[{"' * 2_000

    event = decode_event(ORDER, "message", 1, msgspec.json.encode(MESSAGE | {"text": text}))

    assert isinstance(event, Message)
    assert event.text == text


def test_an_order_with_the_most_parties_is_read() -> None:
    """A hundred participants are no deep nesting either."""
    party = ORDER_EVENT["participants"][0]
    crowd = [party | {"user_id": f"u-{number}"} for number in range(100)]

    value = msgspec.json.encode(ORDER_EVENT | {"participants": crowd})

    assert type(decode_event(ORDER, "order", 1, value)) in TYPES


@pytest.mark.parametrize(
    ("type_", "version"), [("poll", 1), ("poll", 2), ("message", 2), ("message", 2**31), ("", 1)]
)
@pytest.mark.parametrize("value", [VALUE, b"garbage"])
def test_the_future_stops_the_partition(type_: str, version: int, value: bytes) -> None:
    """An unknown type or a higher version is never skipped, nor is its value even looked at."""
    with pytest.raises(FromTheFuture):
        decode_event(ORDER, type_, version, value)


@pytest.mark.parametrize("version", [0, -1])
def test_versions_that_never_were_are_dead_letters(version: int) -> None:
    """No writer ever wrote below version 1, so waiting for a newer reader would help nobody."""
    with pytest.raises(NotAnEvent):
        decode_event(ORDER, "message", version, VALUE)


@pytest.mark.parametrize("sample", samples("events"), ids=str)
def test_why_a_record_is_dead_never_quotes_it(sample: Sample) -> None:
    """The reason goes to logs and headers: it holds nothing of what was written."""
    for field in sample.content:
        for wrong in (CANARY, [CANARY], {CANARY: CANARY}, f"a - at `$.{CANARY}`"):
            value = msgspec.json.encode(sample.content | {field: wrong})

            assert CANARY not in reason(sample.content["type"], value)
