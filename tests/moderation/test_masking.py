"""What is shown instead of what was found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.moderation.engine.find import find
from chat_gateway.moderation.engine.masking import MASKED, mask
from tests.moderation.packaged import RULES

SAID = (
    "text me on telegram my number is 0171 2345678 anna.k @ gmail . com at dot zero one seven five "
    "pay you directly not outside the platform , - ! paypal 12 insta: anna_k whats app post why "
    "t.me/anna \u200b call here order number 555 0123 +49 save the fee without"
)
WORDS = st.sampled_from(SAID.split(" "))


@pytest.mark.parametrize(
    ("spans", "masked"),
    [
        ([], "call 0171 234 now"),
        ([(5, 9)], f"call {MASKED} 234 now"),
        ([(5, 9), (10, 13)], f"call {MASKED} {MASKED} now"),
        ([(5, 9), (9, 13)], f"call {MASKED} now"),
        ([(10, 13), (5, 12), (6, 8)], f"call {MASKED} now"),
        ([(0, 17)], MASKED),
    ],
    ids=["nothing", "one", "apart", "touching", "overlapping, in any order", "all"],
)
def test_spans_are_replaced(spans: list[tuple[int, int]], masked: str) -> None:
    """Each by the same sign, whatever its length."""
    assert mask("call 0171 234 now", spans) == masked


@given(st.lists(WORDS, max_size=25).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_a_masked_text_has_no_findings(text: str) -> None:
    """What was masked neither hid nor excused anything that shows now."""
    spans = [(s.start, s.end) for finding in find([text], RULES) for s in finding.spans]

    masked = mask(text, spans)

    assert find([masked], RULES) == []


@given(st.lists(st.lists(WORDS, max_size=4).map(" ".join), min_size=2, max_size=5))
@settings(max_examples=300, deadline=None)
def test_a_masked_last_piece_completes_nothing(messages: list[str]) -> None:
    """What was said in pieces is no longer said without the last one."""
    last = len(messages) - 1
    found = find(messages, RULES)
    spans = [(s.start, s.end) for f in found for s in f.spans if s.message == last]

    masked = mask(messages[-1], spans)

    assert find([*messages[:-1], masked], RULES) == []
