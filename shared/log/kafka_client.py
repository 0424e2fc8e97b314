"""What aiokafka leaves to its users: errors with one face, ends in time, connections really cut.

The only place that reaches below aiokafka's public face. Written for 0.14.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

START_TIMEOUT_S: Final = 15.0
STOP_TIMEOUT_S: Final = 5.0

METADATA_MAX_AGE_MS: Final = 30_000
"""Errors of a fetch that aiokafka does not know make it ask for no new leaders (A9): it hears of
them here."""

_RESET: Final = struct.pack("ii", 1, 0)
"""`SO_LINGER` of no time: what the kernel has not sent yet is dropped."""


@contextmanager
def reading(failure: str) -> Iterator[None]:
    """Let what aiokafka raises, and a deadline that passes, come out as `OSError`."""
    try:
        yield
    except TimeoutError as error:
        raise OSError(f"{failure}: no answer in time") from error
    except KafkaError as error:
        raise OSError(f"{failure}: {error}") from error


class Tether:
    """The connections of one producer or consumer, which can be cut for good.

    aiokafka closes a connection after what is buffered, and makes a new one whenever something is
    left to be sent: a producer that is given up would go on sending behind its successor's back.
    """

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._connect = client._get_conn
        self._is_cut = False
        client._get_conn = self._connect_unless_cut

    def cut(self) -> None:
        """Drop all connections with what they have not sent, and allow no new one."""
        self._is_cut = True
        for connection in list(self._client._conns.values()):
            _reset(connection)

    async def _connect_unless_cut(self, *address: Any, **options: Any) -> Any:
        connection = None if self._is_cut else await self._connect(*address, **options)
        # From here to the request's last byte in the buffer aiokafka awaits nothing.
        if connection is not None and self._is_cut:
            _reset(connection)
            return None
        return connection


def _reset(connection: Any) -> None:
    writer = connection._writer
    if writer is not None:
        with suppress(OSError):  # it was lost already
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    connection.close()


async def retire(producer: AIOKafkaProducer, tether: Tether) -> None:
    """Cut a producer off and take it apart; what it still holds is never sent.

    `producer.stop()` would wait for every batch to be delivered, for ever if need be (A2,
    aiokafka#1101): whoever wants a batch delivered waits for that before.
    """
    tether.cut()
    producer._closed = True
    await _finish(producer._sender.close())
    await _finish(producer.client.close())


async def stop(consumer: AIOKafkaConsumer, tether: Tether) -> None:
    """Stop a consumer, and leave its group if it is in one; by force if it takes too long."""
    if not await _finish(consumer.stop()):
        tether.cut()
        await _finish(consumer._client.close())


def on_heartbeat(consumer: AIOKafkaConsumer, call: Callable[[], None]) -> None:
    """*call* whenever the consumer's group has taken it for a member.

    aiokafka does not tell whether heartbeats get through, or are sent at all (A10).
    """
    coordinator = consumer._coordinator
    beat = coordinator._do_heartbeat

    async def observed() -> bool:
        is_member: bool = await beat()
        if is_member:
            call()
        return is_member

    coordinator._do_heartbeat = observed


async def _finish(closing: Coroutine[Any, Any, None]) -> bool:
    """Wait for the end of something, but not too long; tell whether it ended well.

    In a task of its own: aiokafka may end with the cancellation of one of its tasks, which here
    would look like our own.
    """
    task = asyncio.create_task(closing)
    await asyncio.wait([task], timeout=STOP_TIMEOUT_S)
    if task.done():
        return not task.cancelled() and task.exception() is None
    task.cancel()
    return False
