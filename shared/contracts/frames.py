"""The websocket protocol, version 1: one tagged Struct per frame, named by what it says.

Frames from clients refuse unknown fields, so that a typing mistake is heard of at once; frames from
servers may grow fields, which clients pass over. `*_at`, `at` and `*_ms` are integer milliseconds.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.contracts.errors import ErrorCode, explain
from shared.contracts.events import (
    Action,
    Attachment,
    Looked,
    Participant,
    ReportReason,
    ReviewState,
)
from shared.contracts.ids import (
    ORDER_ID_PATTERN,
    SAFE_INTEGER,
    UUID_PATTERN,
    ClientId,
    ClientIdField,
    Count,
    MessageId,
    MessageIdField,
    OrderId,
    OrderIdField,
    Seq,
    SeqField,
    UserId,
    is_client_id,
    is_order_id,
)

PROTOCOL_VERSION: Final = 1
TOKEN_CHARS_MAX: Final = 16_384
NOTE_CHARS_MAX: Final = 1_000
CURSOR_CHARS_MAX: Final = 256
GRANT_CHARS_MAX: Final = 4_096

Ref = Annotated[int, Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
"""Picked by the client, repeated in the answer; it need not be unique."""
PageSize = Annotated[int, Meta(ge=1)]
Token = Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)]
Grant = Annotated[str, Meta(max_length=GRANT_CHARS_MAX)]
"""A statement of the attachment service that a file may be sent."""
Typing = Literal["text", "file"]
Gone = Literal["deleted", "redacted"]


class Limits(msgspec.Struct, frozen=True):
    """What this gateway takes at most. Rates are per user, sizes per item."""

    text_chars: int = 8_000
    text_bytes: int = 32_000
    frame_bytes: int = 65_536
    attachments: int = 10
    attachment_bytes: int = 104_857_600
    replay_events: int = 500
    page: int = 100
    orders_per_connection: int = 50
    sockets_per_user: int = 20
    messages_per_s: int = 50
    messages_burst: int = 200
    frames_per_s: int = 100
    frames_burst: int = 400


# From the client.


class _ClientFrame(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", gc=False
):
    pass


class Hello(_ClientFrame, frozen=True, kw_only=True, tag="hello"):
    """The first frame: who is there."""

    token: Token


class Auth(_ClientFrame, frozen=True, kw_only=True, tag="auth"):
    """A fresh token of the same user."""

    token: Token


class Join(_ClientFrame, frozen=True, kw_only=True, tag="join"):
    """Open an order: all after `after`, then live. 0 is "I have nothing", null the newest page."""

    ref: Ref
    order_id: OrderIdField
    after: SeqField | None = None
    limit: PageSize = 50


class Leave(_ClientFrame, frozen=True, kw_only=True, tag="leave"):
    """Close an order on this connection."""

    ref: Ref
    order_id: OrderIdField


class _Attempt(_ClientFrame, frozen=True, kw_only=True):
    """What is written to the log. `retry` says that `id` may have been sent before."""

    ref: Ref
    # A pattern that msgspec looks at costs as much as all the rest of decoding a message: at these
    # two `decode_client_frame` looks.
    order_id: Annotated[OrderId, Meta(extra_json_schema={"pattern": ORDER_ID_PATTERN})]
    id: Annotated[ClientId, Meta(extra_json_schema={"pattern": UUID_PATTERN})]
    retry: bool = False


class Send(_Attempt, frozen=True, kw_only=True, tag="send"):
    """Say something. `seen` is the number of the last message on the screen, null if not known."""

    text: str
    attachments: tuple[Grant, ...] = ()
    reply_to: MessageIdField | None = None
    seen: Count | None = None


class Edit(_Attempt, frozen=True, kw_only=True, tag="edit"):
    """Another text for an own message."""

    target: MessageIdField
    text: str


class Delete(_Attempt, frozen=True, kw_only=True, tag="delete"):
    """Take back an own message."""

    target: MessageIdField


class Report(_Attempt, frozen=True, kw_only=True, tag="report"):
    """Call a moderator's attention to a message."""

    target: MessageIdField
    reason: ReportReason
    note: Annotated[str, Meta(max_length=NOTE_CHARS_MAX)] = ""


class Read(_ClientFrame, frozen=True, kw_only=True, tag="read"):
    """Everything up to this position has been seen. No answer; the mark comes back as an event."""

    order_id: OrderIdField
    up_to: SeqField


class Type(_ClientFrame, frozen=True, kw_only=True, tag="typing"):
    """Somebody is typing, or uploading; repeat every 3 s. No answer."""

    order_id: OrderIdField
    what: Typing


class History(_ClientFrame, frozen=True, kw_only=True, tag="history"):
    """A page below `before`, or with `after` a replay of the open range, oldest first."""

    ref: Ref
    order_id: OrderIdField
    before: SeqField | None = None
    after: SeqField | None = None
    limit: PageSize = 50


class Inbox(_ClientFrame, frozen=True, kw_only=True, tag="inbox"):
    """The Messages area; also subscribes this connection to its changes."""

    ref: Ref
    limit: PageSize = 30
    before: Annotated[str, Meta(max_length=CURSOR_CHARS_MAX)] | None = None


Attempt = Send | Edit | Delete | Report
ClientFrame = Hello | Auth | Join | Leave | Attempt | Read | Type | History | Inbox


# Events, as they are shown: tagged by `type`, and `op` is always "event".


class _Shown(msgspec.Struct, kw_only=True, tag_field="type", gc=False):
    op: Literal["event"] = "event"
    order_id: OrderId
    seq: Seq
    prev: Seq | None
    """Position of the order's previous event that participants see; null for the first."""
    at: int
    by: UserId


class OrderShown(_Shown, kw_only=True, tag="order"):
    """The order changed: status, parties, what each role may do."""

    version: int
    status: str
    previous_status: str | None
    title: str
    participants: tuple[Participant, ...]
    may: Mapping[str, tuple[Action, ...]]
    edit_window_ms: int


class MessageShown(_Shown, kw_only=True, tag="message"):
    """Message number `n`. `seen` is the number up to which its writer had read with it."""

    id: MessageId
    client_id: ClientId
    n: int
    seen: int
    text: str
    attachments: tuple[Attachment, ...]
    reply_to: MessageId | None
    edited_at: int | None
    gone: Gone | None
    first_text: str | UnsetType = UNSET
    """What it said before it was edited, for moderators alone; each edit tells its own text."""


class EditShown(_Shown, kw_only=True, tag="edit"):
    """A message was edited. A replayed edit has its text only while it is the latest."""

    id: MessageId
    client_id: ClientId
    target: MessageId
    text: str | None


class DeleteShown(_Shown, kw_only=True, tag="delete"):
    """A message was taken back by its writer."""

    id: MessageId
    client_id: ClientId
    target: MessageId


class ReadShown(_Shown, kw_only=True, tag="read"):
    """Somebody has read up to message number `n`."""

    up_to: Seq
    n: int


class ReportShown(_Shown, kw_only=True, tag="report"):
    """A report, to its writer and to moderators. It does not move the position."""

    id: MessageId
    client_id: ClientId
    target: MessageId
    reason: ReportReason
    note: str


class _VerdictShown(_Shown, kw_only=True):
    id: MessageId
    reason: str | None
    """For moderators alone; null for the parties, whose `by` is "moderation"."""


class RedactShown(_VerdictShown, kw_only=True, tag="redact"):
    """A message's text and files were taken from the parties."""

    target: MessageId


class RestoreShown(_VerdictShown, kw_only=True, tag="restore"):
    """A message is back. A replayed restore has its text only while nothing later changed it."""

    target: MessageId
    text: str | None
    attachments: tuple[Attachment, ...]


class FlagShown(_VerdictShown, kw_only=True, tag="flag"):
    """A moderator's note on a message, to moderators. It does not move the position."""

    target: MessageId


class MuteShown(_VerdictShown, kw_only=True, tag="mute"):
    """Somebody may not write until then; null: until unmuted."""

    user_id: UserId
    until: int | None


class UnmuteShown(_VerdictShown, kw_only=True, tag="unmute"):
    """Somebody may write again."""

    user_id: UserId


class CloseShown(_VerdictShown, kw_only=True, tag="close"):
    """The conversation is closed for writing."""


class ReopenShown(_VerdictShown, kw_only=True, tag="reopen"):
    """The conversation is open again."""


class ReviewShown(_Shown, kw_only=True, tag="review"):
    """A report or a flag was taken up or settled, to moderators. It does not move the position."""

    id: MessageId
    target: MessageId
    state: ReviewState
    assignee: UserId | None
    note: str


class LookShown(_Shown, kw_only=True, tag="look"):
    """A moderator looked into the conversation, to moderators. It does not move the position."""

    id: MessageId
    what: Looked
    target: MessageId | None
    reason: str


VerdictShown = (
    RedactShown | RestoreShown | FlagShown | MuteShown | UnmuteShown | CloseShown | ReopenShown
)
EventShown = (
    OrderShown
    | MessageShown
    | EditShown
    | DeleteShown
    | ReadShown
    | ReportShown
    | VerdictShown
    | ReviewShown
    | LookShown
)


# From the server.


class _ServerFrame(msgspec.Struct, kw_only=True, tag_field="op"):
    pass


class Welcome(_ServerFrame, kw_only=True, tag="welcome"):
    """The token is good."""

    user_id: UserId
    session_id: str
    heartbeat_s: int
    limits: Limits


class OrderHeader(msgspec.Struct, kw_only=True):
    """The order as its page shows it."""

    order_id: OrderId
    title: str
    status: str
    version: int
    participants: tuple[Participant, ...]


class You(msgspec.Struct, kw_only=True):
    """What the reader may do now."""

    role: str
    can_send: bool
    can_attach: bool
    can_edit: bool
    can_delete: bool
    edit_window_ms: int
    """How long after a message it may be edited or deleted."""
    closed: bool = False
    """A moderator closed the conversation for everybody; then nothing of the above is true."""
    muted: bool = False
    """A moderator took the right to write from the reader, whatever stands above."""
    muted_until: int | None = None
    """When a mute ends by itself; it may have ended."""


class ReadMark(msgspec.Struct, kw_only=True):
    """How far somebody has read."""

    user_id: UserId
    up_to: Seq
    n: int


class Joined(_ServerFrame, kw_only=True, tag="joined"):
    """An order is open; `head` is the `prev` of the next live event."""

    ref: int
    order_id: OrderId
    order: OrderHeader
    you: You
    events: list[EventShown]
    head: Seq
    complete: bool
    """Nothing older exists (newest page), or nothing is missing (replay)."""
    reset: bool
    """What the client held does not connect to this: start over from these events."""
    reads: list[ReadMark]
    online: list[UserId] | None
    unread: int
    n: int


class Page(_ServerFrame, kw_only=True, tag="page"):
    """An answer to `history`."""

    ref: int
    order_id: OrderId
    events: list[EventShown]
    complete: bool


class ConversationSummary(msgspec.Struct, kw_only=True):
    """A conversation as a line of the Messages area."""

    order_id: OrderId
    title: str
    status: str
    participants: tuple[Participant, ...]
    last: EventShown | None
    n: int
    unread: int
    updated_at: int


class InboxPage(_ServerFrame, kw_only=True, tag="inbox"):
    """An answer to `inbox`; `unread_total` stops at 1,000."""

    ref: int
    conversations: list[ConversationSummary]
    unread_total: int
    next: str | None


class ConversationChanged(_ServerFrame, kw_only=True, tag="conversation"):
    """A line of the Messages area changed."""

    order_id: OrderId
    title: str
    status: str
    participants: tuple[Participant, ...]
    last: EventShown | None
    n: int
    unread: int
    updated_at: int
    unread_total: int


class TypingShown(_ServerFrame, kw_only=True, tag="typing"):
    """Somebody is typing, or uploading; forget it after 6 s."""

    order_id: OrderId
    user_id: UserId
    what: Typing


class Presence(_ServerFrame, kw_only=True, tag="presence"):
    """A participant opened the order somewhere, or has left it everywhere."""

    order_id: OrderId
    user_id: UserId
    online: bool


class Beat(_ServerFrame, kw_only=True, tag="beat"):
    """A sign of life, with the heads of the joined orders. A head above the client's own: something
    was missed."""

    heads: dict[OrderId, Seq]


class Refused(_ServerFrame, kw_only=True, tag="refused"):
    """This attempt will never be shown. With `retry`, the same id may be sent again."""

    ref: int | None
    id: ClientId | None = None
    code: ErrorCode
    message: str
    retry: bool
    retry_after_ms: int | None = None


class Unknown(_ServerFrame, kw_only=True, tag="unknown"):
    """No answer in time: send the same id again with `"retry":true`."""

    ref: int
    id: ClientId
    retry_after_ms: int


class Done(_ServerFrame, kw_only=True, tag="done"):
    """The report was taken."""

    ref: int
    seq: Seq


class Left(_ServerFrame, kw_only=True, tag="left"):
    """The order is closed on this connection; `forbidden`: access was withdrawn.

    Who lists conversations also gets the latter for one that is not joined: it leaves the list.
    """

    ref: int | None
    order_id: OrderId
    code: ErrorCode | None


class Goodbye(_ServerFrame, kw_only=True, tag="goodbye"):
    """This gateway is going away; come back after the time given."""

    code: Literal["restart"]
    reconnect_after_ms: int


ServerFrame = (
    Welcome
    | Joined
    | Page
    | InboxPage
    | ConversationChanged
    | TypingShown
    | Presence
    | Beat
    | Refused
    | Unknown
    | Done
    | Left
    | Goodbye
)
"""Everything a server sends but events, which are tagged by `type` (`EventShown`)."""

_CLIENT_DECODER: Final[msgspec.json.Decoder[ClientFrame]] = msgspec.json.Decoder(ClientFrame)
_SERVER_DECODER: Final[msgspec.json.Decoder[ServerFrame]] = msgspec.json.Decoder(ServerFrame)
_EVENT_DECODER: Final[msgspec.json.Decoder[EventShown]] = msgspec.json.Decoder(EventShown)
_ENCODER: Final = msgspec.json.Encoder()


class MalformedFrame(ValueError):
    """A client frame that is not one of ours. Its text names the field, never the field's value."""


def decode_client_frame(data: bytes | str) -> ClientFrame:
    """The frame a client sent. Raises `MalformedFrame`."""
    try:
        frame = _CLIENT_DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MalformedFrame(explain(error, "frame")) from None
    if isinstance(frame, _Attempt):
        if not is_order_id(frame.order_id):
            raise _unlike(ORDER_ID_PATTERN, "order_id") from None
        if not is_client_id(frame.id):
            raise _unlike(UUID_PATTERN, "id") from None
    return frame


def _unlike(pattern: str, field: str) -> MalformedFrame:
    return MalformedFrame(f"Expected `str` matching regex {pattern!r} at $.{field}.")


def salvage(data: bytes | str) -> tuple[int | None, ClientId | None]:
    """The `ref` and `id` of a malformed frame where they can be made out, so that its sender can
    tell which one it was."""
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None, None
    return envelope.ref, envelope.id


def decode_server_frame(data: bytes | str) -> ServerFrame | EventShown:
    """The frame a server sent, events included (for clients written in Python, and for tests).

    Raises `msgspec.DecodeError`, for an `op` or `type` of a later version too.
    """
    peek = msgspec.json.decode(data, type=_Peek)
    return _EVENT_DECODER.decode(data) if peek.op == "event" else _SERVER_DECODER.decode(data)


def encode_frame(frame: ClientFrame | ServerFrame | EventShown) -> bytes:
    """The compact UTF-8 of a frame."""
    return _ENCODER.encode(frame)


class _Envelope(msgspec.Struct):
    ref: Ref | None = None
    id: ClientIdField | None = None


class _Peek(msgspec.Struct):
    op: str
