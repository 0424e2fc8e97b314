"""What the Messages area shows, without a wait: lines, their order, their overlay and their form.

A line comes from the store, or from a room this gateway has open, whichever has read further. Its
last message is shown as everything else is, by `shared.timeline.show` for a party: what was deleted
or redacted has no text here either.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

import msgspec

from chat_gateway.tail import Room
from shared.contracts import frames
from shared.contracts.events import Participant
from shared.contracts.ids import NOTHING, OrderId, Seq, UserId
from shared.store.port import InboxLine, InboxPlace
from shared.summary import Summary, summarize
from shared.timeline import Entry, apply_all, show
from shared.tokens import Identity

PAGE_BYTES_MAX: Final = 200 * 1024
"""A page ends early rather than being larger."""


class Viewer(NamedTuple):
    """Whose conversations are listed; *orders* narrows them, as a token does."""

    user_id: UserId
    orders: frozenset[OrderId] | None = None

    @classmethod
    def of(cls, identity: Identity) -> "Viewer":
        """As whom the bearer of a token looks into the Messages area."""
        return cls(identity.user_id, identity.orders)

    def covers(self, order_id: OrderId) -> bool:
        """Whether an order may be listed at all."""
        return self.orders is None or order_id in self.orders

    def reads(self, summary: Summary) -> bool:
        """Whether the viewer has a line of this conversation."""
        return self.user_id in summary.unread and self.covers(summary.order_id)


class Cut(NamedTuple):
    """A page's lines, and the place after which the next page begins; null: there is none."""

    lines: list[InboxLine]
    end: InboxPlace | None


def line_of(room: Room, stored: InboxLine | None) -> InboxLine | None:
    """An open room's line; null if there is none, or if its last message is not at hand.

    The message may be older than what the room holds. Then it is taken from the *stored* line, if
    everything that may have changed it since is in the room.
    """
    summary = summarize(room.conversation)
    if summary is None:
        return None
    if summary.last == NOTHING:
        return InboxLine(summary, None)
    last = _entry_at(room, summary.last)
    if last is not None:
        return InboxLine(summary, last)
    if stored is None or stored.last is None or stored.last.seq != summary.last:
        return None
    if stored.summary.head < room.floor:
        return None
    apply_all(room.changes(), [stored.last])
    return InboxLine(summary, stored.last)


def newest(stored: InboxLine | None, room: Room | None) -> InboxLine | None:
    """The line of whichever has read further, store or room; null if neither has one."""
    summary = summarize(room.conversation) if room is not None else None
    if room is None or summary is None:
        return stored
    if stored is not None and stored.summary.head >= summary.head:
        return stored
    # Without its last message rather than with one of which nobody knows whether it is gone.
    return line_of(room, stored) or InboxLine(summary, None)


def cut_page(
    viewer: Viewer,
    stored: Sequence[InboxLine],
    live: Mapping[OrderId, InboxLine],
    before: InboxPlace | None,
    limit: int,
) -> Cut:
    """A page of at most *limit* lines that follow on *before*.

    *stored* is what the store has there, one line more than *limit* if there is more; *live* are
    the lines of all of the viewer's open rooms, and win. A conversation that has moved above
    *before* meanwhile is on no later page: it was pushed when it moved.
    """
    more = len(stored) > limit
    end = _place(stored[limit - 1].summary) if more else None
    found = {line.summary.order_id: line for line in stored[:limit]} | dict(live)
    lines = sorted(
        (
            line
            for line in found.values()
            if viewer.reads(line.summary)
            and (before is None or _key(before) < _key(_place(line.summary)))
            and (end is None or _key(_place(line.summary)) <= _key(end))
        ),
        key=lambda line: _key(_place(line.summary)),
    )
    if len(lines) > limit:
        lines = lines[:limit]
        end = _place(lines[-1].summary)
    return Cut(lines, end)


def fit(viewer: Viewer, cut: Cut) -> tuple[list[bytes], Cut]:
    """The lines in their form on the wire, as many as fit a page; at least one, if there is one."""
    shown: list[bytes] = []
    size = 0
    for line in cut.lines:
        frame = encode_line(viewer, line)
        size += len(frame)
        if size > PAGE_BYTES_MAX and shown:
            kept = cut.lines[: len(shown)]
            return shown, Cut(kept, _place(kept[-1].summary))
        shown.append(frame)
    return shown, cut


def encode_line(viewer: Viewer, line: InboxLine) -> bytes:
    """A line as pages have it."""
    return msgspec.json.encode(frames.ConversationSummary(**_fields(viewer, line)))


def encode_change(viewer: Viewer, line: InboxLine, unread_total: int) -> bytes:
    """The frame that pushes a line."""
    return frames.encode_frame(
        frames.ConversationChanged(**_fields(viewer, line), unread_total=unread_total)
    )


class _Fields(TypedDict):
    order_id: OrderId
    title: str
    status: str
    participants: tuple[Participant, ...]
    last: frames.EventShown | None
    n: int
    unread: int
    updated_at: int


def _fields(viewer: Viewer, line: InboxLine) -> _Fields:
    summary = line.summary
    return _Fields(
        order_id=summary.order_id,
        title=summary.title,
        status=summary.status,
        participants=summary.participants,
        last=show(line.last) if line.last is not None else None,
        n=summary.n,
        unread=summary.unread[viewer.user_id],
        updated_at=summary.updated_at,
    )


def _place(summary: Summary) -> InboxPlace:
    return InboxPlace(summary.updated_at, summary.order_id)


def _key(place: InboxPlace) -> tuple[int, str]:
    """Sorts places as inboxes do."""
    return -place.updated_at, place.order_id


def _entry_at(room: Room, seq: Seq) -> Entry | None:
    """The room's entry at a position, if it is above the floor: mostly among the newest."""
    for entry in room.above(Seq(seq - 1)):
        if entry.seq == seq:
            return entry
    return None
