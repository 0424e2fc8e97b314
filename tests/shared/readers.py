"""A naive client, and a timeline as gateways and archiver keep it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import MessageId, UserId
from shared.conversation import Conversation, Outcome
from shared.timeline import PAGED, Change, Entry, apply_all, change_of, make_entry, may_see, show
from tests.shared.story import ANNA, MODERATOR, ORDER, Record


class Bubble(msgspec.Struct):
    """A message on somebody's screen."""

    n: int
    by: UserId
    text: str
    attachments: tuple[log.Attachment, ...]
    edited_at: int | None
    gone: frames.Gone | None


class Screen(msgspec.Struct):
    """What a naive client shows of an order: it applies frames as they come, and no more."""

    moderator: bool
    messages: dict[MessageId, Bubble] = {}
    order: frames.OrderShown | None = None

    def take(self, frame: frames.EventShown) -> None:
        """Apply the next frame, of an answer or live."""
        match frame:
            case frames.OrderShown():
                self.order = frame
            case frames.MessageShown():
                self.messages[frame.id] = Bubble(
                    frame.n, frame.by, frame.text, frame.attachments, frame.edited_at, frame.gone
                )
            case frames.EditShown(target=target) if target in self.messages:
                bubble = self.messages[target]
                bubble.edited_at = frame.at
                if frame.text is not None:
                    bubble.text = frame.text
            case frames.DeleteShown(target=target) if target in self.messages:
                self._remove(self.messages[target], "deleted")
            case frames.RedactShown(target=target) if target in self.messages:
                self._remove(self.messages[target], "redacted")
            case frames.RestoreShown(target=target) if target in self.messages:
                bubble = self.messages[target]
                bubble.gone, bubble.attachments = None, frame.attachments
                if frame.text is not None:
                    bubble.text = frame.text
            case _:
                pass

    def _remove(self, bubble: Bubble, gone: frames.Gone) -> None:
        bubble.gone = gone
        if not self.moderator:
            bubble.text, bubble.attachments = "", ()


class Reader(msgspec.Struct, frozen=True):
    """Somebody who looks at the order."""

    user_id: UserId
    moderator: bool

    def frames(self, entries: Iterable[Entry]) -> list[frames.EventShown]:
        """The frames of these entries as they stand now, as far as this reader may see them."""
        return [
            show(entry, moderator=self.moderator)
            for entry in entries
            if may_see(entry, self.user_id, moderator=self.moderator)
        ]

    def opens(self, entries: Iterable[Entry]) -> Screen:
        """The screen after opening the order now: its whole history, page by page."""
        screen = Screen(self.moderator)
        for frame in self.frames(entry for entry in entries if entry.type in PAGED):
            screen.take(frame)
        return screen


PARTICIPANT: Final = Reader(ANNA, moderator=False)
MODERATING: Final = Reader(MODERATOR, moderator=True)


class Timeline:
    """Every entry of an order, brought up to date with each record."""

    def __init__(self) -> None:
        self.conversation = Conversation(order_id=ORDER)
        self.entries: list[Entry] = []
        self.changes: list[Change] = []

    def take(self, record: Record) -> Entry:
        """Fold the next record; answer its entry, which later records may change."""
        entry, change = _enter(self.conversation, record)
        if change is not None:
            apply_all([change], self.entries)
            self.changes.append(change)
        self.entries.append(entry)
        return entry


def enter_all(records: Iterable[Record]) -> tuple[list[Entry], list[Change]]:
    """Entries without changes, and the changes, as the archiver hands them to a store."""
    conversation = Conversation(order_id=ORDER)
    entered = [_enter(conversation, record) for record in records]
    return [entry for entry, _ in entered], [change for _, change in entered if change]


def _enter(conversation: Conversation, record: Record) -> tuple[Entry, Change | None]:
    outcome: Outcome = conversation.fold(record.seq, record.at, record.event)
    entry = make_entry(record.seq, record.at, record.event, outcome)
    return entry, change_of(entry)
