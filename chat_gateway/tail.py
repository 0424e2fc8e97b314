"""What a gateway holds of the log: the newest records of each followed partition, and open rooms.

Nothing here waits. A tail is fed every record of its partition in order; it keeps them, indexed by
order, and folds those of orders that have a room. Its oldest part may be dropped at any time:
`start` then moves up, and so does the `floor` of every room that lost a record.
"""

from collections import deque
from collections.abc import Iterator

from shared.contracts import events as log
from shared.contracts.ids import MessageId, OrderId, Seq, make_seq
from shared.conversation import Conversation
from shared.log.port import Record
from shared.timeline import Change, Entry, apply, change_of, make_entry

_RECORD_OVERHEAD = 1_000
"""Bytes a held record costs beside its value, with a margin for what the allocator cannot use. By
`tracemalloc`, with short messages: some 300 where there is no room; 600 where one made an entry of
it, with its own texts in place of the value."""

_WEIGHT_UNIT = 64
"""Bytes. Counted in these, most records weigh a number that Python has anyway, and needs no memory
of its own."""


class Gap(RuntimeError):
    """A record is missing between what was read and what came: the log's density is broken."""


Held = Record | Entry
"""A record in a tail: as it came, or what a room made of it. Both would be the same texts twice,
and each object more is one to be found again, when it is dropped, far from all caches."""


class Lent:
    """An order's records that are older than the tail, read again from the log.

    `earlier` is filled by a catch-up reader, `later` by the tail as it drops more meanwhile.
    """

    def __init__(self, after: Seq, until: int) -> None:
        self.after = after
        """Everything of the order above this position is here, once it is whole."""
        self.until = until
        """Where the tail started when this was asked for: `earlier` ends below it."""
        self.earlier: list[Record] = []
        self.later: list[Held] = []
        self.whole = False


class Room:
    """One order as this gateway knows it: the folded state, and every entry above `floor`."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.floor: Seq = conversation.head
        self.entries: deque[Entry] = deque()
        """Every record above the floor that was folded, void ones too, rising, as it stands now."""
        self._by_id: dict[MessageId, Entry] = {}

    def fold(self, seq: Seq, at: int, event: log.Event) -> Entry:
        """Fold the order's next record, and bring what it changes up to date."""
        entry = make_entry(seq, at, event, self.conversation.fold(seq, at, event))
        if (change := change_of(entry)) is not None:
            self._apply(change)
        self.entries.append(entry)
        if (id_ := entry.id) is not None:
            self._by_id[id_] = entry
        return entry

    def entry(self, id_: MessageId) -> Entry | None:
        """The entry that claimed an id, if it is above the floor."""
        return self._by_id.get(id_)

    def above(self, seq: Seq) -> Iterator[Entry]:
        """Entries above a position, newest first."""
        for entry in reversed(self.entries):
            if entry.seq <= seq:
                return
            yield entry

    def changes(self) -> list[Change]:
        """What the entries above the floor change, in order, in those below it."""
        return [change for entry in self.entries if (change := change_of(entry)) is not None]

    def reach_back(self, other: "Room") -> None:
        """Take the entries of a room of the same order and state that holds more of them."""
        assert other.conversation.head == self.conversation.head
        self.floor, self.entries, self._by_id = other.floor, other.entries, other._by_id

    def forget(self, seq: Seq) -> None:
        """Drop what the room holds up to a position, and raise the floor to it."""
        while self.entries and self.entries[0].seq <= seq:
            id_ = self.entries.popleft().id
            if id_ is not None:
                self._by_id.pop(id_, None)
        self.floor = max(self.floor, seq)

    def _apply(self, change: Change) -> None:
        """Backwards, since what changes is mostly young; the message itself ends the search."""
        for entry in reversed(self.entries):
            apply(change, entry)
            if entry.id == change.target:  # not a void copy, which has no claim to it
                return


class Tail:
    """The newest stretch of one partition: every record from offset `start` up to below `end`."""

    def __init__(self, epoch: int, partition: int, start: int) -> None:
        self.epoch = epoch
        self.partition = partition
        self.start = start
        self.end = start
        self.bytes = 0
        self.rooms: dict[OrderId, Room] = {}
        self.lent: dict[OrderId, Lent] = {}
        """What catch-up readers read for joins that need more than the tail holds."""
        self._records: deque[Held] = deque()
        self._weights: deque[int] = deque()
        """Of each record, in `_WEIGHT_UNIT`."""
        self._by_order: dict[str, deque[Held]] = {}

    def seq(self, offset: int) -> Seq:
        """The position of an offset of this partition."""
        return make_seq(self.epoch, offset)

    def take(self, record: Record, event: log.Event | None = None) -> tuple[Room, Entry] | None:
        """Hold the partition's next record; if its order has a room, fold it there.

        *event*: what the record says, if that is known.

        Raises `Gap` if it is not the next one, and `log.FromTheFuture` if this program is too old
        to fold it; then it was not taken.
        """
        if record.offset != self.end:
            raise Gap(
                f"partition {self.partition}: offset {record.offset} came instead of {self.end}"
            )
        room = self.rooms.get(OrderId(record.key)) if record.key is not None else None
        entry = None if room is None else self._fold(room, record, event)
        self._hold(record, entry)
        return (room, entry) if room is not None and entry is not None else None

    def open_room(self, conversation: Conversation) -> Room:
        """A room whose state is *conversation* with everything held above its head.

        The caller made sure that nothing between that head and `start` is missing, or is lent. A
        room that is open stays, and reaches back as far as the new one would.
        """
        order_id = conversation.order_id
        room = Room(conversation)
        lent = self.lent.pop(order_id, None)
        if lent is not None:
            for record in lent.earlier:
                self._fold(room, record)
            for held in lent.later:
                self._fold_held(room, held)
        for held in self._by_order.get(order_id, ()):
            self._fold_held(room, held)
        live = self.rooms.setdefault(order_id, room)
        if live is not room:
            live.reach_back(room)
        return live

    def drop_oldest(self) -> None:
        """Give up the oldest record held."""
        held = self._records.popleft()
        self.bytes -= self._weights.popleft() * _WEIGHT_UNIT
        offset, self.start = self.start, self.start + 1
        key = held.key if isinstance(held, Record) else held.event.order_id
        if key is None:
            return
        if (lent := self.lent.get(OrderId(key))) is not None:
            lent.later.append(held)
        of_order = self._by_order[key]
        of_order.popleft()
        if not of_order:
            del self._by_order[key]
        room = self.rooms.get(OrderId(key))
        if room is not None:
            room.forget(self.seq(offset))

    def _hold(self, record: Record, entry: Entry | None) -> None:
        held = record if entry is None else entry
        weight = (len(record.value or b"") + _RECORD_OVERHEAD) // _WEIGHT_UNIT
        self._records.append(held)
        self._weights.append(weight)
        key = record.key
        if key is not None:
            of_order = self._by_order.get(key)
            if of_order is None:
                of_order = self._by_order[key] = deque()
            of_order.append(held)
        self.bytes += weight * _WEIGHT_UNIT
        self.end = record.offset + 1

    def _fold_held(self, room: Room, held: Held) -> None:
        if isinstance(held, Record):
            self._fold(room, held)
        elif held.seq > room.conversation.head:
            room.fold(held.seq, held.at, held.event)

    def _fold(self, room: Room, record: Record, event: log.Event | None = None) -> Entry | None:
        seq = self.seq(record.offset)
        if seq <= room.conversation.head:  # the state was loaded from a store that is ahead of us
            return None
        if event is None:
            try:
                event = log.decode_event(record.key, record.type, record.version, record.value)
            except log.NotAnEvent:
                return None  # a dead letter: absent for every reader
        return room.fold(seq, record.at, event)
