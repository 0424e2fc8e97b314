"""A text as it is searched: what disguises undo to, and where each part stands in the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.moderation.engine.normalise import normalise


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("WhatsApp", "whatsapp"),
        ("Grüße aus Köln", "grusse aus koln"),
        ("wh\u200bats\u00adapp", "whatsapp"),
        ("ｗｈａｔｓ＠ａｐｐ", "whats@app"),
        ("𝐰𝒉𝖆𝚝𝓼ⓐⓟⓟ", "whatsapp"),
        ("🅆🅷🄰ᴛ🇸", "whats"),
        ("wһаtѕарр", "whatsapp"),
        ("ωhατѕαpp", "whatsapp"),
        ("ѕсоре", "scope"),
        ("0️⃣1️⃣7", "017"),
        ("٠١٧ ०१७ ①⑦ ❶❼", "017 017 17 17"),
        ("a\u0336n\u0336n\u0336a", "anna"),
        ("ünïcödé", "unicode"),
    ],
    ids=[
        "capitals",
        "accents",
        "zero width and soft hyphen",
        "full width",
        "mathematical and circled",
        "squared, small capital, regional",
        "Cyrillic among Latin",
        "Greek among Latin",
        "Cyrillic that can only be Latin",
        "keycaps",
        "digits of other scripts",
        "struck out",
        "marks",
    ],
)
def test_disguises_are_taken_off(written: str, plain: str) -> None:
    """One way to write a word is left."""
    assert normalise(written).text == plain


@pytest.mark.parametrize("text", ["напиши мне на почту", "позвони, номер у меня есть"])
def test_words_of_another_script_stay(text: str) -> None:
    """Russian is no Latin in disguise."""
    assert normalise(text).text == text.replace("й", "и")


@pytest.mark.parametrize(
    ("written", "part", "original"),
    [
        ("call 0\u200b17 now", "017", "0\u200b17"),
        ("x 0️⃣1️⃣ y", "01", "0️⃣1️⃣"),
        ("so: ﬀ ß", "ff", "ﬀ"),
        ("groß!", "ss", "ß"),
        ("a\u0301b", "a", "a\u0301"),
    ],
)
def test_parts_are_found_in_the_original(written: str, part: str, original: str) -> None:
    """With all that was hidden in them."""
    normalised = normalise(written)
    start = normalised.text.index(part)

    low, high = normalised.original(start, start + len(part))

    assert written[low:high] == original


@given(st.text())
def test_every_character_has_its_place(text: str) -> None:
    """In the original's order, and within it."""
    normalised = normalise(text)

    places = list(normalised.places)

    assert len(places) == len(normalised.text) + 1
    assert places == sorted(places)
    assert places[-1] == len(text)
