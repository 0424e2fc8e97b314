"""The consumer a reader reads with: it has all partitions, each with a position, and all paused."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.log.kafka_client import METADATA_MAX_AGE_MS, Tether, stop

CONNECT_TIMEOUT_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 4.0
FETCH_WAIT_MS: Final = 100
"""How long a broker keeps a fetch open that finds nothing. A partition resumed meanwhile waits as
long (A6)."""
FETCH_BYTES_MAX: Final = 2 * 1024 * 1024
PARTITION_BYTES_MAX: Final = 512 * 1024


async def connect_paused(
    servers: Sequence[str], places: Sequence[TopicPartition]
) -> tuple[AIOKafkaConsumer, Tether]:
    """Make a consumer without a group. Raises `KafkaError` or `TimeoutError`.

    Partitions are assigned this once: to assign again would drop the positions of all (A5). Seek
    before you resume one.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",  # anything else would be a silent jump (A8)
        fetch_max_wait_ms=FETCH_WAIT_MS,
        fetch_max_bytes=FETCH_BYTES_MAX,
        max_partition_fetch_bytes=PARTITION_BYTES_MAX,
        request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
    )
    tether = Tether(consumer._client)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await consumer.start()
    except BaseException:
        await stop(consumer, tether)
        raise
    # All in one tick: a partition without a position, paused or not, starves the others.
    consumer.assign(places)
    for place in places:
        consumer.seek(place, 0)
    consumer.pause(*places)
    return consumer, tether
