"""Read marks on their way to the log: the largest wins, at most one a second is written."""

import asyncio
from typing import Final

import msgspec

from chat_gateway.publisher import Publisher
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq, UserId
from shared.contracts.topics import partition_of

EVERY_S: Final = 1.0


class _Second(msgspec.Struct):
    """The largest mark of a second, which began with a write; `up_to` is null if that was it."""

    n: int
    up_to: Seq | None = None


class Marks:
    """The read marks of one gateway's users that wait for their second to pass."""

    def __init__(self, publisher: Publisher, loop: asyncio.AbstractEventLoop) -> None:
        self._publisher = publisher
        self._loop = loop
        self._seconds: dict[tuple[OrderId, UserId], _Second] = {}
        """The second that runs since the last write of each."""

    def note(self, room: Room, user_id: UserId, up_to: Seq, n: int) -> None:
        """A user has read up to message *n*, which stands at or before *up_to*."""
        conversation = room.conversation
        mark = conversation.marks.get(user_id)
        if n <= (mark.n if mark is not None else 0):
            return
        key = conversation.order_id, user_id
        second = self._seconds.get(key)
        if second is None:
            self._write(key, up_to, n)
        elif n > second.n:
            second.n, second.up_to = n, up_to

    def _write(self, key: tuple[OrderId, UserId], up_to: Seq, n: int) -> None:
        order_id, user_id = key
        self._seconds[key] = _Second(n)
        self._loop.call_later(EVERY_S, self._second_over, key)
        mark = log.Read(order_id=order_id, by=user_id, as_="participant", up_to=up_to, n=n)
        self._publisher.offer_mark(mark, partition_of(order_id, self._publisher.partitions))

    def _second_over(self, key: tuple[OrderId, UserId]) -> None:
        second = self._seconds.pop(key)
        if second.up_to is not None:
            self._write(key, second.up_to, second.n)
