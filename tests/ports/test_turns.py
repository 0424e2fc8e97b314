"""Who hands on how much, where more waits than one fetch has room for."""

from hypothesis import given
from hypothesis import strategies as st

from shared.log.turns import divide


def test_what_a_short_one_leaves_goes_to_the_others() -> None:
    """All have an equal part, and nothing of the room is wasted."""
    assert divide(11, {0: 100, 1: 3, 2: 200}) == {0: 4, 1: 3, 2: 4}


def test_where_room_is_short_those_served_longest_ago_come_first() -> None:
    """With less room than partitions, some get one record and the others wait for their turn."""
    assert divide(2, {3: 10, 1: 20, 2: 5}) == {3: 1, 1: 1}


@given(room=st.integers(1, 50), waiting=st.dictionaries(st.integers(0, 9), st.integers(1, 20)))
def test_the_room_is_used_and_nobody_gets_more_than_waits(
    room: int, waiting: dict[int, int]
) -> None:
    """Whatever waits, exactly as much is handed on as there is room, or as there is at all."""
    shares = divide(room, waiting)

    assert sum(shares.values()) == min(room, sum(waiting.values()))
    assert all(0 < share <= waiting[partition] for partition, share in shares.items())
