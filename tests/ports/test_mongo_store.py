"""What only the store on MongoDB has to fear: late writers, half a write, a server out of reach."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq
from shared.mongo import CALLS_MAX, Refused
from shared.store import open_store
from shared.store.mongo import BY_CASE_PLACE, TIMELINE_INDEXES, among_cases, standing
from shared.store.mongo_inbox import as_one_moment_had_it
from shared.store.port import InboxLine, Store, StoredConversation, StoreUnavailable, Watermark
from shared.summary import Summary
from shared.timeline import Entry
from tests.faults.proxy import Link
from tests.faults.weather import BLACK_HOLE, DEAF, FAIR
from tests.ports.entries import (
    ANNA,
    MOIRA,
    ORDER,
    changes_of,
    edit,
    entry,
    message,
    redact,
    report,
    review,
)
from tests.ports.pages import cases, page, seqs
from tests.ports.store_engines import Mongo

pytestmark = pytest.mark.connected

DEADLINE_S = 3.0
"""The client's own."""
SHORT = "timeoutMS=1500&serverSelectionTimeoutMS=1500"
SECRET = "nobody may read this"

Documents = Database[dict[str, Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Mongo]:
    with Mongo(tmp_path) as engine:
        yield engine


@pytest.fixture
async def store(engine: Mongo) -> AsyncIterator[Store]:
    store = await engine.open()
    yield store
    await store.close()


@pytest.fixture
def documents(engine: Mongo) -> Iterator[Documents]:
    """What an operator sees."""
    with MongoClient[dict[str, Any]](engine.url) as client:
        yield client[engine.database]


@pytest.fixture
async def link(engine: Mongo) -> AsyncIterator[Link]:
    """A way to the server that can be cut off."""
    port = urlsplit(engine.url).port
    assert port is not None
    async with Link(port) as link:
        yield link


async def open_over(link: Link, engine: Mongo, options: str) -> Store:
    url = f"mongodb://127.0.0.1:{link.port}/{engine.database}?directConnection=true&{options}"
    return await open_store(url, engine.data)


def conversation(head: int, *, last: int = 1) -> StoredConversation:
    summary = Summary(
        order_id=ORDER,
        head=Seq(head),
        title="Reel",
        status="pending",
        participants=(),
        n=1,
        last=Seq(last),
        updated_at=1_000,
        unread={ANNA: 0},
    )
    return StoredConversation(ORDER, Seq(head), str(head).encode(), summary)


async def archive(store: Store, batch: Sequence[Entry], head: int) -> None:
    """The three steps of an archiver."""
    await store.write_entries(batch, changes_of(*batch))
    await store.write_conversations([conversation(head)])
    await store.raise_watermarks([Watermark(1, 0, head + 1, head)])


def everything(documents: Documents) -> dict[str, list[dict[str, Any]]]:
    names = ("timeline", "conversations", "watermarks")
    return {name: list(documents[name].find().sort("_id")) for name in names}


class TestLateWriters:
    async def test_an_archiver_that_lags_behind_changes_nothing(
        self, engine: Mongo, store: Store, documents: Documents
    ) -> None:
        """Not one document differs, whatever it writes again of what it once had."""
        batches = [
            [message(1), edit(2, "m1", "ho"), report(3)],
            [redact(4, "m1"), review(5, "p3"), message(6)],
        ]
        for head, batch in zip((3, 6), batches, strict=True):
            await archive(store, batch, head)
        before = everything(documents)
        zombie = await engine.open()

        for head, batch in zip((3, 6), batches, strict=True):
            await archive(zombie, batch, head)

        await zombie.close()
        assert everything(documents) == before

    async def test_two_archivers_at_once_end_where_one_does(
        self, engine: Mongo, store: Store, documents: Documents
    ) -> None:
        """They meet in every document, most of which neither finds there."""
        other = await engine.open()
        batches = [
            [message(seq), edit(seq + 1, f"m{seq}", f"{seq}"), redact(seq + 2, f"m{seq}")]
            for seq in range(1, 60, 3)
        ]

        async def run(writer: Store) -> None:
            for batch in batches:
                await archive(writer, batch, batch[-1].seq)

        await asyncio.gather(run(store), run(other))

        await other.close()
        together = everything(documents)
        await store.drop()
        await run(store)
        assert together == everything(documents)


class TestFailures:
    async def test_an_entry_that_cannot_be_stored_stops_no_other(
        self, store: Store, documents: Documents
    ) -> None:
        """It is refused with a code, in words that say nothing of what is in it."""
        documents.command("collMod", "timeline", validator={"event.text": {"$ne": SECRET}})
        entries = [message(seq, text=SECRET if seq == 5 else "hi") for seq in range(1, 601)]

        with pytest.raises(Refused) as caught:
            await store.write_entries(entries, [])

        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__
        assert seqs(await page(store)) == [seq for seq in range(1, 601) if seq != 5]

    async def test_a_collision_counts_as_stored_only_if_it_is(
        self, store: Store, documents: Documents
    ) -> None:
        """An entry that collides with something else than itself is not there."""
        documents["timeline"].create_index("at", unique=True)
        await store.write_entries([message(1)], [])

        with pytest.raises(StoreUnavailable):
            await store.write_entries([message(1, order_id=OrderId("o2"))], [])

    async def test_what_was_written_without_an_answer_may_be_written_again(
        self, engine: Mongo, link: Link, store: Store, documents: Documents
    ) -> None:
        """The server has it, the client does not know; once more, and it is there once."""
        remote = await open_over(link, engine, SHORT)
        batch = [message(1), edit(2, "m1", "ho")]
        await archive(remote, batch, 2)
        before = everything(documents)
        await store.drop()

        link.set_weather(DEAF)
        with pytest.raises(StoreUnavailable):
            await archive(remote, batch, 2)
        link.set_weather(FAIR)
        await archive(remote, batch, 2)

        await remote.close()
        assert everything(documents) == before

    async def test_a_server_that_hangs_is_unavailable_until_it_does_not(
        self, engine: Mongo, link: Link
    ) -> None:
        """However many ask, all are told before a second turn's deadline; then all is well."""
        store = await open_over(link, engine, "appName=test")
        link.set_weather(BLACK_HOLE)
        begun = time.monotonic()

        answers = await asyncio.gather(
            *(store.watermark(1, 0) for _ in range(50)), return_exceptions=True
        )

        assert {type(answer) for answer in answers} == {StoreUnavailable}
        assert time.monotonic() - begun < 2 * DEADLINE_S
        link.set_weather(FAIR)
        assert await store.watermark(1, 0) is None
        await store.close()

    async def test_who_gives_up_leaves_room_for_others(self, engine: Mongo, link: Link) -> None:
        """However many calls are cancelled, no turn is lost with them, and no connection."""
        store = await open_over(link, engine, SHORT)
        await asyncio.gather(*(store.watermark(1, 0) for _ in range(CALLS_MAX)))
        connected = set(link.wires)

        for _ in range(3):
            reads = [asyncio.create_task(store.watermark(1, 0)) for _ in range(CALLS_MAX)]
            await asyncio.sleep(0)
            for read in reads:
                read.cancel()
            await asyncio.wait(reads)

        assert await store.watermark(1, 0) is None
        assert connected <= set(link.wires)
        await store.close()

    async def test_a_closed_store_is_unavailable(self, engine: Mongo) -> None:
        """It may be closed twice, and answers nothing afterwards."""
        store = await engine.open()
        await store.close()
        await store.close()

        with pytest.raises(StoreUnavailable):
            await store.ping()


class TestInbox:
    def test_a_last_message_older_than_the_summary_goes_with_it(self) -> None:
        """Its changes were in the store before the summary that has them."""
        last = changed(message(1), head=5)

        assert as_one_moment_had_it(line(5, last), {}) == line(5, last)

    def test_a_last_message_newer_than_the_summary_is_doubtful(self) -> None:
        """Summaries may have come and gone between the two reads."""
        assert as_one_moment_had_it(line(5, changed(message(1), head=6)), {}) is None

    def test_it_goes_with_a_summary_that_stood_before_and_after(self) -> None:
        """An archiver may rest between two steps: that is a moment, too."""
        first = line(5, changed(message(1), head=6))
        second = line(5, changed(message(1), head=7))

        assert as_one_moment_had_it(second, {ORDER: first}) == first

    async def test_a_line_is_never_torn(self, store: Store) -> None:
        """While its message is edited, a line has the edit its summary has, or the one step
        further that an archiver is between."""
        await store.write_entries([message(1)], [])
        await store.write_conversations([conversation(1)])

        async def write() -> None:
            for seq in range(2, 80):
                await store.write_entries([], changes_of(edit(seq, "m1", str(seq))))
                await store.write_conversations([conversation(seq)])

        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(write())
            while not writing.done():
                try:
                    (shown,) = await store.inbox(ANNA, limit=5)
                except StoreUnavailable:
                    continue  # it changed three times in a row while it was read
                assert shown.last is not None
                assert max(1, shown.last.edited) - shown.summary.head in (0, 1)


def changed(entry: Entry, *, head: int) -> Entry:
    entry.edited = Seq(head)
    return entry


def line(head: int, last: Entry) -> InboxLine:
    summary = conversation(head).summary
    assert summary is not None
    return InboxLine(summary, last)


class TestDocuments:
    async def test_what_users_wrote_is_a_value(self, store: Store, documents: Documents) -> None:
        """Text that looks like an expression or a path is kept as it is."""
        odd = [message(1, text="$where"), message(2, text="{$gt: 1}\0"), message(3, text="a.b")]

        await store.write_entries(odd, changes_of(edit(4, "m3", "$set")))

        assert [each.edited_text for each in await page(store)] == [None, None, "$set"]
        texts = [each["event"]["text"] for each in documents["timeline"].find().sort("seq")]
        assert texts == ["$where", "{$gt: 1}\0", "a.b"]

    async def test_no_role_is_a_name_of_a_field(self, store: Store, documents: Documents) -> None:
        """A marketplace may call its roles as it likes."""
        changed = log.OrderChanged(
            order_id=ORDER,
            by=ANNA,
            as_="service",
            version=1,
            status="pending",
            previous_status=None,
            title="$set",
            participants=(log.Participant(ANNA, "$where", "Anna"),),
            may={"$where": ("read",), "a.b": ("read", "send"), "": ()},
            edit_window_ms=0,
        )

        await store.write_entries([entry(changed, 1)], [])

        assert await page(store) == [entry(changed, 1)]
        (stored,) = documents["timeline"].find()
        assert [each["role"] for each in stored["event"]["may"]] == ["$where", "a.b", ""]

    async def test_a_page_of_ten_thousand_entries_is_found_by_an_index(
        self, store: Store, documents: Documents
    ) -> None:
        """The server looks at no entry that is not in the range."""
        await store.write_entries([message(seq) for seq in range(1, 10_001)], [])
        query = standing(ORDER, Seq(9_000), Seq(9_052))

        plan = documents["timeline"].find(query).sort("seq", -1).limit(51).explain()

        assert plan["executionStats"]["totalDocsExamined"] == 51
        assert seqs(await page(store, after=9_000, before=9_052)) == list(range(9_001, 9_052))

    @pytest.mark.parametrize("where", [among_cases("open"), among_cases("open", MOIRA)])
    def test_cases_have_an_index_that_has_them_in_order(self, where: dict[str, object]) -> None:
        """What is asked for comes first in it, then the place; and what is asked for tells the
        server that every answer is in it. (SecantusDB plans without partial indexes: it has no
        plan to be looked at.)"""
        (index,) = [
            each.document
            for each in TIMELINE_INDEXES
            if set(each.document["key"]) == {*where, *BY_CASE_PLACE}
        ]

        assert list(index["key"])[len(where) :] == list(BY_CASE_PLACE)
        assert set(index["partialFilterExpression"]) <= set(where)

    async def test_only_a_case_says_what_became_of_it(
        self, store: Store, documents: Documents
    ) -> None:
        """The others, nearly all, carry nothing of it; not even a review that came for them."""
        await store.write_entries([message(1), report(2)], changes_of(review(3, "m1")))

        stored = documents["timeline"].find({}, {"_id": False, "seq": True, "case": True})

        new = {"by": 0, "state": "open", "assignee": None}
        assert list(stored.sort("seq")) == [{"seq": 1}, {"seq": 2, "case": new}]
        assert seqs(await cases(store)) == [2]

    async def test_indexes_are_made_once(self, engine: Mongo, documents: Documents) -> None:
        """Every start asks for them, and finds them there; a drop makes them anew."""
        stores = [await engine.open() for _ in range(2)]
        names = ("timeline", "conversations")
        made = [sorted(documents[name].index_information()) for name in names]

        await stores[0].drop()

        assert made == [sorted(documents[name].index_information()) for name in names]
        for store in stores:
            await store.close()
