"""Several short messages put together: what is said in pieces is said."""

import re
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from chat_gateway.moderation.engine.normalise import BLOT, MASK, normalise
from chat_gateway.moderation.engine.phrases import BadPattern, Vocabulary
from chat_gateway.moderation.engine.text import Text, read

PIECE_CHARS_MAX: Final = 36
PIECE_WORDS_MAX: Final = 7
"""What is longer says something of its own, and nothing is made of it and its neighbours."""

LEAD_CHARS_MAX: Final = 80
"""The one message before the pieces that may lead to them: "my number is as follows"."""

_DIGITS_ALONE: Final = re.compile(
    r"(?P<lead>\D{0,28})\d(?:[\d\s()+.\-/]*\d)?(?:\W*|,?\s(?!\D*[€$£%])\D{1,32})"
)
"""Digits, and a few words after them; before them only such as "and then", "the rest"."""

_ENDS_IN_DIGITS: Final = re.compile(r"(?<!\w)\d[\d\s()+.\-/]*\W*\Z")
"""What may begin a number: "the first of my mobile: 699"."""

_WORD: Final = re.compile(r"[^\W_]+")


class Pieces(msgspec.Struct, frozen=True):
    """Some of the messages, the last among them, as one text."""

    text: Text
    messages: tuple[int, ...]
    starts: tuple[int, ...]
    """Where each of them starts in that text."""

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """A part of the text by message: message, start, end.

        None if all of it is of one message, or if the last one has no part in it.
        """
        if end <= self.starts[-1] or start >= self.starts[-1]:
            return
        for number in range(bisect_right(self.starts, start) - 1, len(self.starts)):
            begins = self.starts[number]
            over = self.starts[number + 1] - 1 if number + 1 < len(self.starts) else end
            if (low := max(start, begins)) < (high := min(end, over)):
                yield self.messages[number], low - begins, high - begins


def put_together(window: Sequence[str], vocabulary: Vocabulary) -> list[Pieces]:
    """The short messages that end with the last one; and those of digits alone, if it is one."""
    if len(window) < 2 or not _is_piece(window[-1]):
        return []
    first = len(window) - 1
    while first and _is_piece(window[first - 1]):
        first -= 1
    if first and len(window[first - 1]) <= LEAD_CHARS_MAX:
        first -= 1
    row = tuple(range(first, len(window)))
    found = [row] if len(row) > 1 else []
    fillers = _fillers(vocabulary)
    if _is_of_digits(window[-1], fillers):
        digits = [n for n, message in enumerate(window) if _is_of_digits(message, fillers)]
        lead = _beginning(window[: digits[0]], vocabulary)
        alone = (*lead, *digits)
        if len(alone) > 1 and (len(digits) > 1 or lead[0] < digits[0] - 1) and alone != row:
            found.append(alone)
    return [_joined(window, messages, vocabulary) for messages in found]


def _joined(window: Sequence[str], messages: tuple[int, ...], vocabulary: Vocabulary) -> Pieces:
    starts = [0]
    for message in messages[:-1]:
        starts.append(starts[-1] + len(window[message]) + 1)
    text = read(" ".join(window[message] for message in messages), vocabulary)
    return Pieces(text, messages, tuple(starts))


def _is_of_digits(message: str, fillers: Container[str]) -> bool:
    found = _DIGITS_ALONE.fullmatch(message)
    return found is not None and all(
        word in fillers for word in _WORD.findall(normalise(found["lead"]).text)
    )


@lru_cache(maxsize=2)
def _fillers(vocabulary: Vocabulary) -> Container[str]:
    """What may stand before digits; a file of rules without telephone numbers has no such list."""
    try:
        return frozenset(vocabulary.terms("between_digits"))
    except BadPattern:
        return frozenset()


def _beginning(before: Sequence[str], vocabulary: Vocabulary) -> list[int]:
    """The message that has the first digits and says of what, or else the one just before."""
    try:
        said = vocabulary.mask("phone") | vocabulary.mask("number_noun")
    except BadPattern:
        said = 0
    for number in range(len(before) - 1, -1, -1):
        message = before[number]
        if len(message) > LEAD_CHARS_MAX or not _ENDS_IN_DIGITS.search(message):
            continue
        if vocabulary.read(normalise(message).text).has & said:
            return [number]
    return [len(before) - 1] if before else []


def _is_piece(message: str) -> bool:
    # What holds something masked was found by itself; shortened by it, it must not become a piece.
    if len(message) > PIECE_CHARS_MAX or MASK in message or BLOT in message:
        return False
    return sum(not word.isdigit() for word in message.split()) <= PIECE_WORDS_MAX
