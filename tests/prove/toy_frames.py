"""What the toy says, and what it writes: frames and events made of what is given."""

from collections.abc import Sequence

from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import MessageId, UserId
from shared.conversation import Conversation
from shared.timeline import Entry, show
from tests.prove.story import ORDER


def joined(
    ref: int,
    state: Conversation,
    order: log.OrderChanged,
    user_id: UserId,
    shown: Sequence[Entry],
    complete: bool,
) -> frames.Joined:
    """The answer to a join."""
    return frames.Joined(
        ref=ref,
        order_id=ORDER,
        order=frames.OrderHeader(
            order_id=ORDER,
            title=order.title,
            status=order.status,
            version=order.version,
            participants=order.participants,
        ),
        you=frames.You(
            role=state.role_of(user_id) or "",
            can_send=True,
            can_attach=False,
            can_edit=True,
            can_delete=True,
            edit_window_ms=order.edit_window_ms,
        ),
        events=[show(entry) for entry in shown],
        head=state.shown,
        complete=complete,
        reset=False,
        reads=[
            frames.ReadMark(user_id=reader, up_to=mark.up_to, n=mark.n)
            for reader, mark in state.marks.items()
        ],
        online=None,
        unread=state.unread(user_id),
        n=state.n,
    )


def event_of(
    by: UserId, id_: MessageId, frame: frames.Send | frames.Edit, base: int
) -> log.Message | log.Edit:
    """What a frame writes to the log."""
    if isinstance(frame, frames.Send):
        return log.Message(
            order_id=ORDER,
            by=by,
            as_="participant",
            id=id_,
            client_id=frame.id,
            base=base,
            seen=frame.seen or 0,
            text=frame.text,
        )
    return log.Edit(
        order_id=ORDER,
        by=by,
        as_="participant",
        id=id_,
        client_id=frame.id,
        base=base,
        target=frame.target,
        text=frame.text,
    )


def tag_of(entry: Entry) -> str:
    """The type of an entry's event."""
    return log.TYPES[type(entry.event)]


def refused(ref: int, code: ErrorCode, *, retry: bool) -> frames.Refused:
    """A refusal of what is no attempt."""
    return frames.Refused(ref=ref, code=code, message="", retry=retry, retry_after_ms=0)


def put_off(frame: frames.Attempt) -> frames.Unknown | frames.Refused:
    """Not now: what may be in the log already is never refused for that."""
    if frame.retry:
        return frames.Unknown(ref=frame.ref, id=frame.id, retry_after_ms=0)
    return frames.Refused(
        ref=frame.ref, id=frame.id, code=ErrorCode.BUSY, message="", retry=True, retry_after_ms=0
    )
