"""The check of a resume is red for every way to be incomplete, and green where there is none."""

from collections.abc import Callable

import pytest

from shared.contracts import frames
from shared.contracts.ids import Seq
from shared.timeline import Entry, show
from tests.prove.completeness import REPLAY_EVENTS, check_answer, check_screen
from tests.prove.story import ORDER, Story
from tests.prove.view import View

Harm = Callable[[frames.Joined], None]


def entries() -> list[Entry]:
    """An order's entries that participants see."""
    return [entry for entry in Story().truth().orders[ORDER].entries if entry.shown]


def answer(held: Seq, shown: list[Entry]) -> frames.Joined:
    """The right answer to a join from *held*."""
    return frames.Joined(
        ref=1,
        order_id=ORDER,
        order=frames.OrderHeader(
            order_id=ORDER, title="", status="pending", version=1, participants=()
        ),
        you=frames.You(
            role="creator",
            can_send=True,
            can_attach=True,
            can_edit=True,
            can_delete=True,
            edit_window_ms=0,
        ),
        events=[show(entry) for entry in shown if entry.seq > held],
        head=shown[-1].seq,
        complete=True,
        reset=False,
        reads=[],
        online=None,
        unread=0,
        n=0,
    )


def test_the_right_answer_is_green() -> None:
    """All that was missed, once, in order."""
    shown = entries()
    held = shown[0].seq

    assert check_answer(held, answer(held, shown), shown, new_epoch=False) == []


def _lose(joined: frames.Joined) -> None:
    del joined.events[1]


def _double(joined: frames.Joined) -> None:
    joined.events.append(joined.events[-1])


def _swap(joined: frames.Joined) -> None:
    joined.events[:2] = reversed(joined.events[:2])


def _stop_early(joined: frames.Joined) -> None:
    joined.head = joined.events.pop().seq


def _reset(joined: frames.Joined) -> None:
    joined.reset = True


def _be_partial(joined: frames.Joined) -> None:
    joined.complete = False


@pytest.mark.parametrize("harm", [_lose, _double, _swap, _stop_early, _reset, _be_partial])
def test_a_wrong_answer_is_red(harm: Harm) -> None:
    """Whatever is wrong with it."""
    shown = entries()
    held = shown[0].seq
    joined = answer(held, shown)
    harm(joined)

    assert check_answer(held, joined, shown, new_epoch=False)


def test_a_replay_over_epochs_is_red() -> None:
    """Positions of another log mean nothing in this one."""
    shown = entries()
    held = shown[0].seq

    assert check_answer(held, answer(held, shown), shown, new_epoch=True)


def test_a_replay_of_too_much_is_red() -> None:
    """What is beyond the bound is to be a reset."""
    shown = entries()[-1:] * (REPLAY_EVENTS + 1)

    assert check_answer(Seq(0), answer(Seq(0), shown), shown, new_epoch=False)


def test_a_screen_with_a_hole_is_red() -> None:
    """And one that shows everything is green."""
    shown = entries()
    view = View()
    view.open(answer(Seq(0), shown), Seq(0))
    assert check_screen(view, shown) == []

    view.messages.popitem()

    assert check_screen(view, shown)
