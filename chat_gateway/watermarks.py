"""Whether the store was made from this log: looked at before anything is read or written."""

from shared.log.port import Log
from shared.store.port import Reading


class WrongLog(RuntimeError):
    """The store's watermarks do not fit the log."""


async def check_watermarks(log: Log, store: Reading, *, epoch: int) -> None:
    """Raise `WrongLog` unless each watermark lies in the log, behind the record it names.

    A log that was lost, restored from before, or moved must be given a new epoch: otherwise old
    positions would be taken for new ones.
    """
    newest = max(await store.epochs(), default=epoch)
    if newest > epoch:
        raise WrongLog(
            f"the store was made up to epoch {newest}, but ORDER_CHAT_EPOCH is {epoch}: what is "
            "written now would stand before what is there"
        )
    # In this order: while archivers are at work, a watermark may pass an end that was read before.
    watermarks = [await store.watermark(epoch, partition) for partition in range(log.partitions)]
    ends = await log.ends()
    for partition, watermark in enumerate(watermarks):
        if watermark is None or watermark.offset == 0:
            continue
        if watermark.offset > ends[partition]:
            raise WrongLog(
                f"partition {partition} of the log ends at {ends[partition]}, but the store has it "
                f"up to {watermark.offset}: if the log was replaced, raise ORDER_CHAT_EPOCH"
            )
        at = await log.time_before(partition, watermark.offset)
        if at is not None and at != watermark.at_before:
            raise WrongLog(
                f"partition {partition} of the log has another record before {watermark.offset} "
                "than the store was made from: if the log was replaced, raise ORDER_CHAT_EPOCH"
            )
