"""What HTTP callers of the gateway send and are answered."""

from collections.abc import Sequence
from typing import Annotated, Final, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_gateway.attachments import read_grants
from chat_gateway.attempt import Attempt, cleaned, make_attempt
from chat_gateway.cursors import ForgedCursor, inbox_place
from chat_gateway.inbox_reads import Listing
from chat_gateway.seam import Opened, Query
from chat_gateway.text import TextRefused
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
    SeqField,
)
from shared.grants import Grants
from shared.http import HttpError, decode_body
from shared.store.port import InboxPlace
from shared.tokens import Identity

BODY_BYTES_MAX: Final = frames.Limits().frame_bytes


class MessagesQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Neither: the newest messages and order changes. `before`: the page below it. `after`:
    everything above it, oldest first; if that is too much the newest page, with `reset`."""

    before: SeqField | UnsetType = UNSET
    after: SeqField | UnsetType = UNSET
    limit: frames.PageSize = 50

    def query(self, page: int) -> Query:
        """What is asked of the seam; limits over the largest are taken as that."""
        return Query(
            after=None if self.after is UNSET else self.after,
            before=None if self.before is UNSET else self.before,
            limit=min(self.limit, page),
        )


class InboxQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`before`: the `next` of the page above."""

    limit: frames.PageSize = 30
    before: Annotated[str, Meta(max_length=frames.CURSOR_CHARS_MAX)] | UnsetType = UNSET

    def place(self) -> InboxPlace | None:
        """After what the page begins. Raises `HttpError`."""
        try:
            return None if self.before is UNSET else inbox_place(self.before)
        except ForgedCursor:
            raise HttpError(ErrorCode.INVALID, "This cursor was not given out.") from None


class MessageBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A message: the frame `send` without what a websocket needs."""

    id: ClientIdField
    """A UUID the caller makes before its first try; whatever was sent under it is sent once."""
    text: str
    attachments: tuple[frames.Grant, ...] = ()
    reply_to: MessageIdField | None = None
    seen: Count | None = None


class MessagesPage(msgspec.Struct, frozen=True):
    """A stretch of an order's timeline, rising by `seq`."""

    events: Sequence[frames.EventShown]
    complete: bool
    """Nothing older exists (pages), or nothing is missing (replays)."""
    head: Seq
    """Position of the order's last visible event."""
    reset: bool
    """What the caller held does not connect to this: start over from these events."""


class InboxPage(msgspec.Struct, frozen=True):
    """The caller's conversations, the newest first."""

    conversations: Sequence[frames.ConversationSummary]
    unread_total: int
    """Of all conversations; stops at 1,000."""
    next: str | None
    """The cursor of the next page; null: there is none."""


class CarriedFile(msgspec.Struct, frozen=True):
    """A file, and a message that carries it."""

    attachment_id: str
    message_id: MessageId


class WrittenMessage(msgspec.Struct, frozen=True):
    """The message as it stands now."""

    event: frames.MessageShown


_MESSAGE: Final = msgspec.json.Decoder(MessageBody)


def read_message(
    body: bytes,
    order_id: OrderId,
    identity: Identity,
    limits: frames.Limits,
    grants: Grants | None,
) -> Attempt:
    """What a body asks to be said. Raises `HttpError`."""
    sent = decode_body(_MESSAGE, body)
    as_: log.Capacity = "service" if "service" in identity.roles else "participant"
    frame = frames.Send(
        ref=0,
        order_id=order_id,
        id=sent.id,
        text=sent.text,
        attachments=sent.attachments,
        reply_to=sent.reply_to,
        seen=sent.seen,
    )
    try:
        granted = read_grants(frame, limits, grants)
        return make_attempt(cleaned(frame, limits), identity.user_id, as_, granted)
    except TextRefused as refusal:
        raise HttpError(refusal.code, refusal.message) from None


# msgspec puts ready-made JSON where a Raw stands; the declared type is what the reader decodes.


def page_of(opened: Opened) -> MessagesPage:
    """An answer of the seam; its events are encoded already."""
    return MessagesPage(
        events=cast(
            Sequence[frames.EventShown],
            [msgspec.Raw(shown.frame) for shown in opened.answer.events],
        ),
        complete=opened.answer.complete,
        head=opened.room.conversation.shown,
        reset=opened.answer.reset,
    )


def inbox_of(listing: Listing) -> InboxPage:
    """A page of an inbox; its lines are encoded already."""
    return InboxPage(
        conversations=cast(
            Sequence[frames.ConversationSummary],
            [msgspec.Raw(line) for line in listing.lines],
        ),
        unread_total=listing.unread_total,
        next=listing.cursor,
    )
