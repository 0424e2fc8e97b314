"""Digits of a word: of a numeral, a number word, or several of them glued together."""

import re
from typing import Final

from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.words import plain

VALUES: Final = (*range(20), *range(20, 100, 10), *range(100, 1000, 100))
"""What there are number words for."""

GLUED_MIN: Final = 6
MIXED_MIN: Final = 4
GLUED_MAX: Final = 60
"""Shorter and longer words than these are not taken apart into number words (and numerals)."""

_LETTER_DIGITS: Final = str.maketrans("oil", "011")
_LETTERED: Final = re.compile(r"[oil]*\d[\doil]*")


class Numerals:
    """What digits words stand for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._numbers = {word: str(n) for n in VALUES for word in vocabulary.terms(str(n))}
        self.again = {
            word: times
            for times, name in ((2, "double"), (3, "triple"))
            for word in vocabulary.terms(name)
        }
        self._within = frozenset(vocabulary.terms("within_number"))
        self._parts = {*self._numbers, *self.again, *self._within, *"0123456789"}
        self._part_chars_max = max(map(len, self._parts))
        self._heads = {part[:3] for part in self._parts}

    def digits(self, word: str) -> tuple[str, int]:
        """The digits that a word is, and how many number words it is made of."""
        if word.isdigit():
            return word, 0
        if word in self._numbers:
            return self._numbers[word], 1
        if not word.isalpha():
            if _LETTERED.fullmatch(word):
                return word.translate(_LETTER_DIGITS), 0
            if plain(word) in self._numbers:
                return self._numbers[plain(word)], 1
        if self.is_glued(word):
            digits, times = "", 1
            parts = self.apart(word)
            if not any(part in self._numbers or part in self.again for part in parts):
                return "", 0  # the German 12e3 is "12 and 3" as little as e1000 is
            for part in parts:
                digits += self._numbers.get(part, part if part.isdigit() else "") * times
                times = self.again.get(part, 1)
            return digits, sum(part in self._numbers for part in parts)
        return "", 0

    def is_glued(self, word: str) -> bool:
        """Whether it could be made of number words."""
        if word.isalpha():
            return GLUED_MIN <= len(word) <= GLUED_MAX and word[:3] in self._heads
        return MIXED_MIN <= len(word) <= GLUED_MAX

    def apart(self, word: str) -> list[str]:
        """The number words that a word is made of, if it is: "nulleinssieben"."""
        ways: dict[int, list[str]] = {0: []}
        for at in range(len(word)):
            if at not in ways:
                continue
            for end in range(at + 1, min(len(word), at + self._part_chars_max) + 1):
                if end not in ways and word[at:end] in self._parts:
                    ways[end] = [*ways[at], word[at:end]]
        return ways.get(len(word), [])
