"""The archiver over a real log and store: three steps, each repeatable."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_gateway.archiver import archiver
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.archiver.batch import fold_batch
from chat_gateway.archiver.rebuild import rebuild
from chat_gateway.watermarks import WrongLog, check_watermarks
from shared.contracts.events import ReviewState
from shared.contracts.ids import NOTHING, OrderId, UserId
from shared.contracts.topics import partition_of
from shared.conversation import Conversation
from shared.log import open_log
from shared.log.port import Draft, Record
from shared.store import open_store
from shared.store.port import Watermark
from shared.store.sqlite import SqliteStore
from shared.timeline import Entry
from tests.chat_gateway.archive import (
    FUTURE,
    GARBAGE,
    HOME,
    PARTITIONS,
    STEPS,
    Died,
    Place,
    TroubledStore,
    dump,
    moderated,
    place_in,
    story,
)
from tests.chat_gateway.seam_author import draft_of
from tests.shared.story import ANNA, MODERATOR, ORDER, message, order

ABROAD = next(
    order_id
    for order_id in map(OrderId, map(str, range(9)))
    if partition_of(order_id, PARTITIONS) != HOME
)
"""An order of another partition than the story's."""
SOON_S = 5.0


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as place:
        yield place


def dying(store: SqliteStore, when: str, step: str) -> TroubledStore:
    troubles: dict[str, Any] = {when: step}
    return TroubledStore(store, **troubles)


def records(*drafts: Draft, start: int = 0) -> list[Record]:
    return [
        Record(HOME, offset, 1_000 + offset, draft.key, draft.type, draft.version, draft.value)
        for offset, draft in enumerate(drafts, start)
    ]


def states() -> defaultdict[OrderId, Conversation]:
    return defaultdict(lambda: Conversation(ORDER))


async def page(place: Place, order_id: OrderId) -> Sequence[Entry]:
    """Everything of an order that the store has."""
    return await place.store.page(order_id, after=NOTHING, before=None, limit=50, newest=True)


async def queue(place: Place, state: ReviewState) -> list[tuple[str, UserId | None]]:
    """What moderators find, each with whose it is."""
    found = await place.store.cases(state=state, limit=10)
    return [(each.type, each.case.assignee) for each in found if each.case is not None]


class TestFoldBatch:
    def test_a_batch_has_what_its_records_come_to(self) -> None:
        """Entries for all, void ones too, changes for some, one state, and the watermark behind
        the last record."""
        batch = fold_batch(records(*map(draft_of, story())), states(), 1)

        counts = len(batch.entries), len(batch.changes), len(batch.conversations)
        assert (*counts, batch.watermark) == (10, 4, 1, Watermark(1, HOME, 10, 1_009))

    def test_a_record_that_does_not_decode_is_put_aside(self) -> None:
        """It is a dead letter, and what follows goes on."""
        drafts = [draft_of(order()), GARBAGE, draft_of(message(ANNA, 1))]

        batch = fold_batch(records(*drafts), states(), 1)

        assert [letter.record.offset for letter in batch.dead_letters] == [1]
        assert len(batch.entries) == 2

    def test_a_record_from_the_future_ends_the_batch(self) -> None:
        """Neither it nor what follows is taken, and the watermark stays before it."""
        drafts = [draft_of(order()), FUTURE, draft_of(message(ANNA, 1))]

        batch = fold_batch(records(*drafts), states(), 1)

        assert batch.stopped is not None
        assert batch.watermark == Watermark(1, HOME, 1, 1_000)

    def test_what_was_folded_before_is_not_written_again(self) -> None:
        """Records at or below a state's head come to nothing but the watermark."""
        known = states()
        again = records(draft_of(order()))
        fold_batch(again, known, 1)

        batch = fold_batch(again, known, 1)

        assert (batch.entries, batch.conversations) == ([], [])
        assert batch.watermark == Watermark(1, HOME, 1, 1_000)


class TestSteps:
    async def test_entries_then_conversations_then_the_watermark(self, place: Place) -> None:
        """No step begins before the one before it was acknowledged."""
        await place.append(*story())
        store = TroubledStore(place.store)

        await place.archive(store)

        assert store.writes == list(STEPS)

    async def test_all_partitions_take_as_many_writes_as_one(self, place: Place) -> None:
        """What is changed in them keeps apart, though they count alike."""
        others = [msgspec.structs.replace(event, order_id=ABROAD) for event in story()]
        await place.append(*story(), *others)
        store = TroubledStore(place.store)

        await place.archive(store)

        assert store.writes == list(STEPS)
        home, abroad = [
            [(entry.id, entry.edited_text, entry.gone) for entry in await page(place, order_id)]
            for order_id in (ORDER, ABROAD)
        ]
        assert home == abroad
        assert {text for _, text, _ in home} == {None, "two"}

    @pytest.mark.parametrize("when", ["dies_before", "dies_after"])
    @pytest.mark.parametrize("step", STEPS)
    async def test_a_crash_between_two_steps_leaves_nothing_behind(
        self, tmp_path: Path, step: str, when: str
    ) -> None:
        """The next run brings the store to where an undisturbed one is."""
        async with place_in(tmp_path / "undisturbed") as place:
            await place.append(*moderated())
            await place.archive()
            expected = place.tables()
        async with place_in(tmp_path / "crashed") as place:
            await place.append(*moderated()[:6])
            await place.archive()
            await place.append(*moderated()[6:])
            with pytest.raises(Died):
                await place.archive(dying(place.store, when, step))

            await place.archive()

            assert place.tables() == expected

    @pytest.mark.parametrize("step", STEPS)
    async def test_a_store_that_refuses_is_asked_again(self, place: Place, step: str) -> None:
        """The step is repeated until it is acknowledged; none is left out."""
        await place.append(*story())
        store = TroubledStore(place.store, refuses_once=step)

        await place.archive(store)

        assert store.writes == list(STEPS)

    async def test_a_slow_store_is_given_less_at_once(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What it cannot do in time is not asked of it for ever, and comes out the same."""
        monkeypatch.setattr(archiver, "PORTION_MIN", 1)
        monkeypatch.setattr(archiver, "RETRY_S", (0.001,))
        async with place_in(tmp_path / "quick") as quick:
            await quick.append(*moderated())
            await quick.archive()
            expected = quick.tables()
        await place.append(*moderated())

        async with asyncio.timeout(SOON_S):
            await place.archive(TroubledStore(place.store, entries_most=2))

        assert place.tables() == expected

    @pytest.mark.parametrize("step", STEPS)
    async def test_an_archiver_that_wakes_up_late_changes_nothing(
        self, place: Place, step: str
    ) -> None:
        """One stands still before a step, another archives all, then the first goes on."""
        await place.append(*moderated()[:4])
        store = TroubledStore(place.store, waits_before=step)
        zombie = asyncio.create_task(place.archive(store))
        async with asyncio.timeout(SOON_S):
            await store.reached.wait()
        await place.append(*moderated()[4:])
        await place.archive()
        expected = place.tables()

        store.go_on.set()
        await zombie

        assert place.tables() == expected


class TestBadRecords:
    async def test_a_dead_letter_is_kept_before_the_watermark_passes_it(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An archiver that dies before it is kept has not passed it."""

        async def die(record: Record, error: str) -> None:
            raise Died

        await place.log.append(HOME, [GARBAGE])
        monkeypatch.setattr(place.log, "dead_letter", die)

        with pytest.raises(Died):
            await place.archive()

        assert await place.store.watermark(1, HOME) is None

    async def test_a_partition_stops_at_a_record_from_the_future(self, place: Place) -> None:
        """What stands before it is archived, the other partition goes on, and why is told."""
        await place.log.append(HOME, [draft_of(order()), FUTURE])
        await place.log.append(1 - HOME, [GARBAGE])

        archiver = await place.archive()

        assert list(archiver.stopped) == [HOME]
        assert await place.store.watermark(1, HOME) == Watermark(1, HOME, 1, 1_000)
        assert await place.store.watermark(1, 1 - HOME) == Watermark(1, 1 - HOME, 1, 1_000)


class TestRebuild:
    async def test_a_rebuilt_store_is_identical(self, place: Place) -> None:
        """Byte for byte, in all tables, however it was archived before."""
        for event in moderated():
            await place.append(event)
            await place.archive()
        expected = place.tables()

        await rebuild(place.log, place.store, epoch=1)

        assert place.tables() == expected

    async def test_a_report_is_a_case_as_it_was_reviewed_last(self, place: Place) -> None:
        """Reviewed in a later batch than it came in, and so it is when all is made anew."""
        for event in moderated():
            await place.append(event)
            await place.archive()
        archived = await queue(place, "open"), await queue(place, "resolved")

        await rebuild(place.log, place.store, epoch=1)

        assert archived == ([("flag", MODERATOR)], [("report", MODERATOR)])
        assert (await queue(place, "open"), await queue(place, "resolved")) == archived

    async def test_a_rebuild_that_cannot_reach_the_end_says_so(self, place: Place) -> None:
        """Half a store is not passed off as a whole one."""
        await place.log.append(HOME, [FUTURE])

        with pytest.raises(RuntimeError, match="before their end"):
            await rebuild(place.log, place.store, epoch=1)

    async def test_the_command_rebuilds_the_store_and_ends(self, tmp_path: Path) -> None:
        """`python -m chat_gateway.archiver --rebuild --data DIR`, over what a run had left."""
        log = await open_log("sqlite:///log.db", tmp_path)
        store = await open_store("sqlite:///store.db", tmp_path)
        for partition in range(log.partitions):
            await log.append(partition, [draft_of(event) for event in story()])
        await Archiver(log, store, epoch=1).run_to(await log.ends())
        await store.close()
        await log.close()
        expected = dump(tmp_path / "store.db")
        command = [
            sys.executable,
            "-m",
            "chat_gateway.archiver",
            "--rebuild",
            "--data",
            str(tmp_path),
        ]

        done = await asyncio.to_thread(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=30)
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert dump(tmp_path / "store.db") == expected


class TestCheckWatermarks:
    async def test_the_log_the_store_was_made_from_is_accepted(self, place: Place) -> None:
        """Also when it has grown since."""
        await place.append(*story())
        await place.archive()
        await place.append(*story())

        await check_watermarks(place.log, place.store, epoch=1)

    async def test_what_is_archived_meanwhile_is_no_contradiction(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The log grows and is archived between the two looks; the store was made from it still."""
        await place.append(*story()[:3])
        await place.archive()
        watermark = place.store.watermark

        async def watermark_after_more(epoch: int, partition: int) -> Watermark | None:
            monkeypatch.setattr(place.store, "watermark", watermark)
            await place.append(*story()[3:])
            await place.archive()
            return await watermark(epoch, partition)

        monkeypatch.setattr(place.store, "watermark", watermark_after_more)

        await check_watermarks(place.log, place.store, epoch=1)

    @pytest.mark.parametrize("length", [1, 10])
    async def test_another_log_is_refused(self, tmp_path: Path, length: int) -> None:
        """A shorter one, or one with other records, and the setting that helps is named."""
        async with place_in(tmp_path) as place:
            await place.append(*story())
            await place.archive()
        for file in tmp_path.glob("log.db*"):
            file.unlink()
        async with place_in(tmp_path, clock=lambda: 2_000) as place:
            await place.append(*story()[:length])

            with pytest.raises(WrongLog, match="ORDER_CHAT_EPOCH"):
                await check_watermarks(place.log, place.store, epoch=1)

    async def test_a_new_epoch_begins_at_nothing(self, tmp_path: Path) -> None:
        """A replaced log is accepted under an epoch that the store has not seen."""
        async with place_in(tmp_path) as place:
            await place.append(*story())
            await place.archive()

            await check_watermarks(place.log, place.store, epoch=2)
