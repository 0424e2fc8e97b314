"""Whether the time of an answer tells an order of others from one that does not exist (attack 48).

Both kinds of ids are asked for alternately, in random order within each pair, so that whatever else
the machine does falls on both alike. Each id is asked for as often as its counterpart: what a first
question leaves in a cache, it leaves for both.
"""

import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean, median, variance
from typing import Final

import msgspec

from shared.contracts.ids import OrderId

KEPT: Final = 0.9
"""Of each kind the quickest part counts. What takes longest was held up by the machine."""
T_MAX: Final = 4.5
"""Of Welch's t: what leakage tests of hardware allow; by chance one in a hundred thousand."""
DIFFERENCE_MAX: Final = 0.05
SEEN_S: Final = 20e-6
"""Of the medians. With samples enough a microsecond is significant, and there are some: an order
that is there is decoded before anybody sees that this user has no part in it. From across the
internet nothing below 20 µs has been told apart, with thousands of tries."""

Ask = Callable[[OrderId], Awaitable[object]]


class Comparison(msgspec.Struct, frozen=True):
    """Seconds an answer took: of orders that are there, and of those that are not."""

    name: str
    there: Sequence[float]
    nowhere: Sequence[float]

    @property
    def t(self) -> float:
        """Welch's t of the part that counts."""
        return welch_t(_kept(self.there), _kept(self.nowhere))

    @property
    def difference(self) -> float:
        """How much longer the median answer takes where there is an order, as a part of it."""
        return median(self.there) / median(self.nowhere) - 1

    @property
    def tells(self) -> bool:
        """Whether somebody who measures could tell them apart."""
        return (
            abs(self.t) > T_MAX
            and abs(self.difference) > DIFFERENCE_MAX
            and abs(median(self.there) - median(self.nowhere)) > SEEN_S
        )

    def line(self) -> str:
        """All of it in a line."""
        return (
            f"{self.name}: {len(self.there):,} pairs, medians {1_000 * median(self.there):.2f} and "
            f"{1_000 * median(self.nowhere):.2f} ms ({100 * self.difference:+.1f} %, "
            f"t {self.t:+.1f})"
        )


async def compare(
    name: str,
    ask: Ask,
    there: Sequence[OrderId],
    nowhere: Sequence[OrderId],
    rounds: int,
    dice: random.Random,
) -> Comparison:
    """Time *ask* for each of both kinds, as many of one as of the other, so many times over."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for pair in zip(there, nowhere, strict=True):
            kinds = [0, 1]
            dice.shuffle(kinds)
            for kind in kinds:
                began = time.perf_counter()
                await ask(pair[kind])
                times[kind].append(time.perf_counter() - began)
    return Comparison(name, *times)


def welch_t(ones: Sequence[float], others: Sequence[float]) -> float:
    """Welch's t of two samples: the difference of their means by what chance makes of it."""
    error = math.sqrt(variance(ones) / len(ones) + variance(others) / len(others))
    return (fmean(ones) - fmean(others)) / error


def _kept(times: Sequence[float]) -> list[float]:
    return sorted(times)[: max(2, round(len(times) * KEPT))]
