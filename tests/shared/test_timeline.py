"""How an event stands now, and who may see it, one sentence each."""

import pytest
from msgspec import UNSET, UnsetType

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import UserId
from shared.conversation import REMEMBERED
from shared.timeline import MODERATION, Case, Entry, Reviewed, apply, change_of, may_see, show
from tests.shared.readers import MODERATING, PARTICIPANT, Timeline
from tests.shared.story import (
    ANNA,
    BEN,
    FILE,
    HI,
    MODERATOR,
    MOIRA,
    ORDER,
    STRANGER,
    WINDOW_MS,
    Story,
    delete,
    edit,
    id_of,
    message,
    order,
    read,
    report,
)

CANARY = "the-canary"

VERDICTS = (
    MOIRA.redact(9, HI, base=1),
    MOIRA.restore(9, HI, base=1),
    MOIRA.mute(9, BEN),
    MOIRA.unmute(9, BEN),
    MOIRA.close(9),
    MOIRA.reopen(9),
)
each_verdict = pytest.mark.parametrize("event", VERDICTS, ids=lambda e: type(e).__name__)


def greeted(*events: log.Event, text: str = "Hi!") -> Timeline:
    """The timeline of an order in which Anna sent a greeting with a file, then *events*."""
    story = Story(order(), message(ANNA, 1, text=text, attachments=(FILE,)), *events)
    return timeline_of(story)


def timeline_of(story: Story) -> Timeline:
    timeline = Timeline()
    for record in story.records:
        timeline.take(record)
    return timeline


def shown(entry: Entry) -> frames.MessageShown:
    """A message as the parties see it now."""
    frame = show(entry)
    assert isinstance(frame, frames.MessageShown)
    return frame


class TestMessages:
    def test_a_message_is_shown_as_it_was_sent(self) -> None:
        """Text, files, number, place and writer."""
        entry = greeted().entries[1]

        frame = shown(entry)

        assert (frame.text, frame.attachments, frame.n, frame.by) == ("Hi!", (FILE,), 1, ANNA)
        assert (frame.seq, frame.prev, frame.at) == (entry.seq, entry.prev, entry.at)
        assert (frame.edited_at, frame.gone) == (None, None)

    def test_an_edited_message_shows_its_latest_text(self) -> None:
        """And when that was written; its files stay."""
        timeline = greeted(edit(ANNA, 2, HI, text="Hey"), edit(ANNA, 3, HI, text="Hello"))

        frame = shown(timeline.entries[1])

        assert (frame.text, frame.edited_at) == ("Hello", timeline.entries[-1].at)
        assert frame.attachments == (FILE,)

    @pytest.mark.parametrize(
        ("event", "gone"), [(delete(ANNA, 2, HI), "deleted"), (MOIRA.redact(2, HI), "redacted")]
    )
    def test_what_is_gone_keeps_its_place_alone(self, event: log.Event, gone: str) -> None:
        """Text and files leave; the number stays, and the reason why it is empty."""
        frame = shown(greeted(event).entries[1])

        assert (frame.text, frame.attachments, frame.gone, frame.n) == ("", (), gone, 1)

    def test_a_restored_message_is_back_as_it_stood(self) -> None:
        """With its latest text, its files and the time of its edit."""
        timeline = greeted(
            edit(ANNA, 2, HI, text="Hello"),
            MOIRA.redact(3, HI, base=2),
            MOIRA.restore(4, HI, base=3, text="Hello", attachments=(FILE,)),
        )

        frame = shown(timeline.entries[1])

        assert (frame.text, frame.attachments, frame.gone) == ("Hello", (FILE,), None)
        assert frame.edited_at == timeline.entries[2].at

    def test_moderators_see_what_is_gone(self) -> None:
        """They must be able to judge it."""
        entry = greeted(MOIRA.redact(2, HI)).entries[1]

        frame = show(entry, moderator=True)

        assert isinstance(frame, frames.MessageShown)
        assert (frame.text, frame.attachments, frame.gone) == ("Hi!", (FILE,), "redacted")

    @pytest.mark.parametrize(("moderator", "first"), [(True, "Hi!"), (False, UNSET)])
    def test_what_was_edited_away_first_is_for_moderators(
        self, moderator: bool, first: str | UnsetType
    ) -> None:
        """The message has the text of its last edit; the one of its own event would be lost."""
        entry = greeted(edit(ANNA, 2, HI, text="Hello")).entries[1]

        frame = show(entry, moderator=moderator)

        assert isinstance(frame, frames.MessageShown)
        assert (frame.text, frame.first_text) == ("Hello", first)
        assert (b"Hi!" in frames.encode_frame(frame)) is moderator

    def test_an_old_message_cannot_be_changed_by_using_its_id_again(self) -> None:
        """An id used again after it was forgotten is another message; changes of that one are not
        changes of the old one, whose window is long over."""
        story = Story(order(), message(ANNA, 1, text="I deliver three videos"))
        story.chatter(REMEMBERED)
        fresh = story.conversation.places
        again = message(ANNA, 1, base=fresh, text="Anything")
        story.append(again, after_ms=2 * WINDOW_MS)
        story.append(edit(ANNA, 2, HI, base=fresh + 1, text="I deliver one video"))

        timeline = timeline_of(story)

        assert shown(timeline.entries[1]).text == "I deliver three videos"
        assert shown(timeline.entries[-2]).text == "I deliver one video"


class TestReplays:
    def test_only_the_latest_edit_carries_its_text(self) -> None:
        """What was edited away is not replayed."""
        timeline = greeted(edit(ANNA, 2, HI, text="Hey"), edit(ANNA, 3, HI, text="Hello"))

        texts = [f.text for f in map(show, timeline.entries) if isinstance(f, frames.EditShown)]

        assert texts == [None, "Hello"]

    def test_moderators_see_every_edit(self) -> None:
        """A moderator may follow what was edited away."""
        timeline = greeted(edit(ANNA, 2, HI, text="Hey"), edit(ANNA, 3, HI, text="Hello"))

        texts = [
            frame.text
            for frame in MODERATING.frames(timeline.entries)
            if isinstance(frame, frames.EditShown)
        ]

        assert texts == ["Hey", "Hello"]

    @pytest.mark.parametrize("last", [delete(ANNA, 5, HI, base=4), MOIRA.redact(5, HI, base=4)])
    def test_nothing_replayed_brings_back_what_is_gone(self, last: log.Event) -> None:
        """Message, edit and restore, replayed after the text is gone, are all without it."""
        timeline = greeted(
            edit(ANNA, 2, HI, text=f"{CANARY} again"),
            MOIRA.redact(3, HI, base=2),
            MOIRA.restore(4, HI, base=3, text=f"{CANARY} again", attachments=(FILE,)),
            last,
            text=CANARY,
        )

        replayed = b"".join(map(frames.encode_frame, PARTICIPANT.frames(timeline.entries)))

        assert CANARY.encode() not in replayed
        assert FILE.id.encode() not in replayed

    def test_a_replayed_restore_gives_the_files_back(self) -> None:
        """A reader who was away during redact, restore and edit ends with text and file."""
        timeline = greeted()
        screen = PARTICIPANT.opens(timeline.entries)
        later = Story(*(entry.event for entry in timeline.entries))
        for event in (
            MOIRA.redact(2, HI, base=1),
            MOIRA.restore(3, HI, base=2, text="Hi!", attachments=(FILE,)),
            edit(ANNA, 4, HI, base=3, text="Hello"),
        ):
            assert later.append(event).stands
        entries = timeline_of(later).entries

        for frame in PARTICIPANT.frames(entries[2:]):
            screen.take(frame)

        assert screen == PARTICIPANT.opens(entries)
        assert screen.messages[HI].attachments == (FILE,)

    def test_a_restore_with_an_outdated_text_is_void(self) -> None:
        """A text read before an edit and written after it would show what nobody says now."""
        timeline = greeted(edit(ANNA, 2, HI, base=1, text="Hello"), MOIRA.restore(3, HI, base=1))

        assert not timeline.entries[-1].stands
        assert shown(timeline.entries[1]).text == "Hello"


class TestVerdicts:
    @each_verdict
    def test_the_parties_see_no_reason_and_no_name(self, event: log.Verdict) -> None:
        """A verdict is that of moderation, not of somebody."""
        frame = show(greeted(event).entries[-1])

        assert frame.by == MODERATION
        assert b"u-moira" not in frames.encode_frame(frame)
        assert event.reason.encode() not in frames.encode_frame(frame)

    @each_verdict
    def test_moderators_see_who_and_why(self, event: log.Verdict) -> None:
        """Moderators know of one another."""
        encoded = frames.encode_frame(show(greeted(event).entries[-1], moderator=True))

        assert b'"by":"u-moira"' in encoded
        assert event.reason.encode() in encoded


class TestReaders:
    @pytest.mark.parametrize("moderator", [False, True])
    @pytest.mark.parametrize(
        "event",
        [message(STRANGER, 2), message(ANNA, 1), message(ANNA, 2, base=-2_000), order(1),
         delete(BEN, 2, HI)],
    )  # fmt: skip
    def test_nobody_sees_what_is_void(self, event: log.Event, moderator: bool) -> None:
        """Refused, copied, late or stale: it is not part of the conversation for anybody."""
        entry = greeted(event).entries[-1]

        assert not may_see(entry, event.by, moderator=moderator)
        assert change_of(entry) is None

    @pytest.mark.parametrize(
        ("reader", "moderator", "sees"),
        [(BEN, False, True), (ANNA, False, False), (MODERATOR, True, True)],
    )
    def test_a_report_is_between_its_writer_and_moderators(
        self, reader: UserId, moderator: bool, sees: bool
    ) -> None:
        """The party reported is not told."""
        entry = greeted(report(BEN, 2, HI)).entries[-1]

        assert may_see(entry, reader, moderator=moderator) is sees

    @pytest.mark.parametrize(
        ("reader", "moderator", "sees"),
        [(BEN, False, False), (MODERATOR, False, False), (MODERATOR, True, True)],
    )
    def test_a_flag_is_for_moderators(self, reader: UserId, moderator: bool, sees: bool) -> None:
        """The parties see nothing of it, and neither does a moderator who reads as a party."""
        entry = greeted(MOIRA.flag(2, HI)).entries[-1]

        assert may_see(entry, reader, moderator=moderator) is sees

    @pytest.mark.parametrize("event", [MOIRA.review(3, id_of(BEN, 2)), MOIRA.look(3)])
    def test_what_is_done_at_the_desk_stays_there(self, event: log.AtTheDesk) -> None:
        """Who looked and who takes a report up is for moderators; the reporter does not see it."""
        entry = greeted(report(BEN, 2, HI), event).entries[-1]

        assert may_see(entry, MODERATOR, moderator=True)
        assert not any(may_see(entry, reader, moderator=False) for reader in (BEN, MODERATOR))
        assert not entry.shown

    @pytest.mark.parametrize("moderator", [False, True])
    def test_marks_of_large_orders_are_for_nobody(self, moderator: bool) -> None:
        """They count, and are not told, to moderators neither."""
        crowd = tuple(log.Participant(UserId(f"u-{n}"), "support", "Somebody") for n in range(21))
        story = Story(order(parties=crowd), message(UserId("u-0"), 1))
        story.append(read(UserId("u-1"), story.head, 1))
        entry = timeline_of(story).entries[-1]

        assert entry.stands
        assert not may_see(entry, UserId("u-1"), moderator=moderator)


class TestCases:
    @pytest.mark.parametrize(
        "event", [report(BEN, 2, HI), MOIRA.flag(2, HI)], ids=["report", "flag"]
    )
    def test_the_last_review_counts(self, event: log.Report | log.Flag) -> None:
        """A case is open and nobody's, until a moderator says otherwise."""
        reviews = (
            MOIRA.review(3, event.id, assignee=MODERATOR),
            MOIRA.review(4, event.id, state="resolved", assignee=None),
        )

        new = greeted(event).entries[-1].case
        taken = greeted(event, reviews[0])
        settled = greeted(event, *reviews)

        assert new == Case()
        assert taken.entries[-2].case == Case(taken.entries[-1].seq, "open", MODERATOR)
        assert settled.entries[-3].case == Case(settled.entries[-1].seq, "resolved", None)

    def test_a_review_that_comes_late_changes_nothing(self) -> None:
        """Changes may be applied in any order, as a slow archiver does."""
        timeline = greeted(report(BEN, 2, HI), MOIRA.review(3, id_of(BEN, 2), state="dismissed"))
        late = Reviewed(ORDER, id_of(BEN, 2), timeline.entries[-2].seq, "open", MODERATOR)

        assert not apply(late, timeline.entries[-2])

    def test_only_what_stands_is_a_case(self) -> None:
        """A refused report is nobody's work, and a message is none at all."""
        timeline = greeted(report(STRANGER, 2, HI))

        assert [entry.case for entry in timeline.entries] == [None, None, None]


class TestEntries:
    def test_only_what_claimed_its_id_is_found_by_it(self) -> None:
        """A void record is found by its id: its writer asks. Copies and late ones are not."""
        story = Story(order(), message(ANNA, 1), message(STRANGER, 2), message(ANNA, 1))
        story.chatter(1_000)
        story.append(message(ANNA, 3, base=0))
        entries = timeline_of(story).entries

        found = [entries[index].id for index in (0, 1, 2, 3, -1)]

        assert found == [None, HI, id_of(STRANGER, 2), None, None]

    def test_a_void_edit_changes_nothing(self) -> None:
        """Ben cannot put words into Anna's mouth."""
        assert shown(greeted(edit(BEN, 2, HI, text="I pay double")).entries[1]).text == "Hi!"
