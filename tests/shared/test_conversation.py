"""The fold's order: numbers, chain, ids, bases and snapshots, one sentence each."""

import pytest

from shared.contracts import events as log
from shared.contracts.ids import NOTHING, Seq, UserId
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
    ANNA,
    BEN,
    CREATOR,
    HI,
    MOIRA,
    ORDER,
    SERVICE,
    STRANGER,
    Moderator,
    Story,
    delete,
    edit,
    greeted,
    id_of,
    message,
    order,
    read,
    report,
)


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
