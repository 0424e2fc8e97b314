"""Writes an order's events straight to the log, as fast as it takes them."""

import random
from typing import Final
from uuid import UUID

from shared.contracts import events
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId, message_id
from shared.contracts.topics import partition_of
from shared.log.port import Draft, Log

BATCH: Final = 50
TARGETS: Final = 50
"""How far back messages are edited and deleted."""


class Author:
    """One participant of one order, who is its only writer: every event of theirs stands."""

    def __init__(self, order_id: OrderId, user_id: UserId, dice: random.Random) -> None:
        self.order_id = order_id
        self._user_id = user_id
        self._dice = dice
        self._base = 0
        self._n = 0
        self._mine: list[MessageId] = []
        """Messages that stand."""

    async def write(self, log: Log, count: int, longest: int) -> None:
        """Write so many events, texts of up to *longest* characters; all are in the log then."""
        partition = partition_of(self.order_id, log.partitions)
        drafts = [self._draft(longest) for _ in range(count)]
        for first in range(0, count, BATCH):
            await log.append(partition, drafts[first : first + BATCH])

    def _draft(self, longest: int) -> Draft:
        event = self._event(longest)
        self._base += 1
        data = events.encode_event(event)
        return Draft(self.order_id, events.TYPES[type(event)], events.VERSION, data)

    def _event(self, longest: int) -> events.Message | events.Edit | events.Delete:
        dice = self._dice
        client_id = ClientId(str(UUID(int=dice.getrandbits(128), version=4)))
        id_ = message_id(self.order_id, self._user_id, client_id)
        text = f"{self._base} " + "x" * dice.randrange(longest)
        kind = dice.random() if self._mine else 0
        if kind < 0.8:
            self._n += 1
            self._mine = [*self._mine[-TARGETS:], id_]
            return events.Message(
                order_id=self.order_id,
                by=self._user_id,
                as_="participant",
                id=id_,
                client_id=client_id,
                base=self._base,
                seen=self._n - 1,
                text=text,
            )
        target = dice.choice(self._mine)
        if kind < 0.95:
            return events.Edit(
                order_id=self.order_id,
                by=self._user_id,
                as_="participant",
                id=id_,
                client_id=client_id,
                base=self._base,
                target=target,
                text=text,
            )
        self._mine.remove(target)
        return events.Delete(
            order_id=self.order_id,
            by=self._user_id,
            as_="participant",
            id=id_,
            client_id=client_id,
            base=self._base,
            target=target,
        )
