"""The log's contract, over every engine: reading."""

import asyncio
import time
from collections import Counter

from shared.log.port import Log
from tests.ports.log_engines import PARTITIONS
from tests.ports.records import SOON_S, draft, read, texts


class TestReader:
    async def test_it_follows_nothing_at_first(self, log: Log) -> None:
        """A new reader gets no record of a partition nobody named."""
        await log.append(0, [draft("a")])

        assert not await log.reader().fetch(max_wait_s=0.01, max_records=10)

    async def test_it_reads_from_its_position_on(self, log: Log) -> None:
        """Each fetch begins where the last one ended."""
        await log.append(0, [draft(text) for text in "abcd"])
        reader = log.reader()
        reader.follow(0, 1)

        fetches = [await reader.fetch(max_wait_s=SOON_S, max_records=2) for _ in range(2)]

        assert [texts(fetch[0]) for fetch in fetches] == [["b", "c"], ["d"]]

    async def test_following_again_seeks(self, log: Log) -> None:
        """The same partition can be read once more, from anywhere."""
        await log.append(0, [draft(text) for text in "abc"])
        reader = log.reader()
        reader.follow(0, 0)
        await read(reader, 3)

        reader.follow(0, 2)

        assert texts(await read(reader, 1)) == ["c"]

    async def test_what_is_not_followed_any_more_is_not_read(self, log: Log) -> None:
        """Unfollowing stops one partition and leaves the others alone."""
        await log.append(0, [draft("a")])
        await log.append(1, [draft("b")])
        reader = log.reader()
        reader.follow(0, 0)
        reader.follow(1, 0)

        reader.unfollow(0)
        reader.unfollow(2)

        assert set(await reader.fetch(max_wait_s=SOON_S, max_records=10)) == {1}

    async def test_it_may_stand_beyond_the_end(self, log: Log) -> None:
        """A position that is not written yet is waited for; nothing below it is read."""
        reader = log.reader()
        reader.follow(0, 2)

        await log.append(0, [draft("a"), draft("b")])
        await log.append(0, [draft("c")])

        assert texts(await read(reader, 1)) == ["c"]

    async def test_readers_do_not_disturb_each_other(self, log: Log) -> None:
        """Every reader has positions of its own."""
        await log.append(0, [draft("a"), draft("b")])
        one, other = log.reader(), log.reader()
        one.follow(0, 0)
        other.follow(0, 1)

        assert (texts(await read(one, 2)), texts(await read(other, 1))) == (["a", "b"], ["b"])

    async def test_a_waiting_fetch_gets_what_is_appended(self, log: Log) -> None:
        """News ends the wait at once, long before its time."""
        reader = log.reader()
        reader.follow(0, 0)
        fetch = asyncio.create_task(reader.fetch(max_wait_s=60, max_records=10))
        await asyncio.sleep(0.01)

        await log.append(0, [draft("a")])

        fetched = await asyncio.wait_for(fetch, SOON_S)
        assert texts(fetched[0]) == ["a"]

    async def test_news_of_others_does_not_end_the_wait(self, log: Log) -> None:
        """A record in a partition that is not followed is none of this reader's business."""
        reader = log.reader()
        reader.follow(0, 0)
        fetch = asyncio.create_task(reader.fetch(max_wait_s=60, max_records=10))
        await log.append(1, [draft("a")])
        await log.append(1, [draft("b")])
        assert not fetch.done()

        await log.append(0, [draft("c")])

        fetched = await asyncio.wait_for(fetch, SOON_S)
        assert texts(fetched[0]) == ["c"]

    async def test_without_news_the_answer_is_empty_in_time(self, log: Log) -> None:
        """It waits as long as it was told, and not much longer."""
        reader = log.reader()
        reader.follow(0, 0)
        began = time.monotonic()

        fetched = await reader.fetch(max_wait_s=0.05, max_records=10)

        assert not fetched
        assert 0.04 < time.monotonic() - began < SOON_S

    async def test_wake_ends_the_wait(self, log: Log) -> None:
        """A reader's task can be called to something else."""
        reader = log.reader()
        reader.follow(0, 0)
        fetch = asyncio.create_task(reader.fetch(max_wait_s=60, max_records=10))
        await asyncio.sleep(0.01)

        reader.wake()

        assert not await asyncio.wait_for(fetch, SOON_S)

    async def test_wake_is_not_lost_between_two_fetches(self, log: Log) -> None:
        """Woken while it does not wait, the next fetch does not wait; the one after does."""
        reader = log.reader()
        reader.follow(0, 0)

        reader.wake()

        async with asyncio.timeout(SOON_S):
            assert not await reader.fetch(max_wait_s=60, max_records=10)
        fetch = asyncio.create_task(reader.fetch(max_wait_s=60, max_records=10))
        await log.append(0, [draft("a")])
        assert texts((await asyncio.wait_for(fetch, SOON_S))[0]) == ["a"]

    async def test_a_cancelled_fetch_skips_nothing(self, log: Log) -> None:
        """What it would have answered, the next one answers."""
        await log.append(0, [draft("a"), draft("b")])
        reader = log.reader()
        reader.follow(0, 0)
        fetch = asyncio.create_task(reader.fetch(max_wait_s=SOON_S, max_records=10))
        await asyncio.sleep(0)
        fetch.cancel()
        await asyncio.wait([fetch])

        assert fetch.cancelled()
        assert texts(await read(reader, 2)) == ["a", "b"]

    async def test_a_closed_reader_reads_nothing(self, log: Log) -> None:
        """Closing one reader leaves the log and other readers alone."""
        await log.append(0, [draft("a")])
        closed, other = log.reader(), log.reader()
        closed.follow(0, 0)
        other.follow(0, 0)

        await closed.close()

        assert not await closed.fetch(max_wait_s=0.01, max_records=10)
        assert texts(await read(other, 1)) == ["a"]


class TestFairness:
    async def test_long_partitions_starve_no_short_one(self, log: Log) -> None:
        """A short one is read to its end while the long ones have come nowhere."""
        reader = log.reader()
        for partition, count in enumerate([500, 3, 500]):
            await log.append(partition, [draft(f"{n}") for n in range(count)])
            reader.follow(partition, 0)

        got = Counter[int]()
        while got[1] < 3:
            fetched = await reader.fetch(max_wait_s=SOON_S, max_records=11)
            got.update({partition: len(records) for partition, records in fetched.items()})

        assert got.total() < 500

    async def test_turns_are_taken_where_room_is_short(self, log: Log) -> None:
        """With fewer records than partitions a fetch, all are served in as few fetches."""
        reader = log.reader()
        for partition in range(PARTITIONS):
            await log.append(partition, [draft(f"{n}") for n in range(10 + partition)])
            reader.follow(partition, 0)

        served = [set(await reader.fetch(max_wait_s=SOON_S, max_records=1)) for _ in range(8)]

        assert set().union(*served[:4]) == set().union(*served[4:]) == set(range(PARTITIONS))

    async def test_all_comes_exactly_once(self, log: Log) -> None:
        """However small the fetches, nothing is skipped, repeated or out of order."""
        reader = log.reader()
        for partition in range(PARTITIONS):
            await log.append(partition, [draft(f"{n}") for n in range(5 * partition + 1)])
            reader.follow(partition, 0)
        ends = await log.ends()

        got: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
        while sum(map(len, got.values())) < sum(ends):
            fetched = await reader.fetch(max_wait_s=SOON_S, max_records=3)
            assert 0 < sum(map(len, fetched.values())) <= 3
            for partition, records in fetched.items():
                got[partition] += [record.offset for record in records]

        assert got == {partition: list(range(end)) for partition, end in enumerate(ends)}
        assert not await reader.fetch(max_wait_s=0.01, max_records=3)
