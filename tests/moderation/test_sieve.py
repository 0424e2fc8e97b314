"""The sieve lets through what asking each pattern would."""

from functools import reduce
from operator import or_

from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.moderation.engine.sieve import Sieve, bits

SETS = st.integers(1, 2**6 - 1)
PATTERNS = st.lists(st.lists(SETS, min_size=1, max_size=4).map(tuple), max_size=12)
WORDS = st.lists(st.integers(0, 2**6 - 1), max_size=8)


@given(PATTERNS, WORDS, WORDS)
def test_what_is_left_has_a_word_for_each_need(
    patterns: list[tuple[int, ...]], words: list[int], others: list[int]
) -> None:
    """Whatever was asked before."""
    sieve = Sieve()
    by_bit = {sieve.add(needs): needs for needs in patterns}
    sieve.left(others)
    has = reduce(or_, words, 0)

    left = [by_bit[bit] for bit in bits(sieve.left(words))]

    assert left == [needs for needs in patterns if all(has & need for need in needs)]


def test_what_comes_later_is_asked_too() -> None:
    """A pattern that is added after the first text."""
    sieve = Sieve()
    first = sieve.add((1,))
    assert sieve.left([3]) == first

    second = sieve.add((2, 1, 4))

    assert sieve.left([3]) == first
    assert sieve.left([3, 4]) == first | second
