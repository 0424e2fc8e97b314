"""The language that rules are written in, and its vocabulary.

A pattern is a row of elements between spaces: a word (`fee`), the beginning of one (`zahl*`), a
list of the rules' file (`{pay}`), up to three words of any kind within a sentence (`..3`), the
sentence's beginning (`^`) and end (`$`), a colon or the like (`:`). `a|{b}` is one or the other,
`a?` may be absent. Rows with ` & ` between them stand in any order, not far from each other.

Each word of a text becomes one symbol, which says which lists and words of the rules it is one of;
a pattern becomes a regular expression over symbols. Nothing in the language repeats without a
bound, so no pattern, a marketplace's own included, takes more than linear time.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

import msgspec

from chat_gateway.moderation.engine.normalise import spellings
from chat_gateway.moderation.engine.sieve import Sieve, bits
from chat_gateway.moderation.engine.words import CLAUSE, IS, SENTENCE, Word, less_one, plain, words

_OTHER: Final = "-"
"""The symbol of a word that no rule knows."""

_SYMBOLS: Final = range(0xE000, 0xF8FF)
"""Unicode's area for private use."""

_GAP: Final = re.compile(r"\.\.([1-9])")
_TERM: Final = re.compile(r"[^\W_]+\*?")
_LIST: Final = re.compile(r"\{(\w+)\}")
_STEM_MIN: Final = 3
_REPEATED: Final = re.compile(r"(.)\1+")
_MISSPELT_MIN: Final = 6

_AND: Final = " & "
_NOT_FAR: Final = "..9"

BUT: Final = "but"
NAMES: Final = "names"
APART: Final = "apart"
MISSPELT: Final = "misspelt"
REFUSAL: Final = "refusal"
"""Lists with a meaning of their own: words that begin a clause; lists (by name) whose words are
found in two pieces; what is never put together; what is recognised with one letter wrong; what,
right after a question, says no to it, and so is of its sentence."""


class BadPattern(ValueError):
    """A pattern or a list that does not compile, with words for its author."""


class Read(msgspec.Struct, frozen=True):
    """The words of a text, and the symbol and the set of lists of each."""

    words: list[Word]
    symbols: str
    masks: list[int]
    has: int
    """All sets in one."""
    patterns: int
    """The bits of the patterns that the words may be a match of; no other is."""

    def near(self, mask: int, first: int, end: int) -> bool:
        """Whether one of the words from *first* to before *end* is of that set."""
        return any(m & mask for m in self.masks[max(first, 0) : end])


class Pattern(msgspec.Struct, frozen=True):
    """A compiled pattern."""

    regex: re.Pattern[str]
    bit: int
    """Its own among those of its vocabulary."""

    def may_be_in(self, read: Read) -> bool:
        """Whether looking for it is worth while."""
        return bool(read.patterns & self.bit)


class Vocabulary:
    """All words of a rules' file. Give it its lists and patterns, then `settle` it, once."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._classes: dict[str, int] = {}
        self._exact: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._stem_heads: dict[str, tuple[int, ...]] = {}
        self._symbols: dict[int, str] = {0: _OTHER}
        self._symbols_of: dict[int, list[str]] = {}  # by single set
        self._length: dict[int, int] = {}
        self._made: dict[int, str] = {}
        self._near: dict[str, str] = {}
        self._squeezed: dict[str, str] = {}
        self._sieve = Sieve()
        self._lists: dict[str, list[tuple[int, ...]]] = {}
        for name, phrases in lists.items():
            if name == NAMES:
                continue
            self._lists[name] = [
                row for phrase in phrases for row in self._phrase(f"{{{name}}}", phrase)
            ]
        self._joined = {
            word
            for name in lists.get(NAMES, ())
            for phrase in lists[name]
            for word in spellings(phrase)
            if " " not in word
        } - set(lists.get(APART, ()))
        self._terms = {
            name: [spelling for phrase in phrases for spelling in spellings(phrase)]
            for name, phrases in lists.items()
        }
        self._joined_heads = {word[:n] for word in self._joined for n in range(1, len(word))}
        self._misspelt = {word for word in self._joined if word in lists.get(MISSPELT, ())}
        self._initials = {word[0] for word in self._misspelt}
        self._refusals = {tuple(term.split()) for term in self._terms.get(REFUSAL, ())}

    def mask(self, name: str) -> int:
        """The set that a list's single words are of. Raises `BadPattern` where there is no list."""
        if name not in self._lists:
            raise BadPattern(f"there is no list {name!r}")
        return self._classes.get(f"{{{name}}}", 0)

    def terms(self, name: str) -> list[str]:
        """A list's phrases as texts are normalised. Raises `BadPattern` where there is no list."""
        if name not in self._terms:
            raise BadPattern(f"there is no list {name!r}")
        return self._terms[name]

    def read(self, text: str) -> Read:
        """A normalised text's words."""
        found = words(text, self._exact.__contains__, self._are_one, self._refusals)
        clause = self._classes.get(f"{{{BUT}}}", 0)
        symbols = []
        masks = []
        has = 0
        for word in found:
            mask = 0
            if (symbol := word.text) not in (SENTENCE, CLAUSE, IS):
                mask = self._look_up(symbol)
                has |= mask
                symbol = CLAUSE if mask & clause else self._symbols[mask]
            symbols.append(symbol)
            masks.append(mask)
        return Read(found, "".join(symbols), masks, has, self._sieve.left(masks))

    def compile(self, source: str) -> Pattern:
        """The pattern, once settled. Raises `BadPattern`."""
        rows: list[str] = []
        needs: list[int] = []
        for row in source.split(_AND):
            elements = [self._element(element) for element in row.split()]
            rows.append("".join(part for part, _ in elements))
            needs += [need for _, need in elements if need]
        if not needs:
            raise BadPattern(f"{source!r} needs no word at all")
        between = self._element(_NOT_FAR)[0]
        orders = dict.fromkeys(between.join(order) for order in permutations(rows))
        return Pattern(re.compile("|".join(orders)), self._sieve.add(tuple(needs)))

    def learn(self, source: str) -> None:
        """Take the words of a pattern in, before `settle`. Raises `BadPattern`."""
        for element in source.replace(_AND, " ").split():
            if element in ("^", "$") or _GAP.fullmatch(element):
                continue
            for term in element.removesuffix("?").split("|"):
                if named := _LIST.fullmatch(term):
                    if named[1] not in self._lists:
                        raise BadPattern(f"there is no list {named[1]!r}")
                elif _TERM.fullmatch(term):
                    self._phrase("", term)
                elif term != IS:
                    raise BadPattern(f"{term!r} is no word, list, gap, ^ or $")

    def settle(self) -> None:
        """Give every set that a word can be of its symbol; no words come in afterwards."""
        for stem in sorted(self._stems, key=len):
            self._stems[stem] |= self._of_stems(stem)
            head = stem[:_STEM_MIN]
            self._stem_heads[head] = tuple(
                sorted({len(stem), *self._stem_heads.get(head, ())}, reverse=True)
            )
        for word in self._exact:
            self._exact[word] |= self._of_stems(word)
            if len(word) >= 4 and (squeezed := _REPEATED.sub(r"\1", word)) not in self._exact:
                self._squeezed[squeezed] = word
        for word in self._misspelt:
            self._near |= dict.fromkeys(less_one(word), word)
        masks = {*self._exact.values(), *self._stems.values()}
        if len(masks) > len(_SYMBOLS):
            raise BadPattern("too many words are each of another combination of lists")
        for symbol, mask in zip(_SYMBOLS, sorted(masks), strict=False):
            self._symbols[mask] = chr(symbol)
            for bit in bits(mask):
                self._symbols_of.setdefault(bit, []).append(chr(symbol))

    def _are_one(self, first: str, second: str) -> bool:
        return first in self._joined_heads and first + second in self._joined

    def _look_up(self, word: str) -> int:
        if mask := self._exact.get(word) or self._of_stems(word):
            return mask
        if len(word) < 4:
            return 0
        if not word.isalpha() and not word.isdigit():
            letters = plain(word)
            for guess in (letters, letters.replace("i", "l")):
                if mask := self._exact.get(guess) or self._of_stems(guess):
                    return mask
        if _REPEATED.search(word):
            squeezed = _REPEATED.sub(r"\1", word)
            guess = self._squeezed.get(squeezed, squeezed)
            if mask := self._exact.get(guess, 0):
                return mask
        if _MISSPELT_MIN <= len(word) <= 12:
            for guess in (word, *less_one(word)) if word[0] in self._initials else ():
                meant = guess if guess in self._misspelt else self._near.get(guess)
                if meant is not None and abs(len(meant) - len(word)) <= 1:
                    return self._exact[meant]
        return 0

    def _of_stems(self, word: str) -> int:
        """What the longest beginning that fits says; it knows of the shorter ones."""
        for length in self._stem_heads.get(word[:_STEM_MIN], ()):
            if mask := self._stems.get(word[:length]):
                return mask
        return 0

    def _phrase(self, owner: str, phrase: str) -> list[tuple[int, ...]]:
        """The sets of a phrase's words, one row for each spelling; a lone word is *owner*'s."""
        rows: list[tuple[int, ...]] = []
        for spelling in spellings(phrase):
            parts = spelling.split()
            if not parts or not all(_TERM.fullmatch(part) for part in parts):
                raise BadPattern(f"{phrase!r} is no row of words")
            if owner and len(parts) == 1:
                self._add(parts[0], self._class(owner))
                rows.append((self._class(owner),))
                continue
            row = []
            for part in parts:
                row.append(self._class(part))
                self._add(part, self._class(part))
            rows.append(tuple(row))
        return rows

    def _class(self, name: str) -> int:
        bit = self._classes.setdefault(name, 1 << len(self._classes))
        self._length[bit] = len(name)
        return bit

    def _add(self, word: str, mask: int) -> None:
        if word.endswith("*"):
            stem = word.removesuffix("*")
            if len(stem) < _STEM_MIN:
                raise BadPattern(f"{word!r} is too short a beginning")
            self._stems[stem] = self._stems.get(stem, 0) | mask
        else:
            self._exact[word] = self._exact.get(word, 0) | mask

    def _element(self, element: str) -> tuple[str, int]:
        """An element as a regular expression, and the set of which it needs a word, if it does."""
        if element in ("^", "$"):
            return (rf"(?<![^\{SENTENCE}])" if element == "^" else rf"(?![^\{SENTENCE}])"), 0
        if gap := _GAP.fullmatch(element):
            return rf"[^\{SENTENCE}]{{0,{gap[1]}}}?", 0
        rows: list[tuple[int, ...]] = []
        choices = []
        for term in element.removesuffix("?").split("|"):
            if term == IS:
                choices.append(IS)
            elif named := _LIST.fullmatch(term):
                rows += self._lists[named[1]]
            else:
                rows += [(self._class(word),) for word in spellings(term)]
        single, need = 0, 0
        for row in rows:
            single |= row[0] if len(row) == 1 else 0
            need |= max(reversed(row), key=self._length.__getitem__)  # "have wise": wise
        if single:
            choices.append(self._set(single))
        choices += ["".join(map(self._set, row)) for row in dict.fromkeys(rows) if len(row) > 1]
        joined = f"(?:{'|'.join(choices)})"
        if element.endswith("?"):
            return f"{joined}?", 0
        return joined, 0 if IS in choices else need

    def _set(self, mask: int) -> str:
        """The symbols of all words that are of one of these sets, as a regular expression."""
        if mask not in self._made:
            symbols = {symbol for bit in bits(mask) for symbol in self._symbols_of.get(bit, ())}
            self._made[mask] = f"[{''.join(sorted(symbols))}]" if symbols else "(?!)"
        return self._made[mask]
