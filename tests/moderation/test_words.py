"""Words in lonely letters, however these stand apart."""

from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.moderation.engine.words import words

APART = st.text(" .-_*~/|,+", min_size=1, max_size=3)


@given(st.lists(APART, min_size=3, max_size=3), st.sampled_from(["", "x'", "then "]))
def test_letters_are_a_word_whatever_is_between_them(between: list[str], before: str) -> None:
    """And whatever stands before the first and after the last."""
    spelled = "".join(map("".join, zip("mail", [*between, ""], strict=True)))

    for text in (before + spelled, f"{before}{spelled}'x", f"{before}{spelled}, now"):
        found = words(text, {"mail"}.__contains__, lambda *_: False, ())

        assert "mail" in [word.text for word in found]
