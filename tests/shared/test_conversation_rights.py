"""Who may do what, by the fold alone, one sentence each."""

import pytest

from shared.contracts import events as log
from shared.contracts.ids import MessageId, Seq, UserId
from shared.conversation import (
    REMEMBERED,
    Verdict,
)
from tests.shared.story import (
    ALL,
    ANNA,
    BEN,
    CREATOR,
    FILE,
    HI,
    MODERATOR,
    MOIRA,
    SERVICE,
    STRANGER,
    WINDOW_MS,
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
            Moderator(ANNA, "participant").review(2, HI),
            Moderator(ANNA, "participant").look(2),
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

    @pytest.mark.parametrize(
        "case", [report(BEN, 2, HI), MOIRA.flag(2, HI)], ids=["report", "flag"]
    )
    def test_reports_and_flags_are_reviewed(self, case: log.Report | log.Flag) -> None:
        """A case is taken up, and stays with who took it until the next review."""
        story = greeted()
        story.append(case)

        assert story.append(MOIRA.review(3, case.id, assignee=MODERATOR)).stands

    def test_a_message_is_no_case(self) -> None:
        """What nobody reported or flagged is not reviewed; nor is a report that was refused."""
        story = greeted()
        story.append(report(STRANGER, 2, HI))

        verdicts = {
            story.append(MOIRA.review(key, target)).verdict
            for key, target in enumerate((HI, id_of(STRANGER, 2), id_of(ANNA, 77)), 3)
        }
        assert verdicts == {Verdict.NOT_FOUND}

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

    def test_unmuting_one_leaves_others_muted(self) -> None:
        """Everybody's mute is their own."""
        story = greeted()
        for event in (MOIRA.mute(2, ANNA), MOIRA.mute(3, BEN), MOIRA.unmute(4, BEN)):
            story.append(event)

        assert story.append(message(ANNA, 5)).verdict is Verdict.FORBIDDEN

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
