"""Telephone numbers: digits put together from numerals and number words."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine import series
from chat_gateway.moderation.engine.normalise import BLOT, MASK
from chat_gateway.moderation.engine.numerals import VALUES, Numerals
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.shapes import (
    CODE,
    DECIMAL,
    DECIMALS,
    LOOKS_WRITTEN,
    NO_NUMBER,
    OF_CODE,
    SPACED,
    is_disguised,
    is_list,
    is_said_in_groups,
    is_size,
    is_time_or_date,
    is_whole,
)
from chat_gateway.moderation.engine.text import Text
from chat_gateway.moderation.engine.words import SENTENCE

DIGITS_MIN: Final = 6
DIGITS_MAX: Final = 17
"""E.164 has at most 15; 00 before them makes 17."""

_BEFORE: Final = 6
_AFTER: Final = 4
_FAR: Final = 8
"""How many words around a number tell what it is."""

_DIGIT: Final = re.compile(r"\d")
_O_FOR_ZERO: Final = re.compile(r"[oil]\d|\d[oil]")
_APART: Final = re.compile(rf"[€$£%#@{BLOT}]|{MASK}{{3}}")
_MONEY: Final = re.compile(r"\s?[€$£%]")
_OF: Final = re.compile(r"\d+ (?:of|von|de|di|sur|z|из) \d+")
"""The third of five."""
_MOBILE: Final = re.compile(r"[67]\d{8}")
_NO_DIGITS_BY: Final = re.compile(r"\d:\d\d|\sby\s")
_AMOUNTS: Final = re.compile(r"\d+[.,]\d{2}(?:\D{0,9}\s\D{0,9}\d+[.,]\d{2})+")
_BEHIND_A_NAME: Final = re.compile(r"[a-z]_\Z")
"""What is a camera's number for a picture: DJI_0552."""
_OF_FILE: Final = re.compile(r"_[a-z]\w{0,60}\.[a-z]")
"""What follows a number in the name of a file."""
_QUOTE: Final = re.compile(r"(?<!\w)[\"'“”„«»]\Z")
_PART: Final = frozenset(["part", "teil", "parte", "partie"])
_SPELLED_MIN: Final = 3
_IT: Final = frozenset(["it", "lo", "drauf", "le", "that", "this", "dort", "da", "an"])
_ALONE_MAX: Final = 9
_ROW_MAX: Final = 99
_BETWEEN_MAX: Final = 30
_FILLERS_MAX: Final = 5


class Phones:
    """The detector of telephone numbers: of those that say so themselves, or that something beside
    them calls one; or, *bare*, of the others."""

    def __init__(self, vocabulary: Vocabulary, *, bare: bool = False) -> None:
        self._bare = bare
        self._numerals = Numerals(vocabulary)
        self._spelled = 0
        for n in VALUES:
            self._spelled |= vocabulary.mask(str(n))
        self._filler = vocabulary.mask("between_digits")
        self._reach = vocabulary.mask("reach")
        self._phone = vocabulary.mask("phone")
        self._reference = vocabulary.mask("reference")
        self._counted = vocabulary.mask("counted")
        self._number_noun = vocabulary.mask("number_noun")
        self._my = vocabulary.mask("my")
        self._listed = vocabulary.mask("listed")
        self._plus = vocabulary.mask("plus")
        self._in_parts = vocabulary.mask("in_parts")
        self._dialled = vocabulary.mask("dialled")
        self._whose = self._my | self._phone | self._reach | self._dialled | vocabulary.mask("the")
        self._dial_it = vocabulary.mask("dial_it")
        self._dial = vocabulary.mask("dial_verb")
        self._starts = vocabulary.mask("starts")

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each number's part of the text."""
        # Most messages have too few digits, and no number words: no more need be known of them.
        if self._has_too_few(text):
            return
        for run in self._runs(text):
            count = sum(len(group.digits) for group in run)
            if count < DIGITS_MIN or (count <= _ROW_MAX and series.is_row(run)):
                continue
            if run[-1].spelled and not any(group.spelled for group in run[:-1]):
                run = run[:-1] or run  # "… after six"
            in_words = series.is_series_in_words(text.plain, run)
            # "I'm on 0171 …": the word next to a number may be one by chance.
            for first in range(min(2, len(run) - 1) + 1):
                if first and not run[first - 1].spelled:
                    break
                if not self._is_phone(text, run[first:], in_words):
                    continue
                if self._is_bare(text, run[first:]) is self._bare:
                    start = run[first].start
                    while start and text.plain[start - 1] in "+(":
                        start -= 1
                    yield start, run[-1].end
                break

    def _has_too_few(self, text: Text) -> bool:
        digits = len(_DIGIT.findall(text.plain))
        if digits >= DIGITS_MIN or (digits >= 3 and _O_FOR_ZERO.search(text.plain)):
            return False
        read, numerals = text.read, self._numerals
        spelled = sum(1 for mask in read.masks if mask & self._spelled)
        if spelled >= _SPELLED_MIN:
            return False
        return not any(
            not mask and numerals.is_glued(word.text) and numerals.apart(word.text)
            for word, mask in zip(read.words, read.masks, strict=True)
        )

    def _runs(self, text: Text) -> Iterator[list[series.Group]]:
        """Digits that stand together, with nothing between but signs and a filler or two."""
        run: list[series.Group] = []
        times, fillers = 1, 0
        for number, word in enumerate(text.read.words):
            digits, spelled = self._numerals.digits(word.text)
            if digits and not (spelled and self._is_part(text, number)):
                between = text.plain[run[-1].end : word.start] if run else ""
                joins = fillers <= _FILLERS_MAX and len(between) <= _BETWEEN_MAX
                if run and (not joins or _APART.search(between)):
                    yield run
                    run = []
                if len(digits) > 1:  # "double ten" is no number
                    times = 1
                spelled += times > 1
                run.append(series.Group(digits * times, spelled, word.start, word.end, number))
                times, fillers = 1, 0
            elif word.text in self._numerals.again:
                times = self._numerals.again[word.text]
            elif digits or text.read.masks[number] & self._filler or not word.text[0].isalnum():
                fillers += 1
            else:
                times, fillers = 1, _FILLERS_MAX + 1
        if run:
            yield run

    def _is_part(self, text: Text, number: int) -> bool:
        """Whether a number word tells parts apart: "nine in part one, four in part two"."""
        before = text.read.words[number - 1].text if number else ""
        return before in _PART

    def _is_phone(self, text: Text, run: list[series.Group], in_words: bool) -> bool:
        digits = "".join(group.digits for group in run)
        if not DIGITS_MIN <= len(digits) <= DIGITS_MAX or series.is_row(run):
            return False
        read = text.read
        start, end, first, last = run[0].start, run[-1].end, run[0].word, run[-1].word
        lead = text.plain[max(0, start - 3) : start]
        called = self._is_called(text, run)
        written = text.plain[start:end]
        if is_list(run, written) or (in_words and not called) or _OF_FILE.match(text.plain, end):
            return False
        if len(set(digits)) == 1 or _AMOUNTS.fullmatch(written):
            return False
        spelled = sum(group.spelled for group in run)
        if spelled >= _SPELLED_MIN and len(digits) >= 10:
            return True
        if not called:
            if lead.rstrip().endswith(("#", "€", "$", "£")) or _MONEY.match(text.plain, end):
                return False
            if self._refers(text, first) or self._is_count(text, last):
                return False
            if series.is_numbered(run) or series.is_measured(run) or OF_CODE.search(lead):
                return False
            if _BEHIND_A_NAME.search(lead):
                return False
        if self._has_plus(text, run) and len(digits) >= 8 and not is_size(written):
            return True
        if not called and is_disguised(text, run):
            return True
        if not called and first and CODE.fullmatch(text.plain, read.words[first - 1].start, start):
            return False
        if spelled and not called:
            listed = read.near(self._listed, first - _BEFORE, first)
            few = len(digits) < 9 and (listed or any(g.digits == "100" for g in run))
            if few or DECIMAL.search(text.plain, start, end) or _NO_DIGITS_BY.search(written):
                return False
        if spelled:
            return spelled >= _SPELLED_MIN or (len(digits) >= 8 and spelled >= 2)
        bracket = start - lead.endswith("(")
        if any(LOOKS_WRITTEN.fullmatch(text.plain, at, end) for at in (start, bracket)):
            return called or not SPACED.fullmatch(written) or not self._refers(text, first, _FAR)
        if _OF.fullmatch(written):
            return False
        if NO_NUMBER.fullmatch(written) and not (written[0] == "0" and written.isdigit()):
            return called and (written.isdigit() or len(digits) >= 9) and len(digits) >= 7
        if called:
            return len(digits) >= 7 and not is_size(written)
        if self._refers(text, first, _FAR, code=True):
            return False
        if self._is_numbered(text, first):
            return len(digits) >= 7
        if DECIMALS.fullmatch(written) or is_time_or_date(written) or is_size(written):
            return False
        listed = len(run) > 2 and read.near(self._listed, first - 4, first)
        if series.counts_up(run) or (listed and not is_whole(run, written)):
            return False
        if is_said_in_groups(run, written) or self._is_alone(text, run, written):
            return True
        if 9 <= len(digits) <= 12 and len(run) > 2 and read.near(self._starts, first - 3, first):
            return True  # "it starts with 55, goes on with 2290"
        if digits.startswith("00"):
            return len(digits) >= 10
        return digits.startswith("0") and 9 <= len(digits) <= 13

    def _is_bare(self, text: Text, run: list[series.Group]) -> bool:
        """Whether a telephone number is one by its looks alone."""
        return not (
            any(group.spelled for group in run)
            or self._has_plus(text, run)
            or self._is_called(text, run)
            or self._is_numbered(text, run[0].word)
            or is_disguised(text, run)
        )

    def _is_called(self, text: Text, run: list[series.Group]) -> bool:
        first, last = run[0].word, run[-1].word
        if self._called(text, first, last) or self._is_to_be_dialled(text, last):
            return True
        digits = "".join(group.digits for group in run)
        is_long = digits[0] == "0" and len(digits) >= 9 and last + 1 < len(text.read.masks)
        return is_long and self._is_call(text, last + 1)

    def _has_plus(self, text: Text, run: list[series.Group]) -> bool:
        first, start = run[0].word, run[0].start
        plus_before = first and text.read.masks[first - 1] & self._plus
        return "+" in text.plain[max(0, start - 3) : start] or bool(plus_before)

    def _is_count(self, text: Text, last: int) -> bool:
        """Whether what is counted stands behind a number."""
        masks, words = text.read.masks, text.read.words
        return any(
            masks[number] & self._counted and (number == last + 1 or len(words[number].text) > 1)
            for number in range(last + 1, min(last + 3, len(masks)))
        )

    def _is_alone(self, text: Text, run: list[series.Group], written: str) -> bool:
        """Whether a message is hardly more than a number of as many digits as these have."""
        read, first = text.read, run[0].word
        if not written.isdigit() or not 9 <= len(written) <= 11 or written.endswith("000"):
            return False
        if len(read.words) > _ALONE_MAX:
            return False
        own = _MOBILE.fullmatch(written) and read.words[first - 1].text == SENTENCE
        if first > 1 and not own and not read.near(self._reach, 0, first):
            return False
        if first and text.as_written(first - 1).isupper():  # "MLS 2419008731"
            return False
        return not read.has & (self._reference | self._counted | self._listed)

    def _called(self, text: Text, first: int, last: int) -> bool:
        """Whether somebody is called under this number, as far as the words around it say."""
        near = text.read.near
        if self._is_own(text, first, last) or (first and self._is_call(text, first - 1)):
            return True
        if near(self._phone, first - 3, first) and not self._refers(text, first, 2):
            return True
        if self._refers(text, first):
            return False
        return near(self._phone, first - _BEFORE, last + 1 + _AFTER)

    def _is_call(self, text: Text, number: int) -> bool:
        """Whether this word says to call, and is none for any number."""
        mask = text.read.masks[number]
        return bool(mask & self._phone) and not mask & self._number_noun

    def _is_own(self, text: Text, first: int, last: int) -> bool:
        """Whether "my number" stands beside it; my order's number is another thing."""
        masks = text.read.masks
        # "Part no. 04465-33471" is no part of a number.
        in_parts = any(
            masks[number] & self._in_parts and not masks[number + 1] & self._number_noun
            for number in range(max(0, first - 3), first)
        )
        if in_parts and text.read.near(self._number_noun, first - 9, first):
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
                if number and masks[number - 1] & self._in_parts:  # "Part no. 5304-475-102"
                    return False
                before = number - 1
                if number == 0 or not _is_word(text, before) or masks[before] & self._whose:
                    return True
                start = text.read.words[before].start
                return bool(_QUOTE.search(text.plain[max(0, start - 2) : start]))
            if not masks[number] and _is_word(text, number):
                return False
        return False

    def _is_to_be_dialled(self, text: Text, last: int) -> bool:
        """Whether what stands behind a number says so, whatever it was called: "ring it"."""
        masks, words = text.read.masks, text.read.words
        for number in range(last + 1, min(last + 1 + _FAR, len(masks))):
            following = words[number + 1].text if number + 1 < len(words) else ""
            if masks[number] & self._dial_it or (masks[number] & self._dial and following in _IT):
                return True
        return False

    def _refers(self, text: Text, first: int, far: int = 4, *, code: bool = False) -> bool:
        """Whether the number is one of an order, a parcel and the like; one in quotes is a joke.

        With *code*, what belongs to the number as its first part is no distance: 1Z 999 AA1 01.
        """
        masks = text.read.masks
        while code and first and not text.read.words[first - 1].text.isalpha():
            first -= 1
        for number in range(max(0, first - far), first):
            if masks[number] & self._reference and not (
                number and masks[number - 1] & self._dialled  # an area's code
            ):
                word = text.read.words[number]
                if text.plain[max(0, word.start - 3) : word.end] == "in case":
                    continue
                return not _QUOTE.search(text.plain[max(0, word.start - 2) : word.start])
        return False


def _is_word(text: Text, number: int) -> bool:
    return text.read.words[number].text[0].isalnum()
