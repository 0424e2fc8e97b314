"""The seam's generators, driven by hand: what they ask for, and what they make of the answers."""

from typing import Any

import pytest

from chat_gateway.seam import (
    ANSWER_BYTES_MAX,
    REPLAY_EVENTS_MAX,
    Access,
    AskAccess,
    AwaitRecord,
    CatchUp,
    Forbidden,
    Need,
    NotFound,
    Query,
    ReachEnd,
    ReadConversation,
    Reader,
    ReadPage,
    ReadWatermark,
    Unavailable,
    look_up,
    read_page,
)
from chat_gateway.tail import Lent, Tail
from shared.contracts.ids import NOTHING, make_seq
from shared.log.port import Record
from shared.timeline import Entry
from tests.chat_gateway.by_hand import (
    MOIRA,
    Archive,
    ByHand,
    chat,
    finish,
    join,
    needs_nothing,
    offsets,
    records,
    state_after,
    tail_from,
    tail_of,
)
from tests.shared.story import ADVERTISER, ANNA, BEN, ORDER, message, order


class TestJoin:
    def test_a_tail_that_holds_everything_needs_no_store(self) -> None:
        """The log's beginning is in memory, so there is nothing older."""
        opened = finish(join(tail_of(chat(3))), needs_nothing)

        assert (offsets(opened), opened.answer.complete) == ([0, 1, 2, 3], True)

    def test_position_then_state_then_page(self) -> None:
        """Each is read after the one it must not be older than."""
        written = chat(3)
        archive, asked = Archive(written, 2), list[type[Need]]()

        def answer(need: Need) -> Any:
            asked.append(type(need))
            return archive.answer(need)

        finish(join(tail_from(written, 2)), answer)

        assert asked == [ReadWatermark, ReadConversation, ReadPage]

    def test_store_and_tail_together_are_the_whole(self) -> None:
        """Nothing is missing where they meet, and nothing is there twice."""
        written = chat(6)

        opened = finish(
            join(tail_from(written, 2), Query(NOTHING, None, 5)), Archive(written, 4).answer
        )

        assert offsets(opened) == list(range(7))

    def test_a_gap_between_store_and_tail_is_never_passed_over(self) -> None:
        """Where even reading again does not help, there is no answer."""
        written = chat(6)

        with pytest.raises(Unavailable):
            finish(join(tail_from(written, 4)), Archive(written, 2).answer)

    def test_what_was_read_again_closes_the_gap(self) -> None:
        """A catch-up reader lends what the tail has dropped."""
        written, tail = chat(6), tail_from(chat(6), 4)
        archive = Archive(written, 2)

        def answer(need: Need) -> Any:
            if not isinstance(need, CatchUp):
                return archive.answer(need)
            lent = tail.lent[ORDER] = Lent(need.after, tail.start)
            lent.earlier += written[2:4]
            lent.whole = True
            return True

        assert offsets(finish(join(tail, Query(NOTHING, None, 5)), answer)) == list(range(7))

    def test_a_page_the_reader_has_not_come_to_is_not_cut_short(self) -> None:
        """Another join opened the room from an older state while the store went on: what was read
        above that room's floor is not in the room yet."""
        tail, archive = tail_of([], start=4), Archive(chat(7), 4)
        early, late = ByHand(join(tail)), ByHand(join(tail))
        early.step(archive, times=2)
        archive.count = 8
        late.step(archive, times=2)
        early.finish(archive)

        opened = late.finish(archive)

        assert (offsets(opened), opened.answer.complete) == ([0, 1, 2, 3], True)

    def test_a_live_room_ahead_of_the_tail_is_left_alone(self) -> None:
        """It was loaded from a newer store; what another join holds is older, though lent."""
        tail, archive = tail_of([], start=4), Archive(chat(7), 5)
        early = ByHand(join(tail))
        early.step(archive, times=2)
        archive.count = 8
        room = finish(join(tail), archive.answer).room
        tail.lent[ORDER] = Lent(make_seq(1, 3), tail.start)
        tail.lent[ORDER].whole = True

        opened = early.finish(archive)

        assert (opened.room, offsets(opened)) == (room, [3, 4, 5, 6, 7])


class TestAnswers:
    @pytest.mark.parametrize(("count", "complete"), [(4, True), (5, False)])
    def test_a_newest_page_tells_whether_there_is_more(self, count: int, complete: bool) -> None:
        """Five events fit: the order's own and four messages."""
        opened = finish(join(tail_of(chat(count))), needs_nothing)

        assert (len(opened.answer.events), opened.answer.complete) == (5, complete)

    @pytest.mark.parametrize("missed", [REPLAY_EVENTS_MAX, REPLAY_EVENTS_MAX + 1])
    def test_too_much_missed_is_answered_by_a_reset(self, missed: int) -> None:
        """Up to the limit all is replayed; above it the client starts over from the newest."""
        opened = finish(join(tail_of(chat(missed)), Query(make_seq(1, 0), None, 5)), needs_nothing)

        expected = (missed, False) if missed == REPLAY_EVENTS_MAX else (5, True)
        assert (len(opened.answer.events), opened.answer.reset) == expected

    def test_an_answer_ends_at_its_size(self) -> None:
        """It holds the newest that fit, and says that there is more."""
        opened = finish(join(tail_of(chat(8, "x" * 50_000)), Query(None, None, 50)), needs_nothing)

        size = sum(len(shown.frame) for shown in opened.answer.events)
        assert 0 < size <= ANSWER_BYTES_MAX
        assert (offsets(opened)[-1], opened.answer.complete) == (8, False)

    def test_a_page_lies_below_its_bound(self) -> None:
        """The newest of what is older."""
        tail = tail_of(chat(9))
        finish(join(tail), needs_nothing)

        answer = finish(
            read_page(tail, ORDER, MOIRA, Query(None, make_seq(1, 6), 3)), needs_nothing
        )

        assert [shown.seq for shown in answer.events] == [make_seq(1, at) for at in (3, 4, 5)]


class TestAccess:
    anna = Reader(ANNA, moderator=False)
    ben = Reader(BEN, moderator=False)

    def test_a_newer_word_than_the_log_waits_for_its_event(self) -> None:
        """The order service knows Ben before the log does; with the event he is let in."""
        written = records(order(1, parties=()), order(2, parties=(ADVERTISER,)))
        tail = tail_of(written[:1])

        def answer(need: Need) -> bool:
            assert isinstance(need, AwaitRecord)
            tail.take(written[1])
            return True

        opened = finish(join(tail, reader=self.ben, access=Access("a", 2, False)), answer)

        assert offsets(opened) == [0, 1]

    def test_an_event_that_does_not_come_is_not_waited_for_any_longer(self) -> None:
        """The client comes again."""
        steps = join(tail_of(chat(1)), reader=self.anna, access=Access("creator", 2, False))

        with pytest.raises(Unavailable):
            finish(steps, lambda need: not isinstance(need, AwaitRecord))

    def test_who_was_removed_does_not_exist(self) -> None:
        """An old word is asked for afresh before anybody is let in on it."""
        tail = tail_of(records(order(2, parties=(ADVERTISER,))))
        steps = join(tail, reader=self.anna, access=Access("creator", 1, False))

        with pytest.raises(NotFound):
            finish(steps, lambda need: None if isinstance(need, AskAccess) else needs_nothing(need))

    def test_who_takes_part_but_may_not_read_is_forbidden(self) -> None:
        """The policy in the log decides, whatever the role."""
        tail = tail_of(records(order(1, may={"creator": ("send",)})))

        with pytest.raises(Forbidden):
            finish(join(tail, reader=self.anna, access=Access("creator", 1, True)), needs_nothing)

    def test_an_order_nobody_opened_does_not_exist(self) -> None:
        """Not even for moderators, who need nobody's word."""
        with pytest.raises(NotFound):
            finish(join(tail_of([])), reaches_end)

    def test_who_needs_nobodys_word_may_be_ahead_of_the_reader(self) -> None:
        """A service that has just opened the order, a program that reads the log itself."""
        written = records(order(1))
        tail = tail_of([])

        def answer(need: Need) -> None:
            assert isinstance(need, ReachEnd)
            tail.take(written[0])

        assert offsets(finish(join(tail), answer)) == [0]


def reaches_end(need: Need) -> None:
    """The reader is there already."""
    assert isinstance(need, ReachEnd)


class TestLookUp:
    said = message(ANNA, 1)

    def look_up(self, tail: Tail, archived: int, written: list[Record]) -> Entry | None:
        tail.open_room(state_after(written[: tail.start]))
        found: Entry | None = finish(
            look_up(tail, ORDER, self.said.id), Archive(written, archived).answer
        )
        return found

    @pytest.mark.parametrize("start", [0, 3])
    def test_an_id_is_found_in_the_room_or_in_the_store(self, start: int) -> None:
        """Wherever its record lies by now."""
        written = records(order(), self.said, message(BEN, 2))

        found = self.look_up(tail_from(written, start), 3, written)

        assert found is not None
        assert found.seq == make_seq(1, 1)

    def test_an_id_that_is_nowhere_is_known_to_be_nowhere(self) -> None:
        """Store and room meet, and neither has it."""
        written = records(order(), message(BEN, 2))

        assert self.look_up(tail_from(written, 1), 1, written) is None

    def test_a_store_that_is_behind_cannot_tell(self) -> None:
        """Between it and the room the id may stand."""
        written = records(order(), self.said, message(BEN, 2))

        with pytest.raises(Unavailable):
            self.look_up(tail_from(written, 2), 1, written)
