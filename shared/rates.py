"""Rates: what one of many may ask for in a time.

A rate is a bucket of tokens: it holds `burst` of them and gains `rate` a second, so whoever was
quiet may be quick for a while. Nothing here waits; who is refused is told when to come back.
"""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

BUCKETS_MAX: Final = 50_000
"""Buckets remembered at a time, some 10 MB; whoever is forgotten starts with a full one."""

K = TypeVar("K")


class TokenBucket:
    """Tokens that come back with time."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """*rate*: tokens a second; *burst*: how many it holds, and begins with."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, cost: float, now: float) -> float:
        """Take *cost* tokens; 0 if they were there, else nothing is taken, and the answer is in how
        many seconds they will be."""
        tokens = self._tokens + (now - self._at) * self._rate
        if tokens > self._burst:
            tokens = self._burst
        self._at = now
        if tokens >= cost:
            self._tokens = tokens - cost
            return 0.0
        self._tokens = tokens
        return (cost - tokens) / self._rate


class Buckets(Generic[K]):
    """A bucket for each of many, all alike."""

    def __init__(self, rate: float, burst: float) -> None:
        """See `TokenBucket`."""
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def take(self, key: K, cost: float, now: float) -> float:
        """Take *cost* tokens of *key*'s; see `TokenBucket`."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, now)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        elif len(self._buckets) > BUCKETS_MAX // 2:  # else nobody will be forgotten soon
            self._buckets.move_to_end(key)
        return bucket.take(cost, now)
