"""The store's contract, over every engine: whose conversations there are, and in what order."""

import asyncio

import pytest

from shared.contracts.events import Participant
from shared.contracts.ids import NOTHING, OrderId, Seq, UserId
from shared.store.port import UNREAD_MAX, InboxPlace, Standing, Store, StoredConversation, Tally
from shared.summary import Summary
from tests.ports.entries import ANNA, ORDER, changes_of, message, redact

BEN = UserId("ben")
ORDERS = tuple(OrderId(f"o{number}") for number in range(1, 6))


def stored(
    order_id: OrderId = ORDER,
    *,
    head: int = 1,
    updated_at: int = 1_000,
    last: int = NOTHING,
    unread: dict[UserId, int] | None = None,
) -> StoredConversation:
    """A conversation as the archiver writes it; Anna has read all of it unless told otherwise."""
    summary = Summary(
        order_id=order_id,
        head=Seq(head),
        title="Reel",
        status="pending",
        participants=(Participant(ANNA, "creator", "Anna"),),
        n=3,
        last=Seq(last),
        updated_at=updated_at,
        unread={ANNA: 0} if unread is None else unread,
    )
    return StoredConversation(order_id, Seq(head), b"s", summary)


async def orders_of(store: Store, user_id: UserId = ANNA, **query: object) -> list[str]:
    lines = await store.inbox(user_id, limit=10, **query)  # type: ignore[arg-type]
    return [line.summary.order_id for line in lines]


class TestInbox:
    async def test_a_summary_comes_back_as_it_was_written(self, store: Store) -> None:
        """With the conversation, and as a line of who reads it."""
        written = stored(unread={ANNA: 2, BEN: 0})

        await store.write_conversations([written])

        assert await store.conversation(ORDER) == written
        (line,) = await store.inbox(ANNA, limit=10)
        assert line.summary == written.summary
        assert line.last is None

    async def test_a_line_has_its_last_message_as_it_stands_now(self, store: Store) -> None:
        """What was redacted since shows it."""
        await store.write_entries([message(7)], changes_of(redact(8, "m7")))
        await store.write_conversations([stored(last=7)])

        (line,) = await store.inbox(ANNA, limit=10)

        assert line.last is not None
        assert (line.last.seq, line.last.gone) == (7, "redacted")

    async def test_who_is_not_named_has_no_line(self, store: Store) -> None:
        """Nor has who is named no more."""
        await store.write_conversations([stored(unread={ANNA: 1, BEN: 1})])

        await store.write_conversations([stored(head=2, unread={ANNA: 1})])

        assert await orders_of(store, BEN) == []
        assert await orders_of(store) == [ORDER]

    async def test_a_lower_head_changes_no_inbox(self, store: Store) -> None:
        """A second archiver that lags behind brings nobody back."""
        await store.write_conversations([stored(head=5, unread={ANNA: 0})])

        await store.write_conversations([stored(head=4, unread={ANNA: 3, BEN: 3})])

        assert await orders_of(store, BEN) == []
        assert (await store.tally(ANNA, limit=10)).standings == [Standing(ORDER, Seq(5), 0)]

    async def test_the_newest_stand_first_then_by_order_id(self, store: Store) -> None:
        """Pages follow on a place, whether or not anything stands there."""
        times = dict(zip(ORDERS, (20, 30, 30, 10, 30), strict=True))
        await store.write_conversations([stored(o, updated_at=at) for o, at in times.items()])

        assert await orders_of(store) == ["o2", "o3", "o5", "o1", "o4"]
        assert await orders_of(store, before=InboxPlace(30, ORDERS[2])) == ["o5", "o1", "o4"]
        assert await orders_of(store, before=InboxPlace(25, ORDERS[0])) == ["o1", "o4"]

    async def test_orders_may_be_named(self, store: Store) -> None:
        """Only these are listed and counted."""
        await store.write_conversations([stored(o, unread={ANNA: 1}) for o in ORDERS])

        assert await orders_of(store, orders={ORDERS[3], OrderId("none")}) == ["o4"]
        tally = await store.tally(ANNA, limit=10, orders=[])
        assert tally == Tally([], 0)


class TestTally:
    async def test_what_is_not_counted_one_by_one_is_a_sum(self, store: Store) -> None:
        """The newest first; what follows them adds up."""
        await store.write_conversations(
            [stored(o, updated_at=n, unread={ANNA: n}) for n, o in enumerate(ORDERS, 1)]
        )

        tally = await store.tally(ANNA, limit=2)

        assert tally.standings == [Standing(ORDERS[4], Seq(1), 5), Standing(ORDERS[3], Seq(1), 4)]
        assert tally.others == 3 + 2 + 1

    @pytest.mark.parametrize("limit", [0, 1])
    async def test_a_sum_stops_at_its_maximum(self, store: Store, limit: int) -> None:
        """Nobody counts further."""
        await store.write_conversations([stored(o, unread={ANNA: 600}) for o in ORDERS])

        assert (await store.tally(ANNA, limit=limit)).others == UNREAD_MAX

    async def test_each_is_counted_once_while_they_move(self, store: Store) -> None:
        """A conversation that goes to the top meanwhile is neither missed nor counted twice."""
        many = [OrderId(f"o{number}") for number in range(60)]
        await store.write_conversations([stored(o, unread={ANNA: 1}) for o in many])

        async def move() -> None:
            for now, order_id in enumerate(reversed(many), 2):
                moved = stored(order_id, head=now, updated_at=1_000 + now, unread={ANNA: 1})
                await store.write_conversations([moved])

        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            moving = tasks.create_task(move())
            while not moving.done():
                tally = await store.tally(ANNA, limit=20)
                assert len({each.order_id for each in tally.standings}) == 20
                assert tally.others == 40


async def test_drop_empties_inboxes(store: Store) -> None:
    """And what is written afterwards is listed."""
    await store.write_conversations([stored(head=9)])

    await store.drop()

    assert await orders_of(store) == []
    await store.write_conversations([stored(head=1)])
    assert await orders_of(store) == [ORDER]
