"""The rules of the fold, written a second time: slowly, from all records, with nothing forgotten.

Where `shared.conversation` keeps a state, this model asks the whole past. Read marks are sets of
message numbers, so "unread" is counted by hand. Both must come to the same, record by record.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import MessageId, Seq, UserId
from shared.conversation import Verdict
from tests.shared.story import Record

# The numbers of the protocol, not those of the code: whoever changes one changes the rules.
LATE_AFTER: Final = 1_000
REMEMBERED: Final = 1_024
QUIET_ABOVE: Final = 20


class Told(msgspec.Struct, frozen=True):
    """A record of the past and what it came to."""

    record: Record
    verdict: Verdict
    prev: Seq | None
    shown: bool
    n: int
    place: int

    @property
    def stands(self) -> bool:
        return self.verdict == "stands"


class NaiveConversation:
    """All that was ever told about an order."""

    def __init__(self) -> None:
        self.past: list[Told] = []
        self.claims: dict[MessageId, Told] = {}
        self.places = 0
        self.messages = 0
        self.read: dict[UserId, set[int]] = {}
        self._moderation: list[log.Event] = []
        self._orders: list[log.OrderChanged] = []
        self._shown: list[Seq] = []
        self._moves: dict[MessageId, list[Told]] = {}

    def fold(self, record: Record) -> Told:
        """Take the next record."""
        event = record.event
        verdict = self._verdict(event, record.at)
        claims = isinstance(event, log.Identified) and verdict not in ("copy", "late")
        stands = verdict == "stands"
        self.places += claims
        if stands and isinstance(event, log.OrderChanged):
            self._orders.append(event)
        is_message = stands and isinstance(event, log.Message)
        self.messages += is_message
        shown = stands and self._is_public(event)
        told = Told(
            record=record,
            verdict=Verdict(verdict),
            prev=self._shown[-1] if self._shown else None,
            shown=shown,
            n=self._number(event) if stands else 0,
            place=self.places if claims else 0,
        )
        self._note(told, claims)
        return told

    def _number(self, event: log.Event) -> int:
        if isinstance(event, log.Read):
            return min(event.n, self.messages)
        return self.messages if isinstance(event, log.Message) else 0

    def unread(self, user_id: UserId) -> int:
        """How many messages this user has not read, counted one by one."""
        read = self.read.get(user_id, set())
        return sum(1 for n in range(1, self.messages + 1) if n not in read)

    def last_message(self) -> Told | None:
        """The newest message, if anything was said."""
        said = [told for told in self.past if told.stands and _is_message(told)]
        return said[-1] if said else None

    def updated_at(self) -> int:
        """When something was said last, or the order came into another status; 0: never."""
        status, at = None, 0
        for told in self.past:
            event = told.record.event
            if not told.stands:
                continue
            if isinstance(event, log.OrderChanged):
                status, before = event.status, status
                at = told.record.at if status != before else at
            elif _is_message(told):
                at = told.record.at
        return at

    def remembers(self, id_: MessageId) -> Told | None:
        """The claim of an id, if it is among the last ones."""
        told = self.claims.get(id_)
        return told if told is not None and told.place > self.places - REMEMBERED else None

    @property
    def order(self) -> log.OrderChanged | None:
        return self._orders[-1] if self._orders else None

    def _note(self, told: Told, claims: bool) -> None:
        event = told.record.event
        self.past.append(told)
        if claims and isinstance(event, log.Identified):
            self.claims[event.id] = told
        if told.shown:
            self._shown.append(told.record.seq)
        if not told.stands:
            return
        match event:
            case log.Message() if event.as_ != "service":
                self._read_by_writing(event, told.n)
            case log.Read():
                mine = self.read.setdefault(event.by, set())
                mine.update(range(1, min(event.n, self.messages) + 1))
            case log.Mute() | log.Unmute() | log.Close() | log.Reopen():
                self._moderation.append(event)
            case log.Delete() | log.Redact() | log.Restore() | log.Edit():
                self._moves.setdefault(event.target, []).append(told)

    def _read_by_writing(self, event: log.Message, n: int) -> None:
        mine = self.read.setdefault(event.by, set())
        mine.update(range(1, min(event.seen, n - 1) + 1))
        if mine.issuperset(range(1, n)):
            mine.add(n)

    def _is_public(self, event: log.Event) -> bool:
        if isinstance(event, log.Read):
            return self.order is not None and len(self.order.participants) <= QUIET_ABOVE
        return not isinstance(event, log.Report | log.Flag | log.Review | log.Look)

    # Verdicts: the first objection counts.

    def _verdict(self, event: log.Event, at: int) -> str:
        return next(self._objections(event, at), "stands")

    def _objections(self, event: log.Event, at: int) -> Iterator[str]:
        if isinstance(event, log.OrderChanged):
            if event.as_ != "service":
                yield "forbidden"
            if any(event.version <= earlier.version for earlier in self._orders):
                yield "stale"
            return
        if isinstance(event, log.Read):
            if event.as_ != "participant" or "read" not in self._granted(event.by):
                yield "forbidden"
            if self.read.get(event.by, set()).issuperset(range(1, min(event.n, self.messages) + 1)):
                yield "stale"
            return
        if self.remembers(event.id):
            yield "copy"
        if self.places - event.base > LATE_AFTER:
            yield "late"
        if not self._orders:
            yield "not_found"
        match event:
            case log.Message():
                yield from self._objections_to_message(event, at)
            case log.Edit() | log.Delete():
                yield from self._objections_to_change(event, at)
            case log.Report():
                if event.as_ != "participant" or "read" not in self._granted(event.by):
                    yield "forbidden"
                yield from self._objections_to_target(event.target)
            case log.Review() | log.Look():
                yield from self._objections_at_the_desk(event)
            case _:
                yield from self._objections_to_verdict(event)

    def _objections_at_the_desk(self, event: log.AtTheDesk) -> Iterator[str]:
        if event.as_ == "participant":
            yield "forbidden"
        if isinstance(event, log.Look):
            return
        target = self.remembers(event.target)
        if target is None and self.places <= REMEMBERED:
            yield "not_found"
        if target is not None and (target.n or not target.stands):
            yield "not_found"

    def _objections_to_verdict(self, event: log.Verdict) -> Iterator[str]:
        if event.as_ == "participant":
            yield "forbidden"
        if isinstance(event, log.Restore) and any(
            told.place > event.base for told in self._moves.get(event.target, [])
        ):
            yield "stale"
        if isinstance(event, log.Redact | log.Restore | log.Flag):
            yield from self._objections_to_target(event.target)

    def _objections_to_message(self, event: log.Message, at: int) -> Iterator[str]:
        if event.as_ == "service":
            return
        yield from self._objections_to_writer(event, "send", at)
        if event.attachments and "attach" not in self._granted(event.by):
            yield "read_only"

    def _objections_to_change(self, event: log.Edit | log.Delete, at: int) -> Iterator[str]:
        if event.as_ != "service":
            action = "edit" if isinstance(event, log.Edit) else "delete"
            yield from self._objections_to_writer(event, action, at)
        target = self.remembers(event.target)
        if target is None or not target.n or self._is_gone(target, event.target):
            yield "not_found"
            return
        if target.record.event.by != event.by:
            yield "forbidden"
        if at > target.record.at + self._orders[-1].edit_window_ms:
            yield "read_only"

    def _objections_to_writer(self, event: log.Event, action: str, at: int) -> Iterator[str]:
        parties = [party.user_id for party in self._orders[-1].participants]
        if event.as_ != "participant" or event.by not in parties:
            yield "forbidden"
        if self._is_muted(event.by, at):
            yield "forbidden"
        if self._is_closed() or action not in self._granted(event.by):
            yield "read_only"

    def _objections_to_target(self, target: MessageId) -> Iterator[str]:
        claim = self.remembers(target)
        if claim is None:
            if self.places <= REMEMBERED:
                yield "not_found"
        elif not claim.n:
            yield "not_found"

    def _granted(self, user_id: UserId) -> tuple[str, ...]:
        if self.order is None:
            return ()
        roles = [party.role for party in self.order.participants if party.user_id == user_id]
        return self.order.may.get(roles[0], ()) if roles else ()

    def _is_muted(self, user_id: UserId, at: int) -> bool:
        for event in reversed(self._moderation):
            if isinstance(event, log.Unmute) and event.user_id == user_id:
                return False
            if isinstance(event, log.Mute) and event.user_id == user_id:
                return event.until is None or at < event.until
        return False

    def _is_closed(self) -> bool:
        for event in reversed(self._moderation):
            if isinstance(event, log.Close | log.Reopen):
                return isinstance(event, log.Close)
        return False

    def _is_gone(self, message: Told, id_: MessageId) -> bool:
        moves = [
            told.record.event
            for told in self._moves.get(id_, [])
            if told.record.seq > message.record.seq and not isinstance(told.record.event, log.Edit)
        ]
        return bool(moves) and not isinstance(moves[-1], log.Restore)


def _is_message(told: Told) -> bool:
    return isinstance(told.record.event, log.Message)
