"""Who gets in, with a clock that the test moves (attacks 12 and 30)."""

import pytest

from chat_gateway.admission import LIFTED_CAPS, Admission, Caps
from shared.contracts.frames import Limits
from tests.shared.story import ANNA

HOME = "192.0.2.1"
AWAY = "192.0.2.2"


# Those who say nothing.


def test_an_address_has_so_many_silent_connections() -> None:
    """Another address is not concerned."""
    admission = Admission(Limits(), Caps(silent_per_address=2))

    assert [admission.admit(HOME, 0) is not None for _ in range(3)] == [True, True, False]
    assert admission.admit(AWAY, 0) is not None


def test_all_addresses_together_have_so_many() -> None:
    """A thousand addresses are no way around."""
    admission = Admission(Limits(), Caps(silent_max=2))

    assert [admission.admit(f"192.0.2.{n}", 0) is not None for n in range(3)] == [True, True, False]


def test_who_speaks_makes_room_for_the_next() -> None:
    """And goes on counting for the user."""
    caps = Caps(silent_per_address=1, silent_max=1)
    admission = Admission(Limits(sockets_per_user=1), caps)
    first = admission.admit(HOME, 0)
    assert first is not None

    assert first.enter(ANNA)

    second = admission.admit(HOME, 0)
    assert second is not None
    assert not second.enter(ANNA)
    assert admission.admit(HOME, 0) is None  # the refused one is silent until it is gone


@pytest.mark.parametrize("welcomed", [False, True])
def test_who_is_gone_makes_room_once(welcomed: bool) -> None:
    """However often that is said."""
    admission = Admission(Limits(sockets_per_user=1), Caps(silent_per_address=2))
    other = admission.admit(HOME, 0)
    ticket = admission.admit(HOME, 0)
    assert ticket is not None
    assert other is not None
    if welcomed:
        assert ticket.enter(ANNA)

    ticket.leave()
    ticket.leave()

    assert [admission.admit(HOME, 0) is not None for _ in range(2)] == [True, False]
    assert other.enter(ANNA)


# The pace at which they come.


def come_and_go(admission: Admission, address: str, now: float, count: int) -> int:
    """How many of so many connections get in; each is gone before the next comes."""
    let_in = 0
    for _ in range(count):
        ticket = admission.admit(address, now)
        if ticket is not None:
            ticket.leave()
            let_in += 1
    return let_in


def test_an_address_comes_and_goes_at_a_pace() -> None:
    """Its burst at once, then its rate; whoever comes from elsewhere is let in at once."""
    caps = Caps(address_arrivals_burst=20, address_arrivals_per_s=10)
    admission = Admission(Limits(), caps)

    assert come_and_go(admission, HOME, 0, 500) == 20
    assert come_and_go(admission, AWAY, 0, 20) == 20
    assert [come_and_go(admission, HOME, second, 500) for second in (1, 2, 3)] == [10, 10, 10]


def test_all_addresses_come_at_a_pace() -> None:
    """A thousand addresses are no way around that either."""
    caps = Caps(arrivals_burst=50, arrivals_per_s=25)
    admission = Admission(Limits(), caps)

    def storm(now: float) -> int:
        return sum(come_and_go(admission, f"10.0.{n // 250}.{n % 250}", now, 1) for n in range(500))

    assert [storm(second) for second in (0, 1, 2)] == [50, 25, 25]


def test_one_address_cannot_use_up_what_is_there_for_others() -> None:
    """500 a second from one: a second's 500 less the 100 it gets are left (attack 30)."""
    admission = Admission(Limits(), Caps(arrivals_burst=500))
    for tick in range(10_000):
        come_and_go(admission, HOME, tick / 500, 1)

    others = sum(come_and_go(admission, f"10.0.0.{n}", 20, 2) for n in range(250))

    assert others >= 400


def test_who_is_turned_away_is_counted_by_the_reason() -> None:
    """For the operator's eyes."""
    caps = Caps(silent_per_address=1, address_arrivals_burst=2, address_arrivals_per_s=1)
    admission = Admission(Limits(), caps)
    ticket = admission.admit(HOME, 0)
    assert ticket is not None
    admission.admit(HOME, 0)
    ticket.leave()
    come_and_go(admission, HOME, 0, 3)

    assert admission.turned_away == {"silent": 1, "pace": 2}


def test_caps_can_be_lifted() -> None:
    """For load tests."""
    admission = Admission(Limits(), LIFTED_CAPS)

    assert all(admission.admit(HOME, 0) is not None for _ in range(5_000))
