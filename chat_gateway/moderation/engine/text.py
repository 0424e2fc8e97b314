"""A message as rules look at it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Protocol

import msgspec

from chat_gateway.moderation.engine.normalise import Normalised, normalise
from chat_gateway.moderation.engine.phrases import Read, Vocabulary


class Text(msgspec.Struct, frozen=True):
    """A text without disguise, and its words."""

    original: str
    normalised: Normalised
    read: Read
    starts: list[int]
    """Where each word starts in the normalised text."""

    @property
    def plain(self) -> str:
        """The normalised text."""
        return self.normalised.text

    def word_at(self, place: int) -> int:
        """The number of the word that stands at a place of the normalised text, or comes next."""
        number = bisect_right(self.starts, place) - 1
        if number >= 0 and place < self.read.words[number].end:
            return number
        return number + 1

    def as_written(self, number: int) -> str:
        """That word before it was normalised."""
        word = self.read.words[number]
        return self.original[slice(*self.normalised.original(word.start, word.end))]

    def words_in(self, start: int, end: int) -> tuple[int, int]:
        """The first word of a part of the normalised text, and one past its last."""
        return self.word_at(start), bisect_left(self.starts, end)


class Detector(Protocol):
    """A rule that needs code: its parts of a text, as places in the normalised text."""

    def __call__(self, text: Text, /) -> Iterable[tuple[int, int]]:
        """In time that is linear in the text's length."""
        ...


def read(original: str, vocabulary: Vocabulary) -> Text:
    """The text as rules look at it."""
    normalised = normalise(original)
    words = vocabulary.read(normalised.text)
    return Text(original, normalised, words, [word.start for word in words.words])
