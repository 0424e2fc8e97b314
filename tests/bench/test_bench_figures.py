"""Figures of several runs, and how they are kept."""

from pathlib import Path

import pytest

from tests.bench.figures import Archived, CaughtUp, Results, Soak, Spread, Storm, Talked
from tests.bench.load.latency import Latencies
from tests.bench.load.load import Comeback, Outcome
from tests.bench.made_up import talked


def outcome(*, seconds: float, delivered: int, cpu: float, ms: float, lost: int = 0) -> Outcome:
    latencies = Latencies()
    latencies.add(ms)
    return Outcome(
        said=delivered // 2,
        delivered=delivered,
        members=2,
        seconds=seconds,
        cpu={"server": cpu, "redis": cpu / 2},
        generator_cpu=seconds / 4,
        latencies=latencies,
        slices=[ms],
        lost=lost,
        doubled=0,
        reordered=0,
    )


def test_runs_become_a_median_with_least_and_most() -> None:
    """And what went wrong in any of them went wrong."""
    runs = [
        outcome(seconds=2, delivered=2_000, cpu=0.03, ms=4),
        outcome(seconds=2, delivered=4_000, cpu=0.02, ms=2, lost=3),
        outcome(seconds=2, delivered=8_000, cpu=0.08, ms=8),
    ]

    found = Talked.of(runs, 200)

    assert found.per_second == Spread(1_000, 500, 2_000)
    assert found.cpu_us == {"server": Spread(20, 10, 30), "redis": Spread(10, 5, 15)}
    assert found.generator == Spread(0.25, 0.25, 0.25)
    assert found.p99_ms.median == pytest.approx(4, rel=0.01)
    assert (found.connections, found.members, found.runs, found.said) == (200, 2, 3, 7_000)
    assert (found.lost, found.sound) == (3, False)


def test_a_comeback_is_kept_as_a_curve() -> None:
    """Of those that came back; the others are counted."""
    came = Comeback(seconds=[n / 100 for n in range(1, 101)], failures={"no answer in time": 2})

    storm = Storm.of(came, {"server": 0.05}, 102, {"tail": 100.0})

    assert (storm.half_s, storm.most_s, storm.all_s) == (0.5, 0.95, 1.0)
    assert storm.seconds == [round(n / 20, 2) for n in range(1, 21)]
    assert storm.cpu_us == {"server": 500.0}
    assert storm.failures == {"no answer in time": 2}


def test_nobody_came_back() -> None:
    """Which is no reason to fail."""
    storm = Storm.of(Comeback(seconds=[], failures={"refused": 2}), {"server": 0.1}, 2, {})

    assert (storm.all_s, storm.failures) == (0.0, {"refused": 2})


def test_growth_over_time_is_told_from_noise_by_its_slope() -> None:
    """In ms and in bytes a minute."""
    soak = Soak(
        talked=talked(), slice_s=10, p99_ms=[4.0, 5.0, 6.0, 7.0, 8.0], pss=[100, 200, 300, 400]
    )

    assert soak.p99_slope == pytest.approx(6)
    assert soak.pss_slope == pytest.approx(600)
    assert soak.p99_growth == 2


@pytest.mark.parametrize(("behind", "kept_up"), [(1_999, True), (2_001, False)])
def test_an_archiver_keeps_up_that_is_a_batch_behind(behind: int, kept_up: bool) -> None:
    """Of what comes in two seconds."""
    assert Archived(talked=talked(per_second=1_000), behind=behind).kept_up is kept_up


def test_results_are_kept_whole(tmp_path: Path) -> None:
    """What is loaded is what was saved, and saved again it is the same file."""
    results = Results(
        date="2026-01-31",
        command="make bench",
        machine="2 cores",
        versions={"ours": "1", "plain": "2"},
        missing={"all": {"centrifugo": "no Go"}},
        pairs={"ours": talked(), "plain": talked(cost=40)},
        caught_up=CaughtUp(behind=100, left=20, seconds=4.0),
    )

    results.save(tmp_path / "first.json")
    again = Results.load(tmp_path / "first.json")
    again.save(tmp_path / "second.json")

    assert again == results
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
