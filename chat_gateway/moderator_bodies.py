"""What moderators send by HTTP and are answered: verdicts, the queue of reports, originals."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_gateway.attempt import Attempt
from chat_gateway.cursors import ForgedCursor, case_cursor, case_place
from chat_gateway.text import TextRefused, clean_text
from chat_gateway.verdicts import common, make_look
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import (
    ClientIdField,
    Count,
    MessageId,
    MessageIdField,
    OrderId,
    Seq,
    UserId,
    UserIdField,
)
from shared.http import HttpError, decode_body
from shared.store.port import CasePlace
from shared.timeline import Entry
from shared.tokens import Identity

Reason = Annotated[str, Meta(min_length=1, max_length=frames.NOTE_CHARS_MAX)]
Note = Annotated[str, Meta(max_length=frames.NOTE_CHARS_MAX)]
Action = Literal["redact", "restore", "flag", "mute", "unmute", "close", "reopen"]


class _Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    id: ClientIdField
    """A UUID the caller makes before its first try; what is written under it is written once."""


class RedactBody(_Body, frozen=True, kw_only=True):
    """Why a message is taken from the parties, for moderators alone to read."""

    reason: Reason


class VerdictBody(_Body, frozen=True, kw_only=True):
    """A verdict: `redact`, `restore` and `flag` need `target`, a message's id; `mute` and `unmute`
    need `user_id`; `until` (ms, an append time; null: until unmuted) goes with `mute` alone."""

    action: Action
    target: MessageIdField | None = None
    user_id: UserIdField | None = None
    until: Count | None = None
    reason: Reason


class ReviewBody(_Body, frozen=True, kw_only=True):
    """What becomes of a report or a flag, and whose it is from here on; null: nobody's."""

    state: log.ReviewState
    assignee: UserIdField | None = None
    note: Note = ""


class OriginalBody(_Body, frozen=True, kw_only=True):
    """Why an original is opened; that it was is written to the log."""

    reason: Reason


class ReportsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`assignee`: this moderator's alone. `after`: the `next` of the page before."""

    state: log.ReviewState = "open"
    assignee: UserIdField | UnsetType = UNSET
    after: Annotated[str, Meta(max_length=frames.CURSOR_CHARS_MAX)] | UnsetType = UNSET
    limit: frames.PageSize = 50

    def place(self) -> CasePlace | None:
        """After what the page begins. Raises `HttpError`."""
        try:
            return None if self.after is UNSET else case_place(self.after)
        except ForgedCursor:
            raise HttpError(ErrorCode.INVALID, "This cursor was not given out.") from None


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a participant, or a flag of a moderator or of a program that moderates."""

    id: MessageId
    order_id: OrderId
    seq: Seq
    at: int
    kind: Literal["report", "flag"]
    by: UserId
    target: MessageId
    reason: str
    """Of a report one of the protocol's words, of a flag any text."""
    note: str
    state: log.ReviewState
    assignee: UserId | None


class ReportsPage(msgspec.Struct, frozen=True):
    """Reports and flags of one state, the oldest first."""

    reports: Sequence[ReportLine]
    next: str | None
    """The cursor of the next page; null: there is none."""


class WrittenVerdict(msgspec.Struct, frozen=True):
    """The verdict as moderators see it."""

    event: frames.VerdictShown


class WrittenReview(msgspec.Struct, frozen=True):
    """The review as moderators see it."""

    event: frames.ReviewShown


class OpenedOriginal(msgspec.Struct, frozen=True):
    """What was sent, and the event that says who opened it."""

    text: str
    event: frames.LookShown


_REDACT: Final = msgspec.json.Decoder(RedactBody)
_VERDICT: Final = msgspec.json.Decoder(VerdictBody)
_REVIEW: Final = msgspec.json.Decoder(ReviewBody)
_ORIGINAL: Final = msgspec.json.Decoder(OriginalBody)
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "redact": ("target",),
    "restore": ("target",),
    "flag": ("target",),
    "mute": ("user_id",),
    "unmute": ("user_id",),
    "close": (),
    "reopen": (),
}
_TAKES: Final[Mapping[str, tuple[str, ...]]] = {"mute": ("until",)}
_VERDICTS: Final[Mapping[str, type[log.Verdict]]] = {
    log.TYPES[verdict]: verdict for verdict in log.Verdict.__args__
}


def read_redact(
    body: bytes, order_id: OrderId, target: MessageId, identity: Identity, limits: frames.Limits
) -> Attempt:
    """What a body asks to be taken away. Raises `HttpError`."""
    sent = decode_body(_REDACT, body)
    event = log.Redact(
        **common(order_id, identity.user_id, sent.id),
        target=target,
        reason=_clean(sent.reason, limits),
    )
    return Attempt(event)


def read_verdict(
    body: bytes, order_id: OrderId, identity: Identity, limits: frames.Limits
) -> Attempt:
    """The verdict a body gives. Raises `HttpError`."""
    sent = decode_body(_VERDICT, body)
    needs, takes = _NEEDS[sent.action], _TAKES.get(sent.action, ())
    fields: dict[str, Any] = {}
    for field in ("target", "user_id", "until"):
        value = getattr(sent, field)
        if value is None and field in needs:
            raise HttpError(ErrorCode.INVALID, f"`{sent.action}` needs `{field}`.")
        if value is not None and field not in needs + takes:
            raise HttpError(ErrorCode.INVALID, f"`{sent.action}` takes no `{field}`.")
        if field in needs + takes:
            fields[field] = value
    if sent.action == "restore":
        fields["text"] = ""  # filled in once the message was looked at
    event = _VERDICTS[sent.action](
        **common(order_id, identity.user_id, sent.id),
        **fields,
        reason=_clean(sent.reason, limits),
    )
    return Attempt(event)


def read_review(
    body: bytes, order_id: OrderId, target: MessageId, identity: Identity, limits: frames.Limits
) -> Attempt:
    """What a body says of a report or a flag. Raises `HttpError`."""
    sent = decode_body(_REVIEW, body)
    event = log.Review(
        **common(order_id, identity.user_id, sent.id),
        target=target,
        state=sent.state,
        assignee=sent.assignee,
        note=_clean(sent.note, limits, may_be_empty=True),
    )
    return Attempt(event)


def read_original(
    body: bytes, order_id: OrderId, target: MessageId, identity: Identity, limits: frames.Limits
) -> Attempt:
    """The look at an original that a body asks for. Raises `HttpError`."""
    sent = decode_body(_ORIGINAL, body)
    return make_look(
        common(order_id, identity.user_id, sent.id),
        "original",
        target,
        _clean(sent.reason, limits),
    )


def reports_of(entries: Sequence[Entry], limit: int) -> ReportsPage:
    """The first *limit* of *entries*, and where the others begin."""
    lines = [_line_of(entry) for entry in entries[:limit]]
    last = entries[limit - 1] if len(entries) > limit else None
    return ReportsPage(
        lines, None if last is None else case_cursor(CasePlace(last.at, last.order_id, last.seq))
    )


def _line_of(entry: Entry) -> ReportLine:
    event, case = entry.event, entry.case
    assert case is not None
    assert isinstance(event, log.Report | log.Flag)
    is_report = isinstance(event, log.Report)
    return ReportLine(
        id=event.id,
        order_id=event.order_id,
        seq=entry.seq,
        at=entry.at,
        kind="report" if is_report else "flag",
        by=event.by,
        target=event.target,
        reason=event.reason,
        note=event.note if isinstance(event, log.Report) else "",
        state=case.state,
        assignee=case.assignee,
    )


def _clean(text: str, limits: frames.Limits, *, may_be_empty: bool = False) -> str:
    try:
        return clean_text(text, limits, may_be_empty=may_be_empty)
    except TextRefused as refusal:
        raise HttpError(refusal.code, refusal.message) from None
