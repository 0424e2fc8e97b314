"""What a text may be (attacks 25, 27): counted after NFC, free of control characters, and cheap."""

import time
import unicodedata
from typing import Final

import msgspec
import pytest

from chat_gateway.text import COMBINING_MAX, TextRefused, clean_text
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.frames import Limits
from tests.chat_gateway.world import House, send, turns

LIMITS = Limits()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x" * 8_000,
        "a\nb\tc",
        "  spaces stay  ",
        "<b>markup</b> & {{braces}}",
        "مرحبا \u202egpj.exe \u2067rtl\u2069",
        "👩\u200d👩\u200d👧\u200d👦 zero\u200bwidth",
        "e\u0323\u0302"[:1] + "\u1ec7",
        "\ue000\U0010ffff unassigned",
        "😀" * 8_000,
    ],
)
def test_texts_are_stored_as_they_are(text: str) -> None:
    """What Unicode has is data, directions and joiners too."""
    assert clean_text(text, LIMITS) == text


@pytest.mark.parametrize("decomposed", ["Cafe\u0301", "한글"[:1], "\u1112\u1161\u11ab"])
def test_twins_are_stored_in_nfc(decomposed: str) -> None:
    """Two ways to write one text are one text."""
    assert clean_text(decomposed, LIMITS) == unicodedata.normalize("NFC", decomposed)


def test_length_counts_after_nfc() -> None:
    """A text in decomposed form is not longer for it."""
    assert len(clean_text("e\u0301" * 8_000, LIMITS)) == 8_000


@pytest.mark.parametrize("text", ["x" * 8_001, "😀" * 8_001, "e\u0301" * 8_001, "x" * 60_000])
def test_long_texts_are_too_large(text: str) -> None:
    """One code point more than fits."""
    with pytest.raises(TextRefused) as refused:
        clean_text(text, LIMITS)

    assert refused.value.code == ErrorCode.TOO_LARGE


def test_bytes_are_bounded_too() -> None:
    """As UTF-8; with limits where the two bounds differ."""
    limits = Limits(text_chars=10, text_bytes=20)
    assert clean_text("é" * 10, limits) == "é" * 10

    with pytest.raises(TextRefused) as refused:
        clean_text("é" * 9 + "한", limits)

    assert refused.value.code == ErrorCode.TOO_LARGE


@pytest.mark.parametrize("code", [*range(9), *range(11, 32), *range(127, 160)])
def test_control_characters_are_invalid(code: int) -> None:
    """All but newline and tab."""
    with pytest.raises(TextRefused) as refused:
        clean_text(f"a{chr(code)}b", LIMITS)

    assert refused.value.code == ErrorCode.INVALID


def test_an_empty_text_is_invalid_unless_it_may_be_empty() -> None:
    """Notes may be empty, messages not."""
    assert clean_text("", LIMITS, may_be_empty=True) == ""

    with pytest.raises(TextRefused) as refused:
        clean_text("", LIMITS)

    assert refused.value.code == ErrorCode.INVALID


@pytest.mark.no_cover
def test_piles_of_marks_are_refused_before_they_cost_time() -> None:
    """Normalising them takes time that grows with their square."""
    assert clean_text("a" + "\u0323" * COMBINING_MAX, LIMITS)
    began = time.process_time()

    for pile in ("\u0301\u0323" * 16_000, "\u0301" * 10_000 + "\u0323" * 6_000):
        with pytest.raises(TextRefused) as refused:
            clean_text("a" + pile, LIMITS)
        assert refused.value.code in (ErrorCode.INVALID, ErrorCode.TOO_LARGE)

    assert time.process_time() - began < 0.5


@pytest.mark.no_cover
def test_the_worst_text_that_is_taken_is_cheap() -> None:
    """As many marks as are allowed in a row, as often as they fit a frame."""
    worst = ("a" + "\u0301\u0323" * (COMBINING_MAX // 2)) * (32_000 // (COMBINING_MAX + 1))
    began = time.process_time()

    with pytest.raises(TextRefused):
        clean_text(worst, LIMITS)

    assert time.process_time() - began < 0.2


# What costs time (attack 25).

HOSTILE: Final[dict[str, str]] = {
    "one letter": "a",
    "brackets": "((((",
    "links": "http://a@",
    "markup": "<b [](",
    "mentions": "@a.",
    "spaces": " \t\n",
    "quotes": "\\\"'",
    "combined": "e\u0323\u0302",
    "syllables": "\u1112\u1161\u11ab",
    "compatible": "\ufdfa\uf900",
    "growing in NFC": "\u0958\U0001d160",
    "directions": "\u202e\u2066",
    "joined": "👩\u200d",
    "piles": "a" + "\u0323\u0301" * (COMBINING_MAX // 2),
}
"""What patterns of all kinds trip over when it comes again and again, closed by what fits none."""
MESSAGE_S: Final = 0.1
"""Each takes 5 ms of a processor at most, of a slow and busy one up to 20; what grows with the
square of its length takes seconds."""


def hostile(unit: str, chars: int) -> str:
    return (unit * chars)[: chars - 1] + "!"


async def cost_s(text: str) -> float:
    """CPU time of a message of this text from its frame to its event's frame; the best of some
    tries, since a busy machine makes single ones longer and none shorter."""
    best = 1.0
    for key in range(5):
        house = House()
        session, _ = house.join()
        frame = frames.encode_frame(msgspec.structs.replace(send(key), text=text))
        began = time.process_time()
        session.receive(frame)
        spent = time.process_time() - began
        await turns()
        taken = [event for batch in house.log.batches for event in batch.events]
        began = time.process_time()
        for event in taken:
            house.meet(event)
        best = min(best, spent + time.process_time() - began)
        await house.publisher.close()
    return best


@pytest.mark.no_cover
@pytest.mark.parametrize("name", HOSTILE)
async def test_no_text_costs_more_than_its_length(name: str) -> None:
    """Next to nothing for the longest; twice as long costs at most some twice the time."""
    half = await cost_s(hostile(HOSTILE[name], LIMITS.text_chars // 2))
    whole = await cost_s(hostile(HOSTILE[name], LIMITS.text_chars))

    assert whole < MESSAGE_S
    assert whole < 3 * half + 0.001


@pytest.mark.no_cover
async def test_what_fills_a_frame_and_is_refused_is_cheap_too() -> None:
    """Before it is known to be too long."""
    for unit in HOSTILE.values():
        text = hostile(unit, (LIMITS.frame_bytes - 512) // len(unit.encode()) * len(unit))

        assert await cost_s(text) < MESSAGE_S
