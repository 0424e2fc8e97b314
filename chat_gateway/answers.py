"""Answers that carry events: each event is encoded once, when it is chosen."""

from typing import cast

import msgspec

from chat_gateway.seam import Answer, Opened
from shared.contracts import frames
from shared.contracts.ids import UserId
from shared.conversation import Conversation


def encode_joined(
    join: frames.Join, opened: Opened, reader: UserId, online: list[UserId] | None
) -> bytes:
    """The frame that opens an order, as its conversation stands this moment."""
    conversation, answer = opened.room.conversation, opened.answer
    order = conversation.order
    assert order is not None  # nobody may read an order that is not there
    return frames.encode_frame(
        frames.Joined(
            ref=join.ref,
            order_id=join.order_id,
            order=frames.OrderHeader(
                order_id=order.order_id,
                title=order.title,
                status=order.status,
                version=order.version,
                participants=order.participants,
            ),
            you=_you(conversation, reader),
            events=_events(answer),
            head=conversation.shown,
            complete=answer.complete,
            reset=answer.reset,
            reads=[
                frames.ReadMark(user_id=party.user_id, up_to=mark.up_to, n=mark.n)
                for party in order.participants
                if (mark := conversation.marks.get(party.user_id)) is not None
            ],
            online=_online(conversation, online),
            unread=conversation.unread(reader) if conversation.role_of(reader) else 0,
            n=conversation.n,
        )
    )


def encode_page(request: frames.History, answer: Answer) -> bytes:
    """The frame that answers a request for history."""
    return frames.encode_frame(
        frames.Page(
            ref=request.ref,
            order_id=request.order_id,
            events=_events(answer),
            complete=answer.complete,
        )
    )


def _online(conversation: Conversation, online: list[UserId] | None) -> list[UserId] | None:
    if online is None or conversation.quiet:
        return None
    return [user_id for user_id in online if conversation.role_of(user_id) is not None]


def _you(conversation: Conversation, reader: UserId) -> frames.You:
    open_ = not conversation.closed
    return frames.You(
        role=conversation.role_of(reader) or "moderator",
        can_send=open_ and conversation.may(reader, "send"),
        can_attach=open_ and conversation.may(reader, "attach"),
        can_edit=open_ and conversation.may(reader, "edit"),
        can_delete=open_ and conversation.may(reader, "delete"),
        edit_window_ms=conversation.order.edit_window_ms if conversation.order else 0,
        closed=conversation.closed,
        muted=reader in conversation.muted,
        muted_until=conversation.muted.get(reader),
    )


def _events(answer: Answer) -> list[frames.EventShown]:
    # msgspec puts ready-made JSON where a Raw stands; the declared type is what the reader decodes.
    return cast(list[frames.EventShown], [msgspec.Raw(shown.frame) for shown in answer.events])
