"""A small made-up trial in which all promises are kept: what the checker's own tests spoil."""

from collections.abc import Iterator

import msgspec

from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import NOTHING, ClientId, MessageId, OrderId, Seq, UserId, message_id
from shared.contracts.topics import partition_of
from shared.log.port import Record as LogRecord
from shared.timeline import Entry, show
from tests.prove import history
from tests.prove.history import Glimpse, Record, ShownMessage, Stamp, glimpse
from tests.prove.truth import Truth, fold

ORDER = OrderId("o1")
ANNA, BEN = UserId("anna"), UserId("ben")
PARTITIONS = 8
PARTITION = partition_of(ORDER, PARTITIONS)


class Story:
    """A log, and the history of Anna's and Ben's clients and of a reader who comes afterwards.

    Anna says "a1" and "a2", Ben answers "b1"; while Anna is cut off, Ben edits it, and one of his
    edits comes too late. Ben's "b2" is refused for now at first, Anna's "a3" is unknown at first;
    Anna deletes "a2", Ben marks all as read, the process is killed.
    """

    def __init__(self) -> None:
        self.log: list[LogRecord] = []
        self.records: list[Record] = []
        self.archive_lacks: set[Seq] = set()
        self._clock = 0.0
        self._append(order(ANNA, BEN))
        for name in ("anna-1", "ben-1"):
            self.write(self.opened(name))
            self.write(self._joined(name, after=NOTHING, since=0))
        self._say(ANNA, "a1")
        self._say(ANNA, "a2")
        self._say(BEN, "b1")
        self._cut_off_anna()
        self._say_after_refusal(BEN, "b2")
        self._say_after_unknown(ANNA, "a3")
        self._type(ANNA, "d2", "delete", None)
        self._deliver(self._append(_delete(ANNA, "d2", "a2")), "anna-1", "ben-1")
        self._deliver(self._append(_read(BEN, self.last, 5)), "anna-1", "ben-1")
        self._finish()

    @property
    def last(self) -> Seq:
        """Position of the last event."""
        return self.entries()[-1].seq

    def truth(self) -> Truth:
        """What the log tells, with a store that has it all but what it lacks."""
        truth = fold(self.log, PARTITIONS)
        for order in truth.orders.values():
            order.archived = [e for e in order.entries if e.seq not in self.archive_lacks]
        return truth

    def entries(self) -> list[Entry]:
        """The entries of the order."""
        return list(fold(self.log, PARTITIONS).orders[ORDER].entries)

    def write(self, record: Record) -> None:
        """Add to the history."""
        self.records.append(record)

    def stamp(self, client: str) -> Stamp:
        """The next moment, at the client's present connection."""
        self._clock += 1
        number = sum(isinstance(r, history.Opened) and r.client == client for r in self.records)
        return Stamp(at=self._clock, client=client, connection=max(number, 1))

    def opened(self, client: str, user_id: UserId | None = None) -> history.Opened:
        """A connection that is just open."""
        user_id = user_id or (BEN if client.startswith("ben") else ANNA)
        return history.Opened(**self.stamp(client), order_id=ORDER, user_id=user_id)

    def find(self, client: str, text: str) -> int:
        """Where in the history *client* was handed the event sent as *text* by itself."""
        return next(
            at
            for at, record in enumerate(self.records)
            if isinstance(record, history.Live)
            and record.client == client
            and record.event.client_id == client_id(text)
        )

    # How it came about.

    def _cut_off_anna(self) -> None:
        cut = frozenset({"anna-1"})
        self.write(history.Faulted(at=self._clock, kind="reset", until=self._clock, clients=cut))
        self.write(history.Closed(**self.stamp("anna-1"), why="lost", code=None))
        self._type(BEN, "e1", "edit", "b1, better")
        self._deliver(self._append(_edit(BEN, "e1", "b1", "b1, better")), "ben-1")
        self._type(BEN, "e2", "edit", "too late")
        self._answer(BEN, "e2", 1, "refused", ErrorCode.READ_ONLY, retry=False)
        since = len(self.log) - 1
        self.write(self.opened("anna-1"))
        self.write(self._joined("anna-1", after=self.entries()[since - 1].seq, since=since))

    def _say(self, by: UserId, text: str) -> None:
        self._type(by, text, "message", text)
        self._deliver(self._append(message(by, text)), "anna-1", "ben-1")

    def _say_after_refusal(self, by: UserId, text: str) -> None:
        self._type(by, text, "message", text)
        self._answer(by, text, 1, "refused", ErrorCode.BUSY, retry=True)
        self._send(by, text, 2, retry=False)
        self._deliver(self._append(message(by, text)), "anna-1", "ben-1")

    def _say_after_unknown(self, by: UserId, text: str) -> None:
        self._type(by, text, "message", text)
        seq = self._append(message(by, text))
        self._answer(by, text, 1, "unknown", None, retry=True)
        self._send(by, text, 2, retry=True)
        self._deliver(seq, "anna-1", "ben-1")
        self._deliver(seq, "anna-1")

    def _finish(self) -> None:
        ends = [0] * PARTITIONS
        ends[PARTITION] = len(self.log)
        killed_at = self.stamp("anna-1")["at"]
        for name in ("anna-1", "ben-1"):
            self.write(history.Closed(**self.stamp(name), why="left", code=None))
        self.write(
            history.Faulted(at=killed_at + 9, kind="kill", until=killed_at + 10, ends=tuple(ends))
        )
        self.write(self.opened("fresh"))
        entries = self.entries()
        page = tuple(glimpse(show(entry)) for entry in entries)
        self.write(history.Paged(**self.stamp("fresh"), order_id=ORDER, after=NOTHING, events=page))
        for name, user_id in (("anna-1", ANNA), ("ben-1", BEN), ("fresh", ANNA)):
            self.write(self._viewed(name, user_id))

    def _viewed(self, name: str, user_id: UserId) -> history.Viewed:
        return history.Viewed(
            **self.stamp(name),
            order_id=ORDER,
            user_id=user_id,
            messages=tuple(_on_screen(self.entries())),
            marks={ANNA: 2, BEN: 5},
            unread={ANNA: 3, BEN: 0}[user_id] if name == "fresh" else None,
        )

    def _joined(self, name: str, after: Seq, since: int) -> history.Joined:
        entries = self.entries()
        return history.Joined(
            **self.stamp(name),
            order_id=ORDER,
            after=after,
            head=entries[-1].seq,
            reset=False,
            events=tuple(glimpse(show(entry)) for entry in entries[since:]),
        )

    def _type(self, by: UserId, text: str, kind: history.Kind, typed: str | None) -> None:
        self.write(
            history.Typed(
                **self.stamp(f"{by}-1"),
                order_id=ORDER,
                by=by,
                id=client_id(text),
                kind=kind,
                text=typed,
            )
        )
        self._send(by, text, 1, retry=False)

    def _send(self, by: UserId, text: str, ref: int, *, retry: bool) -> None:
        stamp = self.stamp(f"{by}-1")
        self.write(history.Sent(**stamp, id=client_id(text), ref=ref, retry=retry))

    def _answer(
        self,
        by: UserId,
        text: str,
        ref: int,
        outcome: history.Outcome,
        code: ErrorCode | None,
        *,
        retry: bool,
    ) -> None:
        self.write(
            history.Answered(
                **self.stamp(f"{by}-1"),
                id=client_id(text),
                ref=ref,
                outcome=outcome,
                code=code,
                retry=retry,
            )
        )

    def _append(self, event: log.Event) -> Seq:
        self.log.append(to_record(event, len(self.log)))
        return self.last

    def _deliver(self, seq: Seq, *clients: str) -> None:
        entry = next(entry for entry in self.entries() if entry.seq == seq)
        for name in clients:
            self.write(history.Live(**self.stamp(name), order_id=ORDER, event=glimpse(show(entry))))


def to_record(event: log.Event, offset: int) -> LogRecord:
    """The log's record of an event."""
    value = log.encode_event(event)
    type_ = log.TYPES[type(event)]
    return LogRecord(PARTITION, offset, 1_000 + offset, ORDER, type_, log.VERSION, value)


def client_id(text: str) -> ClientId:
    """A client id one can recognise the text by."""
    return ClientId(f"00000000-0000-0000-0000-{text.encode().hex():0>12}")


def id_of(by: UserId, text: str) -> MessageId:
    """The id of what was sent under `client_id(text)`."""
    return message_id(ORDER, by, client_id(text))


def unlike(event: Glimpse) -> Glimpse:
    """The same position with another message."""
    return msgspec.structs.replace(event, id=id_of(ANNA, "other"))


def _on_screen(entries: list[Entry]) -> Iterator[ShownMessage]:
    for entry in entries:
        if isinstance(entry.event, log.Message):
            event, text = entry.event, entry.edited_text or entry.event.text
            shown = "" if entry.gone else text
            yield ShownMessage(
                entry.seq, entry.n, event.id, event.by, shown, entry.edited_at, entry.gone
            )


def order(*parties: UserId, version: int = 1) -> log.OrderChanged:
    """The order with these parties."""
    participants = tuple(
        log.Participant(user_id, "creator" if user_id == ANNA else "advertiser", user_id.title())
        for user_id in parties
    )
    return log.OrderChanged(
        order_id=ORDER,
        by=UserId("service:orders"),
        as_="service",
        version=version,
        status="pending",
        previous_status=None,
        title="An order",
        participants=participants,
        may=dict.fromkeys(("creator", "advertiser"), ("read", "send", "edit", "delete")),
        edit_window_ms=900_000,
    )


def message(by: UserId, text: str) -> log.Message:
    """A message sent under `client_id(text)`."""
    return log.Message(
        order_id=ORDER,
        by=by,
        as_="participant",
        id=id_of(by, text),
        client_id=client_id(text),
        base=0,
        seen=0,
        text=text,
    )


def _edit(by: UserId, name: str, target: str, text: str) -> log.Edit:
    return log.Edit(
        order_id=ORDER,
        by=by,
        as_="participant",
        id=id_of(by, name),
        client_id=client_id(name),
        base=0,
        target=id_of(by, target),
        text=text,
    )


def _delete(by: UserId, name: str, target: str) -> log.Delete:
    return log.Delete(
        order_id=ORDER,
        by=by,
        as_="participant",
        id=id_of(by, name),
        client_id=client_id(name),
        base=0,
        target=id_of(by, target),
    )


def _read(by: UserId, up_to: Seq, n: int) -> log.Read:
    return log.Read(order_id=ORDER, by=by, as_="participant", up_to=up_to, n=n)
