"""What readers see ends the same, however they came by it, in every history."""

import re
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import MessageId
from shared.timeline import apply, apply_all
from tests.shared.histories import History, histories
from tests.shared.readers import MODERATING, PARTICIPANT, Reader, Screen, Timeline, enter_all

READERS = pytest.mark.parametrize("reader", [PARTICIPANT, MODERATING], ids=["party", "moderator"])

quickly = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Allowed:
    """Which texts and files the parties may see, kept by hand."""

    def __init__(self) -> None:
        self._said: dict[MessageId, tuple[set[str], set[str]]] = {}
        self._gone: set[MessageId] = set()

    def take(self, event: log.Event) -> None:
        """A standing event."""
        match event:
            case log.Message(id=id_):
                self._said[id_] = {event.text}, {file.id for file in event.attachments}
                self._gone.discard(id_)
            case log.Edit(target=target) if target in self._said:
                self._said[target] = {event.text}, self._said[target][1]
            case log.Delete(target=target) | log.Redact(target=target):
                self._gone.add(target)
            case log.Restore(target=target):
                self._gone.discard(target)
            case _:
                pass

    def leaked(self, shown: list[frames.EventShown]) -> set[str]:
        """What *shown* holds beside what it may."""
        found = re.findall(rb"canary-\d+|file-\d+", b"".join(map(frames.encode_frame, shown)))
        return {text.decode() for text in found} - self._texts()

    def _texts(self) -> set[str]:
        standing = (parts for id_, parts in self._said.items() if id_ not in self._gone)
        return {text for parts in standing for part in parts for text in part}


@READERS
@quickly
@given(histories())
def test_present_form_and_live_frames_end_in_the_present_form(
    reader: Reader, history: History
) -> None:
    """Whoever opened the order at any time and stayed sees what one sees who opens it now."""
    timeline = Timeline()
    screens: list[Screen] = []
    for index, record in enumerate(history.records):
        if index in history.cuts[-12:]:
            screens.append(reader.opens(timeline.entries))
        live = reader.frames([timeline.take(record)])
        for screen in screens:
            for frame in live:
                screen.take(frame)

    present = reader.opens(timeline.entries)

    assert all(screen == present for screen in screens)


@READERS
@quickly
@given(histories())
def test_a_replay_ends_in_the_present_form(reader: Reader, history: History) -> None:
    """Whoever was away since any time gets all of it in present form, and sees what is now."""
    timeline = Timeline()
    away: list[tuple[int, Screen]] = []
    for index, record in enumerate(history.records):
        if index in history.cuts[-12:]:
            away.append((index, reader.opens(timeline.entries)))
        timeline.take(record)
    present = reader.opens(timeline.entries)

    for left_at, screen in away:
        for frame in reader.frames(timeline.entries[left_at:]):
            screen.take(frame)

        assert screen == present


@quickly
@given(histories(honest=True))
def test_nothing_gone_is_shown_to_the_parties(history: History) -> None:
    """No frame made now, of any type, holds a text or file that is gone, void or edited away."""
    timeline, allowed = Timeline(), Allowed()
    for record in history.records:
        if timeline.take(record).stands:
            allowed.take(record.event)

    assert allowed.leaked(PARTICIPANT.frames(timeline.entries)) == set()


@quickly
@given(histories(honest=True))
def test_no_live_frame_shows_what_is_gone(history: History) -> None:
    """At no moment does a frame bring back what had left before."""
    timeline, allowed = Timeline(), Allowed()
    for record in history.records:
        entry = timeline.take(record)
        if entry.stands:
            allowed.take(record.event)

        assert allowed.leaked(PARTICIPANT.frames([entry])) == set()


@quickly
@given(histories(), st.randoms(use_true_random=False))
def test_changes_shuffled_and_repeated_end_the_same(history: History, dice: Random) -> None:
    """A store that applies changes in any order, some of them often, ends where all others do."""
    entries, changes = enter_all(history.records)
    expected, _ = enter_all(history.records)
    apply_all(changes, expected)
    shuffled = changes * 2
    dice.shuffle(shuffled)

    apply_all(shuffled, entries)

    assert entries == expected


@quickly
@given(histories(), st.integers(1, 40), st.integers(0, 40))
def test_batches_do_not_matter(history: History, size: int, again: int) -> None:
    """An archiver may write in batches of any size, and repeat one long after it wrote it."""
    _, changes = enter_all(history.records)
    timeline = Timeline()
    for record in history.records:
        timeline.take(record)
    entries, _ = enter_all(history.records)
    size = max(size, len(entries) // 30)  # long histories in fewer batches: this is quadratic
    stored = []
    for start in range(0, len(entries), size):
        batch = entries[start : start + size]
        stored += batch
        seqs = {entry.seq for entry in batch}
        apply_all([change for change in changes if change.by in seqs], stored)
    apply_all(changes[:again], stored)

    assert stored == timeline.entries


@quickly
@given(histories())
def test_a_change_is_news_once(history: History) -> None:
    """Applying tells whether something changed, and the second time nothing does."""
    entries, changes = enter_all(history.records[-120:])
    for change in changes:
        for entry in entries:
            before = msgspec.structs.replace(entry)
            assert apply(change, entry) is (entry != before)
            assert apply(change, entry) is False
