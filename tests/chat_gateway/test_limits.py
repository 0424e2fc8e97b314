"""Rates, with a clock that the test moves."""

from chat_gateway.limits import (
    FLOOD_REFUSALS,
    FLOOD_WINDOW_S,
    JOIN_COST,
    LIFTED,
    Flood,
    Rates,
    lifted,
)
from shared.contracts.frames import Limits
from shared.contracts.ids import UserId
from shared.rates import BUCKETS_MAX
from tests.shared.story import ANNA, BEN

# Rates.


def test_users_have_buckets_of_their_own() -> None:
    """One who floods takes nothing from another."""
    rates = Rates(Limits(messages_burst=1, messages_per_s=1))
    rates.messages.take(ANNA, 1, 0)

    assert rates.messages.take(ANNA, 1, 0) == 1
    assert rates.messages.take(BEN, 1, 0) == 0


def test_attempts_and_other_frames_are_counted_apart() -> None:
    """Whoever may write no more may still read."""
    rates = Rates(Limits(messages_burst=1, frames_burst=1, frames_per_s=1))
    rates.messages.take(ANNA, 1, 0)

    assert rates.frames.take(ANNA, 1, 0) == 0
    assert rates.frames.take(ANNA, 1, 0) == 1


def test_a_join_counts_as_several_frames() -> None:
    """Its answer is large."""
    rates = Rates(Limits(frames_burst=10, frames_per_s=1))

    assert [rates.frames.take(ANNA, JOIN_COST, 0) for _ in range(3)] == [0, 0, JOIN_COST]


def test_the_users_remembered_are_bounded() -> None:
    """The one who was quiet longest is forgotten, the busy one is not."""
    rates = Rates(Limits(messages_burst=2, messages_per_s=1))
    rates.messages.take(BEN, 1, 0)
    rates.messages.take(BEN, 1, 0)
    for number in range(BUCKETS_MAX - 1):
        rates.messages.take(UserId(f"u{number}"), 1, 0)
    rates.messages.take(BEN, 1, 0)
    for number in range(BUCKETS_MAX, BUCKETS_MAX + 10):
        rates.messages.take(UserId(f"u{number}"), 1, 0)

    assert rates.messages.take(BEN, 1, 0) > 0
    assert [rates.messages.take(UserId("u0"), 1, 0) for _ in range(2)] == [0, 0]


def test_limits_can_be_lifted() -> None:
    """Rates and caps go, sizes stay."""
    limits = lifted(Limits(messages_burst=1))
    rates = Rates(limits)

    assert not any(
        rates.messages.take(ANNA, 1, 0) or rates.frames.take(ANNA, 1, 0) for _ in range(10_000)
    )
    assert limits.sockets_per_user == limits.orders_per_connection == LIFTED
    assert (limits.frame_bytes, limits.page) == (Limits().frame_bytes, Limits().page)


# Floods.


def test_refusals_in_a_row_are_a_flood() -> None:
    """One more than is forgiven."""
    flood = Flood()

    assert not any(flood.refused(0) for _ in range(FLOOD_REFUSALS))
    assert flood.refused(FLOOD_WINDOW_S)


def test_refusals_over_a_long_time_are_none() -> None:
    """They are counted by window."""
    flood = Flood()
    for _ in range(FLOOD_REFUSALS):
        flood.refused(0)

    assert not flood.refused(FLOOD_WINDOW_S + 0.1)
