"""The words of a text, with the tricks of writing them undone where that gives a known word."""

import re
from collections.abc import Callable, Container
from itertools import pairwise
from typing import Final

import msgspec

from chat_gateway.moderation.engine.normalise import BLOT, MASK

SENTENCE: Final = "|"
CLAUSE: Final = ","
IS: Final = ":"
"""What stands among the words where a sentence ends, where a clause does, and where what follows
is said of what went before."""

_TOKEN: Final = re.compile(
    r"(?P<word>[^\W_]++)(?:'(?P<tail>[^\W_]++))?+"
    rf"|(?P<end>[.!?…]++(?=[\s\"')]|\Z)|\n|;|{MASK}{{3,}}+|{BLOT}++)"
    r"|(?P<is>[:=→]|->)"
    r"|(?P<clause>[,()]|\s-+\s)"
    r"|(?P<hash>#(?![^\W_]))"
    r"|(?P<at>(?<!\S)@(?![^\s?!.,]))"
)
_MARKS: Final = {"end": SENTENCE, "clause": CLAUSE, "is": IS}
_LEET_WORD: Final = re.compile(
    r"(?<![^\W_])[^\W_]*+[@$!|€¥†][^\W_@$!|€¥†]++(?:[@$!|€¥†][^\W_@$!|€¥†]++)*+"
)
_FOREIGN_SIGN: Final = re.compile("[€¥†]")
_SPACED: Final = re.compile(r"(?<![^\W_])[^\W_](?:[\s.\-_*~/|,+]{1,3}[^\W_](?![^\W_])){3,}+")
"""Four or more lonely letters or digits."""
_LEET: Final = str.maketrans("01345789@$!|€¥†", "oieastbgasiieyt")
_NUMERAL: Final = re.compile(r"[oil\d]+")
"""No word in digits but a number in letters: o77o."""
_ELIDED: Final = frozenset(
    ["l", "d", "j", "m", "t", "s", "n", "c", "qu", "dell", "all", "un", "nell", "sull"]
)
"""What French and Italian leave standing before an apostrophe; it is a word of its own."""

JOINED_CHARS_MIN: Final = 6
"""Shorter words than this are not put together from two: "was a" is no nickname of a network."""

_SUFFIX: Final = 6
REFUSAL_WORDS_MAX: Final = 3
"""The longest refusal: "no, thank you"."""
KNOWN_CHARS_MAX: Final = 16
"""Longer words than this are not looked for among lonely letters."""


class Word(msgspec.Struct, frozen=True, gc=False):
    """A word, or the end of a clause or sentence; where it stands in the normalised text."""

    text: str
    start: int
    end: int


def words(
    text: str,
    known: Callable[[str], bool],
    are_one: Callable[[str, str], bool],
    refusals: Container[tuple[str, ...]],
) -> list[Word]:
    """All words in their order.

    *known* tells what a word of any rule is, *are_one* which two words are one in two pieces,
    *refusals* which rows of words say no to a question.
    """
    found = _tokens(text, known)
    if (
        "@" in text
        or "$" in text
        or "!" in text
        or "|" in text
        or (not text.isascii() and _FOREIGN_SIGN.search(text))
    ):
        found = _put_in(found, _leet(text, known))
    # The search takes as long as all else here; the inner two of four lonely letters are two words.
    if any(len(a.text) == len(b.text) == 1 for a, b in pairwise(found)):
        spaced = [w for run in _SPACED.finditer(text) for w in _letters(run, known)]
        found = _put_in(found, spaced)
    found = _pairs(text, found, are_one)
    return _refused(text, found, refusals) if "?" in text else found


def _refused(text: str, found: list[Word], refusals: Container[tuple[str, ...]]) -> list[Word]:
    """The words, where a question that is refused at once ends no sentence: "Skype? No, thanks".

    A lone word refuses only where nothing follows it: "no" begins much else.
    """
    result = list(found)
    for n, word in enumerate(found):
        if word.text != SENTENCE or "?" not in text[word.start : word.end]:
            continue
        after = [w.text for w in found[n + 1 : n + 2 + REFUSAL_WORDS_MAX]]
        if any(tuple(after[:size]) in refusals for size in range(2, REFUSAL_WORDS_MAX + 1)) or (
            tuple(after[:1]) in refusals and _ends(text, found, n + 2)
        ):
            result[n] = Word("?", word.start, word.end)
    return result


def _ends(text: str, found: list[Word], n: int) -> bool:
    """Whether a clause ends there, or the text does, but not in another question."""
    if n >= len(found):
        return True
    mark = found[n]
    return mark.text in (SENTENCE, CLAUSE) and "?" not in text[mark.start : mark.end]


def less_one(word: str) -> list[str]:
    """The word without one letter, for each but the first."""
    return [word[:n] + word[n + 1 :] for n in range(1, len(word))]


def plain(word: str) -> str:
    """The word with its digits and signs as the letters they look like."""
    return word.translate(_LEET)


def _tokens(text: str, known: Callable[[str], bool]) -> list[Word]:
    found = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match.lastgroup == "word":
            found.append(Word(match["word"], start, end))
        elif match.lastgroup == "tail":
            head, tail = match["word"], match["tail"]
            if head in _ELIDED:
                found.append(Word(head, start, match.end("word")))
                found.append(Word(tail, match.start("tail"), end))
            elif tail == "s" and not known(head + tail):  # "my snap's annak"
                found.append(Word(head, start, match.end("word")))
                found.append(Word(IS, match.end("word"), end))
            elif len(tail) < _SUFFIX and known(head) and not known(head + tail):  # "Insta'dan"
                found.append(Word(head, start, end))
            else:
                found.append(Word(head + tail, start, end))
        elif match.lastgroup == "hash":
            found.append(Word("number", start, end))
        elif match.lastgroup == "at":
            found.append(Word("handle", start, end))
        else:
            found.append(Word(_MARKS[match.lastgroup or "clause"], start, end))
    return found


def _leet(text: str, known: Callable[[str], bool]) -> list[Word]:
    found = []
    for match in _LEET_WORD.finditer(text):
        for word in (plain(match.group()), plain(match.group().replace("|", "l"))):
            if known(word):
                found.append(Word(word, *match.span()))
                break
    return found


def _letters(run: re.Match[str], known: Callable[[str], bool]) -> list[Word]:
    """The known words that lonely letters spell, the longest first at each place."""
    places = [run.start() + n for n, c in enumerate(run.group()) if c.isalnum()]
    letters = "".join(run.string[place] for place in places)
    found = []
    at = 0
    while at < len(letters):
        for end in range(min(len(letters), at + KNOWN_CHARS_MAX), at + 1, -1):
            word = letters[at:end]
            if known(word) or (not _NUMERAL.fullmatch(word) and known(word := plain(word))):
                if word.isdigit():
                    continue
                found.append(Word(word, places[at], places[end - 1] + 1))
                at = end
                break
        else:
            at += 1
    return found


def _put_in(found: list[Word], better: list[Word]) -> list[Word]:
    """*better* words in the place of those that they overlap."""
    result: list[Word] = []
    rest = iter(found)
    word = next(rest, None)
    for new in better:
        while word is not None and word.end <= new.start:
            result.append(word)
            word = next(rest, None)
        while word is not None and word.start < new.end:
            word = next(rest, None)
        result.append(new)
    while word is not None:
        result.append(word)
        word = next(rest, None)
    return result


def _pairs(text: str, found: list[Word], are_one: Callable[[str, str], bool]) -> list[Word]:
    """Two or three words that stand side by side and are one, as one."""
    result: list[Word] = []
    for word in found:
        pieces = 0
        if result:
            last = result[-1].text
            if are_one(last, word.text):
                pieces = 1
            elif len(result) > 1 and are_one(result[-2].text + last, word.text):
                pieces = 2
        if pieces and _side_by_side(text, parts := [*result[-pieces:], word]):
            joined = "".join(part.text for part in parts)
            result[-pieces:] = [Word(joined, parts[0].start, word.end)]
        else:
            result.append(word)
    return result


def _side_by_side(text: str, parts: list[Word]) -> bool:
    return (
        JOINED_CHARS_MIN <= sum(len(part.text) for part in parts) <= KNOWN_CHARS_MAX
        and all(b.start - a.end <= 2 for a, b in pairwise(parts))
        and "\n" not in text[parts[0].end : parts[-1].start]
    )
