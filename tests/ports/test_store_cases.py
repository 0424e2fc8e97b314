"""The store's contract, over every engine: the reports and flags that moderators look for."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from shared.contracts.ids import OrderId, Seq, UserId
from shared.conversation import Verdict
from shared.store.port import CasePlace, Store
from shared.store.sqlite import SqliteStore
from shared.timeline import Case, Entry
from tests.ports.entries import (
    MOIRA,
    ORDER,
    changes_of,
    edit,
    flag,
    message,
    redact,
    report,
    review,
)
from tests.ports.pages import cases, page, seqs
from tests.ports.random_entries import STATES

MARK = UserId("mark")
OTHER = OrderId("o2")


def at(moment: int, entry: Entry) -> Entry:
    """The entry, appended at a moment of its own."""
    return msgspec.structs.replace(entry, at=moment)


def without_case(entry: Entry) -> Entry:
    """The entry as it was written before there were cases."""
    return msgspec.structs.replace(entry, case=None)


def places(entries: Sequence[Entry]) -> list[CasePlace]:
    return [CasePlace(each.at, each.order_id, each.seq) for each in entries]


async def queues(store: Store) -> list[list[int]]:
    """What is open, resolved and dismissed."""
    return [seqs(await cases(store, state)) for state in STATES]


class TestWhatIsACase:
    async def test_reports_and_flags_come_whole(self, store: Store) -> None:
        """Open, and nobody's, as long as no moderator has said otherwise."""
        written = [report(1), flag(2)]

        await store.write_entries(written, [])

        found = await cases(store)
        assert found == written
        assert [each.case for each in found] == [Case(), Case()]

    async def test_a_void_report_is_none(self, store: Store) -> None:
        """Nor does a review make it one."""
        written = [report(1, verdict=Verdict.FORBIDDEN), report(2, verdict=Verdict.COPY)]

        await store.write_entries(written, changes_of(review(3, "p1", "open")))

        assert await queues(store) == [[], [], []]

    async def test_nothing_else_is_one(self, store: Store) -> None:
        """Whatever a review says of a message or an edit."""
        written = [message(1), edit(2, "m1", "ho"), review(3, "m1", "open")]

        await store.write_entries(written, changes_of(*written))

        assert await queues(store) == [[], [], []]
        assert [each.case for each in await page(store)] == [None, None, None]

    async def test_what_was_written_before_there_were_cases_is_none(self, store: Store) -> None:
        """Not even when it comes again: an entry stands as it was written."""
        await store.write_entries([without_case(report(1))], [])

        await store.write_entries([report(1)], changes_of(review(2, "p1", "open")))

        assert await queues(store) == [[], [], []]
        assert await page(store) == [without_case(report(1))]


class TestOrder:
    async def test_the_oldest_of_all_orders_comes_first(self, store: Store) -> None:
        """By append time, whatever order they were written in; then by order id and seq."""
        late, early = at(50, report(1)), at(20, flag(9, order_id=OTHER))
        twins = [at(30, report(6)), at(30, report(10)), at(30, report(2, order_id=OTHER))]

        await store.write_entries([late, *twins[::-1], early], [])

        assert places(await cases(store)) == [
            (20, "o2", 9),
            (30, "o1", 6),
            (30, "o1", 10),
            (30, "o2", 2),
            (50, "o1", 1),
        ]

    @pytest.mark.parametrize(
        ("after", "found"),
        [
            ((29, "o9", 9), [(30, "o1", 6), (30, "o1", 10), (30, "o2", 2), (50, "o1", 1)]),
            ((30, "o1", 6), [(30, "o1", 10), (30, "o2", 2), (50, "o1", 1)]),
            ((30, "o1", 99), [(30, "o2", 2), (50, "o1", 1)]),
            ((30, "o2", 2), [(50, "o1", 1)]),
            ((50, "o1", 1), []),
        ],
    )
    async def test_a_page_follows_on_a_place(
        self, store: Store, after: tuple[int, str, int], found: list[tuple[int, str, int]]
    ) -> None:
        """Whether or not anything stands there."""
        moment, order_id, seq = after
        written = [at(30, report(6)), at(30, report(10)), at(50, report(1))]
        await store.write_entries([*written, at(30, report(2, order_id=OTHER))], [])

        place = CasePlace(moment, OrderId(order_id), Seq(seq))
        answer = await store.cases(state="open", after=place, limit=10)

        assert places(answer) == found

    async def test_a_limit_cuts_the_newest(self, store: Store) -> None:
        """Page by page all of them come, each once."""
        written = [at(7, report(seq)) for seq in range(1, 8)]
        await store.write_entries(written, [])

        assert seqs(await store.cases(state="open", limit=3)) == [1, 2, 3]
        assert await store.cases(state="open", limit=0) == []
        assert await cases(store, at_once=3) == written

    async def test_a_page_goes_on_where_a_case_was_settled(self, store: Store) -> None:
        """Who settles what he was given misses nothing of what follows."""
        await store.write_entries([report(seq) for seq in range(1, 6)], [])
        first = await store.cases(state="open", limit=2)
        await store.write_entries([], changes_of(review(6, "p1"), review(7, "p2")))

        second = await store.cases(state="open", after=places(first)[-1], limit=2)

        assert (seqs(first), seqs(second)) == ([1, 2], [3, 4])


class TestReviews:
    async def test_a_review_moves_a_case(self, store: Store) -> None:
        """From one state to another, and back, at the place it had."""
        await store.write_entries([report(1), flag(2), report(3)], [])

        await store.write_entries([], changes_of(review(4, "p1"), review(5, "f2", "dismissed")))
        settled = await queues(store)
        await store.write_entries([], changes_of(review(6, "p1", "open")))

        assert settled == [[3], [1], [2]]
        assert await queues(store) == [[1, 3], [], [2]]

    async def test_it_shows_in_the_entry(self, store: Store) -> None:
        """In the queue and in the conversation alike."""
        await store.write_entries([report(1)], changes_of(review(2, "p1", "dismissed", MOIRA)))

        (found,) = await cases(store, "dismissed")

        assert found.case == Case(Seq(2), "dismissed", MOIRA)
        assert await page(store) == [found]

    async def test_it_may_be_written_with_its_case(self, store: Store) -> None:
        """All entries are there before the first change is applied."""
        batch = [review(2, "p1"), report(1)]

        await store.write_entries(batch, changes_of(*batch))

        assert await queues(store) == [[], [1], []]

    async def test_each_moderator_has_his_own(self, store: Store) -> None:
        """Until they are given to another, or to nobody."""
        await store.write_entries([report(seq) for seq in range(1, 5)], [])
        taken = changes_of(
            review(5, "p1", "open", MOIRA),
            review(6, "p2", "open", MARK),
            review(7, "p3", "resolved", MOIRA),
            review(8, "p4", "open", MOIRA),
        )
        await store.write_entries([], taken)

        before = seqs(await cases(store, "open", MOIRA, at_once=1))
        given_on = review(9, "p1", "open", MARK), review(10, "p2", "open", None)
        await store.write_entries([], changes_of(*given_on))

        assert before == [1, 4]
        assert seqs(await cases(store, "open", MOIRA)) == [4]
        assert seqs(await cases(store, "open", MARK)) == [1]
        assert seqs(await cases(store, "resolved", MOIRA)) == [3]
        assert seqs(await cases(store)) == [1, 2, 4]

    @pytest.mark.parametrize(
        "again",
        [review(3, "p1", "open", MARK), review(5, "p1", "dismissed", MOIRA)],
        ids=["late", "repeated"],
    )
    async def test_a_stale_one_changes_nothing(self, store: Store, again: Entry) -> None:
        """What an earlier position says does not undo a later one."""
        last = review(5, "p1", "resolved", MOIRA)
        await store.write_entries([report(1)], changes_of(last))

        await store.write_entries([report(1)], changes_of(again))

        assert await queues(store) == [[], [1], []]
        assert [each.case for each in await page(store)] == [Case(Seq(5), "resolved", MOIRA)]

    async def test_it_does_not_reach_later_entries(self, store: Store) -> None:
        """A report is not settled by what stands before it."""
        await store.write_entries([report(5)], changes_of(review(3, "p5")))

        assert await queues(store) == [[5], [], []]

    async def test_it_concerns_one_order(self, store: Store) -> None:
        """And in it one case."""
        written = [report(1), report(2), report(3, "p1", order_id=OTHER)]

        await store.write_entries(written, changes_of(review(4, "p1")))

        assert await queues(store) == [[2, 3], [1], []]

    async def test_what_becomes_of_a_message_is_no_review(self, store: Store) -> None:
        """The message is gone; that it was reported still waits for a moderator."""
        batch = [message(1, "m"), report(2), redact(3, "m")]

        await store.write_entries(batch, changes_of(*batch))

        assert await queues(store) == [[2], [], []]

    async def test_an_entry_that_comes_again_opens_nothing(self, store: Store) -> None:
        """An archiver that begins anew writes the same; what was settled stays settled."""
        await store.write_entries([report(1), flag(2)], changes_of(review(3, "p1")))

        await store.write_entries([report(1), flag(2)], [])

        assert await queues(store) == [[2], [1], []]


async def test_drop_empties_the_queue(store: Store) -> None:
    """And what is written afterwards is a case as it comes, or none where one was."""
    taken_up = changes_of(review(3, "p1", "open", MOIRA))
    await store.write_entries([report(1), flag(2)], taken_up)

    await store.drop()

    dropped = await queues(store)
    await store.write_entries([report(1), message(2)], [])
    assert dropped == [[], [], []]
    assert await cases(store) == [report(1)]
    assert await cases(store, "open", MOIRA) == []


async def test_names_are_no_expressions(store: Store) -> None:
    """Whatever somebody puts into an address is looked for, as it is."""
    await store.write_entries([report(1)], changes_of(review(2, "p1", "open", MOIRA)))

    for name in ("", "%", "moira' OR 1=1 --", "$ne", "moir\x00a"):
        assert await cases(store, "open", UserId(name)) == []


async def test_a_file_from_before_there_were_cases_is_taken_on(tmp_path: Path) -> None:
    """Nothing in it is lost, and what is written from now on is found."""
    older, newer = without_case(report(1)), report(2)
    before = await SqliteStore.open(tmp_path / "store.db")
    await before.write_entries([older], [])
    await before.close()
    await asyncio.to_thread(_forget_cases, tmp_path / "store.db")

    store = await SqliteStore.open(tmp_path / "store.db")
    await store.write_entries([newer], changes_of(review(3, "p2")))
    found = seqs(await cases(store, "resolved"))
    entries = seqs(await page(store, order_id=ORDER))
    await store.close()

    assert (found, entries) == ([2], [1, 2])


def _forget_cases(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE cases")
