"""The checker is red for every fault it names, and green where there is none."""

from collections.abc import Callable
from typing import get_args

import msgspec
import pytest

from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, Seq
from shared.timeline import show
from tests.prove import history
from tests.prove.checker import check
from tests.prove.evidence import Check
from tests.prove.history import Record
from tests.prove.report import COLUMNS
from tests.prove.story import (
    ANNA,
    BEN,
    Story,
    client_id,
    id_of,
    message,
    order,
    to_record,
    unlike,
)

Fault = Callable[[Story], None]
FAULTS: list[tuple[Check, Fault]] = []


def turns_red(name: Check) -> Callable[[Fault], Fault]:
    """Declare that the decorated fault must be found by the check called *name*."""

    def register(fault: Fault) -> Fault:
        FAULTS.append((name, fault))
        return fault

    return register


def test_clean_history_is_green() -> None:
    """Nothing is wrong where all promises were kept: retries, cuts and kills are no faults."""
    story = Story()

    violations = check(story.records, story.truth())

    assert violations == []


@turns_red("lost-write")
def log_lost_a_message(story: Story) -> None:
    del story.log[1]


@turns_red("lost-write")
def log_has_another_text(story: Story) -> None:
    event = story.entries()[1].event
    assert isinstance(event, log.Message)
    story.log[1] = to_record(msgspec.structs.replace(event, text="garbled"), 1)


@turns_red("aborted-read")
def refused_edit_was_shown(story: Story) -> None:
    at = story.find("ben-1", "e1")
    seen = story.records[at]
    assert isinstance(seen, history.Live)
    shown = msgspec.structs.replace(seen.event, id=id_of(BEN, "e2"), client_id=client_id("e2"))
    story.records.insert(at + 1, msgspec.structs.replace(seen, client="anna-1", event=shown))


@turns_red("aborted-read")
def standing_message_was_refused(story: Story) -> None:
    at = next(i for i, r in enumerate(story.records) if getattr(r, "code", None) == ErrorCode.BUSY)
    del story.records[at + 1 :]  # the history ends with the refusal, the log goes on


@turns_red("unseen")
def screen_lacks_a_message(story: Story) -> None:
    _replace_view(story, lambda view: {"messages": view.messages[1:]})


@turns_red("duplicate")
def retry_was_stored_under_a_new_id(story: Story) -> None:
    event = story.entries()[1].event
    assert isinstance(event, log.Message)
    again = msgspec.structs.replace(event, id=id_of(ANNA, "other"))
    story.log.append(to_record(again, len(story.log)))


@turns_red("duplicate")
def screen_shows_a_message_twice(story: Story) -> None:
    _replace_view(story, lambda view: {"messages": (*view.messages, view.messages[-1])})


@turns_red("inconsistent-offset")
def position_was_shown_as_another_event(story: Story) -> None:
    at, live = _live(story, "ben-1", "a1")
    story.records[at] = msgspec.structs.replace(live, event=unlike(live.event))


@turns_red("nonmonotonic-deliver")
def two_frames_were_swapped(story: Story) -> None:
    one, two = story.find("ben-1", "a1"), story.find("ben-1", "a2")
    story.records[one], story.records[two] = story.records[two], story.records[one]


@turns_red("nonmonotonic-deliver")
def frame_was_fanned_out_twice(story: Story) -> None:
    at, live = _live(story, "ben-1", "a1")
    story.records.insert(at + 1, live)


@turns_red("skip")
def frame_was_dropped(story: Story) -> None:
    del story.records[story.find("ben-1", "a1")]


@turns_red("skip")
def replay_was_cut_short(story: Story) -> None:
    at = max(i for i, r in enumerate(story.records) if isinstance(r, history.Joined))
    story.records[at] = msgspec.structs.replace(story.records[at], events=())


@turns_red("fifo")
def later_message_overtook(story: Story) -> None:
    one, two = (
        next(i for i, r in enumerate(story.records) if isinstance(r, history.Typed) and r.text == t)
        for t in ("a1", "a2")
    )
    story.records[one], story.records[two] = story.records[two], story.records[one]


@turns_red("foreign")
def event_of_another_order_was_handed_out(story: Story) -> None:
    at, live = _live(story, "ben-1", "a1")
    story.records[at] = msgspec.structs.replace(live, order_id=OrderId("o2"))


@turns_red("after-revoke")
def removed_party_was_shown_what_came_later(story: Story) -> None:
    story.log.append(to_record(order(BEN, version=2), len(story.log)))
    story.log.append(to_record(message(BEN, "b3"), len(story.log)))
    last = story.entries()[-1]
    shown = history.glimpse(show(last))
    story.write(history.Live(**story.stamp("anna-1"), order_id=OrderId("o1"), event=shown))


@turns_red("after-revoke")
def connection_outlived_its_token(story: Story) -> None:
    opened = story.records[0]
    assert isinstance(opened, history.Opened)
    story.records[0] = msgspec.structs.replace(opened, token_ends=-100.0)


@turns_red("ack-before-durable")
def last_event_did_not_survive_the_kill(story: Story) -> None:
    at = next(i for i, r in enumerate(story.records) if getattr(r, "kind", None) == "kill")
    kill = story.records[at]
    assert isinstance(kill, history.Faulted)
    assert kill.ends is not None
    ends = tuple(max(end - 1, 0) for end in kill.ends)
    story.records[at] = msgspec.structs.replace(kill, ends=ends)


@turns_red("ack-before-durable")
def event_was_shown_that_is_in_no_log(story: Story) -> None:
    at, live = _live(story, "ben-1", "a1")
    event = msgspec.structs.replace(live.event, seq=Seq(live.event.seq + 1_000))
    story.records[at] = msgspec.structs.replace(live, event=event)


@turns_red("outcome")
def unknown_came_after_the_event(story: Story) -> None:
    _answer(story, "a1", ref=1, outcome="unknown", code=None, retry=True)


@turns_red("outcome")
def refusal_came_twice(story: Story) -> None:
    at = next(i for i, r in enumerate(story.records) if isinstance(r, history.Answered))
    story.records.insert(at + 1, story.records[at])


@turns_red("outcome")
def attempt_was_never_answered(story: Story) -> None:
    _drop(story, lambda r: isinstance(r, history.Answered) and r.code is ErrorCode.READ_ONLY)


@turns_red("outcome")
def retry_was_refused_for_now(story: Story) -> None:
    at = max(i for i, r in enumerate(story.records) if isinstance(r, history.Sent) and r.retry)
    busy = ErrorCode.BUSY
    _answer(story, "a3", ref=2, outcome="refused", code=busy, retry=True, at=at + 1)


@turns_red("unsettled")
def message_was_left_in_the_outbox(story: Story) -> None:
    stamp = story.stamp("ben-1")
    story.write(
        history.Typed(
            **stamp,
            order_id=story.entries()[0].order_id,
            by=BEN,
            id=client_id("b9"),
            kind="message",
            text="b9",
        )
    )


@turns_red("unsettled")
def client_gave_up_after_a_refusal_for_now(story: Story) -> None:
    at = next(i for i, r in enumerate(story.records) if getattr(r, "code", None) == ErrorCode.BUSY)
    del story.records[at + 1 :]


@turns_red("unwarranted")
def honest_message_was_refused_for_good(story: Story) -> None:
    at = next(i for i, r in enumerate(story.records) if getattr(r, "code", None) == ErrorCode.BUSY)
    story.records[at] = msgspec.structs.replace(
        story.records[at], code=ErrorCode.FORBIDDEN, retry=False
    )


@turns_red("dropped")
def connection_ended_though_nothing_was_cut(story: Story) -> None:
    _drop(story, lambda r: isinstance(r, history.Faulted) and r.kind == "reset")


@turns_red("barred")
def party_was_not_let_in(story: Story) -> None:
    story.write(history.Barred(**story.stamp("anna-1"), code=ErrorCode.NOT_FOUND))


@turns_red("convergence")
def screen_still_shows_the_text_before_the_edit(story: Story) -> None:
    _replace_view(
        story,
        lambda view: {
            "messages": tuple(
                msgspec.structs.replace(m, text="b1", edited_at=None) if m.edited_at else m
                for m in view.messages
            )
        },
    )


@turns_red("convergence")
def read_mark_was_lost(story: Story) -> None:
    _replace_view(story, lambda view: {"marks": {ANNA: 2}})


@turns_red("unread")
def unread_was_miscounted(story: Story) -> None:
    _replace_view(story, lambda view: {"unread": 7})


@turns_red("archive")
def store_lacks_an_event(story: Story) -> None:
    story.archive_lacks.add(story.last)


@pytest.mark.parametrize(
    ("name", "fault"), [pytest.param(*pair, id=pair[1].__name__) for pair in FAULTS]
)
def test_fault_is_found(name: Check, fault: Fault) -> None:
    """Each seeded fault turns the check red that names it."""
    story = Story()
    fault(story)

    violations = check(story.records, story.truth())

    assert name in {violation.check for violation in violations}


def test_every_check_is_shown_to_work() -> None:
    """There is a seeded fault for every check, so no zero in the table means nothing."""
    shown = {name for name, _ in FAULTS}

    assert shown == set(get_args(Check))


def test_every_check_has_its_column() -> None:
    """Whatever a check finds is counted in the table."""
    counted = [name for names in COLUMNS.values() for name in names]

    assert sorted(counted) == sorted(get_args(Check))


def _drop(story: Story, unwanted: Callable[[Record], bool]) -> None:
    story.records = [record for record in story.records if not unwanted(record)]


def _live(story: Story, client: str, text: str) -> tuple[int, history.Live]:
    at = story.find(client, text)
    live = story.records[at]
    assert isinstance(live, history.Live)
    return at, live


def _replace_view(story: Story, change: Callable[[history.Viewed], dict[str, object]]) -> None:
    at = len(story.records) - 1
    view = story.records[at]
    assert isinstance(view, history.Viewed)
    story.records[at] = msgspec.structs.replace(view, **change(view))


def _answer(
    story: Story,
    text: str,
    *,
    ref: int,
    outcome: history.Outcome,
    code: ErrorCode | None,
    retry: bool,
    at: int | None = None,
) -> None:
    client = f"{'anna' if text.startswith('a') else 'ben'}-1"
    answered = history.Answered(
        **story.stamp(client), id=client_id(text), ref=ref, outcome=outcome, code=code, retry=retry
    )
    if at is None:
        at = next(
            i + 1
            for i, r in enumerate(story.records)
            if isinstance(r, history.Live) and r.client == client
            if r.event.client_id == client_id(text)
        )
    story.records.insert(at, answered)
