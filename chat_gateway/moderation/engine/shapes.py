"""Groups of digits, and what they look like without the words around them."""

import re
from itertools import pairwise
from typing import Final

import msgspec

LOOKS_WRITTEN: Final = re.compile(
    r"\(\d{3}\)[ .\-]?\d{3}[ .\-]?\d{4}|\d{3}\)[ .\-]?\d{3}[ .\-]\d{4}|\d{3}([.\- ])\d{3}\1\d{4}"
    r"|1[ .\-]\d{3}[ .\-]\d{3}[ .\-]\d{4}"
    r"|\d{3}-\d{4}"
    r"|[6-9]\d{2} \d{3} \d{3}|[6-9]\d{2}( \d{2}){3}|[6-9]\d{2} \d{3} \d{4}|\d{2} \d{4,5}[ \-]\d{4}"
)
"""Numbers as they are written in North America, Spain, Poland, Brazil: known without context."""

NO_NUMBER: Final = re.compile(
    r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}"  # a date
    r"|\d{1,2}:\d{2}(?::\d{2})*(?:\s?-\s?\d{1,2}:\d{2}(?::\d{2})*)?"  # times
    r"|[1-9]\d{0,2}(?:[.,'\s]\d{3})*(?:[.,]\d{1,2})?"  # thousands
    r"|\d{3,5}\s?[x*/\-]\s?\d{3,5}"  # dimensions, years, spans
    r"|\d{1,3}(?:\.\d{1,3}){1,3}"  # versions
)
"""What is none unless somebody is called under it."""

DECIMAL: Final = re.compile(r"(?<![\d.,])\d{1,3}[.,]\d{1,2}(?![\d.,])")
"""One of them is enough to tell that things are counted or measured."""

_TIMES_OR_DATES: Final = re.compile(r".*\d:\d.*|(?:\d{1,2}[./]\d{1,2}[./]?\s*)+", re.DOTALL)
_IN_PARTS: Final = re.compile(r"\d{1,5}(?: \d{2,5}){2,5}")
_IN_SPAIN: Final = re.compile(r"[6-9]\d{2}(?: \d{2}){3}")
_IN_AMERICA: Final = [3, 3, 4]


class Group(msgspec.Struct, frozen=True):
    """A numeral or number words, and where they stand in the text and among its words."""

    digits: str
    spelled: int
    """How many number words it has."""
    start: int
    end: int
    word: int


def is_row(run: list[Group]) -> bool:
    """Whether the numbers only count: one two three, 10 20 30, 3 2 1."""
    values = [int(group.digits) for group in run]
    steps = {b - a for a, b in pairwise(values)}
    return len(run) > 2 and len(steps) == 1


def counts_up(run: list[Group]) -> bool:
    """Whether the numbers are small and rise: scenes 3, 7 and 12."""
    values = [int(group.digits) for group in run]
    return values == sorted(values) and values[0] > 0 and values[-1] < 100


def is_said_in_groups(run: list[Group], written: str) -> bool:
    """Whether these groups of digits are a telephone number by their lengths and values."""
    grouped = " ".join(group.digits for group in run)
    lengths = [len(group.digits) for group in run]
    if lengths == _IN_AMERICA or _IN_SPAIN.fullmatch(grouped):  # "917, then 555, then 0176"
        return True
    if set(lengths) != {4} and _IN_PARTS.fullmatch(grouped) and 9 <= sum(lengths) <= 13:
        # A list of numbers has commas, and none of them begins with a zero.
        if any(group.digits[0] == "0" for group in run):
            return True
        if written == grouped and _is_uneven([int(group.digits) for group in run]):
            return True
    return set(lengths) <= {1, 2} and (
        len(run) >= 7 or (set(lengths) == {2} and sum(lengths) >= 10)
    )


def is_time_or_date(written: str) -> bool:
    """Whether these are times or dates, one or more."""
    return bool(_TIMES_OR_DATES.fullmatch(written))


def _is_uneven(values: list[int]) -> bool:
    """Prices and sizes mostly are round, and numbers of things rise."""
    return values != sorted(values) and sum(value % 5 != 0 for value in values) > 1
