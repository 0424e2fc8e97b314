"""How the seam finds the message that carries a file, driven by hand."""

from collections.abc import Generator
from typing import Any

import pytest

from chat_gateway.seam import (
    FindCarriers,
    Need,
    NotFound,
    Reader,
    ReadWatermark,
    Unavailable,
    find_carrier,
)
from chat_gateway.tail import Tail
from shared.contracts.ids import Seq, make_seq
from shared.log.port import Record
from shared.timeline import Entry
from tests.chat_gateway.by_hand import (
    MOIRA,
    Archive,
    finish,
    needs_nothing,
    records,
    state_after,
    tail_from,
)
from tests.chat_gateway.world import picture
from tests.shared.story import ADVERTISER, ANNA, BEN, ORDER, delete, message, order

FILE = picture()
SENT = message(ANNA, 1, attachments=(FILE,))
BEN_READS = Reader(BEN, moderator=False)


def searching(tail: Tail, reader: Reader = BEN_READS) -> Generator[Need, Any, Entry | None]:
    return find_carrier(tail, ORDER, reader, FILE.id)


def place_of(entry: Entry | None) -> Seq | None:
    return None if entry is None else entry.seq


def tail_with_room(written: list[Record], start: int) -> Tail:
    """What is above *start*, in a room that knows what was said below."""
    tail = tail_from(written, start)
    tail.open_room(state_after(written[:start]))
    return tail


def test_what_is_in_memory_needs_no_store() -> None:
    """A file that was sent a moment ago is in the room."""
    tail = tail_with_room(records(order(), SENT), 0)

    assert place_of(finish(searching(tail), needs_nothing)) == make_seq(1, 1)


def test_what_is_older_is_in_the_store() -> None:
    """As it stands by what the room knows."""
    written = records(order(), SENT, message(BEN, 2, base=1), delete(ANNA, 3, SENT.id, base=2))
    archive = Archive(written, 3)

    before = finish(searching(tail_with_room(written[:3], 3)), archive.answer)
    after = finish(searching(tail_with_room(written, 3)), archive.answer)
    moderator = finish(searching(tail_with_room(written, 3), MOIRA), archive.answer)

    assert [place_of(each) for each in (before, after, moderator)] == [
        make_seq(1, 1),
        None,
        make_seq(1, 1),
    ]


def test_a_store_that_is_behind_cannot_tell() -> None:
    """Between it and the room the message may have been sent, or taken."""
    written = records(order(), SENT, delete(ANNA, 2, SENT.id, base=1), message(BEN, 3, base=2))

    with pytest.raises(Unavailable):
        finish(searching(tail_with_room(written, 3)), Archive(written, 2).answer)


def test_what_comes_while_the_store_is_asked_counts() -> None:
    """Both what is sent and what is taken meanwhile."""
    written = records(order(), message(BEN, 2), SENT, delete(ANNA, 3, SENT.id, base=2))
    tail = tail_with_room(written[:2], 2)
    archive = Archive(written, 2)
    sent, taken = searching(tail), searching(tail)
    for steps in (sent, taken):
        assert isinstance(steps.send(None), ReadWatermark)
        assert isinstance(steps.send(archive.answer(ReadWatermark())), FindCarriers)

    tail.take(written[2])
    with pytest.raises(StopIteration) as found:
        sent.send([])
    tail.take(written[3])
    with pytest.raises(StopIteration) as lost:
        taken.send([])

    assert (place_of(found.value.value), lost.value.value) == (make_seq(1, 2), None)


def test_who_may_not_read_any_more_is_told_nothing() -> None:
    """The order withdrew its reader while the store was asked."""
    written = records(order(), SENT, message(BEN, 2, base=1), order(2, parties=(ADVERTISER,)))
    tail = tail_with_room(written[:3], 3)
    archive = Archive(written, 3)
    steps = searching(tail, Reader(ANNA, moderator=False))
    steps.send(None)
    need = steps.send(archive.answer(ReadWatermark()))

    tail.take(written[3])

    with pytest.raises(NotFound):
        steps.send(archive.answer(need))
