"""Read marks on their way to the log: the largest wins, at most one a second is written."""

import asyncio
from typing import Final

from chat_gateway.publisher import Publisher
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts.ids import OrderId, Seq, UserId
from shared.contracts.topics import partition_of

EVERY_S: Final = 1.0


class Marks:
    """The read marks of one gateway's users that wait for their second to pass."""

    def __init__(self, publisher: Publisher, loop: asyncio.AbstractEventLoop) -> None:
        self._publisher = publisher
        self._loop = loop
        self._waiting: dict[tuple[OrderId, UserId], tuple[Seq, int] | None] = {}
        """What to write when the second is over; null if nothing came since the last write."""

    def note(self, room: Room, user_id: UserId, up_to: Seq, n: int) -> None:
        """A user has read up to message *n*, which stands at or before *up_to*."""
        conversation = room.conversation
        mark = conversation.marks.get(user_id)
        if n <= (mark.n if mark is not None else 0):
            return
        key = conversation.order_id, user_id
        if key not in self._waiting:
            self._write(key, up_to, n)
            self._wait(key)
        elif (waiting := self._waiting[key]) is None or waiting[1] < n:
            self._waiting[key] = up_to, n

    def _write(self, key: tuple[OrderId, UserId], up_to: Seq, n: int) -> None:
        order_id, user_id = key
        mark = log.Read(order_id=order_id, by=user_id, as_="participant", up_to=up_to, n=n)
        self._publisher.offer_mark(mark, partition_of(order_id, self._publisher.partitions))

    def _wait(self, key: tuple[OrderId, UserId]) -> None:
        self._waiting[key] = None
        self._loop.call_later(EVERY_S, self._second_over, key)

    def _second_over(self, key: tuple[OrderId, UserId]) -> None:
        waiting = self._waiting.pop(key)
        if waiting is not None:
            self._write(key, *waiting)
            self._wait(key)
