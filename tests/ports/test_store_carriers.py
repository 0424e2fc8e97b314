"""The store's contract: the messages that carry a file."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import OrderId
from shared.conversation import Verdict
from shared.store.port import Store
from shared.store.sqlite import SqliteStore
from shared.timeline import Entry
from tests.ports.entries import ORDER, changes_of, message, redact, restore
from tests.ports.pages import page, seqs


def carrying(seq: int, *files: str) -> Entry:
    """A message that carries these files."""
    entry = message(seq)
    attachments = tuple(log.Attachment(id_, "ä.png", "image/png", 3) for id_ in files)
    event = msgspec.structs.replace(entry.event, attachments=attachments)
    return msgspec.structs.replace(entry, event=event)


async def test_the_messages_that_carry_a_file_are_found(store: Store) -> None:
    """Whole, the newest first, whatever order they were written in."""
    written = [carrying(1, "a", "b"), carrying(2), carrying(3, "b"), carrying(4, "c", "b")]
    await store.write_entries(written[::-1], [])

    found = await store.carriers(ORDER, "b", limit=10)

    assert found == [written[3], written[2], written[0]]


async def test_a_limit_cuts_the_oldest(store: Store) -> None:
    """Who looks for the newest need not read them all."""
    await store.write_entries([carrying(seq, "a") for seq in range(1, 8)], [])

    assert seqs(await store.carriers(ORDER, "a", limit=2)) == [7, 6]


async def test_a_file_is_looked_for_in_one_order(store: Store) -> None:
    """The same id in another order is another file."""
    await store.write_entries([message(1)], [])

    assert await store.carriers(OrderId("o2"), "a1", limit=10) == []
    assert await store.carriers(ORDER, "A1", limit=10) == []


async def test_they_are_found_as_they_stand_now(store: Store) -> None:
    """Taken and given back, each time with the change that says so."""
    await store.write_entries([carrying(1, "a")], [])

    await store.write_entries([redact(2, "m1")], changes_of(redact(2, "m1")))
    [taken] = await store.carriers(ORDER, "a", limit=10)
    await store.write_entries([restore(3, "m1")], changes_of(restore(3, "m1")))
    [given_back] = await store.carriers(ORDER, "a", limit=10)

    assert (taken.gone, given_back.gone) == ("redacted", None)


async def test_what_was_never_said_carries_nothing(store: Store) -> None:
    """A void record is no message, and a restore gives one back but is none."""
    event = restore(2, "m1").event
    files = (log.Attachment("a1", "ä.png", "image/png", 3),)
    given = msgspec.structs.replace(
        restore(2, "m1"), event=msgspec.structs.replace(event, attachments=files)
    )
    await store.write_entries([message(1, verdict=Verdict.READ_ONLY), given], [])

    assert await store.carriers(ORDER, "a1", limit=10) == []


async def test_what_is_written_again_is_found_once(store: Store) -> None:
    """An archiver that begins anew writes the same."""
    for _ in range(2):
        await store.write_entries([carrying(1, "a"), carrying(2, "a")], [])

    assert seqs(await store.carriers(ORDER, "a", limit=10)) == [2, 1]


async def test_nothing_is_left_of_a_store_that_was_dropped(store: Store) -> None:
    """And what is archived anew is found anew."""
    await store.write_entries([carrying(1, "a"), carrying(2, "a")], [])

    await store.drop()
    await store.write_entries([carrying(1, "b")], [])

    assert await store.carriers(ORDER, "a", limit=10) == []
    assert seqs(await store.carriers(ORDER, "b", limit=10)) == [1]


async def test_a_file_from_before_there_were_attachments_is_taken_on(tmp_path: Path) -> None:
    """Nothing in it is lost, and what is written from now on is found."""
    plain, new = carrying(1), carrying(2, "a")
    before = await SqliteStore.open(tmp_path / "store.db")
    await before.write_entries([plain], [])
    await before.close()
    await asyncio.to_thread(_without_carriers, tmp_path / "store.db")

    store = await SqliteStore.open(tmp_path / "store.db")
    await store.write_entries([new], [])
    found = await store.carriers(ORDER, "a", limit=10)
    entries = await page(store)
    await store.close()

    assert (found, entries) == ([new], [plain, new])


def _without_carriers(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE carriers")


async def test_a_name_is_no_expression(store: Store) -> None:
    """Whatever somebody puts into an address is looked for, as it is."""
    await store.write_entries([message(1)], [])

    for name in ("", "%", "*", "a1' OR 1=1 --", "$ne", "a\x001"):
        assert await store.carriers(ORDER, name, limit=10) == []
