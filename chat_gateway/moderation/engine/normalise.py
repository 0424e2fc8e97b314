"""A text as it is searched: small letters without disguise, each with its place in the original."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

from chat_gateway.moderation.engine.confusables import LOOKS_LIKE, STANDS_FOR

MASK: Final = "█"
"""What stands for masked text, three of it: it is kept, and no rule sees through it."""

BLOT: Final = "\ufffc"
"""The same while it is looked for what masking would bring out: one for each character."""

_WORD: Final = re.compile(r"[^\W\d_]++")
_LATIN: Final = re.compile("[a-z]")
_FOREIGN: Final = re.compile("[\u0370-\u058f]")
"""Greek, Cyrillic and Armenian letters: those whose twins are Latin."""

_UMLAUTS: Final = str.maketrans({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})


class Normalised(msgspec.Struct, frozen=True):
    """A text without disguise. `places[i]` is where its i-th character stands in the original."""

    text: str
    places: Sequence[int]
    """One more than characters: the last is the original's length."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where a part that is not empty stands in the original, with what was hidden in it."""
        return self.places[start], max(self.places[end], self.places[end - 1] + 1)


def normalise(text: str) -> Normalised:
    """The text in small letters without accents, joiners, styles and letters of other scripts."""
    if text.isascii():
        return Normalised(text.lower(), range(len(text) + 1))
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        new = _FOLDED[character]
        folded.append(new)
        places.extend([place] * len(new))
    places.append(len(text))
    return Normalised(_in_one_script("".join(folded)), places)


def spellings(phrase: str) -> list[str]:
    """What a phrase of the rules may be once normalised.

    As itself or with ä, ö, ü as two letters; and either taken for a Latin one.
    """
    found = []
    for one in (phrase, phrase.lower().translate(_UMLAUTS)):
        own = "".join(_FOLDED[character] for character in one).replace("'", "")
        # Two or three letters of another script are too easily a Latin word of two or three.
        found += [own, _in_one_script(own) if len(own) > 3 else own]
    return list(dict.fromkeys(found))


def _in_one_script(text: str) -> str:
    """Letters that look Latin become so in words that hold Latin ones too.

    In a text without one word that is surely of the other script, they become so everywhere.
    """
    if not _FOREIGN.search(text):
        return text
    words = [word.group() for word in _WORD.finditer(text) if _FOREIGN.search(word.group())]
    everywhere = all(not _FOREIGN.search(word.translate(LOOKS_LIKE)) for word in words)

    def latin(word: re.Match[str]) -> str:
        if everywhere or _LATIN.search(word.group()):
            return word.group().translate(LOOKS_LIKE)
        return word.group()

    return _WORD.sub(latin, text)


class _Folded(dict[str, str]):
    """What a character becomes; filled as characters come, so never larger than Unicode."""

    def __missing__(self, character: str) -> str:
        self[character] = folded = _fold_character(character)
        return folded


_FOLDED: Final = _Folded()


def _fold_character(character: str) -> str:
    if character in STANDS_FOR:
        return STANDS_FOR[character]
    # Soft hyphens, joiners and marks are of these categories, and so is an emoji's keycap.
    if unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return ""
    parts = []
    for part in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", character).casefold()):
        if unicodedata.category(part) in ("Mn", "Me", "Cf"):
            continue
        digit = unicodedata.digit(part, None)
        part = part if digit is None else str(digit)
        parts.append(" " if part.isspace() and part != "\n" else STANDS_FOR.get(part, part))
    return "".join(parts)
