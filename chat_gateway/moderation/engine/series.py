"""Numbers in a series, which are no telephone number: counts, years, scores, sums, ages."""

import re
from itertools import pairwise
from typing import Final

import msgspec


class Group(msgspec.Struct, frozen=True):
    """A numeral or number words, and where they stand in the text and among its words."""

    digits: str
    spelled: int
    """How many number words it has."""
    start: int
    end: int
    word: int


_DIGITS_MIN: Final = 6
_CYCLE_MIN: Final = 3
_LISTED_MIN: Final = 4
_THREE: Final = 3
_SUMS_MIN: Final = 6
_SPREAD: Final = 50
_FEW: Final = 21
_GLUED_YEAR: Final = re.compile(r"(?!null)(?:(?!hundert)\w)+hundert(?:(?!hundert)\w)*")
_THOUSAND: Final = re.compile(r"\b(?:mil|mille|tausend|thousand|bin|tysiąc|тысяча)\s\Z")
_AND: Final = re.compile(r"\s(?:and|und|y|et|e)\s")
_TIMES: Final = re.compile(r"\s(?:por|mal|times|fois|per|vezes|x)\s")


def is_row(run: list[Group]) -> bool:
    """Whether the numbers only count: one two three, 10 20 30, 8 9 10 8 9 10, 5 6 7 8 1 2 3, or
    440 880 1760, or 0 1 1 2 3 5; or go to and fro: six five six five six five."""
    values = _counted(run)
    if len(values) < _THREE:
        return False
    steps = {b - a for a, b in pairwise(values)}
    if len(steps) == 1 or (values[0] and all(b == 2 * a for a, b in pairwise(values))):
        return True
    if len(values) >= _SUMS_MIN and _is_progression(values):
        return True
    if len(values) >= 2 * _THREE and len(set(values)) == 2 and values[2:] == values[:-2]:
        return True
    if all(b in (a + 1, 1) for a, b in pairwise(values)) and values[:_LISTED_MIN] == list(
        range(values[0], values[0] + _LISTED_MIN)
    ):
        return True
    if not all(b in (a + 1, values[0]) for a, b in pairwise(values)):
        return False
    cycle = values.index(values[0], 1)
    return values[0] == 1 or (cycle >= _CYCLE_MIN and values == (values[:cycle] * 9)[: len(values)])


def _counted(run: list[Group]) -> list[int]:
    """What is counted: twenty-one is one number, and so is zero two."""
    values: list[int] = []
    open_ = False
    for group in run:
        value = int(group.digits)
        if open_ and group.spelled and 0 < value < 10:
            values[-1] += value
            open_ = False
        else:
            values.append(value)
            open_ = group.spelled == 1 and value in (0, *range(20, 100, 10))
    return values


def counts_up(run: list[Group]) -> bool:
    """Whether the numbers are small and rise: scenes 3, 7 and 12."""
    values = [int(group.digits) for group in run]
    return values == sorted(values) and values[0] > 0 and values[-1] < 100


def is_numbered(run: list[Group]) -> bool:
    """Whether these number things one after another: 0091, 0094, 0102; "one is 0091, two 0094"."""
    run = [group for group in run if not group.spelled] or run
    if len(run) < 2 or len({len(group.digits) for group in run}) > 1:
        return False
    values = [int(group.digits) for group in run]
    rises = all(a < b for a, b in pairwise(values))
    return rises and (values[-1] - values[0]) * 100 <= 10 ** len(run[0].digits)


def is_measured(run: list[Group]) -> bool:
    """Whether these are about the same each time, and round: 500, 515, 490."""
    values = [int(group.digits) for group in run]
    return (
        len(run) >= _THREE
        and max(values) - min(values) <= _SPREAD
        and all(value % 5 == 0 for value in values)
    )


def is_series_in_words(plain: str, run: list[Group]) -> bool:
    """Whether number words say years, ages, scores or amounts, and no digits."""
    if not all(group.spelled for group in run):
        return False
    written = plain[run[0].start : run[-1].end]
    if len(run) == 1:
        return bool(_GLUED_YEAR.fullmatch(written))
    if run[0].digits.endswith("00") and _THOUSAND.search(
        plain, max(0, run[0].start - 9), run[0].start
    ):
        return True
    values = _counted(run)
    if _is_progression([int(group.digits) for group in run]) or _is_progression(values):
        return True
    if any(group.digits[0] == "0" for group in run):
        return _is_score(plain, run)
    if sum(len(str(value)) for value in values) < _DIGITS_MIN:
        return not any(group.spelled > 1 for group in run)
    if values == sorted(values) and (
        values[-1] <= _FEW
        or (values[-1] < 100 and len(values) >= _THREE and _AND.search(_before_last(plain, run)))
    ):
        return True
    if len(run) == _THREE and all(10 <= value < 100 and value % 10 == 0 for value in values):
        return True
    return _is_product(plain, run) or _is_score(plain, run) or _falls(plain, run)


def _is_progression(values: list[int]) -> bool:
    """Whether the same is added each time, ten or two at once; or what the last two were: 3, 5, 8.

    Single digits that rise or fall by one may be anybody's number."""
    steps = {b - a for a, b in pairwise(values)}
    if len(values) >= _THREE and len(steps) == 1 and max(values) >= 10 and steps != {0}:
        return True
    grows = all(c == a + b for a, b, c in zip(values, values[1:], values[2:], strict=False))
    return len(values) >= _SUMS_MIN and grows and steps != {0}


def _before_last(plain: str, run: list[Group]) -> str:
    """What stands before the last number of ten and more: "thirty and seventy five"."""
    last = max(n for n, group in enumerate(run) if n == 0 or int(group.digits) >= 10)
    return plain[run[max(0, last - 1)].end : run[last].start]


def _is_product(plain: str, run: list[Group]) -> bool:
    """Two times two are four."""
    return any(
        int(a.digits) * int(b.digits) == int(c.digits) and _TIMES.fullmatch(plain, a.end, b.start)
        for a, b, c in zip(run, run[1:], run[2:], strict=False)
    )


def _parts(plain: str, run: list[Group]) -> list[list[int]]:
    """The numbers between commas."""
    parts = [[int(run[0].digits)]]
    for a, b in pairwise(run):
        if "," in plain[a.end : b.start]:
            parts.append([])
        parts[-1].append(int(b.digits))
    return parts


def _is_score(plain: str, run: list[Group]) -> bool:
    """Three nil, three one, three two: one more for one of the two each time."""
    parts = _parts(plain, run)
    if parts and len(parts[-1]) == 1:
        parts.pop()  # "three all"
    if len(parts) < _THREE or any(len(part) != 2 for part in parts):
        return False
    return all((c - a, d - b) in ((0, 1), (1, 0)) for (a, b), (c, d) in pairwise(map(tuple, parts)))


def _falls(plain: str, run: list[Group]) -> bool:
    """Whether amounts are listed from the largest to the smallest: five hundred, fifty, two."""
    parts = _parts(plain, run)
    if len(parts) < _LISTED_MIN or max(map(len, parts)) > 2:
        return False
    values = [
        part[0] * 100 if part[1:] == [100] else int("".join(map(str, part))) for part in parts
    ]
    return values[-1] < 10 and all(a > b for a, b in pairwise(values))
