"""Reading again what the tail dropped: who waits, and for what."""

import asyncio
from pathlib import Path

import pytest

from chat_gateway.catch_up import CatchUpReader
from chat_gateway.tail import Tail
from shared.contracts.ids import NOTHING, OrderId
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog

ONE = OrderId("o1")
PARTITION = partition_of(ONE, EMBEDDED_PARTITIONS)
OTHER = OrderId(
    next(f"p{n}" for n in range(100) if partition_of(f"p{n}", EMBEDDED_PARTITIONS) == PARTITION)
)


@pytest.mark.timeout(20)
async def test_who_comes_when_a_reading_has_just_ended_gets_one_of_its_own(tmp_path: Path) -> None:
    """A reading that is over is not waited for: that would be no wait, again and again."""
    log = await SqliteLog.open(tmp_path / "log.db", partitions=EMBEDDED_PARTITIONS)
    await log.append(PARTITION, [Draft(order, "message", 1, b"{}") for order in (ONE, OTHER)])
    tail = Tail(1, PARTITION, 2)
    reader = CatchUpReader(log)

    async def end() -> None:
        pass

    ended = asyncio.create_task(end())
    reader._reading[PARTITION] = ended
    ended.add_done_callback(lambda _: reader._ended(PARTITION, ended))
    # Runs right behind the other's last step, before its call-back.
    second = asyncio.create_task(reader.read(tail, OTHER, NOTHING))

    assert await second
    assert [record.key for record in tail.lent[OTHER].earlier] == [OTHER]
    await reader.close()
    await log.close()
