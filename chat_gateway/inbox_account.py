"""What one viewer's inbox comes to in numbers, as far as this gateway knows; nothing here waits.

Each conversation counts as its highest known record has it, whether that was folded here or read
from the store. So numbers that come late, twice or not at all move nothing back, and a fresh tally
of the store puts right whatever was missed.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from chat_gateway.inbox_lines import Viewer
from shared.contracts.ids import OrderId, Seq
from shared.store.port import UNREAD_MAX, Tally
from shared.summary import Summary

STANDINGS_MAX: Final = 500
"""Conversations of a viewer that are followed one by one; the others count as a sum."""


class Known(NamedTuple):
    """A conversation as of its record *head*; *unread* is null for who reads it no more."""

    head: Seq
    unread: int | None


class News(NamedTuple):
    """What a tally told: conversations that moved on or are new, and those that are gone."""

    moved: set[OrderId]
    gone: set[OrderId]


class Account:
    """The numbers of one viewer. Empty until the first tally."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._known: dict[OrderId, Known] = {}
        self._sum = 0
        self._others = 0
        self._told: dict[OrderId, int] = {}
        self._whole = False
        """Whether every conversation is among those known."""
        self.opened = False
        """Whether there was a tally."""
        self.doubtful = False
        """Whether a conversation moved that was counted among the others: a tally is wanted."""

    @property
    def unread_total(self) -> int:
        """Unread messages in all conversations, counted no further than `UNREAD_MAX`."""
        return min(UNREAD_MAX, self._sum + self._others)

    def knows(self, order_id: OrderId, head: Seq) -> bool:
        """Whether a conversation is known as of *head* or later."""
        known = self._known.get(order_id)
        return known is not None and known.head >= head

    def learn(self, summary: Summary) -> bool:
        """Take in what a conversation has come to; tell whether that is news to the viewer."""
        order_id = summary.order_id
        if self.knows(order_id, summary.head):
            return False
        before = self._known.get(order_id)
        unread = summary.unread[self._viewer.user_id] if self._viewer.reads(summary) else None
        if before is not None or self._whole:
            self._put(order_id, Known(summary.head, unread))
        else:
            self.doubtful = True
        return unread is not None or (before is not None and before.unread is not None)

    def take(self, tally: Tally, live: Iterable[Summary]) -> News:
        """Start over from a tally of the store and what is folded here, which may be ahead."""
        before = self._known
        self._whole = len(tally.standings) < STANDINGS_MAX
        self._others = tally.others
        self._known, self._sum = {}, 0
        for standing in tally.standings:
            known = before.get(standing.order_id)
            # Only where this gateway had folded what the store has not yet.
            ahead = known is not None and known.head > standing.head
            self._put(
                standing.order_id,
                known if known and ahead else Known(standing.head, standing.unread),
            )
        for summary in live:
            self.learn(summary)
        self.opened, self.doubtful = True, False
        gone = {order_id for order_id in before if self._is_lost(before, order_id)}
        for order_id in self._told.keys() - self._known.keys():
            del self._told[order_id]
        moved = {
            order_id
            for order_id, known in self._known.items()
            if known.unread is not None
            and (order_id not in before or before[order_id].head < known.head)
        }
        return News(moved, gone)

    def fall_back(self, summary: Summary) -> bool:
        """Somebody is shown less than is known; tell whether it is so.

        A room was closed before the store had what it folded. The newer line is news then once it
        comes again.
        """
        order_id = summary.order_id
        known = self._known.get(order_id)
        if known is None or known.head <= summary.head:
            return False
        self._put(order_id, Known(summary.head, summary.unread.get(self._viewer.user_id)))
        self._told.pop(order_id, None)
        return True

    def lose(self, order_id: OrderId) -> bool:
        """The store has no such conversation of the viewer any more; tell whether it counted."""
        known = self._known.get(order_id)
        if known is None or known.unread is None:
            return False
        self._put(order_id, Known(known.head, None))
        return True

    def tell(self, order_id: OrderId, line: bytes) -> bool:
        """A line is told to all; false if just this was told before, and need not be again."""
        mark = hash(line)
        if self._told.get(order_id) == mark:
            return False
        if order_id in self._known:
            self._told[order_id] = mark
        return True

    def some(self) -> list[OrderId]:
        """One conversation of the viewer, if there is any."""
        orders = (each for each, known in self._known.items() if known.unread is not None)
        return list(islice(orders, 1))

    def follows(self, order_id: OrderId) -> bool:
        """Whether the conversation is counted by itself, not among the others."""
        return order_id in self._known or self._whole

    def _put(self, order_id: OrderId, known: Known) -> None:
        before = self._known.get(order_id)
        self._sum += (known.unread or 0) - ((before.unread or 0) if before is not None else 0)
        self._known[order_id] = known

    def _is_lost(self, before: Mapping[OrderId, Known], order_id: OrderId) -> bool:
        """Whether a conversation that counted before does not any more. Where only the newest are
        known one by one, those missing may just be older."""
        now = self._known.get(order_id)
        if before[order_id].unread is None:
            return False
        return now.unread is None if now is not None else self._whole
