"""Read marks: the largest wins, and at most one a second is written."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from chat_gateway.marks import EVERY_S, Marks
from shared.contracts import events as log
from shared.contracts.ids import make_seq
from tests.chat_gateway.world import House, messages, turns
from tests.shared.story import ANNA, BEN, read


class Seconds:
    """The loop's timer alone, moved by the test."""

    def __init__(self) -> None:
        self.due: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        assert delay == EVERY_S
        self.due.append((callback, args))

    def pass_one(self) -> None:
        """A second is over."""
        due, self.due = self.due, []
        for callback, args in due:
            callback(*args)


def marks_of(house: House, seconds: Seconds) -> Marks:
    return Marks(house.publisher, cast(asyncio.AbstractEventLoop, seconds))


async def written(house: House) -> list[int]:
    """The numbers of the marks that were written since."""
    await turns()
    numbers = []
    while house.log.batches:
        events = await house.end_batch()
        numbers += [event.n for event in events if isinstance(event, log.Read)]
    return numbers


async def test_the_first_mark_is_written_at_once() -> None:
    """With its position."""
    house = House(*messages(BEN, 5))
    marks = marks_of(house, Seconds())

    marks.note(house.room, ANNA, make_seq(1, 3), 3)

    assert await house.handed_over() == [read(ANNA, make_seq(1, 3), 3)]


async def test_of_a_second_the_largest_is_written_at_its_end() -> None:
    """However many came."""
    house, seconds = House(*messages(BEN, 5)), Seconds()
    marks = marks_of(house, seconds)
    for n in (1, 2, 5, 3):
        marks.note(house.room, ANNA, make_seq(1, n), n)
    assert await written(house) == [1]

    seconds.pass_one()

    assert await written(house) == [5]


async def test_a_quiet_second_ends_the_waiting() -> None:
    """Then the next mark is written at once again."""
    house, seconds = House(*messages(BEN, 5)), Seconds()
    marks = marks_of(house, seconds)
    marks.note(house.room, ANNA, make_seq(1, 1), 1)
    seconds.pass_one()
    assert seconds.due == []

    marks.note(house.room, ANNA, make_seq(1, 2), 2)

    assert await written(house) == [1, 2]


async def test_each_user_has_seconds_of_their_own() -> None:
    """One reader does not keep another waiting."""
    house = House(*messages(BEN, 5))
    marks = marks_of(house, Seconds())

    marks.note(house.room, ANNA, make_seq(1, 2), 2)
    house.room.conversation.marks.pop(BEN)
    marks.note(house.room, BEN, make_seq(1, 4), 4)

    assert await written(house) == [2, 4]


async def test_a_mark_that_does_not_advance_is_not_written() -> None:
    """The fold would void it."""
    house = House(*messages(BEN, 5), read(ANNA, make_seq(1, 3), 3))
    marks = marks_of(house, Seconds())

    marks.note(house.room, ANNA, make_seq(1, 3), 3)
    marks.note(house.room, ANNA, make_seq(1, 2), 2)

    assert await written(house) == []
