"""What a text as a whole is like, in the eyes of labelled cases.

The other rules find what somebody thought of. This one adds up words and pieces of words, each with
a weight that was learned from cases: `learned.json` is made by `python -m tests.moderation.learn`.
It is a logistic regression over naive Bayes ratios (S. Wang and C. Manning, Baselines and Bigrams,
ACL 2012), and so a sum: whoever asks why a text was flagged can read its weights one by one.
"""

import math
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import msgspec

from chat_gateway.moderation.engine.normalise import BLOT, MASK
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

PACKAGED: Final = Path(__file__).with_name("learned.json")

CHUNK_CHARS: Final = 300
"""About what the cases are long; more text around would outweigh what is in it."""

_WORD: Final = re.compile(r"[^\W_]+|[^\w\s]")
_SENTENCE: Final = re.compile(r"[^.!?\n]*(?:[.!?\n]+|$)")
_DIGITS: Final = re.compile(r"\d")
_PIECES: Final = (3, 4, 5)
_WORDS: Final = (1, 2, 3)
_APART: Final = (2, 3, 4)


class Weights(msgspec.Struct, frozen=True, eq=False):  # the same are one object
    """What was learned. A text's score is the bias, and its features' weights over the root of how
    many it has; in thousandths."""

    cases: str
    """Of which cases: the digest of all of them."""
    bias: int
    threshold: int
    """What scores more is found."""
    features: dict[str, int]


class Learned:
    """The detector of texts that are like what led out of the market."""

    def __init__(self, _: Vocabulary, weights: Weights | None = None) -> None:
        self._weights = weights or packaged()

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each row of sentences that scores too much."""
        for start, end in chunks(text.plain):
            if score(text.plain[start:end], self._weights) > self._weights.threshold:
                yield start, end


@cache
def packaged() -> Weights:
    """The weights that come with the package."""
    return msgspec.json.decode(PACKAGED.read_bytes(), type=Weights)


def likeness(plain: str) -> float:
    """The highest score of a normalised text's rows of sentences, by the packaged weights."""
    scores = (score(plain[start:end], packaged()) for start, end in chunks(plain))
    return max(scores, default=-math.inf)


def score(plain: str, weights: Weights) -> float:
    """How much a normalised text is like those that lead out of the market; in thousandths."""
    words = _words(plain)
    found, weight_of = _rows(words), weights.features.get
    weighed = {feature: weight for feature in found if (weight := weight_of(feature))}
    for word in set(words):
        pieces, of_them = _pieces_weighed(word, weights)
        found |= pieces
        weighed |= of_them
    return weights.bias + sum(weighed.values()) / math.sqrt(len(found) or 1)


def features(plain: str) -> set[str]:
    """Its rows of one to three words, its pairs of words with one to three others between them, and
    its words' pieces of three to five characters, which begin and end with a space where the word
    does. All digits are one, and masked text is none."""
    words = _words(plain)
    return _rows(words).union(*map(_pieces, set(words)))


def _words(plain: str) -> list[str]:
    return _WORD.findall(_DIGITS.sub("0", plain.replace(BLOT, " ").replace(MASK, " ")))


def _rows(words: list[str]) -> set[str]:
    found = set(words)
    for count in _WORDS[1:]:
        found.update(map(" ".join, zip(*(words[n:] for n in range(count)), strict=False)))
    for apart in _APART:
        found.update(map(" _ ".join, zip(words, words[apart:], strict=False)))
    return found


def _pieces(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(
        padded[n : n + size] for size in _PIECES for n in range(len(padded) - size + 1)
    )


@lru_cache(maxsize=2048)
def _pieces_weighed(word: str, weights: Weights) -> tuple[frozenset[str], dict[str, int]]:
    """A word's pieces, and the weights of those that have one. Kept, for most words of most texts
    are the same few, and all weights together are more than a processor has at hand."""
    pieces, weight_of = _pieces(word), weights.features.get
    return pieces, {piece: weight for piece in pieces if (weight := weight_of(piece))}


def chunks(plain: str) -> Iterator[tuple[int, int]]:
    """The text in rows of whole sentences, none longer than `CHUNK_CHARS` if they allow it."""
    start = end = 0
    for sentence in _SENTENCE.finditer(plain):
        if sentence.end() - start > CHUNK_CHARS and end > start:
            yield start, end
            start = end
        end = sentence.end()
    if end > start:
        yield start, end
