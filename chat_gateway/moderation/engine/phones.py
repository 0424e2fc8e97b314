"""Telephone numbers: digits put together from numerals and number words."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.normalise import BLOT, MASK
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.shapes import (
    DECIMAL,
    LOOKS_WRITTEN,
    NO_NUMBER,
    Group,
    counts_up,
    is_row,
    is_said_in_groups,
    is_time_or_date,
)
from chat_gateway.moderation.engine.text import Text
from chat_gateway.moderation.engine.words import plain

DIGITS_MIN: Final = 6
DIGITS_MAX: Final = 17
"""E.164 has at most 15; 00 before them makes 17."""

GLUED_MIN: Final = 6
GLUED_MAX: Final = 60
"""Shorter and longer words than these are not taken apart into number words."""

_BEFORE: Final = 6
_AFTER: Final = 4
"""How many words around a number tell what it is."""

_DIGIT: Final = re.compile(r"\d")
_O_FOR_ZERO: Final = re.compile(r"[oil]\d|\d[oil]")
_LETTER_DIGITS: Final = str.maketrans("oil", "011")
_LETTERED: Final = re.compile(r"[oil]*\d[\doil]*")
_APART: Final = re.compile(rf"[€$£%#@{BLOT}]|{MASK}{{3}}")
_MONEY: Final = re.compile(r"\s?[€$£%]")
_QUOTE: Final = re.compile(r"(?<!\w)[\"'“”„«»]\Z")
_SPELLED_MIN: Final = 3
_BETWEEN_MAX: Final = 24
_FILLERS_MAX: Final = 4


class Phones:
    """The detector of telephone numbers."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        values = (*range(20), *range(20, 100, 10), *range(100, 1000, 100))
        self._numbers = {word: str(n) for n in values for word in vocabulary.terms(str(n))}
        self._again = {
            word: times
            for times, name in ((2, "double"), (3, "triple"))
            for word in vocabulary.terms(name)
        }
        self._within = frozenset(vocabulary.terms("within_number"))
        self._parts = {*self._numbers, *self._again, *self._within, *"0123456789"}
        self._part_chars_max = max(map(len, self._parts))
        self._heads = {part[:3] for part in self._parts}
        self._spelled = 0
        for n in values:
            self._spelled |= vocabulary.mask(str(n))
        self._filler = vocabulary.mask("between_digits")
        self._phone = vocabulary.mask("phone")
        self._reference = vocabulary.mask("reference")
        self._counted = vocabulary.mask("counted")
        self._number_noun = vocabulary.mask("number_noun")
        self._my = vocabulary.mask("my")
        self._listed = vocabulary.mask("listed")
        self._plus = vocabulary.mask("plus")
        self._in_parts = vocabulary.mask("in_parts")
        self._dialled = vocabulary.mask("dialled")

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each number's part of the text."""
        # Most messages have too few digits, and no number words: no more need be known of them.
        if self._has_too_few(text):
            return
        for run in self._runs(text):
            if not sum(len(group.digits) for group in run) >= DIGITS_MIN:
                continue
            # "I'm on 0171 …": the word next to a number may be one by chance.
            for first in range(min(2, len(run) - 1) + 1):
                if first and not run[first - 1].spelled:
                    break
                if self._is_phone(text, run[first:]):
                    start = run[first].start
                    while start and text.plain[start - 1] in "+(":
                        start -= 1
                    yield start, run[-1].end
                    break

    def _has_too_few(self, text: Text) -> bool:
        digits = len(_DIGIT.findall(text.plain))
        if digits >= DIGITS_MIN or (digits >= 3 and _O_FOR_ZERO.search(text.plain)):
            return False
        read = text.read
        spelled = sum(1 for mask in read.masks if mask & self._spelled)
        if spelled >= _SPELLED_MIN:
            return False
        return not any(
            not mask and self._is_glued(word.text) and self._apart(word.text)
            for word, mask in zip(read.words, read.masks, strict=True)
        )

    def _runs(self, text: Text) -> Iterator[list[Group]]:
        """Digits that stand together, with nothing between but signs and a filler or two."""
        run: list[Group] = []
        times, fillers = 1, 0
        for number, word in enumerate(text.read.words):
            digits, spelled = self._digits(word.text)
            if digits:
                between = text.plain[run[-1].end : word.start] if run else ""
                joins = fillers <= _FILLERS_MAX and len(between) <= _BETWEEN_MAX
                if run and (not joins or _APART.search(between)):
                    yield run
                    run = []
                run.append(
                    Group(digits * times, spelled + (times > 1), word.start, word.end, number)
                )
                times, fillers = 1, 0
            elif word.text in self._again:
                times = self._again[word.text]
            elif text.read.masks[number] & self._filler or not word.text[0].isalnum():
                fillers += 1
            else:
                times, fillers = 1, _FILLERS_MAX + 1
        if run:
            yield run

    def _digits(self, word: str) -> tuple[str, int]:
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
        if self._is_glued(word):
            digits, times = "", 1
            parts = self._apart(word)
            for part in parts:
                digits += self._numbers.get(part, part if part.isdigit() else "") * times
                times = self._again.get(part, 1)
            return digits, sum(part in self._numbers for part in parts)
        return "", 0

    def _is_glued(self, word: str) -> bool:
        """Whether it could be made of number words."""
        return GLUED_MIN <= len(word) <= GLUED_MAX and (
            word[:3] in self._heads or not word.isalpha()
        )

    def _apart(self, word: str) -> list[str]:
        """The number words that a word is made of, if it is: "nulleinssieben"."""
        ways: dict[int, list[str]] = {0: []}
        for at in range(len(word)):
            if at not in ways:
                continue
            for end in range(at + 1, min(len(word), at + self._part_chars_max) + 1):
                if end not in ways and word[at:end] in self._parts:
                    ways[end] = [*ways[at], word[at:end]]
        return ways.get(len(word), [])

    def _is_phone(self, text: Text, run: list[Group]) -> bool:
        digits = "".join(group.digits for group in run)
        if not DIGITS_MIN <= len(digits) <= DIGITS_MAX or is_row(run):
            return False
        read = text.read
        start, end, first, last = run[0].start, run[-1].end, run[0].word, run[-1].word
        lead = text.plain[max(0, start - 3) : start]
        called = self._called(text, first, last)
        spelled = sum(group.spelled for group in run)
        if spelled >= _SPELLED_MIN and len(digits) >= 10:
            return True
        if not called:
            if lead.rstrip().endswith(("#", "€", "$", "£")) or _MONEY.match(text.plain, end):
                return False
            if self._refers(text, first) or read.near(self._counted, last + 1, last + 3):
                return False
        has_plus = "+" in lead or bool(first and text.read.masks[first - 1] & self._plus)
        if has_plus and len(digits) >= 8:
            return True
        if spelled and not called and DECIMAL.search(text.plain, start, end):
            return False
        if spelled:
            return spelled >= _SPELLED_MIN or (len(digits) >= 8 and spelled >= 2)
        written = text.plain[start:end]
        if LOOKS_WRITTEN.fullmatch(text.plain, start - lead.endswith("("), end):
            return True
        if NO_NUMBER.fullmatch(written) and not (written[0] == "0" and written.isdigit()):
            return called and (written.isdigit() or len(digits) >= 9) and len(digits) >= 7
        if called or self._is_numbered(text, first):
            return len(digits) >= 7
        if is_time_or_date(written) or counts_up(run):
            return False
        if len(run) > 2 and read.near(self._listed, first - 4, first):
            return False
        if is_said_in_groups(run, written):
            return True
        if digits.startswith("00"):
            return len(digits) >= 10
        return digits.startswith("0") and 9 <= len(digits) <= 13

    def _called(self, text: Text, first: int, last: int) -> bool:
        """Whether somebody is called under this number, as far as the words around it say."""
        near = text.read.near
        if self._is_own(text, first, last):
            return True
        if near(self._phone, first - 3, first) and not self._refers(text, first, 2):
            return True
        if self._refers(text, first):
            return False
        return near(self._phone, first - _BEFORE, first) or near(
            self._phone, last + 1, last + 1 + _AFTER
        )

    def _is_own(self, text: Text, first: int, last: int) -> bool:
        """Whether "my number" stands beside it; my order's number is another thing."""
        masks = text.read.masks
        if text.read.near(self._in_parts, first - 3, first) and (
            text.read.near(self._number_noun, first - 9, first)
        ):
            return True
        return any(
            masks[number] & self._number_noun and masks[number - 1] & self._my
            for number in (*range(max(1, first - 3), first), *range(last + 2, last + 5))
            if number < len(masks)
        )

    def _is_numbered(self, text: Text, first: int) -> bool:
        """Whether "number" stands before it, and not whose: "contract number", "номер договора"."""
        masks = text.read.masks
        for number in range(first - 1, max(-1, first - 4), -1):
            if masks[number] & self._number_noun:
                return number == 0 or masks[number - 1] != 0 or not _is_word(text, number - 1)
            if not masks[number] and _is_word(text, number):
                return False
        return False

    def _refers(self, text: Text, first: int, far: int = 4) -> bool:
        """Whether the number is one of an order, a parcel and the like; one in quotes is a joke."""
        masks = text.read.masks
        for number in range(max(0, first - far), first):
            if masks[number] & self._reference and not (
                number and masks[number - 1] & self._dialled  # an area's code
            ):
                word = text.read.words[number]
                return not _QUOTE.search(text.plain[max(0, word.start - 2) : word.start])
        return False


def _is_word(text: Text, number: int) -> bool:
    return text.read.words[number].text[0].isalnum()
