"""The fold: what an order's records come to, told by the records alone.

Gateways, the archiver and the tests call this one function over the records of one order, in the
order they stand in the log, and over nothing else: no clock, no table, no setting. So they cannot
disagree about what stands, which number it has, or who has read it.

A verdict on a record already written never changes. New rules bind to a higher record version.
"""

from enum import StrEnum
from itertools import islice
from typing import Final

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import NOTHING, MessageId, OrderId, Seq, UserId

FOLD_VERSION: Final = 1
"""Stored in every snapshot; a snapshot of another version is not read but rebuilt."""

REMEMBERED: Final = 1_024
"""How many id-bearing records an order remembers, to know a copy when it comes."""

LATE_AFTER: Final = 1_000
"""A record checked longer ago than this many others is void. Below `REMEMBERED`, so that a copy
which is not late is always remembered; the difference is slack for nothing but peace of mind."""

QUIET_ABOVE: Final = 20
"""Orders with more participants than this neither show read marks nor presence."""


class Verdict(StrEnum):
    """What a record came to. All but `STANDS` are void: never shown, never numbered."""

    STANDS = "stands"
    COPY = "copy"  # its id is remembered; the record remembered has the verdict that counts
    LATE = "late"  # its id was checked too long ago to know; claims no id
    STALE = "stale"  # an order version or read mark that does not advance, or an outdated restore
    NOT_FOUND = "not_found"  # no such order, or no such message to act on
    FORBIDDEN = "forbidden"  # the writer may never do this here
    READ_ONLY = "read_only"  # not in this status, not any more, or not for now


# Asked for each record several times, and an enum's member costs a look-up in its class.
STANDS: Final = Verdict.STANDS
_ABOUT_A_TEXT: Final = (log.Edit, log.Delete, log.Redact, log.Restore)
_ABOUT_A_MESSAGE: Final = (log.Redact, log.Restore, log.Flag)
_UNSHOWN: Final = (log.Report, log.Flag, log.Review, log.Look)


class Claim(msgspec.Struct, array_like=True, gc=False):
    """An id that was used, as remembered."""

    place: int
    """How many id-bearing records there were with this one: the `base` of what comes next."""
    seq: Seq
    at: int
    by: UserId
    verdict: Verdict
    n: int
    """The message's number; 0 if this is no standing message."""
    gone: bool = False
    target: MessageId | None = None
    """The message whose text this changed, took or gave back, if it stands."""


class Mark(msgspec.Struct, array_like=True, gc=False):
    """How far a participant has read: message number `n`, at or before position `up_to`."""

    up_to: Seq
    n: int


class Outcome(msgspec.Struct, gc=False):
    """What folding one record told."""

    verdict: Verdict
    prev: Seq | None
    """Position of the previous event that participants see, null if there is none."""
    n: int = 0
    """A standing message's number, or the number a standing read mark counts as; else 0."""
    seen: int = 0
    """For a standing message, the number up to which its writer had read with it."""
    original: Claim | None = None
    """For a copy: the record remembered."""
    target: Seq = NOTHING
    """Where the message stands that this event acts on; nothing if it is not remembered."""
    shown: bool = False
    """Whether participants see it; false for all that is void, and for reports, flags and the read
    marks of large orders."""

    @property
    def stands(self) -> bool:
        """Whether the event is part of the conversation."""
        return self.verdict is STANDS


class Conversation(msgspec.Struct, dict=True):
    """The state of one order. Made empty, or from a snapshot; changed by `fold` alone."""

    order_id: OrderId
    version: int = FOLD_VERSION
    order: log.OrderChanged | None = None
    head: Seq = NOTHING
    """Position of the last record folded, void or not."""
    shown: Seq = NOTHING
    """Position of the last event that participants see."""
    n: int = 0
    """Number of the last message."""
    last: Seq = NOTHING
    """Position of the last message."""
    updated_at: int = 0
    """Append time of the last message or change of status, in ms."""
    places: int = 0
    """How many id-bearing records have been folded; copies and late ones take no place."""
    marks: dict[UserId, Mark] = {}
    muted: dict[UserId, int | None] = {}
    closed: bool = False
    remembered: dict[MessageId, Claim] = {}
    """Oldest first, at most `REMEMBERED`."""

    # What may be asked.

    def role_of(self, user_id: UserId) -> str | None:
        """The role of a participant; null for everybody else."""
        if self.order is None:
            return None
        for party in self.order.participants:
            if party.user_id == user_id:
                return party.role
        return None

    def may(self, user_id: UserId, action: log.Action) -> bool:
        """Whether the policy grants *action* to this participant in the order's status."""
        role = self.role_of(user_id)
        return (
            role is not None and self.order is not None and action in self.order.may.get(role, ())
        )

    def may_write(self, user_id: UserId, at: int) -> bool:
        """Whether a participant's message would stand if it were appended at *at*."""
        return self.may(user_id, "send") and not self.closed and not self._is_muted(user_id, at)

    @property
    def quiet(self) -> bool:
        """Whether the order has too many participants to show presence and read marks."""
        return self.order is not None and len(self.order.participants) > QUIET_ABOVE

    def unread(self, user_id: UserId) -> int:
        """How many messages stand above the user's mark: two numbers, nothing that drifts."""
        mark = self.marks.get(user_id)
        return self.n - (mark.n if mark else 0)

    def place_after(self, n: int) -> int | None:
        """The base of a first try whose writer has seen message *n*; null: look its id up."""
        if n == 0:
            return 0 if self.places <= LATE_AFTER else None
        claim = self._message(n)
        if claim is None or self.places - claim.place > LATE_AFTER:
            return None
        return claim.place

    def place_of(self, target: MessageId) -> int | None:
        """The base of a first try that acts on *target*; null: look its id up."""
        claim = self.remembered.get(target)
        if claim is None or self.places - claim.place > LATE_AFTER:
            return None
        return claim.place

    def message_at(self, up_to: Seq) -> Claim | None:
        """The last remembered message at or below a position."""
        for claim in reversed(self.remembered.values()):
            if claim.n and claim.seq <= up_to:
                return claim
        return None

    def judge(self, event: log.Identified, at: int) -> Verdict:
        """The verdict *event* would have if it stood next, copies and lateness aside.

        Gateways ask before they append a first try, so that what cannot stand need not be written.
        """
        match event:
            case log.Message():
                return self._judge_message(event, at)
            case log.Edit() | log.Delete():
                return self._judge_change(event, at)
            case log.Report():
                return self._judge_report(event)
            case log.Review() | log.Look():
                return self._judge_at_the_desk(event)
            case _:
                return self._judge_moderation(event)

    # What may be done.

    def fold(self, seq: Seq, at: int, event: log.Event) -> Outcome:
        """Take the next record: its position, its append time in ms, and what it says.

        Positions must rise; a record at or below `head` was folded before, and is an error here.
        """
        if seq <= self.head:
            raise ValueError(f"record {seq} is not above the head {self.head}")
        prev = self.shown or None
        if isinstance(event, log.OrderChanged):
            outcome = Outcome(self._change_order(event, at), prev)
        elif isinstance(event, log.Read):
            outcome = self._move_mark(event, prev)
        else:
            outcome = self._fold_identified(seq, at, event, prev)
        self.head = seq
        if outcome.verdict is STANDS and self._is_shown(event):
            outcome.shown = True
            self.shown = seq
        return outcome

    def _fold_identified(
        self, seq: Seq, at: int, event: log.Identified, prev: Seq | None
    ) -> Outcome:
        original = self.remembered.get(event.id)
        if original is not None:
            return Outcome(Verdict.COPY, prev, original=original)
        if self.places - event.base > LATE_AFTER:
            return Outcome(Verdict.LATE, prev)
        verdict = self.judge(event, at)
        claim = self._remember(event, seq, at, verdict)
        if verdict is not STANDS:
            return Outcome(verdict, prev)
        if isinstance(event, log.Message):
            seen = self._number(event, claim)
            return Outcome(verdict, prev, n=claim.n, seen=seen)
        target = NOTHING
        if isinstance(event, _ABOUT_A_TEXT):
            claim.target = event.target
            message = self.remembered.get(event.target)
            target = message.seq if message is not None else NOTHING
        self._apply(event)
        return Outcome(verdict, prev, target=target)

    def _remember(self, event: log.Identified, seq: Seq, at: int, verdict: Verdict) -> Claim:
        self.places += 1
        claim = Claim(place=self.places, seq=seq, at=at, by=event.by, verdict=verdict, n=0)
        if len(self.remembered) >= REMEMBERED:
            self._forget_oldest()
        self.remembered[event.id] = claim
        return claim

    def _forget_oldest(self) -> None:
        # Where a dictionary begins is found behind all that was deleted there, hundreds of places
        # by then: so that is done for many at once. They are no part of the state.
        oldest: list[MessageId] | None = self.__dict__.get("oldest")
        if not oldest:
            oldest = list(islice(self.remembered, 64))[::-1]
            self.__dict__["oldest"] = oldest
        del self.remembered[oldest.pop()]

    def _apply(self, event: log.Identified) -> None:
        """Carry out what stands and is no message."""
        match event:
            case log.Delete() | log.Redact():
                self._set_gone(event.target, True)
            case log.Restore():
                self._set_gone(event.target, False)
            case log.Mute():
                self.muted[event.user_id] = event.until
            case log.Unmute():
                self.muted.pop(event.user_id, None)
            case log.Close():
                self.closed = True
            case log.Reopen():
                self.closed = False
            case log.Edit() | log.Report() | log.Flag() | log.Review() | log.Look():
                pass  # what they change is not part of the state, see shared.timeline

    def _number(self, message: log.Message, claim: Claim) -> int:
        """Number a message, move its writer's mark, and answer how far its writer has read.

        Writing implies having read up to `seen`. Where nothing of somebody else's lies between,
        the own message is read too, so that nobody's own words count as unread.
        """
        before = self.n
        self.n = claim.n = before + 1
        self.last, self.updated_at = claim.seq, claim.at
        if message.as_ == "service":
            return 0
        mark = self.marks.get(message.by) or Mark(NOTHING, 0)
        seen = min(message.seen, before)
        if max(mark.n, seen) == before:
            mark = Mark(claim.seq, claim.n)
        elif seen > mark.n:
            read = self._message(seen)
            mark = Mark(mark.up_to if read is None else read.seq, seen)
        self.marks[message.by] = mark
        return mark.n

    def _message(self, n: int) -> Claim | None:
        """What is remembered of message number *n*, if anything."""
        # Each later message took a place of its own, and to step over these costs next to nothing.
        later = max(0, self.n - n)
        for claim in islice(reversed(self.remembered.values()), later, None):
            if claim.n == n:
                return claim
            if 0 < claim.n < n:
                break
        return None

    def _change_order(self, event: log.OrderChanged, at: int) -> Verdict:
        if event.as_ != "service":
            return Verdict.FORBIDDEN
        if self.order is not None and event.version <= self.order.version:
            return Verdict.STALE
        # Else it is the same order with another title, or published again for a new policy.
        if self.order is None or self.order.status != event.status:
            self.updated_at = at
        self.order = event
        return Verdict.STANDS

    def _move_mark(self, event: log.Read, prev: Seq | None) -> Outcome:
        if event.as_ != "participant" or not self.may(event.by, "read"):
            return Outcome(Verdict.FORBIDDEN, prev)
        mark = self.marks.get(event.by)
        n = min(event.n, self.n)
        if n <= (mark.n if mark else 0):
            return Outcome(Verdict.STALE, prev)
        self.marks[event.by] = Mark(event.up_to, n)
        return Outcome(Verdict.STANDS, prev, n=n)

    def _judge_message(self, event: log.Message, at: int) -> Verdict:
        if self.order is None:
            return Verdict.NOT_FOUND
        if event.as_ == "service":
            return Verdict.STANDS
        verdict = self._judge_writer(event, "send", at)
        if verdict is STANDS and event.attachments and not self.may(event.by, "attach"):
            return Verdict.READ_ONLY
        return verdict

    def _judge_change(self, event: log.Edit | log.Delete, at: int) -> Verdict:
        if self.order is None:
            return Verdict.NOT_FOUND
        if event.as_ != "service":
            action: log.Action = "edit" if isinstance(event, log.Edit) else "delete"
            verdict = self._judge_writer(event, action, at)
            if verdict is not STANDS:
                return verdict
        target = self.remembered.get(event.target)
        if target is None or not target.n or target.gone:
            return Verdict.NOT_FOUND
        if target.by != event.by:
            return Verdict.FORBIDDEN
        if at - target.at > self.order.edit_window_ms:
            return Verdict.READ_ONLY
        return Verdict.STANDS

    def _judge_writer(
        self, event: log.Message | log.Edit | log.Delete, action: log.Action, at: int
    ) -> Verdict:
        role = self.role_of(event.by)
        if event.as_ != "participant" or role is None or self.order is None:
            return Verdict.FORBIDDEN
        if self._is_muted(event.by, at):
            return Verdict.FORBIDDEN
        if self.closed or action not in self.order.may.get(role, ()):
            return Verdict.READ_ONLY
        return STANDS

    def _judge_report(self, event: log.Report) -> Verdict:
        if self.order is None:
            return Verdict.NOT_FOUND
        if event.as_ != "participant" or not self.may(event.by, "read"):
            return Verdict.FORBIDDEN
        return self._judge_target(event.target)

    def _judge_moderation(self, event: log.Verdict) -> Verdict:
        if self.order is None:
            return Verdict.NOT_FOUND
        if event.as_ == "participant":
            return Verdict.FORBIDDEN
        if isinstance(event, log.Restore) and self._changed_since(event.target, event.base):
            return Verdict.STALE
        if isinstance(event, _ABOUT_A_MESSAGE):
            return self._judge_target(event.target)
        return Verdict.STANDS

    def _judge_at_the_desk(self, event: log.AtTheDesk) -> Verdict:
        if self.order is None:
            return Verdict.NOT_FOUND
        if event.as_ == "participant":
            return Verdict.FORBIDDEN
        if isinstance(event, log.Look):
            return Verdict.STANDS
        claim = self.remembered.get(event.target)
        if claim is None:
            return Verdict.STANDS if self.places > REMEMBERED else Verdict.NOT_FOUND
        # Whether it is a report or a flag is not remembered: nothing else is changed by a review.
        return Verdict.STANDS if claim.verdict is STANDS and not claim.n else Verdict.NOT_FOUND

    def _judge_target(self, target: MessageId) -> Verdict:
        """A message too old to be remembered may be acted on; what is remembered must be one."""
        claim = self.remembered.get(target)
        if claim is None:
            return Verdict.STANDS if self.places > REMEMBERED else Verdict.NOT_FOUND
        return Verdict.STANDS if claim.n else Verdict.NOT_FOUND

    def _changed_since(self, target: MessageId, base: int) -> bool:
        """Whether a message changed after the text that a restore carries was looked at."""
        for claim in reversed(self.remembered.values()):
            if claim.place <= base:
                return False
            if claim.target == target:
                return True
        return False

    def _set_gone(self, target: MessageId, gone: bool) -> None:
        claim = self.remembered.get(target)
        if claim is not None:
            claim.gone = gone

    def _is_muted(self, user_id: UserId, at: int) -> bool:
        if user_id not in self.muted:
            return False
        until = self.muted[user_id]
        return until is None or at < until

    def _is_shown(self, event: log.Event) -> bool:
        """Whether a standing event is one that participants see, and so part of the chain."""
        if isinstance(event, log.Message):  # nearly always
            return True
        if isinstance(event, log.Read):
            return not self.quiet
        return not isinstance(event, _UNSHOWN)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Conversation)


class _Versioned(msgspec.Struct):
    version: int


_VERSION_DECODER: Final = msgspec.msgpack.Decoder(_Versioned)


def to_snapshot(conversation: Conversation) -> bytes:
    """The state as bytes; equal states give equal bytes."""
    return _ENCODER.encode(conversation)


class OtherFold(ValueError):
    """Another version of the fold wrote this snapshot."""


def from_snapshot(snapshot: bytes) -> Conversation:
    """The state a snapshot holds. Raises `OtherFold` if another version of the fold wrote it."""
    version = _VERSION_DECODER.decode(snapshot).version  # first: the rest may have another shape
    if version != FOLD_VERSION:
        raise OtherFold(
            f"the snapshot was written by fold version {version}, this is version "
            f"{FOLD_VERSION}: rebuild the store with `python -m chat_gateway.archiver --rebuild`"
        )
    return _DECODER.decode(snapshot)
