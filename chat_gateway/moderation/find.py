"""What the rules find in the last of a sender's messages."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from chat_gateway.moderation.normalise import BLOT
from chat_gateway.moderation.phrases import Pattern, Read
from chat_gateway.moderation.pieces import put_together
from chat_gateway.moderation.rules import Compiled, Rule, Rules
from chat_gateway.moderation.text import Text, read
from chat_gateway.moderation.words import CLAUSE, IS, SENTENCE

WINDOW: Final = 8
"""How many of a sender's messages are looked at together."""

EXCUSE_WORDS: Final = 24
"""How far from what was found an excuse may stand, so that many finds stay cheap."""

_ROUNDS: Final = 4
"""What still shows something new after so many rounds of masking is masked as a whole."""


class Span(msgspec.Struct, frozen=True, order=True):
    """A part of a message, in code points of the text as it was written."""

    message: int
    start: int
    end: int


class Finding(msgspec.Struct, frozen=True):
    """That a rule holds, and where. At least one of the spans is of the last message."""

    rule: Rule
    spans: tuple[Span, ...]


class OverBudget(Exception):
    """The time given was not enough to try every rule."""


def find(messages: Sequence[str], rules: Rules, *, budget_s: float | None = None) -> list[Finding]:
    """What the last message takes part in, in the rules' order, one finding for each rule.

    *messages* are of one sender in their order; the last `WINDOW` of them count. Masking all spans
    of the last message leaves nothing in it to find. Raises `OverBudget`.
    """
    clock = _Clock(budget_s)
    first = max(0, len(messages) - WINDOW)
    window = list(messages[first:])
    spans: dict[str, set[Span]] = {}
    # What was found may have hidden or excused something else, which masking it would bring out.
    for _ in range(_ROUNDS):
        if not (found := _once(window, rules, clock)):
            break
        for rule, span in found:
            spans.setdefault(rule, set()).add(span)
        window[-1] = _blot_out(window[-1], [s for _, s in found if s.message == len(window) - 1])
    else:
        whole = Span(len(window) - 1, 0, len(window[-1]))
        spans = {rule: {*places, whole} for rule, places in spans.items()}
    return [
        Finding(
            compiled.rule,
            tuple(
                Span(first + span.message, span.start, span.end)
                for span in sorted(spans[compiled.rule.id])
            ),
        )
        for compiled in rules.compiled
        if compiled.rule.id in spans
    ]


def _once(window: list[str], rules: Rules, clock: "_Clock") -> list[tuple[str, Span]]:
    last = len(window) - 1
    text = read(window[last], rules.vocabulary)
    together = put_together(window, rules.vocabulary)
    found = []
    for compiled in rules.compiled:
        for start, end in _places(compiled, text, rules):
            found.append((compiled.rule.id, Span(last, start, end)))
        clock.check()
        for pieces in together if compiled.rule.across else ():
            for start, end in _places(compiled, pieces.text, rules):
                found += ((compiled.rule.id, Span(*part)) for part in pieces.parts(start, end))
            clock.check()
    return found


def _places(compiled: Compiled, text: Text, rules: Rules) -> Iterator[tuple[int, int]]:
    """The parts of the original text that the rule finds and nothing excuses."""
    has, words = text.read.has, text.read.words
    excuses: list[_Excuse] | None = None
    for pattern in compiled.patterns:
        for need in pattern.needs:
            if not has & need:
                break
        else:
            for match in pattern.regex.finditer(text.read.symbols):
                first, end = match.span()
                if excuses is None:
                    excuses = _excuses(compiled, text.read, rules)
                middle = text.read.symbols[first:end]
                if not any(excuse.holds(text.read, first, end, middle) for excuse in excuses):
                    yield text.normalised.original(words[first].start, words[end - 1].end)
    if compiled.detector is not None:
        for start, stop in compiled.detector(text):
            first, end = text.words_in(start, stop)
            if excuses is None:
                excuses = _excuses(compiled, text.read, rules)
            # A name that holds a word is no excuse: mediakit.anna is not "media".
            if not any(excuse.holds(text.read, first, end, "-") for excuse in excuses):
                yield text.normalised.original(start, stop)


class _Excuse(msgspec.Struct, frozen=True):
    pattern: Pattern
    ends: tuple[str, ...]
    """What the excuse does not reach beyond."""
    hollow: re.Pattern[str] | None

    def holds(self, read: Read, first: int, end: int, middle: str) -> bool:
        """Whether the excuse stands around the words found, or in them."""
        before = read.symbols[max(0, first - EXCUSE_WORDS) : first]
        after = read.symbols[end : end + EXCUSE_WORDS]
        for mark in self.ends:
            before = before[before.rfind(mark) + 1 :]
            after = after.partition(mark)[0]
        return self.fits(before + middle + after)

    def fits(self, symbols: str) -> bool:
        """Whether the excuse is among these words."""
        if self.hollow is not None:
            symbols = self.hollow.sub("-", symbols)
        return self.pattern.regex.search(symbols) is not None


def _excuses(compiled: Compiled, read: Read, rules: Rules) -> list[_Excuse]:
    """The excuses of a rule that the text has at all: mostly none."""
    hollow = rules.hollow.regex if rules.hollow is not None else None
    return [
        excuse
        for patterns, ends in (
            (compiled.unless, (SENTENCE, CLAUSE, IS)),
            (compiled.unless_near, (SENTENCE,)),
        )
        for pattern in patterns
        if all(read.has & need for need in pattern.needs)
        if (excuse := _Excuse(pattern, ends, hollow)).fits(read.symbols)
    ]


def _blot_out(text: str, spans: Iterable[Span]) -> str:
    characters = list(text)
    for span in spans:
        characters[span.start : span.end] = BLOT * (span.end - span.start)
    return "".join(characters)


class _Clock:
    def __init__(self, budget_s: float | None) -> None:
        self._until = None if budget_s is None else time.perf_counter() + budget_s

    def check(self) -> None:
        if self._until is not None and time.perf_counter() > self._until:
            raise OverBudget
