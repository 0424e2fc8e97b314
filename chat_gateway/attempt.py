"""What a client asks to be written: the event it stands for, and whether two ask for the same."""

from typing import TypedDict, assert_never

import msgspec

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId


class Attempt(msgspec.Struct, gc=False):
    """A frame that asks for something to be written."""

    frame: frames.Attempt
    event: log.Identified
    turn: int
    """Its place among its lane's attempts; an id sent again keeps the place it had."""
    retry: bool
    """Whether a record of it may be in the log already."""


class _Common(TypedDict):
    order_id: OrderId
    by: UserId
    as_: log.Capacity
    id: MessageId
    client_id: ClientId
    base: int


def make_event(frame: frames.Attempt, id_: MessageId, by: UserId) -> log.Identified:
    """The event a participant's frame asks for; its base is filled in when it is appended.

    Writer and capacity come from the token alone: frames have no such fields.
    """
    common = _Common(
        order_id=frame.order_id, by=by, as_="participant", id=id_, client_id=frame.id, base=0
    )
    match frame:
        case frames.Send(text=text, reply_to=reply_to, seen=seen):
            return log.Message(**common, seen=seen or 0, text=text, reply_to=reply_to)
        case frames.Edit(target=target, text=text):
            return log.Edit(**common, target=target, text=text)
        case frames.Delete(target=target):
            return log.Delete(**common, target=target)
        case frames.Report(target=target, reason=reason, note=note):
            return log.Report(**common, target=target, reason=reason, note=note)
        case _:
            assert_never(frame)


def same_request(one: log.Event, other: log.Event) -> bool:
    """Whether two events of one id ask for the same thing."""
    match one, other:
        case log.Message(), log.Message():
            return (one.text, one.attachments, one.reply_to) == (
                other.text,
                other.attachments,
                other.reply_to,
            )
        case log.Edit(), log.Edit():
            return (one.target, one.text) == (other.target, other.text)
        case log.Delete(), log.Delete():
            return one.target == other.target
        case log.Report(), log.Report():
            return (one.target, one.reason, one.note) == (other.target, other.reason, other.note)
        case _:
            return False


def client_id_of(event: log.Identified) -> ClientId:
    """The id its writer knows it by; lanes carry nothing but what clients send."""
    assert isinstance(event, log.Message | log.Edit | log.Delete | log.Report)
    return event.client_id
