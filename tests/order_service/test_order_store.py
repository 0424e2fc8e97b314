"""What the service may rely on from the store of its orders, on every engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from pymongo import MongoClient

from order_service import model
from order_service.adapters import open_orders
from order_service.adapters.sqlite import SqliteOrders
from order_service.model import Order, Status
from order_service.policy import DEFAULT
from order_service.ports import OrderStore, OrdersUnavailable, Outgoing, Stored, VersionTaken
from order_service.relay import Relay
from order_service.service import WRITER, Busy, OrderService
from shared.contracts.events import OrderChanged, Participant
from shared.contracts.ids import OrderId, UserId
from shared.log.sqlite import SqliteLog
from tests.order_service.world import ANNA, ORDER, PARTIES
from tests.ports import store_engines

OpenStore = Callable[[], Awaitable[OrderStore]]


@pytest.fixture
async def open_store(tmp_path: Path, store_url: str) -> AsyncIterator[OpenStore]:
    """Opens the test's store, once more each time."""
    async with AsyncExitStack() as opened:

        async def open_store() -> OrderStore:
            orders = await open_orders(store_url, tmp_path)
            opened.push_async_callback(orders.close)
            return orders

        yield open_store


@pytest.fixture
async def orders(open_store: OpenStore) -> OrderStore:
    return await open_store()


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


def orders_of(count: int) -> list[Order]:
    """New orders `a1`, `a2` and so on."""
    return [model.start(OrderId(f"a{number + 1}"), "A logo", PARTIES) for number in range(count)]


FIRST = model.start(ORDER, "A logo", PARTIES)


async def test_an_order_and_its_event_are_stored_together(orders: OrderStore) -> None:
    """What is saved can be read, the event with its number, and the order knows of it."""
    number = await orders.save(FIRST, event_of(FIRST))

    assert await orders.get(ORDER) == Stored(FIRST, unpublished=number)
    assert await orders.first(10) == [Outgoing(number, event_of(FIRST))]
    assert await orders.holds(number)


async def test_a_version_that_is_taken_writes_nothing(orders: OrderStore) -> None:
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
    orders: OrderStore,
) -> None:
    """The outbox empties; an order with nothing in it is known to be published."""
    number = await orders.save(FIRST, event_of(FIRST))
    await orders.remove({number, number + 7})
    second = model.describe(FIRST, "Two logos", (ANNA,))

    assert await orders.get(ORDER) == Stored(FIRST, unpublished=None)
    assert not await orders.holds(number)
    assert await orders.save(second, event_of(second)) > number


async def test_open_orders_come_page_by_page(orders: OrderStore) -> None:
    """By id, from one page to the next, in the statuses asked for."""
    for order_id in ("o3", "o1", "o2", "o4"):
        order = model.start(OrderId(order_id), "A logo", PARTIES)
        if order_id == "o3":
            order = msgspec.structs.replace(order, status=Status.DECLINED)
        await orders.save(order, event_of(order))

    first = await orders.in_statuses(model.OPEN, "", 2)
    rest = await orders.in_statuses(model.OPEN, first[-1].order_id, 2)

    assert [order.order_id for order in (*first, *rest)] == ["o1", "o2", "o4"]


async def test_orders_are_had_by_their_ids_at_once(orders: OrderStore) -> None:
    """Those that there are, each under its id, and no other."""
    first, second, third = orders_of(3)
    for order in (first, second, third):
        await orders.save(order, event_of(order))
    nowhere = [OrderId(f"o{number}") for number in range(198)]

    some = await orders.of_ids({third.order_id, first.order_id, *nowhere})
    none = await orders.of_ids(set(nowhere))
    of_none = await orders.of_ids(set())

    assert some == {OrderId("a1"): first, OrderId("a3"): third}
    assert none == of_none == {}


async def test_an_order_had_by_its_id_is_as_it_stands(orders: OrderStore) -> None:
    """The version saved last, whether its event waits for the log or not."""
    number = await orders.save(FIRST, event_of(FIRST))
    second = model.describe(FIRST, "Two logos", (ANNA,))
    await orders.save(second, event_of(second))
    await orders.remove({number})

    assert await orders.of_ids({ORDER}) == {ORDER: second}


async def test_the_policy_announced_last_is_remembered(orders: OrderStore) -> None:
    """None at first; then the last one noted."""
    assert await orders.announced_policy() is None

    await orders.note_policy("one")
    await orders.note_policy("two")

    assert await orders.announced_policy() == "two"


async def test_lists_are_cut_at_their_limit(orders: OrderStore) -> None:
    """The first by id, of one participant alone."""
    for order in reversed(orders_of(3)):
        await orders.save(order, event_of(order))
    alone = model.start(OrderId("a0"), "A logo", (ANNA,))
    await orders.save(alone, event_of(alone))

    assert [order.order_id for order in await orders.of_participant("ben", 2)] == ["a1", "a2"]
    assert [order.order_id for order in await orders.of_participant("anna", 2)] == ["a0", "a1"]
    assert await orders.of_participant("nobody", 2) == []


async def test_an_order_comes_back_as_it_was(orders: OrderStore) -> None:
    """Whatever its texts hold that means something to an engine."""
    strange = "$title.\u0000 {'$set': 1} \U0001f4e6"
    party = Participant(UserId("a.$b"), "cre.ator", strange, "https://x.example/$a.b")
    order = model.start(ORDER, strange, (party,))
    event = msgspec.structs.replace(event_of(order), may={"$cre.ator": ("read",)})

    number = await orders.save(order, event)

    assert await orders.get(ORDER) == Stored(order, unpublished=number)
    assert await orders.first(1) == [Outgoing(number, event)]
    assert await orders.of_participant("a.$b", 1) == [order]


async def test_the_outbox_begins_with_the_lowest_numbers(orders: OrderStore) -> None:
    """Of all orders together, wherever they stand and however many of one wait."""
    numbers = []
    for order_id, version in [("o1", 1), ("o2", 1), ("o3", 1), ("o1", 2), ("o2", 2)]:
        order = model.start(OrderId(order_id), "A logo", PARTIES)
        order = msgspec.structs.replace(order, version=version)
        numbers.append(await orders.save(order, event_of(order)))
    await orders.remove(numbers[:1])

    two, all_ = await orders.first(2), await orders.first(10)

    assert [(each.number, each.event.order_id) for each in two] == [
        (numbers[1], "o2"),
        (numbers[2], "o3"),
    ]
    assert [each.number for each in all_] == numbers[1:]


async def test_an_order_knows_its_last_event_in_the_outbox(orders: OrderStore) -> None:
    """For whoever waits for it: with it, those before are in the log."""
    await orders.save(FIRST, event_of(FIRST))
    second = model.describe(FIRST, "Two logos", PARTIES)
    number = await orders.save(second, event_of(second))

    assert await orders.get(ORDER) == Stored(second, unpublished=number)


async def test_of_two_who_change_an_order_one_does(open_store: OpenStore) -> None:
    """Two processes that read the same version; the event of the other is nowhere."""
    one, other = await open_store(), await open_store()
    await one.save(FIRST, event_of(FIRST))
    second = [model.describe(FIRST, title, PARTIES) for title in "abcdefgh"]

    outcomes = await asyncio.gather(
        *(
            (one, other)[index % 2].save(order, event_of(order))
            for index, order in enumerate(second)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, VersionTaken) for outcome in outcomes) == len(second) - 1
    stored = await one.get(ORDER)
    waiting = await other.first(10)
    assert stored is not None
    assert [each.event.title for each in waiting] == ["A logo", stored.order.title]


async def test_of_two_who_make_an_order_one_does(open_store: OpenStore) -> None:
    """The other learns that there is one."""
    one, other = await open_store(), await open_store()

    outcomes = await asyncio.gather(
        *(each.save(FIRST, event_of(FIRST)) for each in (one, other) * 4), return_exceptions=True
    )

    assert sum(isinstance(outcome, VersionTaken) for outcome in outcomes) == 7
    assert len(await one.first(10)) == 1


async def test_numbers_of_several_processes_are_apart(open_store: OpenStore) -> None:
    """Each event has its own; and of one order's the later have the higher."""
    stores = await open_store(), await open_store()

    async def change(order_id: str) -> list[int]:
        order = model.start(OrderId(order_id), "0", PARTIES)
        numbers = []
        for version in range(1, 6):
            order = msgspec.structs.replace(order, version=version)
            numbers.append(await stores[version % 2].save(order, event_of(order)))
        return numbers

    taken = await asyncio.gather(*(change(f"o{n}") for n in range(6)))

    assert len({number for numbers in taken for number in numbers}) == 30
    assert all(numbers == sorted(numbers) for numbers in taken)


async def test_several_processes_note_a_policy(open_store: OpenStore) -> None:
    """At the same moment, and for the first time."""
    stores = [await open_store() for _ in range(4)]

    await asyncio.gather(*(store.note_policy("one") for store in stores * 2))

    assert await stores[0].announced_policy() == "one"


async def test_closed_orders_are_unavailable(orders: OrderStore) -> None:
    """After the end there is no answer rather than a wrong one."""
    await orders.close()

    with pytest.raises(OrdersUnavailable):
        await orders.ping()


async def test_another_engine_is_refused_by_name(tmp_path: Path) -> None:
    """The setting that is wrong is named."""
    with pytest.raises(ValueError, match="ORDER_CHAT_STORE_URL"):
        await open_orders("postgres://host/order_chat", tmp_path)


async def test_an_order_that_never_holds_still_is_given_up(tmp_path: Path, log: SqliteLog) -> None:
    """A change is tried a bounded number of times."""

    class Restless(SqliteOrders):
        """Somebody else is always faster: injects that fault, and nothing else."""

        async def save(self, order: Order, event: OrderChanged) -> int:
            raise VersionTaken

    restless = await Restless.open(tmp_path / "store.db")
    service = OrderService(restless, Relay(restless, log), DEFAULT)

    with pytest.raises(Busy):
        await service.put(ORDER, "A logo", PARTIES)
    await restless.close()


class TestMongo:
    """What only orders in MongoDB promise."""

    pytestmark = pytest.mark.connected

    async def test_events_of_one_order_that_wait_are_bounded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A log that stays away fills no document; the order can be changed again after it."""
        monkeypatch.setattr("order_service.adapters.mongo.UNPUBLISHED_MAX", 2)
        with store_engines.Mongo(tmp_path) as engine:
            orders = await open_orders(engine.url, tmp_path)
            versions = [
                msgspec.structs.replace(FIRST, version=version, title=f"{version}")
                for version in (1, 2, 3)
            ]
            numbers = [await orders.save(order, event_of(order)) for order in versions[:2]]
            with pytest.raises(OrdersUnavailable):
                await orders.save(versions[2], event_of(versions[2]))
            with pytest.raises(VersionTaken):
                await orders.save(versions[1], event_of(versions[1]))

            await orders.remove(numbers[:1])

            await orders.save(versions[2], event_of(versions[2]))
            assert [each.event.version for each in await orders.first(10)] == [2, 3]
            await orders.close()

    async def test_a_number_is_not_used_again_after_a_restore(self, tmp_path: Path) -> None:
        """Though what says which numbers were taken is lost, or older than the orders."""
        with store_engines.Mongo(tmp_path) as engine:
            before = await open_orders(engine.url, tmp_path)
            taken = [await before.save(order, event_of(order)) for order in orders_of(3)]
            await before.close()
            with MongoClient[dict[str, object]](engine.url) as client:
                client.get_default_database()["order_service"].drop()

            after = await open_orders(engine.url, tmp_path)

            assert await after.save(FIRST, event_of(FIRST)) > max(taken)
            await after.close()

    async def test_a_server_that_is_away_is_unavailable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever opens it learns so in time; there is nothing to close."""
        with store_engines.Mongo(tmp_path) as engine:
            away = urlsplit(engine.url)._replace(netloc="127.0.0.1:1", query="timeoutMS=300")

            with pytest.raises(OrdersUnavailable):
                await open_orders(away.geturl(), tmp_path)

    async def test_unsafe_settings_are_named(self, tmp_path: Path) -> None:
        """Those of the address and of the servers, as the gateway's store names them."""
        with store_engines.Mongo(tmp_path) as engine:
            orders = await open_orders(f"{engine.url}?w=1", tmp_path)

            texts = [risk.text for risk in await orders.risks() if risk.loses]

            assert any("w is 1, must be majority" in text for text in texts)
            await orders.close()

    async def test_indexes_serve_every_question(self, tmp_path: Path) -> None:
        """None goes through all orders."""
        with store_engines.Mongo(tmp_path) as engine:
            orders = await open_orders(engine.url, tmp_path)
            await orders.close()

            with MongoClient[dict[str, object]](engine.url) as client:
                indexes = client.get_default_database()["orders"].index_information()

        assert {tuple(name for name, _ in index["key"]) for index in indexes.values()} == {
            ("_id",),
            ("participants.user_id", "_id"),
            ("status", "_id"),
            ("unpublished.number",),
        }
