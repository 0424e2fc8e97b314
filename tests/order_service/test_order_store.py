"""What the service may rely on from the store of its orders, on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from order_service import model
from order_service.adapters import open_orders
from order_service.adapters.sqlite import SqliteOrders
from order_service.model import Order, Status
from order_service.policy import DEFAULT
from order_service.ports import OrdersUnavailable, Outgoing, Stored, VersionTaken
from order_service.service import WRITER, Busy, OrderService
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId
from tests.order_service.world import ANNA, ORDER, PARTIES, Shop


@pytest.fixture
async def orders(tmp_path: Path) -> AsyncIterator[SqliteOrders]:
    orders = await open_orders("sqlite:///store.db", tmp_path)
    yield orders
    await orders.close()


def event_of(order: Order) -> OrderChanged:
    return OrderChanged(
        order_id=order.order_id,
        by=WRITER,
        as_="service",
        version=order.version,
        status=order.status,
        previous_status=None,
        title=order.title,
        participants=order.participants,
        may={"creator": ("read",)},
        edit_window_ms=1,
    )


FIRST = model.start(ORDER, "A logo", PARTIES)


async def test_an_order_and_its_event_are_stored_together(orders: SqliteOrders) -> None:
    """What is saved can be read, the event with its number, and the order knows of it."""
    number = await orders.save(FIRST, event_of(FIRST))

    assert await orders.get(ORDER) == Stored(FIRST, unpublished=number)
    assert await orders.first(10) == [Outgoing(number, event_of(FIRST))]
    assert await orders.holds(number)


async def test_a_version_that_is_taken_writes_nothing(orders: SqliteOrders) -> None:
    """Neither the order nor an event, be the version the same, older or too new."""
    await orders.save(FIRST, event_of(FIRST))

    for version in (1, 3):
        wrong = msgspec.structs.replace(FIRST, version=version, title="Two logos")
        with pytest.raises(VersionTaken):
            await orders.save(wrong, event_of(wrong))

    stored = await orders.get(ORDER)
    assert stored is not None
    assert (stored.order, len(await orders.first(10))) == (FIRST, 1)


async def test_removed_events_are_gone_and_their_numbers_are_not_used_again(
    orders: SqliteOrders,
) -> None:
    """The outbox empties; an order with nothing in it is known to be published."""
    number = await orders.save(FIRST, event_of(FIRST))
    await orders.remove({number, number + 7})
    second = model.describe(FIRST, "Two logos", (ANNA,))

    assert await orders.get(ORDER) == Stored(FIRST, unpublished=None)
    assert not await orders.holds(number)
    assert await orders.save(second, event_of(second)) > number


async def test_open_orders_come_page_by_page(orders: SqliteOrders) -> None:
    """By id, from one page to the next, in the statuses asked for."""
    for order_id in ("o3", "o1", "o2", "o4"):
        order = model.start(OrderId(order_id), "A logo", PARTIES)
        if order_id == "o3":
            order = msgspec.structs.replace(order, status=Status.DECLINED)
        await orders.save(order, event_of(order))

    first = await orders.in_statuses(model.OPEN, "", 2)
    rest = await orders.in_statuses(model.OPEN, first[-1].order_id, 2)

    assert [order.order_id for order in (*first, *rest)] == ["o1", "o2", "o4"]


async def test_the_policy_announced_last_is_remembered(orders: SqliteOrders) -> None:
    """None at first; then the last one noted."""
    assert await orders.announced_policy() is None

    await orders.note_policy("one")
    await orders.note_policy("two")

    assert await orders.announced_policy() == "two"


async def test_two_parts_of_a_process_share_the_file(tmp_path: Path, orders: SqliteOrders) -> None:
    """The embedded store lives in the same file; its writes and ours wait for each other."""
    other = await open_orders("sqlite:///store.db", tmp_path)

    await other.save(FIRST, event_of(FIRST))

    assert await orders.get(ORDER) is not None
    await other.close()


async def test_closed_orders_are_unavailable(orders: SqliteOrders) -> None:
    """After the end there is no answer rather than a wrong one."""
    await orders.close()

    with pytest.raises(OrdersUnavailable):
        await orders.ping()


async def test_another_engine_is_refused_by_name(tmp_path: Path) -> None:
    """The setting that is wrong is named."""
    with pytest.raises(ValueError, match="ORDER_CHAT_STORE_URL"):
        await open_orders("mongodb://host/order_chat", tmp_path)


async def test_an_order_that_never_holds_still_is_given_up(tmp_path: Path, shop: Shop) -> None:
    """A change is tried a bounded number of times."""

    class Restless(SqliteOrders):
        """Somebody else is always faster: injects that fault, and nothing else."""

        async def save(self, order: Order, event: OrderChanged) -> int:
            raise VersionTaken

    restless = await Restless.open(tmp_path / "store.db")
    service = OrderService(restless, shop.relay, DEFAULT)

    with pytest.raises(Busy):
        await service.put(ORDER, "A logo", PARTIES)
    await restless.close()
