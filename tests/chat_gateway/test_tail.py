"""The tail of one partition, and the rooms that are folded from it."""

import pytest

from chat_gateway.tail import Gap, Lent, Room
from shared.contracts import events as log
from shared.contracts.ids import NOTHING, OrderId, Seq, make_seq
from shared.conversation import Conversation
from shared.log.port import Draft
from tests.chat_gateway.archive import FUTURE, GARBAGE, story
from tests.chat_gateway.by_hand import records, state_after, tail_of
from tests.shared.story import ANNA, BEN, ORDER, delete, message, order

OTHER = Draft("o-other", "message", log.VERSION, b"{}")


def seqs(room: Room) -> list[Seq]:
    return [entry.seq for entry in room.entries]


class TestTake:
    def test_a_missing_record_is_noticed(self) -> None:
        """Offsets are dense: another than the next one is a broken log."""
        with pytest.raises(Gap, match="offset 1 came instead of 0"):
            tail_of(records(order(), message(ANNA, 1))[1:])

    def test_a_record_of_an_open_order_is_folded_at_once(self) -> None:
        """It comes back as the room's entry, to be published."""
        written = records(order(), message(ANNA, 1))
        tail = tail_of(written[:1])
        room = tail.open_room(Conversation(ORDER))

        assert tail.take(written[1]) == (room, room.entries[-1])

    @pytest.mark.parametrize("nothing", [OTHER, GARBAGE])
    def test_what_no_room_is_open_for_or_no_event_is_held_only(self, nothing: Draft) -> None:
        """Nobody is told anything, and reading goes on behind it."""
        tail = tail_of(records(order()))
        tail.open_room(Conversation(ORDER))

        assert tail.take(records(order(), nothing)[1]) is None
        assert tail.end == 2

    def test_a_record_from_the_future_is_not_taken(self) -> None:
        """The partition stands still before it."""
        tail = tail_of(records(order()))
        tail.open_room(Conversation(ORDER))

        with pytest.raises(log.FromTheFuture):
            tail.take(records(order(), FUTURE)[1])

        assert tail.end == 1

    def test_what_the_store_was_ahead_with_is_not_folded_again(self) -> None:
        """A room made from a newer state lets the records pass that it has already."""
        written = records(order(), message(ANNA, 1))
        tail = tail_of(written[:1])
        room = tail.open_room(state_after(written))

        assert tail.take(written[1]) is None
        assert (room.conversation.n, seqs(room)) == (1, [])


class TestRoom:
    def test_entries_stand_as_later_ones_left_them(self) -> None:
        """The room holds every record of the order with what became of it."""
        written = records(*story())
        room = tail_of(written).open_room(Conversation(ORDER))

        first, second = room.entries[1], room.entries[2]

        assert (first.edited_text, first.gone, second.gone) == ("two", "redacted", "deleted")

    def test_a_copy_does_not_hide_its_message_from_a_change(self) -> None:
        """A void record with the same id is passed over."""
        said = message(ANNA, 1)
        taken_back = delete(ANNA, 2, said.id, base=1)

        room = tail_of(records(order(), said, said, taken_back)).open_room(Conversation(ORDER))

        assert room.entries[1].gone == "deleted"

    def test_a_room_that_is_open_stays(self) -> None:
        """Its members are subscribed to it, so it is never replaced; it only reaches back."""
        written = records(order(), message(ANNA, 1), message(BEN, 2))
        tail = tail_of(written)
        room = tail.open_room(state_after(written[:2]))

        again = tail.open_room(state_after(written[:1]))

        assert again is room
        assert (room.floor, len(room.entries)) == (make_seq(1, 0), 2)

    def test_an_id_is_found_above_the_floor(self) -> None:
        """What was dropped is not found any more."""
        said = message(ANNA, 1)
        tail = tail_of(records(order(), said, message(BEN, 2)))
        room = tail.open_room(Conversation(ORDER))
        assert room.entry(said.id) is room.entries[1]

        tail.drop_oldest()
        tail.drop_oldest()

        assert room.entry(said.id) is None


class TestDrop:
    def test_the_start_and_the_floor_move_up(self) -> None:
        """A room knows that it holds nothing at or below its floor any more."""
        tail = tail_of(records(order(), message(ANNA, 1)))
        room = tail.open_room(Conversation(ORDER))

        tail.drop_oldest()

        assert (tail.start, room.floor, seqs(room)) == (1, make_seq(1, 0), [make_seq(1, 1)])

    def test_other_orders_leave_a_floor_alone(self) -> None:
        """Only an own record that is lost makes a room reach less far."""
        tail = tail_of(records(OTHER, order()))
        room = tail.open_room(Conversation(ORDER))

        tail.drop_oldest()

        assert (tail.start, room.floor) == (1, NOTHING)

    def test_nothing_weighs_nothing(self) -> None:
        """What is given up no longer counts."""
        tail = tail_of(records(*story()))
        assert tail.bytes > 0

        for _ in story():
            tail.drop_oldest()

        assert (tail.bytes, tail.start) == (0, tail.end)


class TestLent:
    def test_a_room_is_folded_from_what_was_read_again(self) -> None:
        """First what a catch-up reader read, then what was dropped meanwhile, then the tail."""
        written = records(order(), message(ANNA, 1), message(BEN, 2), message(ANNA, 3))
        tail = tail_of(written)
        tail.drop_oldest()
        tail.drop_oldest()
        lent = tail.lent[OrderId(ORDER)] = Lent(NOTHING, tail.start)
        tail.drop_oldest()
        lent.earlier += written[:2]

        room = tail.open_room(Conversation(ORDER))

        assert seqs(room) == [make_seq(1, offset) for offset in range(4)]
        assert tail.lent == {}
