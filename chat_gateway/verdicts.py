"""What moderators write: the events that their requests stand for, and what these act on.

Whatever a moderator writes goes the way of every attempt; only what it acts on is looked at here,
since the fold remembers no texts and nothing that is long ago.
"""

from typing import Final, TypedDict

import msgspec

from chat_gateway.attempt import Attempt
from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId, message_id
from shared.conversation import Conversation
from shared.timeline import Entry

_NO_MESSAGE: Final = (ErrorCode.NOT_FOUND, "There is no such message.")
_NO_CASE: Final = (ErrorCode.NOT_FOUND, "There is no such report, and no such flag.")
_NOT_GONE: Final = (ErrorCode.CONFLICT, "This message is not gone.")
_NOBODY: Final = (ErrorCode.NOT_FOUND, "Nobody of this id takes part in the order.")


class Common(TypedDict):
    """What all events of moderators have."""

    order_id: OrderId
    by: UserId
    as_: log.Capacity
    id: MessageId
    base: int


class NothingToJudge(Exception):
    """What a verdict acts on is not there, or not so that it could."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def common(order_id: OrderId, by: UserId, client_id: ClientId) -> Common:
    """The fields of an event that the moderator *by* writes under an id of his own."""
    return Common(
        order_id=order_id,
        by=by,
        as_="moderator",
        id=message_id(order_id, by, client_id),
        base=0,
    )


def make_look(common: Common, what: log.Looked, target: MessageId | None, reason: str) -> Attempt:
    """That a moderator is about to look."""
    return Attempt(log.Look(**common, what=what, target=target, reason=reason))


def acts_on(event: log.Identified) -> MessageId | None:
    """What a moderator's event needs looked up before it is appended; null: nothing."""
    match event:
        case log.Redact() | log.Restore() | log.Flag() | log.Review():
            return event.target
        case _:
            return None


def completed(
    event: log.Identified, conversation: Conversation, target: Entry | None
) -> log.Identified:
    """*event* as it may be appended: *target* is what it acts on, as it stands now; null: not known
    here.

    A restore says what it gives back. The text is taken after the attempt's base was, so that the
    fold voids it if the message changes before it stands. Raises `NothingToJudge`.
    """
    match event:
        case log.Restore():
            return _given_back(event, target)
        case log.Mute(user_id=user_id) if conversation.role_of(user_id) is None:
            raise NothingToJudge(*_NOBODY)
        # Who reads the log may have met what this gateway has not: then its place in it decides.
        case log.Review() if target is not None and target.case is None:
            raise NothingToJudge(*_NO_CASE)
        case log.Redact() | log.Flag() if target is not None and not _is_message(target):
            raise NothingToJudge(*_NO_MESSAGE)
    return event


def _is_message(entry: Entry) -> bool:
    return entry.stands and isinstance(entry.event, log.Message)


def _given_back(event: log.Restore, target: Entry | None) -> log.Restore:
    if target is None or not target.stands or not isinstance(target.event, log.Message):
        raise NothingToJudge(*_NO_MESSAGE)
    if target.gone is None:
        raise NothingToJudge(*_NOT_GONE)
    message = target.event
    return msgspec.structs.replace(
        event,
        text=message.text if target.edited_text is None else target.edited_text,
        attachments=message.attachments,
    )
