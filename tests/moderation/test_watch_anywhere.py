"""The log gives the same verdicts from wherever it is read, and whatever copies stand in it."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.moderation.watch import KNOWN_MS, LEAD_MS, WINDOW_MS, Decision
from shared.contracts import events as log
from shared.contracts.ids import ClientId
from tests.moderation.said import (
    ALLOWED,
    ANNA,
    BEN,
    BOTH,
    FIRST,
    INNOCENT,
    MASKED,
    MINUTE,
    MORE,
    PAYMENT,
    SECOND,
    WHOLE,
    Record,
    edit,
    judged_at,
    say,
    told,
    watch,
)


class Line(NamedTuple):
    """Something that happens in a log."""

    who: int
    what: int
    text: int
    gap_ms: int
    flags: int


TEXTS = (FIRST, SECOND, FIRST, SECOND, MORE, "ok", INNOCENT, WHOLE, "carrier", "pigeon", PAYMENT)
GAPS_MS = (0, 1_000, 4 * MINUTE, 9 * MINUTE, 11 * MINUTE, 15 * MINUTE, -MINUTE // 2)
"""The last: another broker takes over, whose clock is behind."""
FLAGS = ((), MASKED, ALLOWED)
LINES = st.lists(
    st.builds(
        Line,
        who=st.integers(0, 1),
        what=st.integers(-3, 5),
        text=st.integers(0, len(TEXTS) - 1),
        gap_ms=st.sampled_from(GAPS_MS),
        flags=st.sampled_from((0, 1, 1, 1, 2)),
    ),
    min_size=2,
    max_size=30,
)


def records_of(lines: Sequence[Line]) -> list[Record]:
    """Messages, and edits and copies of earlier ones."""
    records: list[Record] = []
    at = 1_000_000
    for number, line in enumerate(lines):
        at += line.gap_ms
        by, text, flags = (ANNA, BEN)[line.who], TEXTS[line.text], FLAGS[line.flags]
        event: log.Event = say(number, text, by=by, flags=flags)
        if line.what < 0 and len(records) >= -line.what:
            event = records[line.what][0]  # a copy
        elif line.what > 2 and len(records) >= line.what:
            earlier = records[-line.what][0]
            assert isinstance(earlier, log.Message | log.Edit)
            event = edit(number, earlier.id, text, by=by, flags=flags)
        records.append((event, at))
    return records


def ids(decisions: Sequence[Decision]) -> set[ClientId]:
    return {decision.client_id for decision in decisions}


@settings(max_examples=150, deadline=None)
@given(LINES, st.data())
def test_who_begins_later_decides_the_same(lines: list[Line], data: st.DataObject) -> None:
    """Nothing is missing of what who read all decides from there on, and nothing is new."""
    records = records_of(lines)
    judge_from = data.draw(st.integers(1, len(records) - 1))
    since = records[judge_from - 1][1] - LEAD_MS
    begin = next(number for number, (_, at) in enumerate(records) if at >= since)

    late = watch()
    for event, at in records[begin:judge_from]:
        late.pass_by(event, at)
    decided = [one for event, at in records[judge_from:] for one in late.take(event, at)]

    before, all_of_it = judged_at(*records[:judge_from]), judged_at(*records)
    assert ids(decided) <= ids(all_of_it)
    assert ids(before) | ids(decided) == ids(all_of_it)


@pytest.mark.parametrize("before_ms", [1, WINDOW_MS // 2, WINDOW_MS])
def test_what_was_said_before_is_known_to_who_begins_later(before_ms: int) -> None:
    """Both parts get their verdicts, the one too that is not judged any more."""
    records = [(say(1, FIRST), 0), (say(7, "ok", by=BEN), before_ms), (say(2, SECOND), before_ms)]
    begin = next(number for number, (_, at) in enumerate(records) if at >= before_ms - LEAD_MS)

    late = watch()
    for event, at in records[begin:2]:
        late.pass_by(event, at)

    assert told(late.take(*records[2])) == BOTH


def test_a_copy_whose_original_was_not_read_is_forgotten_in_time() -> None:
    """Who begins between the two takes it for a message, but only while he decides nothing."""
    one = say(1, FIRST)
    records = [(one, 0), (one, KNOWN_MS), (say(2, SECOND), KNOWN_MS + WINDOW_MS)]
    begin = next(number for number, (_, at) in enumerate(records) if at >= records[2][1] - LEAD_MS)

    late = watch()
    for event, at in records[begin:2]:
        late.pass_by(event, at)

    assert late.take(*records[2]) == judged_at(*records) == []


@settings(max_examples=100, deadline=None)
@given(LINES, st.data())
def test_copies_change_nothing(lines: list[Line], data: st.DataObject) -> None:
    """As many as come, where they come: within the time in which an id is known."""
    records = records_of([line._replace(what=0) if line.what < 0 else line for line in lines])
    copied: list[Record] = []
    for record in records:
        copied.append(record)
        if data.draw(st.booleans()):
            event, at = copied[-data.draw(st.integers(1, min(3, len(copied))))]
            if abs(record[1] - at) < KNOWN_MS // 2:
                copied.append((event, record[1]))

    assert judged_at(*copied) == judged_at(*records)
