"""Names on other networks: @anna.k where the network, or the wish to be found there, is said."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.names import name_like
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

_AT_NAME: Final = re.compile(r"(?<![\w@.])@(?!\s[\d.]+(?!\w))\s?[\w.]{2,40}+")
"""And no rate or price: "0.35 @ 800 dpi"."""
_MATRIX: Final = re.compile(r"(?<![\w@.])@[\w.\-]{2,40}+:[\w\-]{2,40}\.[a-z]{2,12}\b")
_TAGGED: Final = re.compile(r"(?<![\w#.])[^\W\d][\w.]{1,31}#\d{4}(?!\w)")
"""On Discord: anna#0123."""
_LONELY: Final = re.compile(r"(?<![^\W_])[^\W_](?:[\s.\-_*~/|,+]{1,3}[^\W_](?![^\W_])){5,}+")
"""Letters with something between any two of them: a.n.n.a.k."""
_SIGN_IN_IT: Final = re.compile(r"[a-z][@$!|¥†0-57]+[a-z]")
"""snapch@t, z4p."""
_MARK_IN_IT: Final = re.compile(r"[._](?<=[^\W_][._])(?=[^\W_])")
"""Most names have one, and hardly a message else."""
_ANY_NAME: Final = re.compile(r"[\w.]{3}")
"""What is shorter than any name: "@ @ @ @"."""
_POINTED: Final = re.compile(r"\s?👉\s?@?[^\W\d][\w.]{4,}")
_ON_X: Final = re.compile(
    r"(?:\A|(?<!\w)(?:my|mi|mein|meu|mio|mon|on|auf|en|no|su|sur) )x"
    r"(?: (?:is|es|ist|e|too|tambem))?\W{1,4}\Z"
)
_TO_TAG: Final = re.compile(
    r"(?<!my )(?<!meu )(?<!ig )\b(?:tag|tagging|mention|mentioning|credit|markier\w*"
    r"|verlink\w*|etiquet\w*"
    r"|mencion\w*|tagga\w*|menziona\w*|marque|marcar|tague\w*|identifie\w*|oznacz\w*|etiketle\w*)"
    r"(?: @[\w.]+(?:,| and| und| y| et| e)?)* \Z"
)
"""What a name in a post stands behind."""
_I_AM: Final = re.compile(
    r"(?<!\w)(?:im|i'm|i am|bin|estoy|estou|to|sono|suis|jestem) (?:(?:on|auf|en|no|na|su|sur|bei)"
    r" (?!here|hier|aqui|the|this|der|dies|la|el|este)\w+ )?\Z"
)
"""What stands before "as", somewhere else: "I'm on line as anna_k"."""
_DM: Final = frozenset(["dm", "dms", "pm"])
_FAR: Final = 6
_PARTS: Final = 3
_SPACED_MIN: Final = 5
_LONELY_FAR: Final = 16


class Handles:
    """The detector of names on other networks."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._networks = vocabulary.mask("messenger") | vocabulary.mask("social")
        self._nicknames = vocabulary.mask("messenger") | vocabulary.mask("nickname")
        self._named = self._networks | self._nicknames | vocabulary.mask("purse")
        self._disguisable = self._networks | vocabulary.mask("purse") | vocabulary.mask("app_word")
        self._me = vocabulary.mask("me") | vocabulary.mask("my")
        self._wish = (
            vocabulary.mask("reach") | vocabulary.mask("find") | vocabulary.mask("username")
        )
        self._apps = vocabulary.mask("app_word")
        self._i = vocabulary.mask("i_word")
        self._there = vocabulary.mask("there")
        self._here = vocabulary.mask("here_words")
        self._find = vocabulary.mask("find")
        self._username = vocabulary.mask("username")
        self._as = vocabulary.mask("as")
        self._dm = vocabulary.mask("dm_verb")
        self._veiled = re.compile(
            "|".join(r"[\s']".join(term.split()) for term in vocabulary.terms("veiled"))
        )
        self._hinted = re.compile(
            r"(?<![^\W_])(?:"
            + "|".join(
                r"[\s']".join(term.split())
                for name in ("veiled", "veiled_app")
                for term in vocabulary.terms(name)
            )
            + r")(?![^\W_])"
        )
        self._written = frozenset(
            term for name in ("messenger", "social", "purse") for term in vocabulary.terms(name)
        )

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
                wished |= bool(_ON_X.search(plain[max(0, name.start() - 20) : name.start()]))
                wished |= read.near(self._dm, first - 1, first) or bool(self._veiled.search(plain))
                wished |= any(word.text in _DM for word in read.words[end : end + _FAR])
                if wished:
                    yield name.span()
                if not wished and _TO_TAG.search(plain[max(0, name.start() - 50) : name.start()]):
                    continue
                for number in range(max(0, first - _FAR), min(end + _FAR, len(read.masks))):
                    if read.masks[number] & self._named:
                        word = read.words[number]
                        yield min(name.start(), word.start), max(name.end(), word.end)
                        break
        if "#" in plain and read.has & (self._me | self._wish | self._named):
            yield from (match.span() for match in _TAGGED.finditer(plain))
        if read.has & self._networks:
            for number, mask in enumerate(read.masks):
                if mask & self._networks:
                    yield from self._beside(text, number, _FAR)
        if _MARK_IN_IT.search(plain):
            for hint in self._hinted.finditer(plain):  # "the one with the ghost: anna_k"
                yield from self._beside(text, text.word_at(hint.end() - 1), _FAR)
        if read.has & self._nicknames:
            yield from self._bare(text)
        if read.has & self._disguisable:
            yield from self._disguised(text)
        if not _ANY_NAME.search(plain):
            return
        if read.has & self._apps:
            for number, mask in enumerate(read.masks):
                if mask & self._apps:
                    yield from self._beside(text, number, 3)
        if read.has & self._username:
            for number, mask in enumerate(read.masks):
                if mask & self._username:
                    yield from self._beside(text, number, 3)
        if read.has & self._find and read.has & self._as:
            for number in range(1, len(read.masks) - 1):
                if read.masks[number] & self._as:
                    yield from self._called(text, number)
        for number in range(1, len(read.masks) - 1 if read.has & self._find else 0):
            if read.masks[number] & self._me and read.masks[number - 1] & self._find:
                yield from self._beside(text, number, 3)  # "add me: anna_k"

    def _called(self, text: Text, number: int) -> Iterator[tuple[int, int]]:
        """The name behind "as", where somebody is to be found: "me encuentras como anna_k"."""
        near = text.read.near
        here = number - 9, number
        said = near(self._find, *here) and near(self._me, *here)
        i_am = _I_AM.search(text.plain, 0, text.read.words[number].start)
        if not said and (not i_am or near(self._here, number, number + _FAR)):
            return
        if span := name_like(text, text.read.words[number + 1]):
            yield span

    def _disguised(self, text: Text) -> Iterator[tuple[int, int]]:
        """Networks written as no innocent writes them, and names beside a network likewise."""
        plain, words, masks = text.plain, text.read.words, text.read.masks
        lonely = [run.span() for run in _LONELY.finditer(plain)]
        for word, mask in zip(words, masks, strict=True):
            if not mask & self._disguisable:
                continue
            if len(word.text) >= _SPACED_MIN and word.end - word.start >= 2 * len(word.text) - 1:
                yield word.start, word.end
            written = plain[word.start : word.end]
            if _SIGN_IN_IT.search(written) and written not in self._written:
                yield word.start, word.end
            run = bisect_right(lonely, (word.end, 0))
            if run < len(lonely) and lonely[run][0] - word.end <= _LONELY_FAR:
                yield word.start, lonely[run][1]
            if pointed := _POINTED.match(plain, word.end):
                yield word.start, pointed.end()

    def _bare(self, text: Text) -> Iterator[tuple[int, int]]:
        """A message that is a nickname of a network, and a word that is none: "tg: annafilms"."""
        said = [n for n, word in enumerate(text.read.words) if word.text[0].isalnum()]
        if len(said) not in (2, 3):
            return
        *_, network, name = said
        masks, words = text.read.masks, text.read.words
        if text.plain[words[network].end] in "-,":  # "insta-worthy", "for TikTok, vertical"
            return
        if masks[network] & self._nicknames and not masks[name] and len(words[name].text) >= 5:
            yield words[network].start, words[name].end

    def _beside(self, text: Text, number: int, far: int) -> Iterator[tuple[int, int]]:
        """Names before and after a word: "insta: anna_k", "i am anna.k on ig"."""
        words = text.read.words
        near = words[max(0, number - far)].start
        for other in range(max(0, number - far - _PARTS), min(number + far + 1, len(words))):
            # A name may be of several words, and its last is the one that is near.
            if other != number and (span := name_like(text, words[other])) and span[1] > near:
                yield min(span[0], words[number].start), max(span[1], words[number].end)
