"""The store made anew from the log."""

from chat_gateway.archiver.archiver import Archiver
from chat_gateway.watermarks import WrongLog, check_watermarks
from shared.log.port import Log
from shared.store.port import Store


async def rebuild(log: Log, store: Store, *, epoch: int) -> None:
    """Drop what the archiver made, and make it anew from the log as far as it goes now.

    Raises `RuntimeError` if a partition could not be read to its end, and `WrongLog`, with nothing
    dropped, if the store holds what this log does not have.
    """
    await check_watermarks(log, store, epoch=epoch)
    if any(older != epoch for older in await store.epochs()):
        raise WrongLog(
            f"the store holds epochs before {epoch}, which no longer are in the log: "
            "a rebuild would lose them"
        )
    ends = await log.ends()
    await store.drop()
    archiver = Archiver(log, store, epoch=epoch)
    await archiver.run_to(ends)
    if archiver.stopped:
        raise RuntimeError(f"partitions stopped before their end: {archiver.stopped}")
