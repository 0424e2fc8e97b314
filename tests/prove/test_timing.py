"""What the comparison of times sees, and what it passes over."""

import random

import pytest

from tests.prove.timing import Comparison, welch_t


def answers(seed: int, longer: float = 1.0) -> list[float]:
    """Times of a server on a busy machine: some milliseconds, some much more."""
    dice = random.Random(seed)
    return [
        longer * dice.gauss(0.002, 0.0002) + (0.1 if dice.random() < 0.02 else 0.0)
        for _ in range(2_000)
    ]


def test_welchs_t_is_what_the_books_say() -> None:
    """An example worked out by hand."""
    assert welch_t([1, 2, 3], [2, 4, 6]) == pytest.approx(-2 / (5 / 3) ** 0.5)


def test_chance_tells_nothing() -> None:
    """Two samples of one kind."""
    assert not any(Comparison("x", answers(n), answers(1_000 + n)).tells for n in range(20))


@pytest.mark.parametrize("longer", [0.9, 1.1])
def test_a_tenth_is_seen(longer: float) -> None:
    """Whichever takes longer."""
    assert all(Comparison("x", answers(n, longer), answers(1_000 + n)).tells for n in range(20))


def test_what_nobody_could_measure_is_passed_over() -> None:
    """Significant, and too small to matter."""
    comparison = Comparison("x", answers(1, 1.03), answers(2))

    assert abs(comparison.t) > 4.5
    assert not comparison.tells
