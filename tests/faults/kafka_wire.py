"""As much of Kafka's wire protocol as it takes to stand between a client and its brokers. Pure.

Every message is four bytes of size and so many bytes. A request begins with the numbers of its API
and version and its correlation id, which its answer begins with. Only versions before the flexible
ones are understood: they are what our client speaks, and `NotUnderstood` says when that changes.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

PRODUCE: Final = 0
METADATA: Final = 3

NO_ERROR: Final = 0
OUT_OF_ORDER_SEQUENCE_NUMBER: Final = 45

PRODUCE_VERSION_MAX: Final = 8
METADATA_VERSION_MAX: Final = 8
SIZE_BYTES: Final = 4

_SIZE: Final = struct.Struct(">i")
_SHORT: Final = struct.Struct(">h")
_REQUEST: Final = struct.Struct(">hhi")
_CORRELATION: Final = struct.Struct(">i")


class NotUnderstood(ValueError):
    """The client speaks a version this module cannot read."""


class Request(NamedTuple):
    """What a request begins with."""

    api: int
    version: int
    correlation: int


class Messages:
    """Puts messages together from the chunks that come."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[bytearray]:
        """The messages that are whole now, each with its size in front."""
        self._waiting += data
        while len(self._waiting) >= SIZE_BYTES:
            end = SIZE_BYTES + _SIZE.unpack_from(self._waiting)[0]
            if len(self._waiting) < end:
                return
            message = self._waiting[:end]
            del self._waiting[:end]
            yield message


def request_of(message: bytes | bytearray) -> Request:
    """What a client asks for."""
    return Request(*_REQUEST.unpack_from(message, SIZE_BYTES))


def correlation_of(message: bytes | bytearray) -> int:
    """Which request an answer belongs to."""
    (correlation,) = _CORRELATION.unpack_from(message, SIZE_BYTES)
    assert isinstance(correlation, int)
    return correlation


def move_brokers(answer: bytearray, version: int, ports: Mapping[int, int]) -> None:
    """Let an answer to a metadata request name other ports: by the broker's, the one to name.

    Raises `NotUnderstood` for a version that is too new, and for a broker that is not in *ports*:
    clients would go round the link to it.
    """
    if version > METADATA_VERSION_MAX:
        raise NotUnderstood(f"metadata, version {version}")
    at = SIZE_BYTES + 4 + (4 if version >= 3 else 0)  # the correlation id, the time of throttling
    (count,) = _SIZE.unpack_from(answer, at)
    at += 4
    for _ in range(count):
        at = _after_text(answer, at + 4)  # its number, its host
        (port,) = _SIZE.unpack_from(answer, at)
        if port not in ports:
            raise NotUnderstood(f"a broker at port {port}, which there is no link to")
        _SIZE.pack_into(answer, at, ports[port])
        at += 4
        if version >= 1:
            at = _after_text(answer, at)  # its rack


class Stored(NamedTuple):
    """What an answer to a produce request says of one partition."""

    topic: str
    partition: int
    error: int
    at: int
    """Where in the answer the error stands."""


def stored_of(answer: bytes | bytearray, version: int) -> Iterator[Stored]:
    """What became of each partition's batch. Raises `NotUnderstood`."""
    if version > PRODUCE_VERSION_MAX:
        raise NotUnderstood(f"produce, version {version}")
    (topics,) = _SIZE.unpack_from(answer, SIZE_BYTES + 4)
    at = SIZE_BYTES + 8
    for _ in range(topics):
        end = _after_text(answer, at)
        topic = bytes(answer[at + 2 : end]).decode()
        (partitions,) = _SIZE.unpack_from(answer, end)
        at = end + 4
        for _ in range(partitions):
            (partition,) = _SIZE.unpack_from(answer, at)
            (error,) = _SHORT.unpack_from(answer, at + 4)
            yield Stored(topic, partition, error, at + 4)
            at = _after_partition(answer, at, version)


def set_error(answer: bytearray, stored: Stored, error: int) -> None:
    """Let the answer say that this is what became of the batch."""
    _SHORT.pack_into(answer, stored.at, error)


def _after_partition(answer: bytes | bytearray, at: int, version: int) -> int:
    """Where a partition's part of an answer that begins at *at* ends."""
    at += 4 + 2 + 8  # its number, the error, the first offset
    at += 8 if version >= 2 else 0  # append time
    at += 8 if version >= 5 else 0  # where the log starts
    if version < 8:
        return at
    (errors,) = _SIZE.unpack_from(answer, at)
    at += 4
    for _ in range(errors):
        at = _after_text(answer, at + 4)
    return _after_text(answer, at)


def _after_text(message: bytes | bytearray, at: int) -> int:
    """Where a text that begins at *at* ends; a null one has the length -1."""
    (length,) = _SHORT.unpack_from(message, at)
    return at + 2 + max(0, int(length))
