"""How far everybody has read, one sentence each."""

import pytest

from shared.contracts.ids import Seq
from shared.conversation import (
    Mark,
    Verdict,
)
from tests.shared.story import (
    ALL,
    ANNA,
    BEN,
    SERVICE,
    STRANGER,
    greeted,
    message,
    order,
    read,
)


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
