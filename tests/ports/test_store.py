"""The store's contract, over every engine: what is read, guards, durability."""

import asyncio
from pathlib import Path

import pytest

from shared.contracts.ids import OrderId, Seq
from shared.conversation import Verdict
from shared.store import open_store
from shared.store.port import Store, StoredConversation, Watermark
from tests.ports.crash import lines_before_kill
from tests.ports.entries import ORDER, changes_of, edit, id_of, message, read_mark, redact, restore
from tests.ports.pages import page, seqs
from tests.ports.store_engines import Engine


class TestPage:
    async def test_entries_come_back_as_they_were_written(self, store: Store) -> None:
        """Every field of every type survives, rising by seq whatever order they were written in."""
        written = [message(1), edit(2, "m1", "ho"), redact(3, "m1"), restore(4, "m1"), read_mark(5)]

        await store.write_entries(written[::-1], [])

        assert await page(store) == written

    async def test_the_range_is_open_at_both_ends(self, store: Store) -> None:
        """Neither bound is part of the answer."""
        await store.write_entries([message(seq) for seq in range(1, 8)], [])

        assert seqs(await page(store, after=2, before=6)) == [3, 4, 5]

    @pytest.mark.parametrize(("newest", "expected"), [(True, [5, 6]), (False, [3, 4])])
    async def test_a_limit_cuts_the_far_end(
        self, store: Store, newest: bool, expected: list[int]
    ) -> None:
        """The last ones of the range, or the first; rising either way."""
        await store.write_entries([message(seq) for seq in range(1, 8)], [])

        assert seqs(await page(store, after=2, before=7, limit=2, newest=newest)) == expected

    async def test_types_are_chosen_before_the_limit(self, store: Store) -> None:
        """A page of messages is full of messages, however many marks lie between."""
        await store.write_entries(
            [message(1), message(2), *map(read_mark, range(3, 30)), message(30)], []
        )

        assert seqs(await page(store, types={"message", "order"}, limit=2, newest=True)) == [2, 30]
        assert await page(store, types=set()) == []

    async def test_what_is_void_is_not_in_it(self, store: Store) -> None:
        """Only standing entries make a page, and only they count for its limit."""
        await store.write_entries(
            [message(1), message(2, verdict=Verdict.FORBIDDEN), message(3), message(4)], []
        )

        assert seqs(await page(store, limit=2)) == [1, 3]

    async def test_it_holds_one_order(self, store: Store) -> None:
        """Orders share a store, and nothing else."""
        other = OrderId("o2")
        await store.write_entries([message(1), message(2, order_id=other)], [])

        assert seqs(await page(store, order_id=other)) == [2]
        assert await page(store, order_id=OrderId("o3")) == []

    async def test_no_entry_is_torn(self, store: Store) -> None:
        """While a message is edited, every read shows one edit whole."""
        await store.write_entries([message(1)], [])
        edits = [edit(seq, "m1", str(seq)) for seq in range(2, 100)]

        async def write() -> None:
            for each in edits:
                await store.write_entries([], changes_of(each))

        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(write())
            while not writing.done():
                [shown] = await page(store)
                if shown.edited:
                    assert shown.edited_text == str(shown.edited)
                    assert shown.edited_at == shown.edited * 1_000


class TestFind:
    async def test_what_claimed_an_id_is_found(self, store: Store) -> None:
        """Standing or void, message or not."""
        written = [message(1), message(2, verdict=Verdict.READ_ONLY), redact(3, "m1")]
        await store.write_entries(written, [])

        found = [await store.find(ORDER, id_of(name)) for name in ("m1", "m2", "r3")]

        assert found == written

    @pytest.mark.parametrize("verdict", [Verdict.COPY, Verdict.LATE])
    async def test_copies_and_late_records_claim_nothing(
        self, store: Store, verdict: Verdict
    ) -> None:
        """The id they carry is another record's, or nobody's."""
        await store.write_entries([message(1, verdict=verdict)], [])

        assert await store.find(ORDER, id_of("m1")) is None

    async def test_of_several_the_first_is_found(self, store: Store) -> None:
        """Whichever was written to the store first."""
        first, second = message(1, "same"), message(2, "same")
        await store.write_entries([second], [])
        await store.write_entries([first], [])

        assert await store.find(ORDER, id_of("same")) == first

    async def test_an_id_is_looked_for_in_one_order(self, store: Store) -> None:
        """Another order's entries are not this one's."""
        await store.write_entries([message(1)], [])

        assert await store.find(OrderId("o2"), id_of("m1")) is None

    async def test_an_id_is_not_found_by_its_target(self, store: Store) -> None:
        """An edit is found by its own id alone."""
        await store.write_entries([edit(2, "m1", "ho")], [])

        assert await store.find(ORDER, id_of("m1")) is None

    async def test_it_is_found_as_it_stands_now(self, store: Store) -> None:
        """Changes show in what is found, too."""
        await store.write_entries([message(1)], changes_of(redact(2, "m1")))

        found = await store.find(ORDER, id_of("m1"))

        assert found is not None
        assert (found.moved, found.gone) == (2, "redacted")


def conversation(
    head: int, snapshot: bytes = b"s", order_id: OrderId = ORDER
) -> StoredConversation:
    return StoredConversation(order_id, Seq(head), snapshot)


class TestConversations:
    async def test_an_order_without_records_has_none(self, store: Store) -> None:
        """Nobody archived anything of it."""
        assert await store.conversation(ORDER) is None

    async def test_what_was_stored_is_read(self, store: Store) -> None:
        """Several orders at a time, each with its own head and any bytes."""
        written = [conversation(3, bytes(range(256))), conversation(9, b"", OrderId("o2"))]

        await store.write_conversations(written)

        assert [await store.conversation(each.order_id) for each in written] == written

    @pytest.mark.parametrize(
        ("head", "kept"), [(4, b"stored"), (5, b"stored"), (6, b"new")], ids=["low", "same", "high"]
    )
    async def test_only_a_higher_head_replaces_it(
        self, store: Store, head: int, kept: bytes
    ) -> None:
        """A second archiver that lags behind writes nothing that differs."""
        await store.write_conversations([conversation(5, b"stored")])

        await store.write_conversations([conversation(head, b"new")])

        stored = await store.conversation(ORDER)
        assert stored is not None
        assert stored.snapshot == kept
        assert stored.head == max(5, head)


class TestWatermarks:
    async def test_there_is_none_before_the_first(self, store: Store) -> None:
        """The archiver never began here."""
        assert await store.watermark(1, 0) is None

    async def test_each_epoch_and_partition_has_its_own(self, store: Store) -> None:
        """One does not move another."""
        written = [Watermark(1, 0, 5, 50), Watermark(1, 1, 3, 30), Watermark(2, 0, 0, None)]

        for watermark in written:
            await store.raise_watermarks([watermark])

        assert [await store.watermark(each.epoch, each.partition) for each in written] == written

    @pytest.mark.parametrize(
        ("offset", "at"), [(4, 50), (5, 50), (6, 99)], ids=["lower", "same", "higher"]
    )
    async def test_it_is_only_ever_raised(self, store: Store, offset: int, at: int) -> None:
        """Neither it nor the time beside it goes back, or changes in place."""
        await store.raise_watermarks([Watermark(1, 0, 5, 50)])

        await store.raise_watermarks([Watermark(1, 0, offset, 99)])

        assert await store.watermark(1, 0) == Watermark(1, 0, max(5, offset), at)


class TestDurability:
    async def test_all_is_there_when_it_is_opened_again(self, store_engine: Engine) -> None:
        """Each of the three writes outlives the process that made it."""
        store = await store_engine.open()
        await store.write_entries([message(1)], changes_of(edit(2, "m1", "ho")))
        await store.write_conversations([conversation(2)])
        await store.raise_watermarks([Watermark(1, 0, 3, 30)])
        stands = await page(store)
        await store.close()

        store = await store_engine.open()

        assert await page(store) == stands
        assert await store.conversation(ORDER) == conversation(2)
        assert await store.watermark(1, 0) == Watermark(1, 0, 3, 30)
        await store.close()

    async def test_what_was_acknowledged_outlives_kill_9(self, store_engine: Engine) -> None:
        """Killed in the middle, the store has at least what it had said it has."""
        acknowledged = await asyncio.to_thread(
            lines_before_kill, WRITER, store_engine.url, str(store_engine.data), lines=100
        )

        store = await store_engine.open()
        watermark = await store.watermark(1, 0)
        stored = await store.conversation(ORDER)
        assert watermark is not None
        assert stored is not None
        assert int(acknowledged[-1]) <= watermark.offset <= stored.head
        await store.close()

    async def test_drop_removes_what_the_archiver_made(self, store: Store) -> None:
        """Afterwards the store is as if it were new, and can be filled anew."""
        await store.write_entries([message(1)], [])
        await store.write_conversations([conversation(5)])
        await store.raise_watermarks([Watermark(1, 0, 5, 50)])

        await store.drop()

        assert await page(store) == []
        assert await store.find(ORDER, id_of("m1")) is None
        assert await store.conversation(ORDER) is None
        assert await store.watermark(1, 0) is None
        await store.raise_watermarks([Watermark(1, 0, 1, 10)])
        assert await store.watermark(1, 0) == Watermark(1, 0, 1, 10)


WRITER = """
import asyncio, sys
from pathlib import Path
from shared.store import open_store
from shared.store.port import StoredConversation, Watermark

async def main():
    store = await open_store(sys.argv[1], Path(sys.argv[2]))
    for offset in range(1, 1_000_000):
        await store.write_conversations([StoredConversation("o1", offset, b"s")])
        await store.raise_watermarks([Watermark(1, 0, offset, offset)])
        print(offset, flush=True)

asyncio.run(main())
"""


async def test_a_read_sees_every_write_acknowledged_before(store: Store) -> None:
    """Readers and writers may use different connections; nobody notices."""
    for offset in range(1, 30):
        await store.raise_watermarks([Watermark(1, 0, offset, offset)])

        assert await store.watermark(1, 0) == Watermark(1, 0, offset, offset)


async def test_a_reachable_store_answers_a_ping(store: Store) -> None:
    """Nothing is raised while all is well."""
    await store.ping()


async def test_an_unknown_scheme_is_named_with_its_setting(tmp_path: Path) -> None:
    """The message says what to mend, and nothing of what stands behind the scheme."""
    with pytest.raises(ValueError, match=r"^ORDER_CHAT_STORE_URL: .* sqlite$") as caught:
        await open_store("mysql://secret@host", tmp_path)
    assert "secret" not in str(caught.value)
