"""Times kept in so little memory that any number of them may come."""

import math
from collections.abc import Iterable
from typing import Final

LEAST_MS: Final = 0.001
MOST_MS: Final = 1e6
_STEP: Final = 1.01
"""A bucket's end by its beginning: what is read out is at most 1 % off."""
_PER_E: Final = 1 / math.log(_STEP)
_log: Final = math.log
_OFFSET: Final = -math.log(LEAST_MS) * _PER_E
_BUCKETS: Final = int(math.log(MOST_MS) * _PER_E + _OFFSET) + 1


class Latencies:
    """A histogram of times in ms, with the longest kept as it was."""

    __slots__ = ("_counts", "most")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.most = 0.0

    def add(self, ms: float) -> None:
        """Keep one."""
        if ms > self.most:
            self.most = ms
        if not LEAST_MS < ms < MOST_MS:
            ms = LEAST_MS if ms < MOST_MS else MOST_MS
        self._counts[int(_log(ms) * _PER_E + _OFFSET)] += 1

    @property
    def count(self) -> int:
        """How many were kept."""
        return sum(self._counts)

    def quantile(self, part: float) -> float:
        """The time that so big a part of all did not exceed, such as 0.99; 0 if there are none."""
        wanted = math.ceil(part * self.count)
        below = 0
        for bucket, count in enumerate(self._counts):
            below += count
            if count and below >= wanted:
                return min(self.most, LEAST_MS * math.pow(_STEP, bucket + 0.5))
        return 0.0

    @classmethod
    def merged(cls, some: Iterable["Latencies"]) -> "Latencies":
        """All of them together."""
        whole = cls()
        for each in some:
            whole.most = max(whole.most, each.most)
            whole._counts = [a + b for a, b in zip(whole._counts, each._counts, strict=True)]
        return whole
