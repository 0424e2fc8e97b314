"""One viewer of this gateway, with all connections that show this inbox; nothing here waits."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from chat_gateway.inbox_account import Account, News
from chat_gateway.inbox_lines import Viewer, encode_change, encode_line
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId
from shared.store.port import InboxLine

STALE_MAX: Final = 500
"""Signalled conversations that wait to be read; of more, a comparison finds out which."""


class Listener(Protocol):
    """A connection that shows the Messages area."""

    def tell(self, frame: bytes) -> None:
        """Send a ready-made frame."""
        ...


class Watch:
    """What a viewer's connections are told, and what is still to be found out for them."""

    def __init__(self, viewer: Viewer, hear: "Callable[[Watch, bytes], None]") -> None:
        """*hear* takes the signals about the viewer."""
        self.viewer = viewer
        self.account = Account(viewer)
        self.listeners: set[Listener] = set()
        self.subscribed = False
        self.compare = False
        """Whether the numbers have to be compared with the store's."""
        self.stale: set[OrderId] = set()
        """Conversations whose line has to be read."""
        self.dirty: set[OrderId] = set()
        """Conversations that moved on in a room here since the last push."""
        self.wake = asyncio.Event()
        self.turn = asyncio.Lock()
        """Of who reads the store for this viewer: nothing older is told after something newer."""
        self._hear = hear
        self._told_total: int | None = None
        """The last total that all listeners were told; null before the first page."""

    # What is found out.

    def hear(self, payload: bytes) -> None:
        """Take a signal about the viewer's conversations."""
        self._hear(self, payload)

    def hint(self, orders: Iterable[OrderId]) -> None:
        """These conversations may have moved on."""
        for order_id in orders:
            if len(self.stale) < STALE_MAX:
                self.stale.add(order_id)
            else:
                self.compare = True
            self.wake.set()

    def fetch(self, orders: Iterable[OrderId]) -> None:
        """These lines have to be read: no comparison would find them, they are counted already."""
        self.stale.update(orders)
        if self.stale:
            self.wake.set()

    def compare_soon(self) -> None:
        """Compare the numbers with the store's."""
        self.compare = True
        self.wake.set()

    # What is told.

    def take(self, news: News) -> None:
        """A comparison told something that was missed."""
        self.fetch(news.moved)
        for order_id in news.gone:
            self.tell_gone(order_id)

    def show(self, orders: Sequence[OrderId], lines: Sequence[bytes], total: int) -> None:
        """One listener was shown this. Where there are others, they may know something older."""
        if len(self.listeners) == 1 or self._told_total is None:
            self._told_total = total
        if len(self.listeners) == 1:
            for order_id, line in zip(orders, lines, strict=True):
                self.account.tell(order_id, line)

    def tell_line(self, line: InboxLine) -> None:
        """Push a line, unless the very same was pushed before, and the same total."""
        total = self.account.unread_total
        news = self.account.tell(line.summary.order_id, encode_line(self.viewer, line))
        if news or total != self._told_total:
            self._told_total = total
            self._tell(encode_change(self.viewer, line, total))

    def tell_gone(self, order_id: OrderId) -> None:
        """The viewer reads this conversation no more."""
        left = frames.Left(ref=None, order_id=order_id, code=ErrorCode.FORBIDDEN)
        self._tell(frames.encode_frame(left))

    def settle(self) -> None:
        """See that the numbers are right, and told: a total is told with some line."""
        if self.account.doubtful:
            self.compare_soon()
        elif self._told_total not in (None, self.account.unread_total) and not self.stale:
            self.fetch(self.account.some())

    def _tell(self, frame: bytes) -> None:
        for listener in tuple(self.listeners):
            listener.tell(frame)
