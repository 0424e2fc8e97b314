"""The contract of a share of the log, over every engine."""

import asyncio

from shared.log.port import Log
from tests.ports.log_engines import PARTITIONS, Engine
from tests.ports.records import SOON_S, until

ALL = frozenset(range(PARTITIONS))


async def test_who_is_alone_has_everything(log: Log) -> None:
    """No partition is without a member."""
    share = await log.share("archiver")

    await until(lambda: share.held == ALL)

    await share.close()


async def test_what_was_given_up_is_held_no_more(log: Log) -> None:
    """A share that was closed holds nothing, and is closed again for nothing."""
    share = await log.share("archiver")
    await until(lambda: share.held)

    await share.close()
    await share.close()

    assert share.held == frozenset()


async def test_how_far_something_is_done_may_always_be_noted(log: Log) -> None:
    """Of any partition, held or not, before and after closing."""
    share = await log.share("archiver")

    share.note(0, 5)
    await until(lambda: share.held == ALL)
    share.note(1, 7)

    await share.close()
    share.note(1, 8)


async def test_what_was_noted_is_there_for_who_comes_next(log_engine: Engine) -> None:
    """The newest of each partition, when the log is opened again too; groups keep their own."""
    log = await log_engine.open()
    share = await log.share("moderation")
    await until(lambda: share.held == ALL)
    before = await share.noted(0)
    for offset in range(10):
        share.note(0, offset)
    share.note(2, 3)
    await share.close()
    await log.close()

    log = await log_engine.open()
    same, other = await log.share("moderation"), await log.share("archiver")
    await until(lambda: same.held == other.held == ALL)

    assert before is None
    assert [await same.noted(partition) for partition in range(3)] == [9, None, 3]
    assert await other.noted(0) is None
    await log.close()


async def test_what_was_noted_may_be_taken_back(log: Log) -> None:
    """Who begins anew says so, and goes on from there after the next start."""
    share = await log.share("moderation")
    await until(lambda: share.held == ALL)
    share.note(1, 40)
    await share.close()

    share = await log.share("moderation")
    await until(lambda: share.held == ALL)
    share.note(1, 2)
    await share.close()

    share = await log.share("moderation")
    await until(lambda: share.held == ALL)
    assert await share.noted(1) == 2
    await share.close()


async def test_what_is_noted_is_kept_before_long(log: Log) -> None:
    """Not only at the end: whoever is killed has lost the newest alone."""
    share = await log.share("moderation")
    await until(lambda: share.held == ALL)

    share.note(3, 8)

    async with asyncio.timeout(SOON_S):
        while await share.noted(3) != 8:  # noqa: ASYNC110 (a log tells nobody)
            await asyncio.sleep(0.05)
    await share.close()
