"""The store's contract, over every engine: entries and what changes them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq
from shared.store.port import Store
from shared.timeline import Change, Entry, apply_all
from tests.ports.entries import (
    changes_of,
    copy_of,
    edit,
    message,
    read_mark,
    redact,
    restore,
)
from tests.ports.pages import cases, page
from tests.ports.random_entries import (
    CHANGES,
    MODERATORS,
    ORDERS,
    RECORDS,
    STATES,
    place,
    some_of,
)


class TestWriteEntries:
    async def test_an_entry_is_never_overwritten(self, store: Store) -> None:
        """What stands at a position stands; changes made to it stay, too."""
        await store.write_entries([message(1)], changes_of(edit(2, "m1", "ho")))

        await store.write_entries([message(1, text="another")], [])

        [shown] = await page(store)
        assert isinstance(shown.event, log.Message)
        assert (shown.event.text, shown.edited_text) == ("hi", "ho")

    async def test_a_change_concerns_entries_written_with_it(self, store: Store) -> None:
        """All entries are there before the first change is applied."""
        later = edit(2, "m1", "ho")

        await store.write_entries([later, message(1)], changes_of(later))

        assert [each.edited for each in await page(store)] == [2, 0]

    async def test_a_change_concerns_every_entry_that_shows_the_text(self, store: Store) -> None:
        """The message, and earlier edits and restores of it; nothing else."""
        earlier = [message(1), edit(2, "m1", "ho"), restore(3, "m1"), message(4), read_mark(5)]
        await store.write_entries(earlier, [])

        await store.write_entries([], changes_of(edit(6, "m1", "hey")))

        assert [each.edited for each in await page(store)] == [6, 6, 6, 0, 0]

    @pytest.mark.parametrize(
        "changes",
        [
            changes_of(edit(3, "m1", "old"), restore(4, "m1")),
            changes_of(edit(5, "m1", "new"), redact(6, "m1")),
        ],
        ids=["late", "repeated"],
    )
    async def test_a_stale_change_changes_nothing(
        self, store: Store, changes: list[Change]
    ) -> None:
        """Repeated or late, what an earlier position says does not undo a later one."""
        await store.write_entries([message(1)], changes_of(edit(5, "m1", "new"), redact(6, "m1")))
        stands = await page(store)

        await store.write_entries([], changes)

        assert await page(store) == stands

    async def test_a_change_does_not_reach_later_entries(self, store: Store) -> None:
        """A message is not changed by what stands before it."""
        await store.write_entries([message(5)], changes_of(edit(3, "m5", "old")))

        assert (await page(store))[0].edited == 0

    async def test_a_message_may_be_gone_and_come_back(self, store: Store) -> None:
        """Several changes of one text in one write are all applied."""
        changes = changes_of(redact(2, "m1"), edit(3, "m1", "ho"), restore(4, "m1"))

        await store.write_entries([message(1)], changes)

        [shown] = await page(store)
        assert (shown.gone, shown.moved, shown.edited_text) == (None, 4, "ho")

    async def test_nothing_to_write_is_fine(self, store: Store) -> None:
        """An archiver need not look whether it has something."""
        await store.write_entries([], [])
        await store.write_conversations([])

        assert await page(store) == []

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(data=st.data())
    async def test_it_equals_the_same_function_in_memory(
        self, store: Store, data: st.DataObject
    ) -> None:
        """Whatever is written, repeated, stale or in another order: the store ends where
        `shared.timeline.apply_all` does."""
        await store.drop()
        records = data.draw(st.lists(RECORDS, max_size=12).map(place))
        known = changes_of(*records)
        in_memory: dict[tuple[OrderId, Seq], Entry] = {}

        for _ in range(data.draw(st.integers(1, 4))):
            entries = data.draw(some_of(records))
            changes = data.draw(some_of(known)) + data.draw(st.lists(CHANGES, max_size=3))
            await store.write_entries(entries, changes)
            for each in copy_of(entries):
                in_memory.setdefault((each.order_id, each.seq), each)
            apply_all(changes, in_memory.values())

        for order_id in ORDERS:
            mine = [in_memory[key] for key in sorted(in_memory) if key[0] == order_id]
            assert await page(store, order_id=order_id) == [each for each in mine if each.stands]
            for each in mine:
                if each.id is not None:
                    claimed = next(other for other in mine if other.id == each.id)
                    assert await store.find(order_id, each.id) == claimed
        queue = sorted(in_memory.values(), key=lambda each: (each.at, each.order_id, each.seq))
        for state in STATES:
            of_state = [each for each in queue if each.case and each.case.state == state]
            assert await cases(store, state, at_once=2) == of_state
            for assignee in MODERATORS:
                theirs = [each for each in of_state if each.case and each.case.assignee == assignee]
                assert await cases(store, state, assignee, at_once=2) == theirs
