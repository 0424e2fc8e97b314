"""What a run of the benchmark does, and for how long."""

from tests.bench.campaign import to_do
from tests.bench.plan import FULL, KINDS, NAMES


def test_a_full_run_is_planned_to_take_at_most_25_minutes() -> None:
    """Everybody's openings, warm-ups and ends included."""
    planned = to_do(FULL, list(NAMES), frozenset(KINDS))

    assert sum(planned.values()) <= 25 * 60


def test_others_do_what_every_server_can_do() -> None:
    """Ours does all; the second layer of the same server is shown by one kind."""
    wanted = frozenset(KINDS[4:7])

    planned = to_do(FULL, ["ours", "plain", "channels-queue"], wanted)

    assert set(planned) == {
        ("ours", "pairs"),
        ("ours", "latency"),
        ("ours", "archived"),
        ("plain", "pairs"),
        ("plain", "latency"),
        ("channels-queue", "pairs"),
    }
