"""Attempts of one connection in one order, kept in the order they were made.

A lane decides, without waiting for anything, whether an attempt may go to the log now, has to be
looked up first, or has to be put off. Sends keep the order they were typed in: what comes after an
unsettled attempt never overtakes it.
"""

from typing import Final, Protocol

import msgspec

from chat_gateway.attachments import Word, word_on
from chat_gateway.attempt import Attempt, client_id_of, make_attempt, same_request
from chat_gateway.contact import Guard, Refusal, Texted
from chat_gateway.publisher import Flight, Publisher
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId
from shared.conversation import STANDS, Verdict
from shared.grants import Grant
from shared.timeline import Entry

QUEUED_MAX: Final = 32
"""Attempts that may queue behind one that is being looked up."""

PATIENCE_MS: Final = 5_000
"""So long an attempt may queue; then its client is told to try again, and knows it is heard."""

OWED_MAX: Final = 256
"""Ids a lane remembers as owed; beyond it, what is put off is not waited for."""

RETRY_AFTER_MS: Final = 500

_REFUSALS: Final = {
    Verdict.NOT_FOUND: (ErrorCode.NOT_FOUND, "There is no such message, or it is gone."),
    Verdict.FORBIDDEN: (ErrorCode.FORBIDDEN, "You may not do this."),
    Verdict.READ_ONLY: (ErrorCode.READ_ONLY, "This is not possible any more in this order."),
    Verdict.STALE: (ErrorCode.CONFLICT, "The message changed meanwhile; look at it again."),
}


class Outlet(Protocol):
    """Where a lane's answers go: its client's socket."""

    def refuse(
        self,
        ref: int,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        """This attempt will never be shown."""
        ...

    def unknown(self, ref: int, id_: ClientId, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        """Nobody knows; the client asks again."""
        ...

    def settled(self, ref: int, entry: Entry) -> None:
        """This attempt stands. All but a report also reaches its writer as it reaches everybody."""
        ...

    def show(self, entry: Entry) -> None:
        """This entry stands since an earlier try, and is shown to this client alone."""
        ...

    def look_up(self, lane: "Lane", order_id: OrderId, id_: MessageId) -> None:
        """Find out whether an id is in the log, then call `lane.looked_up`."""
        ...


class Uncertain:
    """The look-up could not say: store and tail do not meet, or the store is down."""


class Lane:
    """See the module. One for each joined order of each connection."""

    __slots__ = (
        "_by",
        "_flying",
        "_guard",
        "_outlet",
        "_owed",
        "_partition",
        "_publisher",
        "_queue",
        "_room",
        "_turns",
    )

    def __init__(
        self,
        room: Room,
        by: UserId,
        publisher: Publisher,
        partition: int,
        outlet: Outlet,
        guard: Guard,
    ) -> None:
        self._room = room
        self._by = by
        self._publisher = publisher
        self._partition = partition
        self._outlet = outlet
        self._guard = guard
        self._turns = 0
        self._queue: list[Attempt] = []
        """The first is being looked up, the others wait behind it."""
        self._flying: dict[MessageId, Flight] = {}
        self._owed: dict[MessageId, tuple[int, bool]] = {}
        """Ids that must be sent again before anything later goes: turn, and whether a record of it
        may be in the log."""

    # From the session.

    def submit(self, frame: frames.Attempt, now_ms: int, grants: tuple[Grant, ...] = ()) -> None:
        """Take what a participant's frame asks for, by these *grants*; its text is in order."""
        self.take(make_attempt(frame, self._by, "participant", grants), now_ms)

    def take(self, attempt: Attempt, now_ms: int) -> None:
        """Take an attempt whose content is in order; its outcome goes to the outlet, once."""
        attempt.since_ms = now_ms
        self._take_turn(attempt)
        other = self._publisher.flight(attempt.event.id)
        if other is not None:
            # An id in flight is not appended again, whatever else is owed or queued.
            self._join_flight(attempt, other)
        elif self._queue or self._owed:
            self._line_up(attempt, now_ms)
        else:
            self._proceed(attempt, now_ms)

    def limit(
        self, frame: frames.Attempt, retry_after_ms: int, grants: tuple[Grant, ...] = ()
    ) -> None:
        """Put off what a participant's frame asks for: they ask for too much at a time.

        It keeps its place as any put off does, so what was typed after it does not overtake it.
        """
        attempt = make_attempt(frame, self._by, "participant", grants)
        id_ = attempt.event.id
        here = self._flying.get(id_) or self._queued(id_)
        if here is not None:
            # It goes on; but if it fails, its client may not hear that it is certainly not there.
            here.retry = True
            self._outlet.unknown(attempt.ref, frame.id, retry_after_ms)
            return
        self._take_turn(attempt)
        if self._publisher.flight(id_) is not None:
            attempt.retry = True  # on another connection
        self._put_off(attempt, ErrorCode.RATE_LIMITED, retry_after_ms)

    def resolve(self, id_: MessageId) -> None:
        """An own event came by: its client knows now, and will not send it again."""
        self._owed.pop(id_, None)

    @property
    def idle(self) -> bool:
        """Whether every attempt made so far has its outcome."""
        return not (self._queue or self._flying)

    @property
    def owes(self) -> bool:
        """Whether something must be sent again before anything later goes."""
        return bool(self._owed)

    def leave(self) -> None:
        """The client leaves the order: what is not settled is unknown to it from here on."""
        for flight in self._flying.values():
            flight.owner = None
            self._outlet.unknown(flight.ref, client_id_of(flight.event))
        for attempt in self._queue:
            self._outlet.unknown(attempt.ref, client_id_of(attempt.event))
        self._clear()

    def lost(self) -> None:
        """The connection is gone; what was handed over goes on without an owner."""
        for flight in self._flying.values():
            flight.owner = None
        self._clear()

    # From the look-up.

    def looked_up(self, found: Entry | Uncertain | None, base: int, now_ms: int) -> None:
        """The first of the queue was looked up; *base* is the count taken before that began."""
        if not self._queue:
            return  # left meanwhile
        attempt = self._queue.pop(0)
        overtakes = any(queued.turn < attempt.turn for queued in self._queue)
        other = self._publisher.flight(attempt.event.id)
        if other is not None:
            self._join_flight(attempt, other)
        elif found is not None and not isinstance(found, Uncertain):
            self._found(attempt, found)
        elif found is None and self._may_go(attempt.turn) and not overtakes:
            # A retry may be in the log already, so for it only the log refuses.
            if attempt.retry or self._would_stand(attempt, now_ms):
                self._append(attempt, base, now_ms)
        else:
            self._put_off(attempt)
        self._drain(now_ms)

    # From the publisher.

    def settled(self, flight: Flight, entry: Entry) -> None:
        """The reader met the record of a flight."""
        self._flying.pop(flight.event.id, None)
        if flight.event is not entry.event and not self._guard.same(flight.event, entry.event):
            # Somebody sent the same id with another content through another gateway, and was first.
            id_ = client_id_of(flight.event)
            self._outlet.refuse(flight.ref, ErrorCode.CONFLICT, id_=id_)
            return
        if entry.verdict is STANDS:
            self._outlet.settled(flight.ref, entry)
            return
        if entry.verdict in (Verdict.LATE, Verdict.COPY):
            # Late: nobody can say any more. A copy of something met before this flight was watched
            # for: the look-up of the next try finds it.
            flight.retry = True
            self._fail(flight)
            self._hold_back()
            return
        self._refuse(flight.ref, client_id_of(flight.event), entry.verdict)

    def not_appended(self, flight: Flight) -> None:
        """The log certainly did not take it."""
        del self._flying[flight.event.id]
        self._fail(flight)
        self._hold_back()

    def lost_sight(self, flight: Flight) -> None:
        """Nobody knows in time."""
        del self._flying[flight.event.id]
        flight.retry = True
        self._fail(flight)
        self._hold_back()

    def superseded(self, flight: Flight) -> None:
        """Another connection of the same writer sent this id again, and waits for it now."""
        del self._flying[flight.event.id]
        self._owe(flight.event.id, flight.turn, maybe_there=True)
        self._outlet.unknown(flight.ref, client_id_of(flight.event))
        self._hold_back()

    # Inside.

    def _take_turn(self, attempt: Attempt) -> None:
        """Give an attempt its place; an id that is owed has one, and is not owed any more."""
        attempt.turn = self._turns
        self._turns += 1
        if self._owed and (owed := self._owed.pop(attempt.event.id, None)) is not None:
            attempt.turn, maybe_there = owed
            attempt.retry = attempt.retry or maybe_there

    def _line_up(self, attempt: Attempt, now_ms: int) -> None:
        """Take an attempt while others are looked up or owed."""
        if (queued := self._queued(attempt.event.id)) is not None:
            self._replace_queued(queued, attempt)
        elif not self._may_go(attempt.turn) or len(self._queue) > QUEUED_MAX:
            self._put_off(attempt)
        elif self._queue:
            self._enqueue(attempt)
        else:
            self._proceed(attempt, now_ms)

    def _may_go(self, turn: int) -> bool:
        """Whether nothing earlier is owed."""
        return not self._owed or all(turn < owed for owed, _ in self._owed.values())

    def _proceed(self, attempt: Attempt, now_ms: int) -> None:
        """Go on with what is not in flight, and has nothing before it."""
        event = attempt.event
        entry = self._room.entry(event.id)
        if entry is not None:
            self._found(attempt, entry)
            return
        base = None
        if not attempt.retry and event.id not in self._room.conversation.remembered:
            if not self._would_stand(attempt, now_ms):
                return
            base = self._first_base(attempt)
        if base is None:
            self._queue.insert(0, attempt)
            self._outlet.look_up(self, event.order_id, event.id)
        else:
            self._append(attempt, base, now_ms)

    def _would_stand(self, attempt: Attempt, now_ms: int) -> bool:
        """Whether an attempt that is not in the log would stand there; else it has its answer."""
        verdict = self._room.conversation.judge(attempt.event, now_ms)
        if verdict is STANDS:
            return True
        self._refuse(attempt.ref, client_id_of(attempt.event), verdict)
        return False

    def _first_base(self, attempt: Attempt) -> int | None:
        """What a first try's writer had seen; null: look the id up."""
        conversation = self._room.conversation
        if attempt.seen is not None:
            return conversation.place_after(attempt.seen)
        target = attempt.target
        return None if target is None else conversation.place_of(target)

    def _append(self, attempt: Attempt, base: int, now_ms: int) -> None:
        event = attempt.event
        # Last of all, and so never before a look-up: what stands already needs no grant.
        if attempt.grants and not self._granted(attempt, now_ms):
            return
        conversation = self._room.conversation
        order = conversation.order
        if order is not None and order.contact != "flagged" and isinstance(event, Texted):
            decided = self._guarded(attempt, event, order.contact)
            if decided is None:
                return
            event = decided
        places = conversation.places
        oldest = self._publisher.oldest_base(event.order_id, self._by, places)
        # Nobody else has it yet, and a copy of a dozen fields costs more than all of this.
        msgspec.structs.force_setattr(event, "base", min(base, oldest))
        flight = Flight(event, self, ref=attempt.ref, retry=attempt.retry, turn=attempt.turn)
        if self._publisher.offer(flight, self._partition):
            self._flying[event.id] = flight
        else:
            self._put_off(attempt)

    def _guarded(self, attempt: Attempt, event: Texted, contact: log.Contact) -> Texted | None:
        """What may be appended of a text; null: the attempt has its answer."""
        if event.as_ != "participant":
            return event
        decided = self._guard.decide(event, contact, retry=attempt.retry)
        if isinstance(decided, Refusal):
            self._outlet.refuse(
                attempt.ref, ErrorCode.CONTACT_DETAILS, decided.value, id_=client_id_of(event)
            )
            return None
        return decided

    def _granted(self, attempt: Attempt, now_ms: int) -> bool:
        """Whether an attempt's grants let it into the log; else it has its answer."""
        match word_on(attempt.grants, attempt.event, retry=attempt.retry, now_ms=now_ms):
            case Word.GOOD:
                return True
            case Word.UNSURE:
                self._put_off(attempt)
            case Word.BAD | Word.EXPIRED as word:
                id_ = client_id_of(attempt.event)
                self._outlet.refuse(attempt.ref, ErrorCode.INVALID, word.value, id_=id_)
        return False

    def _found(self, attempt: Attempt, entry: Entry) -> None:
        """The id was used before: by the same request, or for something else."""
        ref, id_ = attempt.ref, client_id_of(attempt.event)
        if not self._guard.same(attempt.event, entry.event):
            self._conflict(attempt)
        elif entry.seq > self._room.conversation.head:
            # The store is ahead of this reader, which will meet the record soon.
            flight = Flight(attempt.event, self, ref=ref, retry=attempt.retry, turn=attempt.turn)
            flight.handed = True
            self._flying[flight.event.id] = flight
            self._publisher.expect(flight)
        elif not entry.stands:
            self._refuse(ref, id_, entry.verdict)
        elif isinstance(entry.event, log.Report):
            self._outlet.settled(ref, entry)
        else:
            self._outlet.show(entry)

    def _join_flight(self, attempt: Attempt, flight: Flight) -> None:
        """The id is in flight on this gateway: the newest connection waits for it."""
        if not self._guard.same(attempt.event, flight.event):
            self._conflict(attempt)
            return
        if flight.owner is self:
            self._outlet.unknown(flight.ref, client_id_of(attempt.event))
            attempt.turn = min(attempt.turn, flight.turn)
        elif isinstance(flight.owner, Lane):
            flight.owner.superseded(flight)
        flight.owner = self
        flight.ref = attempt.ref
        flight.turn = attempt.turn
        flight.retry = flight.retry or attempt.retry
        self._flying[flight.event.id] = flight

    def _replace_queued(self, queued: Attempt, attempt: Attempt) -> None:
        if not same_request(attempt.event, queued.event):
            self._conflict(attempt)
            return
        self._outlet.unknown(queued.ref, client_id_of(queued.event))
        queued.ref, queued.seen, queued.since_ms = attempt.ref, attempt.seen, attempt.since_ms
        queued.retry = queued.retry or attempt.retry
        queued.grants = attempt.grants

    def _enqueue(self, attempt: Attempt) -> None:
        """Queue by turn, behind the one that is being looked up whatever its turn."""
        place = len(self._queue)
        while place > 1 and self._queue[place - 1].turn > attempt.turn:
            place -= 1
        self._queue.insert(place, attempt)

    def _queued(self, id_: MessageId) -> Attempt | None:
        return next((attempt for attempt in self._queue if attempt.event.id == id_), None)

    def _drain(self, now_ms: int) -> None:
        """Go on with what queued behind a look-up, until one has to be looked up itself."""
        waiting, self._queue = self._queue, []
        while waiting and not self._queue:
            attempt = waiting.pop(0)
            if not self._may_go(attempt.turn) or now_ms - attempt.since_ms > PATIENCE_MS:
                self._put_off(attempt)
            elif (other := self._publisher.flight(attempt.event.id)) is not None:
                self._join_flight(attempt, other)
            else:
                self._proceed(attempt, now_ms)
        self._queue.extend(waiting)

    def _hold_back(self) -> None:
        """Something failed: later attempts that are not handed over yet must not overtake it."""
        for flight in list(self._flying.values()):
            if not self._may_go(flight.turn) and self._publisher.withdraw(flight):
                del self._flying[flight.event.id]
                self._fail(flight)

    def _put_off(
        self,
        attempt: Attempt,
        code: ErrorCode = ErrorCode.BUSY,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        if (entry := self._room.entry(attempt.event.id)) is not None:
            # Its record came by while it waited, and its client may have seen it.
            self._found(attempt, entry)
        else:
            self._fail(attempt, code, retry_after_ms)

    def _fail(
        self,
        what: Attempt | Flight,
        code: ErrorCode = ErrorCode.BUSY,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        """Not now: *code* for what is certainly not in the log, else `unknown`."""
        id_ = client_id_of(what.event)
        self._owe(what.event.id, what.turn, maybe_there=what.retry)
        if what.retry:
            self._outlet.unknown(what.ref, id_, retry_after_ms)
        else:
            self._outlet.refuse(what.ref, code, id_=id_, retry_after_ms=retry_after_ms)

    def _owe(self, id_: MessageId, turn: int, *, maybe_there: bool) -> None:
        if len(self._owed) < OWED_MAX:
            self._owed[id_] = (turn, maybe_there)

    def _conflict(self, attempt: Attempt) -> None:
        self._outlet.refuse(attempt.ref, ErrorCode.CONFLICT, id_=client_id_of(attempt.event))

    def _refuse(self, ref: int, id_: ClientId, verdict: Verdict) -> None:
        code, message = _REFUSALS[verdict]
        self._outlet.refuse(ref, code, message, id_=id_)

    def _clear(self) -> None:
        self._queue.clear()
        self._flying.clear()
        self._owed.clear()
