"""From the write to the log: nothing stored is lost on the way, whatever fails."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from order_service import relay, service
from order_service.model import Status
from order_service.policy import DEFAULT, Policy
from order_service.ports import Outgoing
from order_service.relay import RelayStopped
from order_service.service import Unpublished
from shared.contracts.errors import ErrorCode
from shared.contracts.events import VERSION, OrderChanged, encode_event
from shared.contracts.ids import OrderId, Seq
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.conversation import Conversation
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from shared.sqlite import connect
from tests.order_service.world import (
    ANNA,
    BODY,
    ORDER,
    PARTIES,
    OpenShop,
    Shop,
    TroubledLog,
    assert_refused,
    events_in,
    open_log,
    open_shop,
)


def stands(events: Sequence[OrderChanged]) -> list[int]:
    """The versions that stand when one order's events are folded."""
    conversation = Conversation(ORDER)
    return [
        event.version
        for seq, event in enumerate(events, 1)
        if conversation.fold(Seq(seq), 0, event).stands
    ]


async def until_empty(shop: Shop) -> None:
    """Wait until all that is in the outbox now has left it."""
    async with asyncio.timeout(5):
        for outgoing in await shop.orders.first(1_000):
            await shop.relay.published(outgoing.number)


async def append(log: SqliteLog, batch: Sequence[Outgoing]) -> None:
    """Append events of one order as a relay does, and no more than that."""
    drafts = [
        Draft(
            key=each.event.order_id, type="order", version=VERSION, value=encode_event(each.event)
        )
        for each in batch
    ]
    await log.append(partition_of(drafts[0].key, log.partitions), drafts)


async def on_disk(data: Path, statement: str) -> None:
    """Change the embedded database as nobody but a fault would."""

    def execute() -> None:
        connection = connect(data / "store.db")
        connection.execute(statement)
        connection.close()

    await asyncio.to_thread(execute)


async def test_a_crash_between_write_and_publish_loses_nothing(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """What was stored and not announced is announced by the next start."""
    async with open_here(log, relaying=False, answer_s_max=0.01) as shop:
        with pytest.raises(Unpublished):
            await shop.service.put(ORDER, "A logo", PARTIES)
        assert await events_in(log) == []

    async with open_here(log) as shop:
        await until_empty(shop)

    assert [event.version for event in await events_in(log)] == [1]


async def test_a_crash_between_publish_and_removal_does_no_harm(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """An event that is appended twice stands once."""
    async with open_here(log, relaying=False, answer_s_max=0.01) as shop:
        with pytest.raises(Unpublished):
            await shop.service.put(ORDER, "A logo", PARTIES)
        # As if the relay had appended it, and died before it could remove it.
        await append(log, await shop.orders.first(10))

    async with open_here(log) as shop:
        await until_empty(shop)

    events = await events_in(log)
    assert [event.version for event in events] == [1, 1]
    assert stands(events) == [1]


async def test_a_log_that_hangs_is_answered_unavailable(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """After its deadline a PUT answers 503; the event comes later, and the PUT again waits."""
    troubled = TroubledLog(log, "down")
    async with open_here(troubled, answer_s_max=0.05, try_s_max=0.5) as shop:
        first = await shop.client.put("/v1/orders/o1", json=BODY)
        # The same body is no change, but its event is still on its way.
        second = await shop.client.put("/v1/orders/o1", json=BODY)
        shown = await shop.client.get("/v1/orders/o1")
        troubled.troubles.clear()
        await until_empty(shop)
        third = await shop.client.put("/v1/orders/o1", json=BODY)

    assert_refused(first, ErrorCode.UNAVAILABLE, 503, "announced later")
    assert_refused(second, ErrorCode.UNAVAILABLE, 503)
    assert (shown.status_code, third.status_code) == (200, 200)
    assert stands(await events_in(log)) == [1]


@pytest.mark.parametrize("trouble", ["refused", "hangs", "lost"])
async def test_a_failed_append_is_tried_again(
    open_here: OpenShop, log: SqliteLog, trouble: str
) -> None:
    """Refused, unanswered, or written without a word: the caller waits, and the event stands."""
    troubled = TroubledLog(log, trouble)
    async with open_here(troubled, try_s_max=0.5) as shop:
        answer = await shop.client.put("/v1/orders/o1", json=BODY)

    assert answer.status_code == 201
    assert troubled.tries > 1
    assert stands(await events_in(log)) == [1]


async def test_the_order_of_changes_survives_failures(open_here: OpenShop, log: SqliteLog) -> None:
    """Events of one order stand in the order they were made, none skipped."""
    troubled = TroubledLog(log, "refused", "lost", "refused", "lost", "lost")
    async with open_here(troubled, answer_s_max=0.01) as shop:
        for title in "abcdefgh":
            try:
                await shop.service.put(ORDER, title, PARTIES)
            except Unpublished:
                continue
        await until_empty(shop)

    assert stands(await events_in(log)) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_partition_that_hangs_holds_up_no_other(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """Orders of other partitions are announced in time."""

    class OneDown(TroubledLog):
        """The partition of `ORDER` never answers."""

        async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
            if partition == partition_of(ORDER, EMBEDDED_PARTITIONS):
                await asyncio.Event().wait()
            return await super().append(partition, drafts)

    other = next(
        OrderId(f"o{n}")
        for n in range(2, 99)
        if partition_of(f"o{n}", EMBEDDED_PARTITIONS) != partition_of(ORDER, EMBEDDED_PARTITIONS)
    )
    async with open_here(OneDown(log)) as shop:
        stuck = asyncio.create_task(shop.service.put(ORDER, "A logo", PARTIES))
        async with asyncio.timeout(5):
            while not await shop.orders.first(1):
                continue

        await shop.service.put(other, "A logo", PARTIES)

        assert not stuck.done()
        stuck.cancel()
    assert [event.order_id for event in await events_in(log)] == [other]


async def test_events_that_wait_together_are_appended_together(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """A start with a full outbox costs one append per partition."""
    async with open_here(log, relaying=False, answer_s_max=0) as shop:
        for title in "abcdefgh":
            with pytest.raises(Unpublished):
                await shop.service.put(ORDER, title, PARTIES)
    counting = TroubledLog(log)

    async with open_here(counting) as shop:
        await until_empty(shop)

    assert counting.tries == 1
    assert stands(await events_in(log)) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_nothing_is_appended_twice_without_a_failure(shop: Shop, log: SqliteLog) -> None:
    """Many changes of many orders at once: as many events as changes."""
    ids = [OrderId(f"o{number}") for number in range(20)]

    async def change(order_id: OrderId) -> None:
        for title in "abcd":
            await shop.service.put(order_id, title, PARTIES)

    await asyncio.gather(*(change(order_id) for order_id in ids))

    events = await events_in(log)
    assert sorted((event.order_id, event.version) for event in events) == sorted(
        (order_id, version) for order_id in ids for version in (1, 2, 3, 4)
    )


async def test_changes_of_one_order_at_once_all_count(shop: Shop, log: SqliteLog) -> None:
    """Each change gets a version of its own, and is made to what the one before left."""
    await asyncio.gather(*(shop.service.put(ORDER, title, PARTIES) for title in "abcde"))

    events = await events_in(log)
    assert [event.version for event in events] == [1, 2, 3, 4, 5]
    assert {event.title for event in events} == set("abcde")


async def test_an_outbox_that_cannot_be_read_is_read_later(
    tmp_path: Path, log: SqliteLog, caplog: pytest.LogCaptureFixture
) -> None:
    """The relay outlives its store's failures, and says that there were some."""
    async with open_shop(tmp_path, log, relaying=False) as shop:
        await on_disk(tmp_path, "ALTER TABLE outbox RENAME TO away")
        async with shop.relay.running():
            async with asyncio.timeout(5):
                while "reading the outbox failed" not in caplog.text:
                    await shop.orders.ping()
            await on_disk(tmp_path, "ALTER TABLE away RENAME TO outbox")

            await shop.service.put(ORDER, "A logo", PARTIES)

    assert len(await events_in(log)) == 1


async def test_a_relay_that_does_not_run_says_so(open_here: OpenShop, log: SqliteLog) -> None:
    """Readiness notices when nothing would be published."""
    async with open_here(log, relaying=False) as shop:
        with pytest.raises(RelayStopped):
            await shop.relay.ping()
        async with shop.relay.running():
            await shop.relay.ping()
        with pytest.raises(RelayStopped):
            await shop.relay.ping()


class TestSeveralProcesses:
    """With an outbox for all, of which each has a relay."""

    async def test_one_relays_what_another_left(
        self, open_here: OpenShop, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though nobody tells it: a process that died tells nothing."""
        monkeypatch.setattr(relay, "LOOK_EVERY_S", 0.05)
        async with open_here(log) as lives, open_here(log, relaying=False, answer_s_max=0) as dies:
            with pytest.raises(Unpublished):
                await dies.service.put(ORDER, "A logo", PARTIES)

            await until_empty(lives)

        assert [event.version for event in await events_in(log)] == [1]

    async def test_a_caller_hears_of_what_another_relayed(
        self, open_here: OpenShop, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The event is in the log, whoever brought it there."""
        monkeypatch.setattr(relay, "LOOK_EVERY_S", 0.05)
        async with open_here(log), open_here(log, relaying=False) as asked:
            await asked.service.put(ORDER, "A logo", PARTIES)

        assert [event.version for event in await events_in(log)] == [1]

    async def test_processes_that_start_together_announce_a_policy(
        self, open_here: OpenShop, log: SqliteLog
    ) -> None:
        """Each goes through all open orders; who comes second to one announces it once more."""
        ids = {OrderId(f"o{number}") for number in range(20)}
        async with open_here(log) as shop:
            for order_id in ids:
                await shop.service.put(order_id, "A logo", PARTIES)

        async def start() -> None:
            async with open_here(log, policy=STRICTER) as shop:
                await until_empty(shop)

        await asyncio.gather(*(start() for _ in range(3)))

        last = {event.order_id: event for event in await events_in(log)}
        assert {event.edit_window_ms for event in last.values()} == {0}

    async def test_all_changes_stand_in_their_order(
        self, open_here: OpenShop, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though each process appends what it finds, and perhaps what another has in flight."""
        monkeypatch.setattr(relay, "LOOK_EVERY_S", 0.001)
        async with open_here(log) as one, open_here(log) as other:

            async def change(shop: Shop, titles: str) -> None:
                for title in titles:
                    await shop.service.put(ORDER, title, PARTIES)

            await asyncio.gather(change(one, "abcdefgh"), change(other, "ijklmnop"))

        assert stands(await events_in(log)) == [*range(1, 17)]


STRICTER = Policy(
    {status: {"creator": ("read",), "advertiser": ("read",)} for status in Status},
    edit_window_ms=0,
    contact={Status.PENDING: "masked"},
)


async def test_open_orders_are_announced_again_when_the_policy_changes(
    open_here: OpenShop, log: SqliteLog
) -> None:
    """The new grants reach open conversations under a new version; closed ones stay as they are."""
    async with open_here(log) as shop:
        await shop.service.put(ORDER, "A logo", PARTIES)
        await shop.service.put(OrderId("over"), "A logo", PARTIES)
        await shop.service.move(OrderId("over"), Status.DECLINED)

    async with open_here(log, policy=STRICTER) as shop:
        await until_empty(shop)

    events = {event.order_id: event for event in await events_in(log)}
    assert (events[ORDER].version, events[OrderId("over")].version) == (2, 2)
    assert events[ORDER].may == {"advertiser": ("read",), "creator": ("read",)}
    assert (events[ORDER].edit_window_ms, events[ORDER].previous_status) == (0, "pending")
    assert events[ORDER].contact == "masked"


async def test_every_open_order_is_announced_again(
    open_here: OpenShop, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are."""
    monkeypatch.setattr(service, "PAGE", 2)
    ids = {OrderId(f"o{number}") for number in range(5)}
    async with open_here(log) as shop:
        for order_id in ids:
            await shop.service.put(order_id, "A logo", PARTIES)

    async with open_here(log, policy=STRICTER) as shop:
        await until_empty(shop)

    assert {event.order_id for event in await events_in(log) if event.version == 2} == ids


async def test_the_same_policy_announces_nothing(open_here: OpenShop, log: SqliteLog) -> None:
    """A restart, or the way back from a policy that was announced, costs what has changed."""
    for policy in (DEFAULT, DEFAULT, STRICTER, STRICTER, DEFAULT):
        async with open_here(log, policy=policy) as shop:
            await shop.service.put(OrderId("o2"), "A logo", (ANNA,))
            await until_empty(shop)

    assert [event.version for event in await events_in(log)] == [1, 2, 3]


async def test_everything_survives_a_restart(tmp_path: Path, open_here: OpenShop) -> None:
    """Orders, lists and versions are as they were, and nothing is announced again."""
    async with open_log(tmp_path) as log, open_here(log) as shop:
        await shop.client.put("/v1/orders/o1", json=BODY)
        await shop.client.patch("/v1/orders/o1", json={"status": "in_progress"})

    async with open_log(tmp_path) as log, open_here(log) as shop:
        shown = await shop.client.get("/v1/orders/o1")
        listed = await shop.client.get("/v1/orders", params={"participant": "anna"})

        assert (shown.json()["status"], shown.json()["version"]) == ("in_progress", 2)
        assert listed.json()["orders"] == [shown.json()]
        assert len(await events_in(log)) == 2
