"""The topics of the log and where in them an order lives."""

from functools import lru_cache
from typing import Final

TIMELINE: Final = "chat.timeline"
"""All events of all orders, keyed by order id, kept for ever."""

DEADLETTER: Final = "chat.deadletter"
"""What did not decode under its own version, with topic, partition, offset and error."""

EMBEDDED_PARTITIONS: Final = 8

RECORD_BYTES_MAX: Final = 262_144
"""Largest record value. What is larger is not ours."""


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of *key* among *partitions*, exactly as Kafka's default partitioner picks it.

    Every writer in every language lands in the same place without asking us.
    """
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (`org.apache.kafka.common.utils.Utils.murmur2`), unsigned."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    digest = (0x9747B28C ^ length) & mask
    whole = length & ~3
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little")
        block = block * multiplier & mask
        block ^= block >> 24
        block = block * multiplier & mask
        digest = digest * multiplier & mask ^ block
    if length > whole:
        digest ^= int.from_bytes(data[whole:], "little")
        digest = digest * multiplier & mask
    digest ^= digest >> 13
    digest = digest * multiplier & mask
    return digest ^ digest >> 15
