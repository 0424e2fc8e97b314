"""What a client asks to be written: the event it stands for, and whether two ask for the same."""

from collections.abc import Mapping
from sys import intern
from typing import Final, TypedDict, TypeVar, assert_never

import msgspec

from chat_gateway.text import clean_text
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId, message_id
from shared.grants import Grant

_Texted = TypeVar("_Texted", frames.Send, frames.Edit, frames.Report)


class Attempt(msgspec.Struct, gc=False):
    """Something that is to be written, by a frame or by an HTTP request."""

    event: log.Identified
    """Its base is filled in when it is appended."""
    ref: int = 0
    seen: int | None = None
    """Of a message: the number of the last one its writer had on the screen; null: not known."""
    retry: bool = False
    """Whether a record of it may be in the log already."""
    grants: tuple[Grant, ...] = ()
    """Of a message: what its attachments are sent by, each genuine or not."""
    since_ms: int = 0
    """When its client sent it last."""
    turn: int = 0
    """Its place among its lane's attempts; an id sent again keeps the place it had."""

    @property
    def target(self) -> MessageId | None:
        """The message it acts on; null for what acts on none."""
        return getattr(self.event, "target", None)


class _Common(TypedDict):
    order_id: OrderId
    by: UserId
    as_: log.Capacity
    id: MessageId
    client_id: ClientId
    base: int


def make_attempt(
    frame: frames.Attempt, by: UserId, as_: log.Capacity, grants: tuple[Grant, ...] = ()
) -> Attempt:
    """What *by* asks for with a frame, in this capacity: both come from the token alone.

    Its *grants* are believed here, so that a message that stands is found by what it says, even if
    they expired since.
    """
    seen = frame.seen if isinstance(frame, frames.Send) else None
    return Attempt(_event(frame, by, as_, grants), frame.ref, seen, frame.retry, grants)


def _event(
    frame: frames.Attempt, by: UserId, as_: log.Capacity, grants: tuple[Grant, ...]
) -> log.Identified:
    # One text for all that is remembered of an order.
    order_id = OrderId(intern(frame.order_id))
    id_ = message_id(order_id, by, frame.id)
    if isinstance(frame, frames.Send):  # nearly always
        return log.Message(
            order_id=order_id,
            by=by,
            as_=as_,
            id=id_,
            client_id=frame.id,
            base=0,
            seen=frame.seen or 0,
            text=frame.text,
            attachments=tuple([grant.attachment for grant in grants]),
            reply_to=frame.reply_to,
        )
    common = _Common(order_id=order_id, by=by, as_=as_, id=id_, client_id=frame.id, base=0)
    match frame:
        case frames.Edit(target=target, text=text):
            return log.Edit(**common, target=target, text=text)
        case frames.Delete(target=target):
            return log.Delete(**common, target=target)
        case frames.Report(target=target, reason=reason, note=note):
            return log.Report(**common, target=target, reason=reason, note=note)
        case _:
            assert_never(frame)


_ASKED: Final[Mapping[type[log.Event], tuple[str, ...]]] = {
    log.Message: ("text", "attachments", "reply_to"),
    log.Edit: ("target", "text"),
    log.Delete: ("target",),
    log.Report: ("target", "reason", "note"),
    log.Redact: ("target", "reason"),
    log.Restore: ("target", "reason"),
    log.Flag: ("target", "reason"),
    log.Mute: ("user_id", "until", "reason"),
    log.Unmute: ("user_id", "reason"),
    log.Close: ("reason",),
    log.Reopen: ("reason",),
    log.Review: ("target", "state", "assignee", "note"),
    log.Look: ("what", "target", "reason"),
}
"""Of each event what its writer asked for; the rest was filled in here."""


def same_request(one: log.Event, other: log.Event) -> bool:
    """Whether two events of one id ask for the same thing."""
    if isinstance(one, log.Message) and isinstance(other, log.Message):  # nearly always
        return (
            one.text == other.text
            and one.attachments == other.attachments
            and one.reply_to == other.reply_to
        )
    return type(one) is type(other) and all(
        getattr(one, field) == getattr(other, field) for field in _ASKED[type(one)]
    )


def client_id_of(event: log.Identified) -> ClientId:
    """The id its writer knows it by; what moderators write does not record that, and goes by its
    own."""
    return ClientId(getattr(event, "client_id", event.id))


def cleaned(frame: frames.Attempt, limits: frames.Limits) -> frames.Attempt:
    """The frame with its text as it is stored. Raises `TextRefused`."""
    if isinstance(frame, frames.Send):  # nearly always
        text = clean_text(frame.text, limits, may_be_empty=bool(frame.attachments))
        return frame if text is frame.text else _with_text(frame, "text", text)
    match frame:
        case frames.Edit(text=text):
            return _with_text(frame, "text", clean_text(text, limits))
        case frames.Report(note=note):
            return _with_text(frame, "note", clean_text(note, limits, may_be_empty=True))
        case frames.Delete():
            return frame
        case _:
            assert_never(frame)


def _with_text(frame: _Texted, field: str, text: str) -> _Texted:
    if getattr(frame, field) == text:  # nearly always: no copy then
        return frame
    return msgspec.structs.replace(frame, **{field: text})
