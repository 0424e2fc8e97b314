"""What the archiver tells of its writes: to whom, how much, and never at its own cost."""

import asyncio

import pytest

from chat_gateway import announcer
from chat_gateway.announcer import Announcer, channel_of, decode_changed
from chat_gateway.archiver.batch import fold_batch
from shared.contracts.events import Event
from shared.contracts.ids import OrderId, Seq, UserId, make_seq
from shared.conversation import Conversation
from shared.log.port import Record
from shared.signals.memory import MemorySignals
from tests.chat_gateway.seam_author import draft_of
from tests.shared.story import (
    ADVERTISER,
    ANNA,
    BEN,
    CREATOR,
    MOIRA,
    ORDER,
    message,
    order,
    read,
    report,
)

HELLO = message(ANNA, 1)


def changed_by(event: Event) -> dict[UserId, Seq]:
    """Whose conversation the last of some records changed, each with its position."""
    states = {ORDER: Conversation(ORDER)}
    events: list[Event] = [order(), HELLO, event]
    records = [
        Record(0, offset, 1_000, draft.key, draft.type, draft.version, draft.value)
        for offset, draft in enumerate(map(draft_of, events))
    ]
    fold_batch(records[:2], states, 1)
    changed = fold_batch(records[2:], states, 1).changed
    return {user_id: orders[ORDER] for user_id, orders in changed.items()}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (message(BEN, 2, base=1), {ANNA, BEN}),
        (order(2, parties=(ADVERTISER,)), {ANNA, BEN}),
        (order(1, parties=(CREATOR,)), set()),
        (read(BEN, make_seq(1, 1), 1), {BEN}),
        (report(BEN, 2, HELLO.id, base=1), set()),
        (MOIRA.flag(2, HELLO.id, 1), set()),
        (HELLO, set()),
    ],
    ids=["message", "removal", "void order", "mark", "report", "flag", "copy"],
)
def test_those_are_told_whose_line_changed(event: Event, told: set[UserId]) -> None:
    """Who was removed too; nobody of what is void, or of what no line shows."""
    assert changed_by(event) == dict.fromkeys(told, make_seq(1, 2))


async def test_a_user_is_told_of_all_at_once() -> None:
    """However many batches had something for him meanwhile."""
    signals, heard = MemorySignals(), asyncio.Queue[bytes]()
    await signals.subscribe(channel_of(ANNA), heard.put_nowait)
    telling = Announcer(signals)
    telling.announce({ANNA: {ORDER: Seq(1)}})
    telling.announce({ANNA: {ORDER: Seq(3), OrderId("o2"): Seq(2)}})

    running = asyncio.create_task(telling.run())

    async with asyncio.timeout(5):
        assert decode_changed(await heard.get()) == {ORDER: 3, OrderId("o2"): 2}
    assert heard.empty()
    running.cancel()


async def test_what_is_too_much_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals that are stuck cost the archiver neither time nor memory."""
    monkeypatch.setattr(announcer, "USERS_MAX", 2)
    telling = Announcer(MemorySignals())

    for number in range(5):
        telling.announce({UserId(f"u{number}"): {ORDER: Seq(1)}})

    assert telling.lost == 3


async def test_signals_that_are_down_end_nothing() -> None:
    """What could not be sent is lost, and the next is tried."""
    signals = MemorySignals()
    await signals.close()
    telling = Announcer(signals)
    running = asyncio.create_task(telling.run())

    telling.announce({ANNA: {ORDER: Seq(1)}, BEN: {ORDER: Seq(1)}})

    async with asyncio.timeout(5):
        while telling.lost < 2:  # noqa: ASYNC110 (a count tells nobody)
            await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
