"""The contract of a share of the log, over every engine."""

from shared.log.port import Log
from tests.ports.log_engines import PARTITIONS
from tests.ports.records import until

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
