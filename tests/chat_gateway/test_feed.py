"""The feed over a real log and store: following, waiting, trimming, stopping, and what is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from chat_gateway.feed import IDLE_S, TAIL_BYTES_MAX, Feed
from chat_gateway.hub import Hub
from chat_gateway.publisher import Publisher
from chat_gateway.seam import Opened, Query, Reader, Unavailable, open_order
from shared.contracts.ids import NOTHING, OrderId, Seq, UserId, make_seq
from shared.store.port import StoreUnavailable, Watermark
from shared.store.sqlite import SqliteStore
from shared.timeline import Entry
from tests.chat_gateway.archive import FUTURE, HOME, Place, place_in, story
from tests.chat_gateway.seam_author import draft_of
from tests.shared.story import ANNA, BEN, MODERATOR, ORDER, message, order

SOON_S = 5.0
READER = Reader(MODERATOR, moderator=True)


class Member:
    """A subscription that keeps the frames."""

    user_id: UserId = MODERATOR
    moderator = True
    answered: Seq = NOTHING

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()

    def deliver(self, frame: bytes) -> None:
        self.frames.put_nowait(frame)

    def recognise(self, entry: Entry) -> None:
        raise AssertionError("moderators own nothing")

    def withdraw(self) -> None:
        raise AssertionError("moderators stay")


class FickleStore(SqliteStore):
    """The store, with a count of how often a partition was asked for, and a switch."""

    asked = 0
    down = False

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        if self.down:
            raise StoreUnavailable("switched off")
        self.asked += 1
        return await super().watermark(epoch, partition)


class Gateway(NamedTuple):
    feed: Feed
    hub: Hub

    async def join(
        self, after: Seq | None = None, order_id: OrderId = ORDER, limit: int = 50
    ) -> Opened:
        query = Query(after, None, limit)
        async with asyncio.timeout(SOON_S):
            return await self.feed.answer(
                order_id, after, lambda tail: open_order(tail, order_id, READER, None, query)
            )


@asynccontextmanager
async def gateway_of(
    place: Place, *, epoch: int = 1, tail_bytes_max: int = TAIL_BYTES_MAX
) -> AsyncIterator[Gateway]:
    hub = Hub()
    publisher = Publisher(place.log, asyncio.get_running_loop())
    feed = Feed(place.log, place.store, hub, publisher, epoch=epoch, tail_bytes_max=tail_bytes_max)
    running = asyncio.create_task(feed.run())
    yield Gateway(feed, hub)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as place:
        fickle = await FickleStore.open(tmp_path / "store.db")
        yield place._replace(store=fickle)
        await fickle.close()


def seqs(opened: Opened) -> list[Seq]:
    return [shown.seq for shown in opened.answer.events]


VISIBLE = [make_seq(1, offset) for offset in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
"""All of the story but the copy."""


class TestFollowing:
    async def test_joins_at_once_follow_a_partition_once(self, place: Place) -> None:
        """The first one begins, the others wait with it."""
        await place.append(*story())
        assert isinstance(place.store, FickleStore)
        async with gateway_of(place) as gateway:
            await asyncio.gather(*(gateway.join() for _ in range(20)))

        assert place.store.asked == 1

    async def test_what_happens_after_a_join_is_delivered(self, place: Place) -> None:
        """A member gets the next record as soon as it is in the log."""
        await place.append(order())
        async with gateway_of(place) as gateway:
            opened = await gateway.join()
            member = Member()
            member.answered = opened.room.conversation.head
            gateway.hub.subscribe(ORDER, member)

            await place.append(message(ANNA, 1, text="live"))

            async with asyncio.timeout(SOON_S):
                assert b'"text":"live"' in await member.frames.get()

    async def test_a_join_waits_until_the_reader_is_past_what_the_client_has(
        self, place: Place
    ) -> None:
        """A position from a faster gateway is no reason to start over."""
        await place.append(order())
        async with gateway_of(place) as gateway:
            await gateway.join()
            await place.append(*(message(ANNA, key, base=key) for key in range(50)))

            opened = await gateway.join(after=make_seq(1, 50))

        assert (opened.answer.reset, seqs(opened)) == (False, [])

    async def test_nothing_archived_is_answered_from_the_log_alone(self, place: Place) -> None:
        """The whole story, though the store is empty."""
        await place.append(*story())
        async with gateway_of(place) as gateway:
            assert seqs(await gateway.join(after=NOTHING)) == VISIBLE

    async def test_what_is_archived_is_answered_by_store_and_log_together(
        self, place: Place
    ) -> None:
        """No event is missing at the seam, and none is there twice."""
        await place.append(*story()[:5])
        await place.archive()
        await place.append(*story()[5:])
        async with gateway_of(place) as gateway:
            assert seqs(await gateway.join(after=NOTHING)) == VISIBLE

    async def test_what_memory_had_no_room_for_is_read_again(self, place: Place) -> None:
        """Dropped before it was archived, it comes from the log once more."""
        await place.append(*story())
        async with gateway_of(place, tail_bytes_max=2_200) as gateway:
            assert seqs(await gateway.join(after=NOTHING)) == VISIBLE


class TestDown:
    async def test_without_the_store_open_rooms_still_answer(self, place: Place) -> None:
        """Who comes back to an open order misses nothing."""
        await place.append(*story()[:5])
        await place.archive()
        assert isinstance(place.store, FickleStore)
        async with gateway_of(place) as gateway:
            await gateway.join()
            place.store.down = True
            await place.append(*story()[5:])
            await gateway.join(after=make_seq(1, 9))

            opened = await gateway.join(after=make_seq(1, 4))

        assert (seqs(opened), opened.answer.reset) == (VISIBLE[5:], False)

    async def test_without_the_store_an_unopened_order_is_unavailable(self, place: Place) -> None:
        """What cannot be read is not answered, neither empty nor half."""
        await place.append(*story())
        await place.archive()
        assert isinstance(place.store, FickleStore)
        place.store.down = True
        async with gateway_of(place) as gateway:
            with pytest.raises(Unavailable):
                await gateway.join()

    async def test_a_record_from_the_future_stops_its_partition(self, place: Place) -> None:
        """An operator is told which, and nobody is let in: part of an order is not the order."""
        await place.append(order())
        await place.log.append(HOME, [FUTURE])
        async with gateway_of(place) as gateway:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await gateway.join()

        assert list(gateway.feed.stopped) == [HOME]


class TestSweep:
    async def test_a_room_nobody_has_open_is_closed_after_a_while(self, place: Place) -> None:
        """Who comes again finds all."""
        await place.append(*story())
        async with gateway_of(place) as gateway:
            await gateway.join()
            gateway.feed.sweep(0.0)
            assert gateway.feed.room(ORDER) is not None

            gateway.feed.sweep(IDLE_S + 1)

            assert gateway.feed.room(ORDER) is None
            assert seqs(await gateway.join(after=NOTHING)) == VISIBLE

    async def test_a_room_somebody_has_open_stays(self, place: Place) -> None:
        """However long nothing happens in it."""
        await place.append(order())
        async with gateway_of(place) as gateway:
            await gateway.join()
            gateway.hub.subscribe(ORDER, Member())
            gateway.feed.sweep(0.0)

            gateway.feed.sweep(IDLE_S + 1)

            assert gateway.feed.room(ORDER) is not None

    async def test_a_room_somebody_holds_stays(self, place: Place) -> None:
        """Who asks by HTTP is no member, and must not lose the room under his feet."""
        await place.append(order())
        async with gateway_of(place) as gateway:
            await gateway.join()
            gateway.feed.sweep(0.0)

            with gateway.feed.holding(ORDER), gateway.feed.holding(ORDER):
                gateway.feed.sweep(IDLE_S + 1)
            held = gateway.feed.room(ORDER)
            gateway.feed.sweep(IDLE_S + 2)
            gateway.feed.sweep(2 * IDLE_S + 3)

            assert held is not None
            assert gateway.feed.room(ORDER) is None


class TestForeignPositions:
    @pytest.mark.parametrize(
        "after",
        [
            make_seq(1, 10),
            make_seq(1, 2**44 - 1),
            make_seq(2, 0),
            make_seq(511, 3),
            Seq(5),
        ],
        ids=["the end", "far beyond", "next epoch", "last epoch", "no epoch"],
    )
    async def test_a_forged_position_is_answered_by_a_reset(self, place: Place, after: Seq) -> None:
        """The newest page, to start over from; no reader ever seeks to it."""
        await place.append(*story())
        async with gateway_of(place) as gateway:
            opened = await gateway.join(after=after, limit=3)

        assert (opened.answer.reset, seqs(opened)) == (True, [VISIBLE[i] for i in (1, 2, 8)])

    async def test_a_position_of_another_partition_is_answered_by_a_reset(
        self, place: Place
    ) -> None:
        """Where that one is longer; else it names a place here too, and means that place."""
        await place.append(*story())
        await place.log.append(1 - HOME, [draft_of(message(BEN, key)) for key in range(50)])
        async with gateway_of(place) as gateway:
            assert (await gateway.join(after=make_seq(1, 40))).answer.reset

    async def test_a_recreated_log_is_never_up_to_date(self, place: Place) -> None:
        """Under the new epoch a position of the old log starts over, though offsets are small."""
        await place.append(*story())
        async with gateway_of(place, epoch=2) as gateway:
            opened = await gateway.join(after=make_seq(1, 9))

        assert opened.answer.reset
        assert seqs(opened)[-1] == make_seq(2, 9)
