"""The join seam under random interleavings; `seam_model` says what happens in them."""

import pytest

from tests.chat_gateway.seam_bugs import BUGS
from tests.chat_gateway.seam_model import run_joins
from tests.chat_gateway.seam_truth import Violation

JOINS = 2_000
JOINS_UNTIL_RED = 8_000
SEEDS = {"a replay does not know that the store has more": 150}
"""Where to begin, if not at 1: the rarest is met in one world of some 150."""


def test_no_join_leaves_a_hole_or_tells_anything_twice() -> None:
    """Whatever happens between two steps of a join, page, look-up or search for a file, its answer
    and what is delivered afterwards are exactly what the log comes to, in order."""
    counts = run_joins(JOINS, first_seed=1)

    happened = {
        "resumes",
        "resets",
        "pages",
        "look-ups",
        "carriers",
        "catch-ups",
        "crashes",
        "restarts",
    }
    assert {name for name in happened if counts[name] < 30} == set()


@pytest.mark.no_cover
@pytest.mark.parametrize("bug", BUGS)
def test_the_model_notices_a_bug(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these slips turns the model red."""
    for slip in BUGS[bug]:
        slip.make(monkeypatch)

    with pytest.raises(Violation):
        run_joins(JOINS_UNTIL_RED, first_seed=SEEDS.get(bug, 1))
