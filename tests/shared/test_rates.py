"""Buckets of tokens, with a clock that the test moves."""

import pytest

from shared.rates import TokenBucket


def test_a_bucket_gives_its_burst_at_once() -> None:
    """Then the wait is what one token takes to come back."""
    bucket = TokenBucket(rate=4, burst=3, now=0)

    assert [bucket.take(1, 0) for _ in range(5)] == [0, 0, 0, 0.25, 0.25]


def test_the_wait_is_the_real_one() -> None:
    """Whoever comes back after it is served; a moment before it is not."""
    bucket = TokenBucket(rate=4, burst=3, now=0)
    bucket.take(3, 0)

    assert bucket.take(2, 0) == 0.5
    assert bucket.take(2, 0.49) == pytest.approx(0.01)
    assert bucket.take(2, 0.5) == 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    """An idle night is worth no more than an idle minute."""
    bucket = TokenBucket(rate=4, burst=3, now=0)

    assert bucket.take(3, 86_400) == 0
    assert bucket.take(1, 86_400) > 0


def test_who_is_refused_pays_nothing() -> None:
    """Asking too early does not put off the moment when it is granted."""
    bucket = TokenBucket(rate=1, burst=1, now=0)
    bucket.take(1, 0)

    assert [bucket.take(1, 0.5) for _ in range(100)] == [0.5] * 100
    assert bucket.take(1, 1) == 0
