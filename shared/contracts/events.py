"""Records of `chat.timeline`: what was asked for, in the order it was written.

Whether an event stands is not in it: that is what `shared.conversation` finds out by folding.
Schemas grow by types and by fields with defaults; anything else raises `VERSION`
(`tests/wire/evolution.py` is the rule).
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from shared.contracts.ids import ClientId, Count, MessageId, OrderId, SeqField, UserId
from shared.contracts.topics import RECORD_BYTES_MAX

VERSION: Final = 1
"""Version of the record schema, in the header `v`."""

Capacity = Literal["participant", "moderator", "service"]
"""In which capacity a writer acted, set from the token."""

Action = Literal["read", "send", "attach", "edit", "delete"]
"""What the policy table grants to a role."""

Contact = Literal["allowed", "flagged", "masked", "refused"]
"""What becomes of contact details that a participant writes in an order's status."""

ReportReason = Literal["spam", "abuse", "off_platform", "other"]
ReviewState = Literal["open", "resolved", "dismissed"]
Looked = Literal["conversation", "original"]


class Participant(msgspec.Struct, frozen=True, gc=False):
    """A party of an order."""

    user_id: UserId
    role: str
    name: str
    avatar_url: str | None = None


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """A file that passed inspection. Links are minted per click, never stored."""

    id: str
    name: str
    content_type: str
    size: Count
    width: Count | None = None
    height: Count | None = None


# `gc=False` here and below: data that cannot refer to itself. The collector need not look through
# the many thousands of records that a gateway holds.
class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    order_id: OrderId
    by: UserId
    as_: Capacity = msgspec.field(name="as")


class _Identified(_Event, frozen=True, kw_only=True):
    id: MessageId
    base: Count
    """How many id-bearing records of the order had been folded when the id was checked."""


class _FromClient(_Identified, frozen=True, kw_only=True):
    client_id: ClientId


class OrderChanged(_Event, frozen=True, kw_only=True, tag="order"):
    """The order as it is from here on: status, parties, and what each role may do."""

    version: Count
    status: str
    previous_status: str | None
    title: str
    participants: tuple[Participant, ...]
    may: Mapping[str, tuple[Action, ...]]
    edit_window_ms: Count
    contact: Contact = "flagged"


class Message(_FromClient, frozen=True, kw_only=True, tag="message"):
    """Something said. `seen` is the number of the last message on the writer's screen."""

    seen: Count
    text: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: MessageId | None = None
    flags: tuple[str, ...] = ()
    """What held when it was taken: `contact:POLICY` unless that was `flagged`, and
    `masked:RULE@VERSION` for each rule that had something masked."""
    sealed: str | None = None
    """Of a text with something masked, what its writer sent; only moderators may have it opened."""


class Edit(_FromClient, frozen=True, kw_only=True, tag="edit"):
    """Another text for the writer's own message; `flags` and `sealed` as of a message."""

    target: MessageId
    text: str
    flags: tuple[str, ...] = ()
    sealed: str | None = None


class Delete(_FromClient, frozen=True, kw_only=True, tag="delete"):
    """The writer takes back an own message."""

    target: MessageId


class Read(_Event, frozen=True, kw_only=True, tag="read"):
    """The writer has seen everything up to message `n`, which stands at or before `up_to`."""

    up_to: SeqField
    n: Count


class Report(_FromClient, frozen=True, kw_only=True, tag="report"):
    """A participant calls a moderator's attention to a message."""

    target: MessageId
    reason: ReportReason
    note: str = ""


class Redact(_Identified, frozen=True, kw_only=True, tag="redact"):
    """A moderator takes a message's text and files from the parties."""

    target: MessageId
    reason: str


class Restore(_Identified, frozen=True, kw_only=True, tag="restore"):
    """A moderator gives a message back; `text` and `attachments` are what it shows again.

    They are filled in by the writer, as they stand when `base` is taken: should the message change
    before the restore's place in the log, the restore is void.
    """

    target: MessageId
    reason: str
    text: str
    attachments: tuple[Attachment, ...] = ()


class Flag(_Identified, frozen=True, kw_only=True, tag="flag"):
    """A moderator's note on a message; the parties never see it."""

    target: MessageId
    reason: str


class Mute(_Identified, frozen=True, kw_only=True, tag="mute"):
    """`user_id` may not write before `until` (append time in ms); null: until unmuted."""

    user_id: UserId
    until: Count | None
    reason: str


class Unmute(_Identified, frozen=True, kw_only=True, tag="unmute"):
    """`user_id` may write again."""

    user_id: UserId
    reason: str


class Close(_Identified, frozen=True, kw_only=True, tag="close"):
    """A moderator closes the conversation for its participants' writing."""

    reason: str


class Reopen(_Identified, frozen=True, kw_only=True, tag="reopen"):
    """A moderator opens the conversation again."""

    reason: str


class Review(_Identified, frozen=True, kw_only=True, tag="review"):
    """A moderator takes up a report or a flag (`target` is its id), gives it on, or settles it."""

    target: MessageId
    state: ReviewState
    assignee: UserId | None
    note: str = ""


class Look(_Identified, frozen=True, kw_only=True, tag="look"):
    """A moderator has looked into a conversation, or at what was sealed of its event `target`."""

    what: Looked
    target: MessageId | None = None
    reason: str = ""


Verdict = Redact | Restore | Flag | Mute | Unmute | Close | Reopen
AtTheDesk = Review | Look
"""What moderators do among themselves; the parties never see it, nor anything change by it."""
Event = OrderChanged | Message | Edit | Delete | Read | Report | Verdict | AtTheDesk
Identified = Message | Edit | Delete | Report | Verdict | AtTheDesk
"""Events that carry an id, and so can be recognised when they come again."""

TYPES: Final[dict[type[Event], str]] = {
    struct: str(struct.__struct_config__.tag) for struct in Event.__args__
}
_DECODERS: Final = {tag: msgspec.json.Decoder(struct) for struct, tag in TYPES.items()}
_ENCODER: Final = msgspec.json.Encoder()


DEPTH_MAX: Final = 32
"""How deep a record may nest. Without a bound of ours the interpreter's would decide, which depends
on how deep the caller stands: readers would disagree."""


class NotAnEvent(ValueError):
    """A record that does not decode under its own version: a dead letter, absent to all readers."""


class FromTheFuture(RuntimeError):
    """A record of a type or version this program does not know: the partition must stop here.

    Skipping it would make this reader disagree with newer ones for ever.
    """


def encode_event(event: Event) -> bytes:
    """The record value of *event*."""
    return _ENCODER.encode(event)


def decode_event(
    key: str | None, type_: str | None, version: int | None, value: bytes | None
) -> Event:
    """The event of a record, from its key, its headers `type` and `v`, and its value.

    Raises `NotAnEvent` or `FromTheFuture`. Every reader of the log calls this one function, so all
    agree on which records exist.
    """
    if key is None or type_ is None or version is None or value is None:
        raise NotAnEvent("key, type, v or value is missing")
    if version > VERSION or (version == VERSION and type_ not in _DECODERS):
        raise FromTheFuture(f"type {type_!r} at version {version}")
    if version < 1 or type_ not in _DECODERS:
        raise NotAnEvent(f"there is no type {type_!r} at version {version}")
    if len(value) > RECORD_BYTES_MAX:
        raise NotAnEvent(f"{len(value)} bytes are more than {RECORD_BYTES_MAX}")
    if _depth(value) > DEPTH_MAX:
        raise NotAnEvent(f"nested deeper than {DEPTH_MAX}")
    try:
        value.decode()  # all of it: a later version may know a field that is passed over here
        event = _DECODERS[type_].decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        # The library's own text may quote the value; its class and the type say enough.
        raise NotAnEvent(f"{type(error).__name__} in a record of type {type_!r}") from None
    if event.order_id != key:
        raise NotAnEvent("the key is not the event's order")
    return event


_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _depth(value: bytes) -> int:
    """How deep the brackets nest; the number of brackets where that is small already."""
    opened = value.count(b"[") + value.count(b"{")
    if opened <= DEPTH_MAX:
        return opened
    depth = deepest = 0
    for character in _STRING.sub(b"", value):
        if character in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in b"]}":
            depth -= 1
    return deepest
