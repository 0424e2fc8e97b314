"""The benchmark's page: what is said of which figures."""

import pytest

from tests.bench import page
from tests.bench.figures import Archived, CaughtUp, Idle, Point, Processes, Results, Soak, Storm
from tests.bench.made_up import results, talked
from tests.bench.report import report


def rows(text: str) -> list[list[str]]:
    """Cells of all tables, headings included."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def row(text: str, *begin: str) -> list[str]:
    """The one row that begins so."""
    found = [cells for cells in rows(text) if cells[: len(begin)] == list(begin)]
    assert len(found) == 1, f"{len(found)} rows begin with {begin}"
    return found[0]


def storm(all_s: float = 2.0, store: float = 0) -> Storm:
    return Storm(
        connections=5_000,
        seconds=[all_s],
        half_s=all_s / 2,
        most_s=all_s,
        all_s=all_s,
        cpu_us={"server": 100.0},
        failures={},
        joins={"tail": 5_000 - store, "store": store},
    )


def test_each_cost_stands_beside_its_ratio_to_ours() -> None:
    """Of the server alone, and of all that stands behind it too."""
    text = report(
        results(pairs={"ours": talked(), "socketio": talked(cost=50, behind=25, per_second=900)})
    )

    assert row(text, "Order Chat")[1:] == [
        *("1,000", "20.0", "1.00 ×", "10.0", "Redis 5.0", "1.00 ×", "25%", "none")
    ]
    assert row(text, "Socket.IO + Redis")[1:] == [
        *("900", "50.0", "2.50 ×", "25.0", "Redis 25.0", "3.00 ×", "25%", "none")
    ]


def test_a_void_run_of_ours_has_no_figures_and_is_no_measure() -> None:
    """Neither in its row nor in the ratios of others."""
    text = report(results(pairs={"ours": talked(lost=3), "plain": talked(cost=40)}))

    assert row(text, "Order Chat")[1:] == [*["void"] * 7, "3 lost"]
    assert row(text, "Starlette + uvicorn")[3] == "–"
    assert row(text, "everything comes once and in order")[1:] == ["3 lost", "no"]


def test_a_void_run_is_void_wherever_it_would_be_shown() -> None:
    """In sentences, and in the tables of ours alone."""
    void, sound = talked(lost=3), talked()
    text = report(
        results(
            latency={"ours": void},
            soak=Soak(talked=void, slice_s=10, p99_ms=[8.0], pss=[1 << 20]),
            archived=Archived(talked=void, behind=0),
            processes={"closed": Processes(one=sound, two=void)},
            growth={"orders": [Point(25, sound), Point(250, void)]},
        )
    )

    assert row(text, "Order Chat")[1:] == [*["void"] * 6, "3 lost"]
    assert "Ours for long: void, 3 lost." in text
    assert "Ours with an archiver at work: void, 3 lost." in text
    assert row(text, "as fast as they can", "2")[2:] == ["void"] * 4
    assert row(text, "250")[1:] == ["void"] * 5
    assert [cells[2] for cells in rows(text) if cells[0].startswith("at half of")] == ["void"]


def test_what_another_server_loses_is_named_beside_its_figures() -> None:
    """It promises nothing else."""
    text = report(results(pairs={"ours": talked(), "channels": talked(cost=400, lost=1_234)}))

    assert row(text, "Django Channels + Redis, pub/sub")[3] == "20.0 ×"
    assert row(text, "Django Channels + Redis, pub/sub")[-1] == "1,234 lost"


def test_who_was_not_measured_is_named_with_the_reason() -> None:
    """All of a server, or one kind of its work."""
    missing = {"all": {"centrifugo": "install Go"}, "storm": {"channels": "no answer in time"}}

    text = report(results(versions={"ours": "1"}, storm={"ours": storm()}, missing=missing))

    assert "Not measured (all): Centrifugo + Redis, install Go." in text
    assert "Not measured (storm): Django Channels + Redis, pub/sub, no answer in time." in text


def test_what_could_not_be_measured_of_ours_is_a_promise_not_kept() -> None:
    """Else it would look as if nobody had asked."""
    text = report(results(missing={"latency": {"ours": "200 of 200 connections ended"}}))

    assert row(text, "all of it can be measured: latency")[1:] == [
        *("200 of 200 connections ended", "no")
    ]


@pytest.mark.parametrize(
    ("found", "asked", "kept"),
    [
        ({"pairs": {"ours": talked(cost=30)}}, "at most 30 µs", "yes"),
        ({"pairs": {"ours": talked(cost=30.1)}}, "at most 30 µs", "no"),
        ({"pairs": {"ours": talked(per_second=20_000)}}, "at least 20,000", "yes"),
        ({"pairs": {"ours": talked(per_second=19_999)}}, "at least 20,000", "no"),
        ({"pairs": {"ours": talked(), "socketio": talked(cost=21)}}, "less of it than", "yes"),
        ({"pairs": {"ours": talked(), "socketio": talked(cost=19)}}, "less of it than", "no"),
        ({"pairs": {"ours": talked(), "channels": talked(cost=201)}}, "at least 10 times", "yes"),
        ({"pairs": {"ours": talked(), "channels": talked(cost=199)}}, "at least 10 times", "no"),
        ({"latency": {"ours": talked(p99_ms=19.9)}}, "at half of saturation", "yes"),
        ({"latency": {"ours": talked(p99_ms=20)}}, "at half of saturation", "no"),
        ({"storm": {"ours": storm(10)}}, "5,000 clients", "yes"),
        ({"storm": {"ours": storm(10.1)}}, "5,000 clients", "no"),
        ({"storm": {"ours": storm(2, store=1)}}, "5,000 clients", "no"),
        (
            {"idle": {"ours": Idle(connections=5_000, pss=12_001, anonymous=0)}},
            "at most 12 KB",
            "no",
        ),
        (
            {"processes": {"open": Processes(one=talked(cost=20), two=talked(cost=25))}},
            "two processes",
            "yes",
        ),
    ],
)
def test_a_promise_is_kept_or_not(found: dict[str, object], asked: str, kept: str) -> None:
    """By the medians, at the very limit."""
    text = report(results(**found))

    assert [cells[2] for cells in rows(text) if cells[0].startswith(asked)] == [kept]


def test_an_archiver_that_is_not_done_is_said_to_need_so_much_more() -> None:
    """By the pace at which it was watched."""
    text = report(
        results(
            pairs={"ours": talked()}, caught_up=CaughtUp(behind=700_000, left=600_000, seconds=50)
        )
    )

    assert "it had 700,000 records to do" in text
    assert "done 100,000 of them (2,000 a second, its start included)" in text
    assert "it would need 5 minutes more" in text


def test_only_what_stands_between_the_marks_is_written() -> None:
    """A page without them is left alone."""
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"

    filled = page.filled(text, results(pairs={"ours": talked()}))

    assert filled.startswith(f"before\n{page.BEGIN}\n`make bench`, 2026-01-31, on 2 cores.")
    assert filled.endswith(f"\n{page.END}\nafter\n")
    assert "old" not in filled
    with pytest.raises(ValueError, match="has no"):
        page.filled("no marks", results())


def test_the_page_is_what_its_figures_give() -> None:
    """`python -m tests.bench --redraw` writes it anew."""
    text = page.PAGE.read_text()

    assert text == page.filled(text, Results.load(page.JSON))
    for plot in page.PLOTS.glob("*.svg"):
        assert f"(benchmarks/{plot.name})" in text
