"""Whether a resume brought everything missed and nothing else, or said so. Pure."""

from collections.abc import Sequence
from typing import Final

from shared.contracts import frames
from shared.contracts.ids import Seq
from shared.timeline import Entry, show
from tests.prove.history import ShownMessage
from tests.prove.view import View

REPLAY_EVENTS: Final = 500
REPLAY_BYTES: Final = 200 * 1024
"""What is missed beyond either is not replayed."""


def check_answer(
    held: Seq, answer: frames.Joined, entries: Sequence[Entry], *, new_epoch: bool
) -> list[str]:
    """What is wrong with the *answer* to a join from position *held*.

    *entries* are those of the order that participants see, as they stand when it is answered.
    """
    missed = [entry for entry in entries if entry.seq > held]
    size = sum(len(frames.encode_frame(show(entry))) for entry in missed)
    due = new_epoch or len(missed) > REPLAY_EVENTS or size > REPLAY_BYTES
    if answer.reset != due:
        return [f"reset is {answer.reset}, with {len(missed)} missed, {size} bytes"]
    found = []
    if answer.head != entries[-1].seq:
        found.append(f"the head is {answer.head}, not {entries[-1].seq}")
    if answer.reset:
        return found
    expected = {entry.seq for entry in missed}
    came = [event.seq for event in answer.events]
    if came != sorted(set(came)):
        found.append("events come twice, or not in order")
    if missing := expected - set(came):
        found.append(f"{len(missing)} missing, first {min(missing)}")
    if extra := set(came) - expected:
        found.append(f"{len(extra)} extra, first {min(extra)}")
    if not answer.complete:
        found.append("a replay that calls itself incomplete")
    return found


def check_screen(view: View, entries: Sequence[Entry]) -> list[str]:
    """What is wrong with a screen that was to be paged back to the beginning."""
    if not view.complete:
        return [f"{len(view.messages)} messages on the screen, and the pages have no end"]
    expected = tuple(
        ShownMessage(
            event.seq, event.n, event.id, event.by, event.text, event.edited_at, event.gone
        )
        for entry in entries
        if isinstance(event := show(entry), frames.MessageShown)
    )
    shown = view.shown()
    if shown == expected:
        return []
    wrong = sum(one != other for one, other in zip(shown, expected, strict=False))
    return [f"{len(shown)} messages on the screen, {len(expected)} in the log, {wrong} unlike"]
