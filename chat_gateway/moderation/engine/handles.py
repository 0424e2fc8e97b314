"""Names on other networks: @anna.k where the network, or the wish to be found there, is said."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.names import name_like
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

_AT_NAME: Final = re.compile(r"(?<![\w@.])@\s?[\w.]{2,40}+")
_MATRIX: Final = re.compile(r"(?<![\w@.])@[\w.\-]{2,40}+:[\w\-]{2,40}\.[a-z]{2,12}\b")
_FAR: Final = 6


class Handles:
    """The detector of names on other networks."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._networks = vocabulary.mask("messenger") | vocabulary.mask("social")
        self._nicknames = vocabulary.mask("messenger") | vocabulary.mask("nickname")
        self._named = self._networks | self._nicknames | vocabulary.mask("purse")
        self._me = vocabulary.mask("me") | vocabulary.mask("my")
        self._wish = (
            vocabulary.mask("reach") | vocabulary.mask("find") | vocabulary.mask("username")
        )
        self._apps = vocabulary.mask("app_word")
        self._i = vocabulary.mask("i_word")
        self._there = vocabulary.mask("there")
        self._find = vocabulary.mask("find")
        self._username = vocabulary.mask("username")

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each name's part of the text."""
        read, plain = text.read, text.plain
        if "@" in plain:
            yield from (match.span() for match in _MATRIX.finditer(plain))
            for name in _AT_NAME.finditer(plain):
                first, end = text.words_in(*name.span())
                around = first - 5, end + 5
                wished = read.near(self._me, *around) and read.near(self._wish, *around)
                wished |= read.near(self._i, *around) and read.near(self._there, *around)
                if wished or read.near(self._named, first - _FAR, end + _FAR):
                    yield name.span()
        if read.has & self._networks:
            for number, mask in enumerate(read.masks):
                if mask & self._networks:
                    yield from self._beside(text, number, _FAR)
            yield from self._bare(text)
        if read.has & self._apps:
            for number, mask in enumerate(read.masks):
                if mask & self._apps:
                    yield from self._beside(text, number, 2)
        if read.has & self._username:
            for number, mask in enumerate(read.masks):
                if mask & self._username:
                    yield from self._beside(text, number, 3)
        for number in range(1, len(read.masks) - 1 if read.has & self._find else 0):
            if read.masks[number] & self._me and read.masks[number - 1] & self._find:
                yield from self._beside(text, number, 3)  # "add me: anna_k"

    def _bare(self, text: Text) -> Iterator[tuple[int, int]]:
        """A message that is a nickname of a network, and a word that is none: "tg: annafilms"."""
        said = [n for n, word in enumerate(text.read.words) if word.text[0].isalnum()]
        if len(said) not in (2, 3):
            return
        *_, network, name = said
        masks, words = text.read.masks, text.read.words
        if text.plain[words[network].end] == "-":  # "insta-worthy"
            return
        if masks[network] & self._nicknames and not masks[name] and len(words[name].text) >= 5:
            yield words[network].start, words[name].end

    def _beside(self, text: Text, number: int, far: int) -> Iterator[tuple[int, int]]:
        """Names before and after a word: "insta: anna_k", "i am anna.k on ig"."""
        words = text.read.words
        for other in range(max(0, number - far), min(number + far + 1, len(words))):
            if other != number and (span := name_like(text, words[other])):
                yield min(span[0], words[number].start), max(span[1], words[number].end)
