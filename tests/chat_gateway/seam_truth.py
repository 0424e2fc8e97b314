"""What an order's log comes to, folded once from its beginning: what every answer is held against.

Nothing is forgotten here: of each entry all changes are kept, so that its form at any head can be
told.
"""

from bisect import bisect_right

import msgspec

from chat_gateway.seam import Reader, Shown
from shared.contracts import events as log
from shared.contracts.frames import encode_frame
from shared.contracts.ids import NOTHING, MessageId, OrderId, Seq
from shared.conversation import Conversation
from shared.timeline import PAGED, Change, Entry, apply, change_of, make_entry, may_see, show


class Violation(AssertionError):
    """Something was promised and not kept."""


class Told:
    """One entry as it was made, and everything that later entries changed in it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.changes: list[Change] = []
        self._frames: dict[bool, bytes] = {}

    @property
    def seq(self) -> Seq:
        return self.entry.seq

    def at(self, head: Seq) -> Entry:
        """The entry as it stands at *head*."""
        entry = msgspec.structs.replace(self.entry)
        for change in self.changes:
            if change.by <= head:
                apply(change, entry)
        return entry

    def live(self, *, moderator: bool) -> bytes:
        """Its frame at the moment it happened."""
        if moderator not in self._frames:
            self._frames[moderator] = encode_frame(show(self.entry, moderator=moderator))
        return self._frames[moderator]

    def may_look_like(self, frame: bytes, head: Seq, *, moderator: bool) -> bool:
        """Whether *frame* is its form at *head*, or later: the store may be ahead of the room, and
        what it knows already comes as live events too."""
        if not self.changes:
            return frame == self.live(moderator=moderator)
        heads = [head, *(change.by for change in self.changes if change.by > head)]
        return any(
            frame == encode_frame(show(self.at(head), moderator=moderator)) for head in heads
        )


class Truth:
    """One order, told from its beginning."""

    def __init__(self, order_id: OrderId) -> None:
        self.conversation = Conversation(order_id)
        self.told: list[Told] = []
        self.first: dict[MessageId, Told] = {}
        """Of each id the entry that claimed it first."""
        self._seqs: list[Seq] = []
        self._by_text: dict[MessageId, list[Told]] = {}

    def take(self, seq: Seq, at: int, event: log.Event) -> None:
        """Tell the next record."""
        entry = make_entry(seq, at, event, self.conversation.fold(seq, at, event))
        told = Told(entry)
        self._seqs.append(seq)
        self.told.append(told)
        if (change := change_of(entry)) is not None:
            for earlier in self._by_text.get(change.target, ()):
                earlier.changes.append(change)
        if entry.text_of is not None:
            self._by_text.setdefault(entry.text_of, []).append(told)
        if entry.id is not None:
            first = self.first.setdefault(entry.id, told)
            if first is not told and first.entry.stands and entry.stands:
                raise Violation(f"{entry.id} stands at {first.seq} and again at {seq}")

    def get(self, seq: Seq) -> Told:
        """The entry at a position."""
        at = bisect_right(self._seqs, seq) - 1
        if at < 0 or self._seqs[at] != seq:
            raise Violation(f"there is no record {seq}")
        return self.told[at]

    def between(self, after: Seq, head: Seq) -> list[Told]:
        """What lies above *after* up to *head*."""
        return self.told[bisect_right(self._seqs, after) : bisect_right(self._seqs, head)]

    def visible(self, reader: Reader, after: Seq, head: Seq) -> list[Told]:
        """Of that, what *reader* may see."""
        return [
            told
            for told in self.between(after, head)
            if may_see(told.entry, reader.user_id, moderator=reader.moderator)
        ]

    def paged(self, head: Seq) -> list[Told]:
        """What pages of history consist of, up to *head*."""
        return [
            told
            for told in self.between(NOTHING, head)
            if told.entry.shown and told.entry.type in PAGED
        ]

    def carrier(self, attachment_id: str, head: Seq, *, moderator: bool) -> Seq | None:
        """Where the newest message up to *head* stands that carries a file, and is not gone for
        the reader."""
        for told in reversed(self.between(NOTHING, head)):
            carries = attachment_id in (file.id for file in told.entry.attachments)
            if carries and (moderator or told.at(head).gone is None):
                return told.seq
        return None

    def text_now(self, target: MessageId) -> str | None:
        """What a message says by now; null if there is no such message."""
        told = self.first.get(target)
        if told is None or not isinstance(told.entry.event, log.Message):
            return None
        entry = told.at(self.conversation.head)
        return told.entry.event.text if entry.edited_text is None else entry.edited_text

    def check(
        self, answered: list[Shown], expected: list[Told], head: Seq, *, moderator: bool
    ) -> None:
        """Raise `Violation` unless an answer consists of exactly the expected events, as they
        stand at *head*."""
        seqs = [shown.seq for shown in answered]
        if seqs != [told.seq for told in expected]:
            wrong = [seq for seq in seqs if seq not in {told.seq for told in expected}]
            lacking = [told.seq for told in expected if told.seq not in seqs]
            raise Violation(f"the answer at {head} has {wrong} too much and lacks {lacking}")
        for shown, told in zip(answered, expected, strict=True):
            if not told.may_look_like(shown.frame, head, moderator=moderator):
                raise Violation(f"{shown.frame!r} at {head}, after {told.changes}")
