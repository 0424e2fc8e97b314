"""How an event stands now: entries of a timeline, what later events change in them, their frames.

The archiver keeps entries in the store, gateways keep the newest in memory, and both change them by
the same `change_of`. Every change names the position that caused it and is applied once, however
often it comes and in whatever order, so a slow archiver writes nothing that differs.
"""

from collections.abc import Iterable
from typing import Final, TypedDict

import msgspec
from msgspec import UNSET

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import NOTHING, MessageId, OrderId, Seq, UserId
from shared.conversation import STANDS, Outcome, Verdict

MODERATION: Final = UserId("moderation")
"""Who the parties see as the author of a verdict."""

PAGED: Final = frozenset({"message", "order"})
"""The types that pages of history consist of; the rest shows in what it did to them."""

_CLAIMLESS: Final = (Verdict.COPY, Verdict.LATE)


class Case(msgspec.Struct, frozen=True, gc=False):
    """What became of a report or a flag, by its last review; as it came, nobody's yet."""

    by: Seq = NOTHING
    """The position of that review."""
    state: log.ReviewState = "open"
    assignee: UserId | None = None


class Entry(msgspec.Struct, kw_only=True, gc=False):
    """One record with what it came to, and what later records made of it.

    The record stays as it was written: a moderator may see it, and a repeated send is compared
    with it. What the parties are shown is made by `show`.
    """

    seq: Seq
    at: int
    event: log.Event
    verdict: Verdict
    prev: Seq | None
    shown: bool
    n: int = 0
    seen: int = 0
    target: Seq = NOTHING
    """Where the message stands that this acts on. Whoever lies about what he has seen can use an
    own id again when it is forgotten: what was said under it before must not change then."""

    # What later records changed; each with the position of the last one that did.
    edited: Seq = NOTHING
    """The latest edit of this message; or the edit that came after this edit or restore."""
    edited_at: int | None = None
    edited_text: str | None = None
    moved: Seq = NOTHING
    """The latest delete, redact or restore of the message whose text this shows."""
    gone: frames.Gone | None = None
    case: Case | None = None
    """Of a standing report or flag."""

    @property
    def order_id(self) -> OrderId:
        """The order it belongs to."""
        return self.event.order_id

    @property
    def type(self) -> str:
        """The event's type, as on the wire."""
        return log.TYPES[type(self.event)]

    @property
    def stands(self) -> bool:
        """Whether the event is part of the conversation."""
        return self.verdict is STANDS

    @property
    def id(self) -> MessageId | None:
        """The event's id, null if its type has none or if it claimed none."""
        if self.verdict is not STANDS and self.verdict in _CLAIMLESS:
            return None
        return getattr(self.event, "id", None)

    @property
    def attachments(self) -> tuple[log.Attachment, ...]:
        """The files it carries as a standing message, even if it is gone by now."""
        return self.event.attachments if self.stands and isinstance(self.event, log.Message) else ()

    @property
    def text_of(self) -> MessageId | None:
        """The message whose text this entry shows: its own, or an edit's or restore's target. A
        report or a flag is found by its own id, to be changed by reviews."""
        if not self.stands:
            return None
        match self.event:
            case log.Message(id=id_) | log.Report(id=id_) | log.Flag(id=id_):
                return id_
            case log.Edit(target=target) | log.Restore(target=target):
                return target
            case _:
                return None


class TextChanged(msgspec.Struct, frozen=True):
    """An edit stands: from the target's place `since` on, every earlier entry that shows the
    target's text is no longer the latest."""

    order_id: OrderId
    target: MessageId
    by: Seq
    at: int
    text: str
    since: Seq = NOTHING


class Moved(msgspec.Struct, frozen=True):
    """The target is gone, or back (`gone` null), for every earlier entry that shows its text, from
    its place `since` on."""

    order_id: OrderId
    target: MessageId
    by: Seq
    gone: frames.Gone | None
    since: Seq = NOTHING


class Reviewed(msgspec.Struct, frozen=True):
    """The report or flag `target` has another state or another assignee."""

    order_id: OrderId
    target: MessageId
    by: Seq
    state: log.ReviewState
    assignee: UserId | None
    since: Seq = NOTHING


Change = TextChanged | Moved | Reviewed


def make_entry(seq: Seq, at: int, event: log.Event, outcome: Outcome) -> Entry:
    """The entry of a record that was just folded."""
    return Entry(
        seq=seq,
        at=at,
        event=event,
        verdict=outcome.verdict,
        prev=outcome.prev,
        shown=outcome.shown,
        n=outcome.n,
        seen=outcome.seen,
        target=outcome.target,
        case=_NEW_CASE if _is_case(event, outcome) else None,
    )


_NEW_CASE: Final = Case()


def _is_case(event: log.Event, outcome: Outcome) -> bool:
    """Whether moderators have to look at it; *shown*, nearly always, answers first."""
    return not outcome.shown and outcome.stands and isinstance(event, (log.Report, log.Flag))


def change_of(entry: Entry) -> Change | None:
    """What a standing entry changes in earlier ones; null for most."""
    if isinstance(entry.event, log.Message) or entry.verdict is not STANDS:
        return None
    order_id, since, seq = entry.order_id, entry.target, entry.seq
    match entry.event:
        case log.Edit(target=target, text=text):
            return TextChanged(order_id, target, seq, entry.at, text, since)
        case log.Delete(target=target):
            return Moved(order_id, target, seq, "deleted", since)
        case log.Redact(target=target):
            return Moved(order_id, target, seq, "redacted", since)
        case log.Restore(target=target):
            return Moved(order_id, target, seq, None, since)
        case log.Review(target=target, state=state, assignee=assignee):
            return Reviewed(order_id, target, seq, state, assignee, since)
        case _:
            return None


def apply(change: Change, entry: Entry) -> bool:
    """Apply *change* to *entry*, of the same order, if it concerns it and is news to it.

    Tells whether it did.

    Stores that can, do the same in one statement: where `text_of` is the target, `seq` is at least
    `since` and below `by`, and `edited` (`moved`, `case.by`) is below `by` too.
    """
    if entry.text_of != change.target or not change.since <= entry.seq < change.by:
        return False
    if isinstance(change, Reviewed):
        if entry.case is None or entry.case.by >= change.by:
            return False
        entry.case = Case(change.by, change.state, change.assignee)
        return True
    if isinstance(change, TextChanged):
        if entry.edited >= change.by:
            return False
        entry.edited, entry.edited_at, entry.edited_text = change.by, change.at, change.text
        return True
    if entry.moved >= change.by:
        return False
    entry.moved, entry.gone = change.by, change.gone
    return True


def apply_all(changes: Iterable[Change], entries: Iterable[Entry]) -> None:
    """Bring *entries* up to date with *changes*."""
    by_text: dict[MessageId, list[Entry]] = {}
    for entry in entries:
        if (text_of := entry.text_of) is not None:
            by_text.setdefault(text_of, []).append(entry)
    for change in changes:
        for entry in by_text.get(change.target, ()):
            apply(change, entry)


def may_see(entry: Entry, reader: UserId, *, moderator: bool) -> bool:
    """Whether a reader gets this entry: void ones nobody, reports their writer and moderators."""
    if entry.shown:
        return True
    if not entry.stands or isinstance(entry.event, log.Read):
        return False
    return moderator or (isinstance(entry.event, log.Report) and entry.event.by == reader)


def show(entry: Entry, *, moderator: bool = False) -> frames.EventShown:
    """The frame of a standing entry as it stands now, for the parties or for a moderator.

    Moderators see texts that are gone, every edit's own text, and who gave a verdict and why.
    """
    event = entry.event
    if isinstance(event, log.Message):  # nearly always
        return _show_message(entry, event, moderator)
    hidden = isinstance(event, log.Verdict) and not moderator
    place = _Place(
        order_id=event.order_id,
        seq=entry.seq,
        prev=entry.prev,
        at=entry.at,
        by=MODERATION if hidden else event.by,
    )
    match event:
        case log.OrderChanged():
            return _show_order(event, place)
        case log.Edit(id=id_, client_id=client_id, target=target, text=text):
            return frames.EditShown(
                **place,
                id=id_,
                client_id=client_id,
                target=target,
                text=text if moderator or _is_latest(entry) else None,
            )
        case log.Delete(id=id_, client_id=client_id, target=target):
            return frames.DeleteShown(**place, id=id_, client_id=client_id, target=target)
        case log.Read(up_to=up_to):
            return frames.ReadShown(**place, up_to=up_to, n=entry.n)
        case log.Report():
            return _show_report(event, place)
        case log.Review() | log.Look():
            return _show_at_the_desk(event, place)
        case _:
            return _show_verdict(entry, event, place, moderator)


class _Place(TypedDict):
    order_id: OrderId
    seq: Seq
    prev: Seq | None
    at: int
    by: UserId


def _is_latest(entry: Entry) -> bool:
    """Whether an edit or restore still shows what its message shows."""
    return entry.edited == NOTHING and entry.gone is None


def _show_message(entry: Entry, event: log.Message, moderator: bool) -> frames.MessageShown:
    text = event.text if entry.edited_text is None else entry.edited_text
    taken = entry.gone is not None and not moderator
    was_edited = entry.edited_text is not None
    return frames.MessageShown(
        order_id=event.order_id,
        seq=entry.seq,
        prev=entry.prev,
        at=entry.at,
        by=event.by,
        id=event.id,
        client_id=event.client_id,
        n=entry.n,
        seen=entry.seen,
        text="" if taken else text,
        attachments=() if taken else event.attachments,
        reply_to=event.reply_to,
        edited_at=entry.edited_at,
        gone=entry.gone,
        first_text=event.text if moderator and was_edited else UNSET,
    )


def _show_order(event: log.OrderChanged, place: _Place) -> frames.OrderShown:
    return frames.OrderShown(
        **place,
        version=event.version,
        status=event.status,
        previous_status=event.previous_status,
        title=event.title,
        participants=event.participants,
        may=event.may,
        edit_window_ms=event.edit_window_ms,
    )


def _show_report(event: log.Report, place: _Place) -> frames.ReportShown:
    return frames.ReportShown(
        **place,
        id=event.id,
        client_id=event.client_id,
        target=event.target,
        reason=event.reason,
        note=event.note,
    )


def _show_at_the_desk(event: log.AtTheDesk, place: _Place) -> frames.ReviewShown | frames.LookShown:
    if isinstance(event, log.Look):
        return frames.LookShown(
            **place, id=event.id, what=event.what, target=event.target, reason=event.reason
        )
    return frames.ReviewShown(
        **place,
        id=event.id,
        target=event.target,
        state=event.state,
        assignee=event.assignee,
        note=event.note,
    )


def _show_verdict(
    entry: Entry, event: log.Verdict, place: _Place, moderator: bool
) -> frames.VerdictShown:
    reason = event.reason if moderator else None
    match event:
        case log.Redact(id=id_, target=target):
            return frames.RedactShown(**place, id=id_, target=target, reason=reason)
        case log.Restore(id=id_, target=target, text=text, attachments=attachments):
            return frames.RestoreShown(
                **place,
                id=id_,
                target=target,
                reason=reason,
                text=text if moderator or _is_latest(entry) else None,
                attachments=attachments if moderator or entry.gone is None else (),
            )
        case log.Flag(id=id_, target=target):
            return frames.FlagShown(**place, id=id_, target=target, reason=reason)
        case log.Mute(id=id_, user_id=user_id, until=until):
            return frames.MuteShown(**place, id=id_, user_id=user_id, until=until, reason=reason)
        case log.Unmute(id=id_, user_id=user_id):
            return frames.UnmuteShown(**place, id=id_, user_id=user_id, reason=reason)
        case log.Close(id=id_):
            return frames.CloseShown(**place, id=id_, reason=reason)
        case log.Reopen(id=id_):
            return frames.ReopenShown(**place, id=id_, reason=reason)
