"""Which verdicts the log calls for: the same, whenever and from wherever it is read."""

import pytest

from chat_gateway.moderation import watch as module
from chat_gateway.moderation.watch import KNOWN_MS, WINDOW_MS, Decision
from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq, UserId
from tests.moderation.said import (
    ALLOWED,
    ALONE,
    ANNA,
    BEN,
    BOTH,
    FIRST,
    FLAGGED,
    INNOCENT,
    MASKED,
    MINUTE,
    MORE,
    ORDER,
    PAYMENT,
    SECOND,
    SPLIT,
    WHOLE,
    edit,
    id_of,
    judged,
    judged_at,
    say,
    told,
    watch,
)
from tests.shared.story import delete, order, read


class TestWindow:
    def test_each_part_of_a_detail_gets_a_verdict(self) -> None:
        """Each message alone is innocent; the last one completes it."""
        decisions = judged(say(1, FIRST), say(2, SECOND))

        assert told(decisions) == BOTH

    def test_what_is_innocent_is_left_alone(self) -> None:
        """Nothing is called for."""
        assert judged(say(1, INNOCENT), say(2, FIRST), say(3, INNOCENT)) == []

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (say(1, FIRST), say(2, SECOND, by=BEN)),
            (say(1, FIRST), say(2, SECOND, order_id=OrderId("o-2"))),
            (say(1, FIRST, as_="service"), say(2, SECOND)),
            (say(1, FIRST), say(2, SECOND, as_="moderator")),
        ],
        ids=["of another sender", "of another order", "of a service", "of a moderator"],
    )
    def test_what_others_say_is_not_put_together(
        self, first: log.Message, second: log.Message
    ) -> None:
        """A detail is one sender's, in one order."""
        assert judged(first, second) == []

    @pytest.mark.parametrize(("after_ms", "count"), [(WINDOW_MS, 2), (WINDOW_MS + 1, 0)])
    def test_what_was_said_long_ago_is_not_put_together(self, after_ms: int, count: int) -> None:
        """The window is one of append time."""
        assert len(judged(say(1, FIRST), say(2, SECOND), every_ms=after_ms)) == count

    def test_what_others_say_meanwhile_makes_nothing_forgotten(self) -> None:
        """A busy partition remembers as long as a quiet one; a clock that is set back, too."""
        decisions = judged_at(
            (say(1, FIRST), 0),
            (say(7, INNOCENT, by=BEN), WINDOW_MS + MINUTE // 2),
            (say(2, SECOND), WINDOW_MS),
        )

        assert told(decisions) == BOTH

    def test_nor_are_copies_taken_for_new_by_it(self) -> None:
        """What is known stays known for its time."""
        one = say(1, WHOLE)
        other = edit(3, id_of(7, BEN), INNOCENT, by=BEN)

        decisions = judged_at((one, 0), (other, KNOWN_MS + MINUTE // 2), (one, KNOWN_MS))

        assert told(decisions) == [(one.id, "redact", ALONE)]

    def test_no_more_than_eight_messages_are_put_together(self) -> None:
        """Pieces between two others; the ninth pushes the first out."""
        six, seven = ([say(10 + n, "ok") for n in range(count)] for count in (6, 7))

        near = judged(say(1, FIRST), *six, say(2, SECOND))
        far = judged(say(1, FIRST), *seven, say(2, SECOND))

        assert len(near) == 8
        assert far == []

    def test_what_was_deleted_still_counts(self) -> None:
        """The other side has read it."""
        gone = delete(ANNA, 3, id_of(1))

        assert told(judged(say(1, FIRST), gone, say(2, SECOND))) == BOTH

    def test_copies_are_passed_over(self) -> None:
        """They are neither put together with anything nor judged."""
        one, two = say(1, FIRST), say(2, SECOND)

        assert told(judged(one, one, two, two, one)) == BOTH

    @pytest.mark.parametrize(("after_ms", "count"), [(KNOWN_MS, 0), (KNOWN_MS + 1, 2)])
    def test_a_copy_is_known_for_a_while(self, after_ms: int, count: int) -> None:
        """Longer than any is under way."""
        one = say(1, FIRST)

        decisions = judged_at((one, 0), (one, after_ms), (say(2, SECOND), after_ms + 1))

        assert len(decisions) == count

    def test_other_events_say_nothing(self) -> None:
        """Orders, marks and verdicts pass."""
        assert told(judged(order(), say(1, FIRST), read(ANNA, Seq(1), 1), say(2, SECOND))) == BOTH

    def test_a_detail_that_goes_on_calls_for_what_is_new_alone(self) -> None:
        """What was given out once is not given out with each message that follows."""
        decisions = judged(say(1, FIRST), say(2, SECOND), say(3, MORE))

        assert told(decisions) == [*BOTH, (id_of(3), "redact", SPLIT)]


class TestEdits:
    def test_an_edit_is_judged_as_the_newest(self) -> None:
        """The verdict is on the message, and about the edit's text."""
        [decision] = judged(say(1, INNOCENT), edit(2, id_of(1), WHOLE))

        assert (decision.target, decision.text) == (id_of(1), id_of(2))
        assert decision.rule == ALONE

    def test_its_text_takes_the_place_of_the_message_s(self) -> None:
        """What the message said before is not put together with what follows."""
        assert judged(say(1, FIRST), edit(3, id_of(1), "ok"), say(2, SECOND)) == []

    def test_another_text_calls_for_another_verdict(self) -> None:
        """A message given back by a moderator may be edited into something else."""
        one, other = judged(say(1, WHOLE), edit(2, id_of(1), WHOLE.upper()))

        assert one.target == other.target
        assert one.client_id != other.client_id

    def test_an_edit_of_somebody_else_s_message_harms_nobody(self) -> None:
        """It is void, which is not to be seen here: whose message it names is only shown to
        moderators."""
        decisions = judged(say(1, INNOCENT, by=BEN), edit(2, id_of(1, BEN), WHOLE))

        assert told(decisions) == [(id_of(1, BEN), "flag", ALONE)]

    @pytest.mark.parametrize(("after_ms", "action"), [(KNOWN_MS, "redact"), (KNOWN_MS + 1, "flag")])
    def test_so_does_one_of_a_message_that_is_long_ago(self, after_ms: int, action: str) -> None:
        """Whose it is, is known for a while."""
        decisions = judged(say(1, INNOCENT), edit(2, id_of(1), WHOLE), every_ms=after_ms)

        assert told(decisions) == [(id_of(1), action, ALONE)]

    def test_a_copy_does_not_make_a_message_younger(self) -> None:
        """As long as it is known whose it is, after it was said first."""
        one = say(1, INNOCENT)

        decisions = judged(one, one, edit(2, one.id, WHOLE), every_ms=KNOWN_MS - 1)

        assert told(decisions) == [(one.id, "flag", ALONE)]


class TestFiles:
    def test_a_file_s_name_is_a_text(self) -> None:
        """The message that carries it gets the verdict."""
        decisions = judged(say(1, "", files=["brief.pdf", "blue lagoon.pdf"]))

        assert told(decisions) == [(id_of(1), "redact", SPLIT)]

    def test_it_is_one_of_its_own(self) -> None:
        """It is not put together with what was said."""
        assert judged(say(1, FIRST), say(2, "", files=[SECOND])) == []


class TestPolicy:
    @pytest.mark.parametrize(
        ("text", "flags", "expected"),
        [
            (WHOLE, (), [(id_of(1), "flag", ALONE)]),
            (WHOLE, ALLOWED, []),
            (WHOLE, MASKED, [(id_of(1), "redact", ALONE)]),
            (WHOLE, ("contact:refused", "masked:x@1"), [(id_of(1), "redact", ALONE)]),
            (WHOLE, ("contact:unheard-of",), [(id_of(1), "flag", ALONE)]),
            (PAYMENT, (), [(id_of(1), "flag", FLAGGED)]),
            (PAYMENT, ALLOWED, [(id_of(1), "flag", FLAGGED)]),
            (PAYMENT, MASKED, [(id_of(1), "flag", FLAGGED)]),
        ],
    )
    def test_the_order_s_policy_says_how_far_a_verdict_goes(
        self, text: str, flags: tuple[str, ...], expected: list[tuple[str, str, str]]
    ) -> None:
        """As it was when the message was taken."""
        assert told(judged(say(1, text, flags=flags))) == expected

    def test_what_was_said_under_a_milder_one_is_judged_by_that(self) -> None:
        """The status may change between two parts of a detail."""
        decisions = judged(say(1, FIRST, flags=()), say(2, SECOND, flags=MASKED))

        assert told(decisions) == [(id_of(1), "flag", SPLIT), (id_of(2), "redact", SPLIT)]


class TestIds:
    def test_a_verdict_s_id_is_always_the_same(self) -> None:
        """Changed, every old verdict would be given a second time."""
        decision = Decision(ORDER, id_of(1), id_of(1), "redact", "contact.email", 1)

        assert decision.client_id == "ae3db02e-63c8-59a3-a8dc-738bb028b97f"

    @pytest.mark.parametrize(
        "other",
        [
            {"target": id_of(2)},
            {"text": id_of(2)},
            {"action": "flag"},
            {"rule": SPLIT},
            {"version": 2},
        ],
    )
    def test_another_verdict_has_another(self, other: dict[str, object]) -> None:
        """By what it is on, what it does, and why."""
        fields = {
            "order_id": ORDER,
            "target": id_of(1),
            "text": id_of(1),
            "action": "redact",
            "rule": ALONE,
            "version": 1,
        }

        assert Decision(**fields).client_id != Decision(**{**fields, **other}).client_id  # type: ignore[arg-type]

    def test_a_reason_names_the_rule_and_nothing_else(self) -> None:
        """Nothing of the text."""
        [decision] = judged(say(1, WHOLE))

        assert decision.reason == f"{ALONE}@{decision.version}"


class TestBounds:
    def test_what_is_old_is_forgotten(self) -> None:
        """A partition that is read for years holds what the last half hour needs."""
        watcher = watch()

        for number in range(3_000):
            by = UserId(f"u-{number}")
            watcher.take(say(number, "ok", by=by), number * 10_000)

        assert len(watcher._senders) <= (WINDOW_MS + 2 * MINUTE) // 10_000
        assert len(watcher._known) <= (KNOWN_MS + 2 * MINUTE) // 10_000

    def test_no_more_than_so_many_are_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many speak at once."""
        monkeypatch.setattr(module, "SENDERS_MAX", 10)
        monkeypatch.setattr(module, "RECORDS_MAX", 20)
        watcher = watch()

        for number in range(100):
            watcher.take(say(number, "ok", by=UserId(f"u-{number}")), 0)

        assert (len(watcher._senders), len(watcher._known)) == (10, 20)

    def test_a_text_that_takes_too_long_is_counted(self) -> None:
        """And nothing is found in it."""
        watcher = module.Watch(watch()._rules, budget_s=0)

        assert watcher.take(say(1, WHOLE), 0) == []
        assert watcher.over_budget == 1
