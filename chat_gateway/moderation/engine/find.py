"""What the rules find in the last of a sender's messages."""

import math
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from chat_gateway.moderation.engine.learned import likeness
from chat_gateway.moderation.engine.normalise import BLOT
from chat_gateway.moderation.engine.pieces import put_together
from chat_gateway.moderation.engine.rules import Compiled, Rule, Rules
from chat_gateway.moderation.engine.sieve import bits
from chat_gateway.moderation.engine.text import Text, read
from chat_gateway.moderation.engine.words import CLAUSE, IS, SENTENCE

WINDOW: Final = 8
"""How many of a sender's messages are looked at together."""

EXCUSE_WORDS: Final = 24
"""How far from what was found an excuse may stand, so that many finds stay cheap."""

_NUMBERS: Final = re.compile(r"(?=\D*\d)(?:[\W\d_]+|[A-Z0-9 .\-]+)")
"""A message that is a number or a code, and nothing more."""

_LED_CHARS: Final = 200
"""So much of the end of a message may announce what the next one says."""

_QUOTED: Final = re.compile(
    r"(?<!\w)(?:\"[^\"\n]{8,200}\"|“[^“”\n]{8,200}”|„[^„“”\n]{8,200}[“”]|«[^«»\n]{8,200}»"
    r"|‘[^‘’\n]{8,200}’|'[^'\n]{8,200}')(?!\w)"
)
"""What somebody said; a word or two in quotation marks may be anything else."""

_ROUNDS: Final = 4
"""What still shows something new after so many rounds of masking is masked as a whole."""


class Span(msgspec.Struct, frozen=True, order=True, gc=False):
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
    of the last message leaves nothing in it to find. *budget_s*: of this thread's processor time.
    Raises `OverBudget`.
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
    alone = _Look(read(window[last], rules.vocabulary), rules)
    together = [
        (pieces, _Look(pieces.text, rules, pieces.starts))
        for pieces in put_together(window, rules.vocabulary)
    ]
    found = []
    for compiled in rules.compiled:
        if alone.may_have(compiled):
            places = list(alone.places(compiled))
            if places and not _is_led(window, compiled, rules):
                found += [(compiled.rule.id, Span(last, start, end)) for start, end in places]
            clock.check()
        for pieces, look in together if compiled.rule.across else ():
            for start, end in look.places(compiled):
                found += ((compiled.rule.id, Span(*part)) for part in pieces.parts(start, end))
            clock.check()
    return found


def _is_led(window: list[str], compiled: Compiled, rules: Rules) -> bool:
    """Whether what was found in the last message is excused by the one that leads to it."""
    if not compiled.unless_led_by:
        return False
    lead = next((message for message in window[-2::-1] if not _NUMBERS.fullmatch(message)), "")
    said = read(lead[-_LED_CHARS:], rules.vocabulary).read
    return any(
        pattern.may_be_in(said) and pattern.regex.search(said.symbols) is not None
        for pattern in compiled.unless_led_by
    )


class _Look:
    """A look at a text, by all rules."""

    def __init__(self, text: Text, rules: Rules, starts: Sequence[int] = (0,)) -> None:
        """*starts*: where each message starts in the text, if it is put together from several."""
        self._text = text
        self._rules = rules
        self._starts = starts

    def may_have(self, compiled: Compiled) -> bool:
        """Whether looking for the rule is worth while."""
        return compiled.detector is not None or bool(compiled.bits & self._text.read.patterns)

    def places(self, compiled: Compiled) -> Iterator[tuple[int, int]]:
        """The parts of the original text that the rule finds and nothing excuses."""
        found = self._not_excused(compiled)
        below = compiled.rule.unless_below
        if below is None:
            yield from found
        else:
            yield from (place for place in found if self._likeness_from(place[0]) >= below)

    def _not_excused(self, compiled: Compiled) -> Iterator[tuple[int, int]]:
        text, read = self._text, self._text.read
        excuses: list[_Excuse] | None = None
        for bit in bits(compiled.bits & read.patterns):
            pattern = compiled.patterns[bit]
            for match in pattern.regex.finditer(read.symbols):
                first, end = match.span()
                if excuses is None:
                    excuses = self._excuses(compiled)
                if not any(excuse.holds(self._sober, first, end) for excuse in excuses):
                    words = read.words
                    place = text.normalised.original(words[first].start, words[end - 1].end)
                    if not (compiled.rule.unless_quoted and self._is_quoted(*place)):
                        yield place
        if compiled.detector is not None:
            for start, stop in compiled.detector(text):
                first, end = text.words_in(start, stop)
                if excuses is None:
                    excuses = self._excuses(compiled)
                # A name that holds a word is no excuse: mediakit.anna is not "media".
                if not any(excuse.holds(self._sober, first, end, "-") for excuse in excuses):
                    yield text.normalised.original(start, stop)

    def _excuses(self, compiled: Compiled) -> list["_Excuse"]:
        """The excuses of a rule that the text has at all: mostly none."""
        return [
            _Excuse(pattern.regex, ends)
            for patterns, ends in (
                (compiled.unless, (SENTENCE, CLAUSE, IS)),
                (compiled.unless_near, (SENTENCE,)),
            )
            for pattern in patterns
            if pattern.may_be_in(self._text.read) and pattern.regex.search(self._sober)
        ]

    def _likeness_from(self, place: int) -> float:
        """Of the message that holds the place and what comes after it, or of all of them: what was
        said before may speak of other things."""
        first = self._starts[bisect_right(self._starts, place) - 1]
        if first not in self._likenesses:
            plain, places = self._text.plain, self._text.normalised.places
            self._likenesses[first] = likeness(plain[bisect_left(places, first) :])
        return max(self._likenesses[first], self._likeness_from(0) if first else -math.inf)

    @cached_property
    def _likenesses(self) -> dict[int, float]:
        """By where the first of the messages starts."""
        return {}

    def _is_quoted(self, start: int, end: int) -> bool:
        return any(first <= start and end <= last for first, last in self._quotations)

    @cached_property
    def _quotations(self) -> list[tuple[int, int]]:
        return [match.span() for match in _QUOTED.finditer(self._text.original)]

    @cached_property
    def _sober(self) -> str:
        """The words' symbols, where what excuses nothing stands for nothing."""
        symbols = self._text.read.symbols
        for hollow in self._rules.hollow:
            if hollow.may_be_in(self._text.read):
                symbols = hollow.regex.sub(lambda found: "-" * len(found[0]), symbols)
        return symbols


class _Excuse(msgspec.Struct, frozen=True):
    regex: re.Pattern[str]
    ends: tuple[str, ...]
    """What the excuse does not reach beyond."""

    def holds(self, symbols: str, first: int, end: int, middle: str | None = None) -> bool:
        """Whether the excuse stands around the words found, or in them (or in *middle*)."""
        before = symbols[max(0, first - EXCUSE_WORDS) : first]
        after = symbols[end : end + EXCUSE_WORDS]
        for mark in self.ends:
            before = before[before.rfind(mark) + 1 :]
            after = after.partition(mark)[0]
        around = before + (symbols[first:end] if middle is None else middle) + after
        return self.regex.search(around) is not None


def _blot_out(text: str, spans: Iterable[Span]) -> str:
    characters = list(text)
    for span in spans:
        characters[span.start : span.end] = BLOT * (span.end - span.start)
    return "".join(characters)


class _Clock:
    """What this thread has worked. What a busy machine kept it waiting is not the text's doing."""

    def __init__(self, budget_s: float | None) -> None:
        self._budget_s = math.inf if budget_s is None else budget_s
        self._began = time.monotonic()
        self._worked = time.thread_time() if budget_s is not None else 0.0

    def check(self) -> None:
        # The kernel is asked for the thread's time, which takes ten times as long as the other, and
        # after each rule; so it is not, until so much has passed at all.
        passed_s = time.monotonic() - self._began
        if passed_s > self._budget_s and time.thread_time() - self._worked > self._budget_s:
            raise OverBudget
