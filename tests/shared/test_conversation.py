"""The rules of the fold, one sentence each."""

import pytest

from shared.contracts import events as log
from shared.contracts.ids import NOTHING, MessageId, Seq, UserId
from shared.conversation import (
    FOLD_VERSION,
    LATE_AFTER,
    QUIET_ABOVE,
    REMEMBERED,
    Conversation,
    Mark,
    Verdict,
    from_snapshot,
    to_snapshot,
)
from tests.shared.story import (
    ADVERTISER,
    ALL,
    ANNA,
    BEN,
    CREATOR,
    FILE,
    MODERATOR,
    MOIRA,
    ORDER,
    SERVICE,
    STRANGER,
    WINDOW_MS,
    Moderator,
    Story,
    delete,
    edit,
    id_of,
    message,
    order,
    read,
    report,
)

HI = id_of(ANNA, 1)
"""The id of Anna's first message."""


def greeted() -> Story:
    """An order in progress in which Anna has said hi."""
    return Story(order(), message(ANNA, 1))


def crowd(count: int) -> tuple[log.Participant, ...]:
    """Anna, Ben and others, *count* in all."""
    others = (log.Participant(UserId(f"u-{n}"), "support", "Somebody") for n in range(2, count))
    return (CREATOR, ADVERTISER, *others)


class TestNumbers:
    def test_standing_messages_are_numbered_densely(self) -> None:
        """Messages that stand are 1, 2, 3; whatever lies between takes no number."""
        story = Story(order())

        numbers = [
            story.append(event).n
            for event in (
                message(ANNA, 1),
                message(STRANGER, 2),
                edit(ANNA, 3, HI),
                message(BEN, 4),
                order(2),
                message(SERVICE, 5, as_="service"),
            )
        ]

        assert numbers == [1, 0, 0, 2, 0, 3]

    def test_a_deleted_message_keeps_its_number(self) -> None:
        """Deleting moves nobody's number."""
        story = greeted()
        story.append(delete(ANNA, 2, HI))

        assert story.append(message(BEN, 3)).n == 2


class TestChain:
    def test_the_first_event_has_none_before_it(self) -> None:
        """`prev` is null for the first event participants see, whatever void lies before it."""
        story = Story(message(ANNA, 1))

        assert story.append(order()).prev is None

    def test_prev_is_the_last_event_that_participants_see(self) -> None:
        """Void records, reports and flags are outside of the chain."""
        story = greeted()
        hi = story.head
        for event in (message(STRANGER, 2), report(BEN, 3, HI), MOIRA.flag(4, HI), order(1)):
            assert not story.append(event).shown

        assert story.append(message(BEN, 5)).prev == hi

    def test_a_report_is_told_the_chain_but_does_not_move_it(self) -> None:
        """A report's `prev` is the head of everybody, so its frame fits in for its writer."""
        story = greeted()
        hi = story.head

        assert story.append(report(BEN, 2, HI)).prev == hi

    def test_read_marks_are_in_the_chain_of_small_orders(self) -> None:
        """Up to the limit everybody sees who has read."""
        story = Story(order(parties=crowd(QUIET_ABOVE)), message(ANNA, 1))

        assert story.append(read(BEN, story.head, 1)).shown

    def test_read_marks_are_outside_the_chain_of_large_orders(self) -> None:
        """One participant more, and marks count but are not shown."""
        story = Story(order(parties=crowd(QUIET_ABOVE + 1)), message(ANNA, 1))

        outcome = story.append(read(BEN, story.head, 1))

        assert (outcome.stands, outcome.shown) == (True, False)
        assert story.conversation.unread(BEN) == 0

    @pytest.mark.parametrize(
        "event",
        [
            MOIRA.redact(2, HI),
            MOIRA.restore(2, HI),
            MOIRA.mute(2, BEN),
            MOIRA.unmute(2, BEN),
            MOIRA.close(2),
            MOIRA.reopen(2),
            edit(ANNA, 2, HI),
            delete(ANNA, 2, HI),
            order(2),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_all_else_that_stands_is_in_the_chain(self, event: log.Event) -> None:
        """What changes something for the parties is shown to them, in place."""
        story = greeted()
        if isinstance(event, log.Restore):
            story.append(MOIRA.redact(9, HI))
            event = MOIRA.restore(2, HI, base=story.conversation.places)
        before = story.head

        outcome = story.append(event)

        assert (outcome.shown, outcome.prev) == (True, before)


class TestPositions:
    @pytest.mark.parametrize("step", [0, -1])
    def test_no_record_is_folded_twice(self, step: int) -> None:
        """A record at or below the head is an error of the reader, not a record."""
        story = greeted()

        with pytest.raises(ValueError, match="is not above the head"):
            story.conversation.fold(Seq(story.head + step), story.now, message(BEN, 2))

    def test_void_records_move_the_head(self) -> None:
        """The head is the last record folded, whatever it came to."""
        story = greeted()
        story.append(message(STRANGER, 2))

        assert story.conversation.head == story.records[-1].seq
        assert story.conversation.shown == story.records[-2].seq


class TestOrder:
    @pytest.mark.parametrize(("version", "verdict"), [(1, "stale"), (2, "stale"), (3, "stands")])
    def test_only_a_higher_version_stands(self, version: int, verdict: str) -> None:
        """An order event that comes late or twice changes nothing."""
        story = Story(order(2, status="delivered"))

        assert story.append(order(version, status="completed")).verdict == verdict
        assert story.conversation.order is not None
        assert story.conversation.order.version == max(version, 2)

    @pytest.mark.parametrize("capacity", ["participant", "moderator"])
    def test_only_services_change_an_order(self, capacity: log.Capacity) -> None:
        """A user cannot write an order's status or parties, whatever the version."""
        story = Story(order())

        assert story.append(order(2, as_=capacity)).verdict is Verdict.FORBIDDEN

    @pytest.mark.parametrize(
        "event",
        [
            message(ANNA, 1),
            message(SERVICE, 1, as_="service"),
            edit(ANNA, 1, HI),
            delete(ANNA, 1, HI),
            report(ANNA, 1, HI),
            MOIRA.redact(1, HI),
            MOIRA.close(1),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_without_an_order_nothing_stands(self, event: log.Event) -> None:
        """No event stands before the order itself."""
        assert Story().append(event).verdict is Verdict.NOT_FOUND

    def test_a_mark_without_an_order_is_void(self) -> None:
        """Nobody is a participant of nothing."""
        assert Story().append(read(ANNA, Seq(1), 1)).verdict is Verdict.FORBIDDEN


class TestWriters:
    @pytest.mark.parametrize("capacity", ["participant", "moderator"])
    def test_a_stranger_cannot_write(self, capacity: log.Capacity) -> None:
        """Only participants and services write, whatever the token says besides."""
        story = Story(order())

        assert story.append(message(STRANGER, 1, as_=capacity)).verdict is Verdict.FORBIDDEN

    def test_a_moderator_does_not_write_even_as_a_party(self) -> None:
        """Acting as a moderator, a party of the order reads and judges, and says nothing."""
        assert Story(order()).append(message(ANNA, 1, as_="moderator")).verdict == "forbidden"

    def test_a_service_always_writes(self) -> None:
        """A service is no participant, and no status, mute or close stops it."""
        story = Story(order(may={}), MOIRA.close(1), MOIRA.mute(2, SERVICE))

        assert story.append(message(SERVICE, 3, as_="service", attachments=(FILE,))).stands

    def test_nothing_slips_in_after_a_freeze(self) -> None:
        """A message checked before the order was completed but appended after it is void."""
        story = greeted()
        story.append(order(2, status="completed", may={"creator": ("read",)}))

        assert story.append(message(ANNA, 2, base=0)).verdict is Verdict.READ_ONLY

    def test_a_participant_removed_cannot_write(self) -> None:
        """The parties count as they stand at the record's place in the log."""
        story = greeted()
        story.append(order(2, parties=(CREATOR,)))

        assert story.append(message(BEN, 2)).verdict is Verdict.FORBIDDEN

    def test_files_need_the_permission_to_attach(self) -> None:
        """`send` alone carries text; the same message without the file stands."""
        story = Story(order(may={"creator": ("read", "send")}))

        assert story.append(message(ANNA, 1, attachments=(FILE,))).verdict is Verdict.READ_ONLY
        assert story.append(message(ANNA, 2)).stands

    @pytest.mark.parametrize(
        ("action", "event"),
        [("edit", edit(ANNA, 2, HI)), ("delete", delete(ANNA, 2, HI))],
    )
    def test_edit_and_delete_are_granted_apart(self, action: log.Action, event: log.Event) -> None:
        """Who may send may not therefore change what was sent."""
        rest = tuple(granted for granted in ALL if granted != action)
        story = greeted()
        story.append(order(2, may={"creator": rest}))

        assert story.append(event).verdict is Verdict.READ_ONLY

    @pytest.mark.parametrize("closed", [False, True])
    @pytest.mark.parametrize("muted", [False, True])
    @pytest.mark.parametrize("by", [ANNA, STRANGER])
    def test_may_write_says_what_the_fold_would(
        self, by: UserId, muted: bool, closed: bool
    ) -> None:
        """What the panel is told beforehand is what the fold decides afterwards."""
        story = Story(order())
        if closed:
            story.append(MOIRA.close(2))
        if muted:
            story.append(MOIRA.mute(3, ANNA))
        told = story.conversation.may_write(by, story.now + 1_000)

        assert story.append(message(by, 1)).stands is told


class TestChanges:
    def test_the_author_changes_an_own_message(self) -> None:
        """An edit stands, and so does a delete after it."""
        story = greeted()

        assert story.append(edit(ANNA, 2, HI)).stands
        assert story.append(delete(ANNA, 3, HI)).stands

    @pytest.mark.parametrize("event", [edit(BEN, 2, HI), delete(BEN, 2, HI)])
    def test_nobody_changes_what_another_wrote(self, event: log.Event) -> None:
        """The other party of the order has no say in it."""
        assert greeted().append(event).verdict is Verdict.FORBIDDEN

    def test_a_service_changes_its_own_messages_alone(self) -> None:
        """Services are bound by authorship like everybody."""
        story = greeted()
        story.append(message(SERVICE, 2, as_="service"))

        assert story.append(edit(SERVICE, 3, HI, as_="service")).verdict is Verdict.FORBIDDEN
        assert story.append(edit(SERVICE, 4, id_of(SERVICE, 2), as_="service")).stands

    @pytest.mark.parametrize("make", [edit, delete])
    def test_what_is_gone_cannot_be_changed(self, make: type) -> None:
        """Neither a deleted nor a redacted message is edited or deleted again."""
        deleted, redacted = greeted(), greeted()
        deleted.append(delete(ANNA, 2, HI))
        redacted.append(MOIRA.redact(2, HI))

        assert deleted.append(make(ANNA, 3, HI)).verdict is Verdict.NOT_FOUND
        assert redacted.append(make(ANNA, 3, HI)).verdict is Verdict.NOT_FOUND

    def test_what_was_restored_can_be_changed_again(self) -> None:
        """A restored message is its author's again."""
        story = greeted()
        story.append(MOIRA.redact(2, HI))
        story.append(MOIRA.restore(3, HI, base=2))

        assert story.append(edit(ANNA, 4, HI, base=3)).stands

    @pytest.mark.parametrize("target", [id_of(STRANGER, 2), id_of(ANNA, 3), id_of(ANNA, 99)])
    def test_only_standing_messages_can_be_changed(self, target: MessageId) -> None:
        """A void message, an edit and an id nobody used are no targets."""
        story = greeted()
        story.append(message(STRANGER, 2))
        story.append(edit(ANNA, 3, HI))

        assert story.append(edit(ANNA, 4, target)).verdict is Verdict.NOT_FOUND

    @pytest.mark.parametrize(("late_ms", "verdict"), [(0, "stands"), (1, "read_only")])
    @pytest.mark.parametrize("make", [edit, delete])
    def test_changes_are_bound_by_the_window(self, make: type, late_ms: int, verdict: str) -> None:
        """The two append times decide, to the millisecond."""
        story = greeted()

        outcome = story.append(make(ANNA, 2, HI), after_ms=WINDOW_MS + late_ms)

        assert outcome.verdict == verdict

    def test_the_window_is_that_of_the_order_as_it_stands(self) -> None:
        """A window shortened in between counts for messages written before."""
        story = greeted()
        story.append(order(2, edit_window_ms=500))

        assert story.append(edit(ANNA, 2, HI)).verdict is Verdict.READ_ONLY

    def test_a_forgotten_message_cannot_be_changed(self) -> None:
        """What is not remembered is out of reach, window or not."""
        story = greeted()
        story.append(order(2, edit_window_ms=10**12))
        story.chatter(REMEMBERED - 1)
        kept = story.append(edit(ANNA, 2, HI, base=story.conversation.places)).verdict
        lost = story.append(edit(ANNA, 3, HI, base=story.conversation.places)).verdict

        assert (kept, lost) == (Verdict.STANDS, Verdict.NOT_FOUND)


class TestModeration:
    @pytest.mark.parametrize("capacity", ["moderator", "service"])
    def test_verdicts_are_for_moderators(self, capacity: log.Capacity) -> None:
        """Moderators judge, and programs that moderate."""
        assert greeted().append(Moderator(as_=capacity).redact(2, HI)).stands

    @pytest.mark.parametrize(
        "event",
        [
            Moderator(ANNA, "participant").redact(2, HI),
            Moderator(ANNA, "participant").restore(2, HI),
            Moderator(ANNA, "participant").flag(2, HI),
            Moderator(ANNA, "participant").mute(2, BEN),
            Moderator(ANNA, "participant").unmute(2, BEN),
            Moderator(ANNA, "participant").close(2),
            Moderator(ANNA, "participant").reopen(2),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_a_participant_gives_no_verdicts(self, event: log.Event) -> None:
        """Not even on an own message."""
        assert greeted().append(event).verdict is Verdict.FORBIDDEN

    @pytest.mark.parametrize(
        "event",
        [
            MOIRA.redact(4, id_of(STRANGER, 2)),
            MOIRA.flag(4, id_of(ANNA, 3)),
            report(BEN, 4, id_of(STRANGER, 2)),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_only_messages_are_judged_and_reported(self, event: log.Event) -> None:
        """A void message and an edit are known to be no standing messages."""
        story = greeted()
        story.append(message(STRANGER, 2))
        story.append(edit(ANNA, 3, HI))

        assert story.append(event).verdict is Verdict.NOT_FOUND

    def test_a_message_long_forgotten_can_be_judged(self) -> None:
        """Moderators reach back as far as the conversation goes."""
        story = greeted()
        story.chatter(REMEMBERED + 1)
        places = story.conversation.places

        assert story.append(MOIRA.redact(2, HI, base=places)).stands
        assert story.append(report(BEN, 3, HI, base=places)).stands

    def test_a_report_needs_a_reader(self) -> None:
        """Strangers, moderators and parties who may not read have nothing to report."""
        story = greeted()
        story.append(order(2, may={"creator": ALL}))

        assert story.append(report(STRANGER, 2, HI)).verdict is Verdict.FORBIDDEN
        assert story.append(report(MODERATOR, 3, HI, as_="moderator")).verdict == "forbidden"
        assert story.append(report(BEN, 4, HI)).verdict is Verdict.FORBIDDEN

    @pytest.mark.parametrize("event", [message(ANNA, 3), edit(ANNA, 3, HI), delete(ANNA, 3, HI)])
    def test_the_muted_do_not_write(self, event: log.Event) -> None:
        """A mute covers everything that changes the conversation; others go on writing."""
        story = greeted()
        story.append(MOIRA.mute(2, ANNA))

        assert story.append(event).verdict is Verdict.FORBIDDEN
        assert story.append(message(BEN, 4)).stands

    def test_the_muted_may_read_and_report(self) -> None:
        """A mute takes the word, not the eyes."""
        story = greeted()
        story.append(MOIRA.mute(2, BEN))

        assert story.append(read(BEN, story.head, 1)).stands
        assert story.append(report(BEN, 3, HI)).stands

    @pytest.mark.parametrize(("early_ms", "verdict"), [(1, "forbidden"), (0, "stands")])
    def test_a_mute_ends_by_itself(self, early_ms: int, verdict: str) -> None:
        """At `until` the word is given back, by append times."""
        story = greeted()
        story.append(MOIRA.mute(2, ANNA, until=story.now + 60_000))

        assert story.append(message(ANNA, 3), after_ms=59_000 - early_ms).verdict == verdict

    def test_the_last_mute_counts(self) -> None:
        """A shorter mute replaces a longer one."""
        story = greeted()
        story.append(MOIRA.mute(2, ANNA))
        story.append(MOIRA.mute(3, ANNA, until=story.now))

        assert story.append(message(ANNA, 4)).stands

    def test_unmuting_gives_the_word_back(self) -> None:
        """Also to one who was muted without an end; nothing happens to one who was not."""
        story = greeted()
        for event in (MOIRA.mute(2, ANNA), MOIRA.unmute(3, ANNA), MOIRA.unmute(4, BEN)):
            assert story.append(event).stands

        assert story.append(message(ANNA, 5)).stands

    def test_a_closed_conversation_is_read_only(self) -> None:
        """Parties are told it is closed until a moderator opens it again."""
        story = greeted()
        story.append(MOIRA.close(2))
        closed = [story.append(e).verdict for e in (message(BEN, 3), edit(ANNA, 4, HI))]
        story.append(MOIRA.reopen(5))

        assert closed == [Verdict.READ_ONLY, Verdict.READ_ONLY]
        assert story.append(message(BEN, 6)).stands

    def test_a_new_status_does_not_reopen(self) -> None:
        """What a moderator closed, the order's course does not open."""
        story = greeted()
        story.append(MOIRA.close(2))
        story.append(order(2, status="delivered"))

        assert story.append(message(ANNA, 3)).verdict is Verdict.READ_ONLY


class TestIds:
    def test_a_copy_is_void_and_points_to_the_original(self) -> None:
        """A record that comes again is told the verdict on the first one."""
        story = greeted()
        hi = story.conversation.remembered[HI]
        before = story.conversation.places

        outcome = story.append(message(ANNA, 1))

        assert outcome.verdict is Verdict.COPY
        assert outcome.original == hi
        assert story.conversation.places == before

    def test_an_id_is_used_once_whatever_it_is_used_for(self) -> None:
        """The same id with another body, or as another type of event, is a copy."""
        story = greeted()

        assert story.append(message(ANNA, 1, text="Buy now")).verdict is Verdict.COPY
        assert story.append(edit(ANNA, 1, HI)).verdict is Verdict.COPY

    @pytest.mark.parametrize(
        "event",
        [
            message(STRANGER, 2),
            edit(BEN, 2, HI),
            report(STRANGER, 2, HI),
            Moderator(BEN, "participant").close(2),
            message(BEN, 2),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_a_void_record_claims_its_id(self, event: log.Identified) -> None:
        """What was refused stays refused: its copy is told so even when it would stand by now."""
        story = greeted()
        story.append(MOIRA.close(9))
        first = story.append(event).verdict
        story.append(MOIRA.reopen(10))
        story.append(order(2, parties=(*crowd(2), log.Participant(STRANGER, "support", "Sue"))))

        again = story.append(event)

        assert again.verdict is Verdict.COPY
        assert again.original is not None
        assert again.original.verdict is first

    @pytest.mark.parametrize(
        ("lag", "verdict"), [(LATE_AFTER, Verdict.STANDS), (LATE_AFTER + 1, Verdict.LATE)]
    )
    def test_a_record_checked_long_ago_is_late(self, lag: int, verdict: Verdict) -> None:
        """At most so many id-bearing records lie between the check and the record."""
        story = greeted()
        story.chatter(lag - 1)

        assert story.append(message(ANNA, 2, base=0)).verdict is verdict

    def test_a_late_record_claims_no_id(self) -> None:
        """It takes no place either, and the same id checked afresh stands."""
        story = greeted()
        story.chatter(LATE_AFTER)
        before = story.conversation.places
        story.append(message(ANNA, 2, base=0))

        assert story.conversation.places == before
        assert story.append(message(ANNA, 2, base=before)).stands

    def test_a_copy_beyond_memory_is_late(self) -> None:
        """Whatever is forgotten was checked longer ago than the fold accepts."""
        story = greeted()
        story.chatter(REMEMBERED)

        assert HI not in story.conversation.remembered
        assert story.append(message(ANNA, 1)).verdict is Verdict.LATE

    def test_memory_is_bounded(self) -> None:
        """An order of any length holds a bounded number of ids, the newest."""
        story = greeted()
        story.chatter(REMEMBERED + 10)

        places = [claim.place for claim in story.conversation.remembered.values()]

        assert places == list(range(12, REMEMBERED + 12))

    def test_events_without_id_take_no_place(self) -> None:
        """Neither an order's changes nor read marks make other records late."""
        story = greeted()
        story.append(order(2))
        story.append(read(BEN, story.head, 1))

        assert story.conversation.places == 1


class TestMarks:
    def test_unread_is_what_stands_above_the_mark(self) -> None:
        """Nothing is read until somebody says so."""
        story = greeted()
        story.append(message(ANNA, 2, seen=1))

        assert (story.conversation.unread(BEN), story.conversation.unread(ANNA)) == (2, 0)

    def test_reading_moves_the_mark(self) -> None:
        """A mark says how far: a number, and the position it was seen at."""
        story = greeted()
        seen = story.head
        story.append(message(ANNA, 2, seen=1))
        story.append(read(BEN, seen, 1))

        assert story.conversation.marks[BEN] == Mark(seen, 1)
        assert story.conversation.unread(BEN) == 1

    @pytest.mark.parametrize("n", [0, 1])
    def test_a_mark_that_does_not_advance_is_void(self, n: int) -> None:
        """Marks never go back, and standing still is not told to anybody."""
        story = greeted()
        story.append(read(BEN, story.head, 1))

        assert story.append(read(BEN, story.head, n)).verdict is Verdict.STALE
        assert story.conversation.marks[BEN].n == 1

    def test_nobody_reads_what_is_not_there(self) -> None:
        """A mark above the last message counts as the last message."""
        story = greeted()
        story.append(read(BEN, Seq(2**52), 99))
        story.append(message(ANNA, 2, seen=1))

        assert story.conversation.unread(BEN) == 1

    def test_a_mark_needs_a_reader(self) -> None:
        """Strangers, and parties who may not read, have no mark."""
        story = greeted()
        story.append(order(2, may={"creator": ALL}))

        assert story.append(read(STRANGER, story.head, 1)).verdict is Verdict.FORBIDDEN
        assert story.append(read(BEN, story.head, 1)).verdict is Verdict.FORBIDDEN

    def test_writing_implies_having_read_what_was_on_the_screen(self) -> None:
        """Ben answers the first of three messages: the other two are still new to him."""
        story = greeted()
        hi = story.head
        story.append(message(ANNA, 2, seen=1))
        story.append(message(ANNA, 3, seen=1))

        outcome = story.append(message(BEN, 4, seen=1))

        assert outcome.seen == 1
        assert story.conversation.marks[BEN] == Mark(hi, 1)

    def test_own_words_are_not_unread(self) -> None:
        """Who has read everything and writes, has read everything."""
        story = greeted()
        outcomes = [story.append(message(BEN, key, seen=1)) for key in (2, 3)]

        assert [outcome.seen for outcome in outcomes] == [2, 3]
        assert story.conversation.unread(BEN) == 0
        assert story.conversation.marks[BEN].up_to == story.head

    def test_writing_never_moves_a_mark_back(self) -> None:
        """A message typed on an old screen leaves the mark where it is."""
        story = greeted()
        story.append(message(ANNA, 2, seen=1))
        story.append(read(BEN, story.head, 2))
        story.append(message(ANNA, 3, seen=2))

        assert story.append(message(BEN, 4, seen=0)).seen == 2

    def test_nobody_has_seen_what_is_not_there_by_writing(self) -> None:
        """A `seen` above the last message counts as the last message."""
        assert greeted().append(message(BEN, 2, seen=99)).seen == 2

    def test_services_have_no_mark(self) -> None:
        """What a service writes is unread by every participant and read by none."""
        story = greeted()
        outcome = story.append(message(SERVICE, 2, seen=1, as_="service"))

        assert outcome.seen == 0
        assert SERVICE not in story.conversation.marks
        assert story.conversation.unread(ANNA) == 1


class TestBases:
    """What a first try may count from, so that its copies are always remembered or late."""

    def test_a_send_counts_from_the_message_last_seen(self) -> None:
        """Nothing after the message on the screen can be an earlier try."""
        story = greeted()
        story.append(edit(ANNA, 2, HI))
        story.append(message(BEN, 3))

        places = [story.conversation.place_after(n) for n in (0, 1, 2, 3)]

        assert places == [0, 1, 3, None]

    def test_a_change_counts_from_its_target(self) -> None:
        """Nothing before the message can be a change of it."""
        story = greeted()
        story.append(message(BEN, 2))

        assert story.conversation.place_of(id_of(BEN, 2)) == 2
        assert story.conversation.place_of(id_of(BEN, 3)) is None

    @pytest.mark.parametrize(("between", "known"), [(LATE_AFTER, True), (LATE_AFTER + 1, False)])
    def test_what_is_too_far_back_is_looked_up(self, between: int, known: bool) -> None:
        """A base that would make the record late is not given."""
        story = greeted()
        story.chatter(between)

        assert (story.conversation.place_of(HI) is not None) is known
        assert (story.conversation.place_after(1) is not None) is known

    @pytest.mark.parametrize(("places", "known"), [(LATE_AFTER, True), (LATE_AFTER + 1, False)])
    def test_the_start_is_a_base_while_it_is_near(self, places: int, known: bool) -> None:
        """Who has seen nothing counts from the start of the order."""
        story = greeted()
        story.chatter(places - 1)

        assert (story.conversation.place_after(0) == 0) is known

    def test_a_position_is_the_last_message_at_or_below_it(self) -> None:
        """A read mark's number is found from its position, between two messages too."""
        story = greeted()
        story.append(edit(ANNA, 2, HI))
        after_edit = story.head
        story.append(message(BEN, 3))

        found = [story.conversation.message_at(at) for at in (after_edit, story.head, NOTHING)]

        assert [claim and claim.n for claim in found] == [1, 2, None]


class TestSnapshots:
    def test_a_snapshot_is_the_whole_state(self) -> None:
        """Saved and loaded, a conversation is equal, to the byte."""
        story = greeted()
        for event in (MOIRA.mute(2, BEN), MOIRA.close(3), read(BEN, story.head, 1)):
            story.append(event)

        loaded = from_snapshot(to_snapshot(story.conversation))

        assert loaded == story.conversation
        assert to_snapshot(loaded) == to_snapshot(story.conversation)

    def test_a_snapshot_of_another_fold_is_not_read(self) -> None:
        """It says how to go on: by rebuilding."""
        conversation = Conversation(order_id=ORDER, version=FOLD_VERSION + 1)

        with pytest.raises(ValueError, match="--rebuild"):
            from_snapshot(to_snapshot(conversation))

    def test_orders_share_nothing(self) -> None:
        """Two conversations made empty are two conversations."""
        first, second = Conversation(order_id=ORDER), Conversation(order_id=ORDER)
        first.marks[ANNA] = Mark(Seq(1), 1)

        assert second.marks == {}


def test_judging_changes_nothing() -> None:
    """A gateway may ask for any verdict beforehand; the state stays as it was."""
    story = greeted()
    before = to_snapshot(story.conversation)

    for event in (message(BEN, 2), edit(ANNA, 3, HI), report(BEN, 4, HI), MOIRA.close(5)):
        assert story.conversation.judge(event, story.now) is Verdict.STANDS

    assert to_snapshot(story.conversation) == before
