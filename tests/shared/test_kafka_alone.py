"""When a process need not fetch, since all that is read it has written itself."""

import pytest

from shared.log.kafka_alone import ALONE_S, IN_A_ROW, Alone

NOW = 1_000.0


def alone(partitions: int = 2) -> Alone:
    """As it is after many own batches, up to `NOW`."""
    made = Alone()
    for number in range(IN_A_ROW):
        made.known(number % partitions, NOW)
    return made


def test_it_lasts_as_long_as_every_partition_was_written_a_moment_ago() -> None:
    """The one that was written longest ago decides."""
    here = alone()
    here.known(1, NOW + ALONE_S / 2)

    assert here.lasts([0, 1], NOW) == pytest.approx(ALONE_S)
    assert here.lasts([0, 1], NOW + ALONE_S) == pytest.approx(0)
    assert here.lasts([1], NOW + ALONE_S) > 0


def test_a_partition_that_was_not_written_is_fetched() -> None:
    """Nobody would hear what others write there; and where nothing is followed, nothing lasts."""
    assert alone().lasts([0, 1, 2], NOW) < 0
    assert alone().lasts([], NOW) < 0


def test_few_batches_are_not_enough() -> None:
    """Two who answer each other must not wait for each other."""
    here = Alone()
    for _ in range(IN_A_ROW - 1):
        here.known(0, NOW)

    assert here.lasts([0], NOW) == 0


def test_others_end_it_at_once() -> None:
    """What they wrote must be fetched, and they may write more."""
    here = alone()

    here.met_others()

    assert here.lasts([0, 1], NOW) == 0
    here.known(0, NOW)
    assert here.lasts([0, 1], NOW) == 0
