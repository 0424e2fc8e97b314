"""An order on a client's screen, made from frames alone as any client would make it."""

from typing import Literal

import msgspec

from shared.contracts import frames
from shared.contracts.ids import NOTHING, MessageId, Seq, UserId
from tests.prove.history import ShownMessage

Fit = Literal["old", "next", "hole"]
"""How an event continues what is on the screen: known before, the very next, or some are missing
in between."""


class View:
    """What one client has of one order."""

    def __init__(self) -> None:
        self.head: Seq = NOTHING
        self.n = 0
        self.complete = False
        """Whether the screen reaches back to the first message."""
        self.messages: dict[MessageId, ShownMessage] = {}
        self.marks: dict[UserId, int] = {}

    def open(self, joined: frames.Joined, after: Seq | None) -> None:
        """Take the answer to a join with *after*: a replay goes on top, all else starts over."""
        if joined.reset or after is None:
            self.messages.clear()
            self.complete = joined.complete
        elif after == NOTHING:
            self.complete = True
        for event in joined.events:
            self.apply(event)
        self.head = joined.head
        self.n = joined.n
        self.marks = {mark.user_id: mark.n for mark in joined.reads}

    def fit(self, event: frames.EventShown) -> Fit:
        """How *event* continues the screen."""
        if event.seq <= self.head:
            return "old"
        return "next" if (event.prev or NOTHING) == self.head else "hole"

    def apply(self, event: frames.EventShown) -> None:
        """Show what *event* says and move the position to it."""
        self.head = max(self.head, event.seq)
        match event:
            case frames.MessageShown():
                self._show(event)
                self._mark(event.by, event.seen)
            case frames.EditShown(target=target, text=text):
                # Replayed without text, as it is not the latest any more, it dates the message yet.
                self._change(target, text=text, edited_at=event.at)
            case frames.DeleteShown(target=target):
                self._change(target, text="", gone="deleted")
            case frames.ReadShown():
                self._mark(event.by, event.n)
            case _:
                pass

    def extend_back(self, page: frames.Page) -> None:
        """Take a page of what is older than the screen."""
        for event in page.events:
            if isinstance(event, frames.MessageShown):
                self._show(event)
        self.complete = page.complete

    @property
    def oldest(self) -> Seq | None:
        """Position of the oldest message on the screen."""
        return min((message.seq for message in self.messages.values()), default=None)

    def shown(self) -> tuple[ShownMessage, ...]:
        """The messages from top to bottom."""
        return tuple(sorted(self.messages.values(), key=lambda message: message.seq))

    def own(self, user_id: UserId) -> list[ShownMessage]:
        """The messages *user_id* could still change."""
        return [m for m in self.messages.values() if m.by == user_id and m.gone is None]

    def _show(self, event: frames.MessageShown) -> None:
        self.n = max(self.n, event.n)
        self.messages[event.id] = ShownMessage(
            event.seq, event.n, event.id, event.by, event.text, event.edited_at, event.gone
        )

    def _change(
        self,
        target: MessageId,
        *,
        text: str | None,
        edited_at: int | None = None,
        gone: frames.Gone | None = None,
    ) -> None:
        """Change a message on the screen; one that is further up will come as it then stands."""
        message = self.messages.get(target)
        if message is None or message.gone is not None:
            return
        self.messages[target] = msgspec.structs.replace(
            message,
            text=message.text if text is None else text,
            edited_at=edited_at or message.edited_at,
            gone=gone,
        )

    def _mark(self, user_id: UserId, n: int) -> None:
        if n > self.marks.get(user_id, 0):
            self.marks[user_id] = n
