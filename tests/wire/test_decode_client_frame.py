"""Whatever a client sends, it gets a clear answer, and nobody else a surprise.

Attacks 8 (no frame at all), 9 (almost one), 22 (spoofed fields), 24 (operators), 47 (positions).
"""

from typing import Any

import msgspec
import pytest

from shared.contracts.frames import (
    NOTE_CHARS_MAX,
    TOKEN_CHARS_MAX,
    Hello,
    Join,
    MalformedFrame,
    Report,
    decode_client_frame,
)
from tests.wire.golden import Sample, samples

CANARY = "the_secret_nobody_may_echo"
CLIENT = {sample.name: sample for sample in samples("client")}
SEND = CLIENT["send"].content
JOIN = CLIENT["join"].content


def refusal(data: bytes | str | dict[str, Any]) -> str:
    """What a client is told about *data*."""
    with pytest.raises(MalformedFrame) as raised:
        decode_client_frame(msgspec.json.encode(data) if isinstance(data, dict) else data)
    assert raised.value.__suppress_context__
    return str(raised.value)


def answer(content: dict[str, Any]) -> str:
    """What a client is told about *content*, nothing if it is taken."""
    try:
        decode_client_frame(msgspec.json.encode(content))
    except MalformedFrame as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "data",
    [
        "",
        " ",
        "null",
        "[]",
        "7",
        '"hello"',
        "NaN",
        "1e400",
        "{}",
        '{"op":null}',
        '{"op":7}',
        '{"op":{"op":"hello"}}',
        '{"op":"HELLO","token":"a"}',
        '{"op":"event"}',
        '{"op":"welcome"}',
        '{"__proto__":{"op":"hello"}}',
        '{"op":"hello","__proto__":{"token":"a"}}',
        '{"op":"hello","token":"a"}{}',
        '{"op":"hello","token":"a"}\0',
        '{"op":"hello","op":"auth","token":"a"}',
        '\ufeff{"op":"hello","token":"a"}',
        '{"op":"hello","token":"\\ud800"}',
        '{"op":"hello","token":"\ud800"}',
        '{"op":"hello","token":"a",}',
        "{'op':'hello'}",
        b"\xff\xfe",
        b'{"op":"hello","token":"\xff"}',
        b'{"op":"hello","token":"\xed\xa0\x80"}',
        b'{"op":"hel\x00lo","token":"a"}',
    ],
)
def test_what_is_no_frame_is_refused(data: bytes | str) -> None:
    """Text that is no frame of ours is answered, whatever it is, with a sentence."""
    assert refusal(data).endswith(".")


@pytest.mark.parametrize("depth", [100, 1_000, 10_000, 30_000])
@pytest.mark.parametrize(
    "around", ["%s", '{"op":%s}', '{"op":"hello","token":%s}', '{"op":"hello","x":%s}']
)
def test_deep_nesting_is_refused(around: str, depth: int) -> None:
    """No frame overflows the stack, wherever the nesting stands."""
    assert refusal(around % ("[" * depth + "]" * depth))
    assert refusal(around % ("[" * depth))
    assert refusal(around % ('{"a":' * depth))


@pytest.mark.parametrize("sample", CLIENT.values(), ids=str)
def test_a_refusal_names_the_field(sample: Sample) -> None:
    """The author of a client is told which field is wrong, also when an operator stands in it."""
    for field in sample.content:
        for wrong in ({"$ne": CANARY}, {"$where": CANARY}, {"_id": {"$gt": ""}}):
            told = refusal(sample.content | {field: wrong})

            assert f"$.{field}" in told
            assert CANARY not in told


@pytest.mark.parametrize("sample", CLIENT.values(), ids=str)
@pytest.mark.parametrize(
    "wrong",
    [
        CANARY,
        f"x - at {CANARY}",
        f"x' - at `$.{CANARY}`",
        f"`$.{CANARY}`",
        [CANARY],
        {CANARY: CANARY},
        4815162342108.5,
        True,
        None,
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_a_refusal_never_quotes_a_value(sample: Sample, wrong: object) -> None:
    """What was sent is not repeated: it may be a token, or a text meant for somebody else."""
    for field in sample.content:
        told = answer(sample.content | {field: wrong})

        assert CANARY not in told
        assert "4815162342108" not in told


@pytest.mark.parametrize("sample", CLIENT.values(), ids=str)
@pytest.mark.parametrize("name", [CANARY, f"x - at {CANARY}", f"x` - at `$.{CANARY}"])
def test_a_refusal_never_quotes_an_unknown_field(sample: Sample, name: str) -> None:
    """An unknown field's name came from outside too."""
    assert CANARY not in refusal(sample.content | {name: 1})


@pytest.mark.parametrize("sample", CLIENT.values(), ids=str)
def test_a_missing_field_is_named(sample: Sample) -> None:
    """Every field without a default is asked for by its name."""
    struct = type(decode_client_frame(msgspec.json.encode(sample.content)))
    required = [field.encode_name for field in msgspec.structs.fields(struct) if field.required]

    for field in [*required, "op"]:
        content = {name: value for name, value in sample.content.items() if name != field}

        assert f"`{field}`" in refusal(content)


@pytest.mark.parametrize(
    "spoofed",
    ["from", "by", "as", "role", "ts", "at", "offset", "seq", "msg_id", "n", "base", "system"],
)
def test_a_sender_cannot_say_who_or_when_it_is(spoofed: str) -> None:
    """What the token and the log decide is no field of a frame."""
    assert "Unknown field" in refusal(SEND | {spoofed: True})


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("ref", 2**53),
        ("ref", -(2**53)),
        ("ref", "3"),
        ("ref", 3.5),
        ("order_id", ""),
        ("order_id", "a/b"),
        ("order_id", "o-1042\n"),
        ("order_id", "x" * 65),
        ("id", "1"),
        ("id", "x" * 1_048_576),
        ("id", "019c2f5e-8a02-7c3d-9e4f-5a6b7c8d9e02\n"),
        ("id", "{019c2f5e-8a02-7c3d-9e4f-5a6b7c8d9e02}"),
        ("text", 7),
        ("attachments", "statement"),
        ("attachments", ["x" * 4_097]),
        ("reply_to", "1"),
        ("seen", -1),
        ("seen", 2**53),
        ("seen", 1.5),
        ("retry", "true"),
        ("retry", 1),
    ],
)
def test_a_send_with_a_wrong_field_is_refused(field: str, wrong: object) -> None:
    """Types and bounds are strict: nothing is guessed from something similar."""
    assert f"$.{field}" in refusal(SEND | {field: wrong})


@pytest.mark.parametrize("position", [-1, 2**53, 2**64, 1.5, "1", [1], {"$gt": 0}])
@pytest.mark.parametrize(
    ("name", "field"),
    [("join", "after"), ("history", "before"), ("history", "after"), ("read", "up_to")],
)
def test_a_forged_position_is_refused(name: str, field: str, position: object) -> None:
    """No position outside of what a seq can be reaches the log."""
    assert f"$.{field}" in refusal(CLIENT[name].content | {field: position})


@pytest.mark.parametrize("position", ["1e400", "-0.5", "NaN", "Infinity", "0x10", "1" * 400])
def test_a_position_that_is_no_number_is_refused(position: str) -> None:
    """Neither overflow nor JavaScript's special numbers get through."""
    refusal(f'{{"op":"join","ref":1,"order_id":"o-1042","after":{position}}}')


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_of_nothing_is_refused(limit: int) -> None:
    """A limit below 1 is a mistake."""
    assert "$.limit" in refusal(JOIN | {"limit": limit})


def test_a_page_over_the_maximum_is_taken() -> None:
    """A limit over the maximum is no mistake: the gateway takes it as the maximum."""
    frame = decode_client_frame(msgspec.json.encode(JOIN | {"limit": 1_000_000}))

    assert isinstance(frame, Join)


def test_long_secrets_and_notes_are_bounded() -> None:
    """At their bounds they pass, one character more and they do not."""
    token, note = "t" * TOKEN_CHARS_MAX, "n" * NOTE_CHARS_MAX
    hello, report = CLIENT["hello"].content, CLIENT["report"].content

    assert isinstance(decode_client_frame(msgspec.json.encode(hello | {"token": token})), Hello)
    assert isinstance(decode_client_frame(msgspec.json.encode(report | {"note": note})), Report)
    assert "$.token" in refusal(hello | {"token": token + "t"})
    assert "$.note" in refusal(report | {"note": note + "n"})


def test_the_last_of_two_equal_fields_counts_everywhere() -> None:
    """Repeated fields are read as every JSON reader reads them, so no check sees another value."""
    frame = decode_client_frame('{"op":"hello","token":"first","token":"last"}')

    assert frame == Hello(token="last")


def test_text_and_bytes_are_the_same_frame() -> None:
    """A frame may come as text or as its UTF-8."""
    data = msgspec.json.encode(SEND)

    assert decode_client_frame(data) == decode_client_frame(data.decode())
