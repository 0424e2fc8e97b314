"""The seam between store and tail: how a join, a page and a look-up are answered without a hole.

Each is a generator that yields what it needs read and gets the answer sent in, so that tests can
put any event between any two steps; `chat_gateway.feed` does the reading. Whatever runs after the
last `yield` runs in one go: what it answers and what is subscribed to afterwards have no gap.

The idea, *position first, then state*: the watermark is read before the conversation, and the
conversation before its entries, each at most older than the next. So everything of an order up to
`covered` is in the store, everything above `start` is in the tail, and the answer stands only if
these two meet.
"""

from collections.abc import Generator, Iterable
from typing import Any, Final

import msgspec

from chat_gateway.tail import Room, Tail
from shared.contracts.frames import Limits, encode_frame
from shared.contracts.ids import (
    EPOCH_MAX,
    NOTHING,
    MessageId,
    OrderId,
    Seq,
    UserId,
    epoch_of,
    make_seq,
    offset_of,
)
from shared.conversation import Conversation, from_snapshot
from shared.store.port import StoredConversation, Watermark
from shared.timeline import PAGED, Entry, apply_all, may_see, show

TRIES: Final = 3
"""How often store and tail may fail to meet before the answer is `Unavailable`."""

ANSWER_BYTES_MAX: Final = 200 * 1024
CARRIERS_MAX: Final = 100
"""So many messages that carry the same file are looked at, the newest first."""
_ABOVE_ALL: Final = make_seq(EPOCH_MAX + 1, 0)
REPLAY_EVENTS_MAX: Final = Limits().replay_events
REPLAY_PAGES_MAX: Final = 20
"""Pages of the store that one replay may look through for what its reader sees."""


# What a generator may ask for.


class ReadWatermark(msgspec.Struct, frozen=True):
    """Answered by `Watermark | None`, of the tail's partition and epoch."""


class ReadConversation(msgspec.Struct, frozen=True):
    """Answered by `StoredConversation | None`."""

    order_id: OrderId


class ReadPage(msgspec.Struct, frozen=True):
    """Answered by a list of `Entry`, as `Reading.page` gives it."""

    order_id: OrderId
    after: Seq
    before: Seq
    limit: int
    newest: bool
    types: frozenset[str] | None


class FindEntry(msgspec.Struct, frozen=True):
    """Answered by `Entry | None`, as `Reading.find` gives it."""

    order_id: OrderId
    id: MessageId


class FindCarriers(msgspec.Struct, frozen=True):
    """Answered by a list of `Entry`, as `Reading.carriers` gives it."""

    order_id: OrderId
    attachment_id: str
    limit: int


class AwaitRecord(msgspec.Struct, frozen=True):
    """Answered by whether a record of the order came before the deadline of the whole request."""

    order_id: OrderId


class CatchUp(msgspec.Struct, frozen=True):
    """The store ends below the tail's start: the stretch between must be read from the log again.

    Answered by whether `Tail.lent` has all of the order above `after` now; it goes on if not.
    """

    order_id: OrderId
    after: Seq


class ReachEnd(msgspec.Struct, frozen=True):
    """Answered, by nothing, once the reader is past what the log holds now."""


class AskAccess(msgspec.Struct, frozen=True):
    """Answered by `Access | None`, asked afresh of the order service."""


Need = (
    ReadWatermark
    | ReadConversation
    | ReadPage
    | FindEntry
    | FindCarriers
    | AwaitRecord
    | CatchUp
    | ReachEnd
    | AskAccess
)


class Access(msgspec.Struct, frozen=True):
    """The order service's word that a user takes part in an order."""

    role: str
    version: int
    fresh: bool
    """Asked just now, not remembered."""


class Reader(msgspec.Struct, frozen=True):
    """Who reads. Moderators see what is gone, and reports; services what participants see."""

    user_id: UserId
    moderator: bool
    service: bool = False


class Query(msgspec.Struct, frozen=True):
    """What is asked of an order's timeline.

    With `after`, a replay of everything in the open range, oldest first; without, the newest
    `limit` messages and order changes below `before`.
    """

    after: Seq | None
    before: Seq | None
    limit: int


class Shown(msgspec.Struct, frozen=True):
    """An event and its frame, as the reader may see it."""

    seq: Seq
    frame: bytes


class Answer(msgspec.Struct):
    """Events as they stand at the room's head, rising; whether there is nothing more of them."""

    events: list[Shown]
    complete: bool
    reset: bool = False


class Stored(msgspec.Struct):
    """What the store has of an answer; `more`: the entries end before the range does; `asked`: it
    was needed at all."""

    entries: list[Entry] = []
    more: bool = False
    asked: bool = False


class Opened(msgspec.Struct):
    """A join's answer and the room to subscribe to, before anything else happens."""

    room: Room
    answer: Answer
    from_store: bool = False
    """Whether the store was asked for the answer, or memory was enough."""


class Unavailable(Exception):
    """This cannot be answered now."""


class NotFound(Exception):
    """There is no such order for this reader."""


class Forbidden(Exception):
    """The reader takes part, but may not read."""


Steps = Generator[Need, Any, Any]


def open_order(
    tail: Tail, order_id: OrderId, reader: Reader, access: Access | None, query: Query
) -> Generator[Need, Any, Opened]:
    """Join an order: load or find its room, and answer what lies above `query.after`.

    *access* is null for moderators and services, who need nobody's word. With `query.before` the
    answer may end early, as pages of history do. Raises `Unavailable`, `NotFound` or `Forbidden`.
    """
    at_end = False
    reset = query.after is not None and not _belongs(tail, query.after)
    if reset:
        query = Query(after=None, before=None, limit=query.limit)
    while True:
        room, stored = yield from _meet(tail, order_id, reader, query)
        if access is not None and _version(room) < access.version:
            if not (yield AwaitRecord(order_id)):
                raise Unavailable
            continue
        if not _may_read(room, reader):
            if access is None:
                # Who need nobody's word may have heard of the order before this reader did.
                if at_end:
                    raise NotFound
                at_end = True
                yield ReachEnd()
                continue
            if access.fresh:
                raise Forbidden
            access = yield AskAccess()
            if access is None:
                raise NotFound
            continue
        answer = _answer(room, stored, reader, query)
        if answer.complete or query.after is None or query.before is not None:
            answer.reset = reset
            return Opened(room, answer, stored.asked)
        # Too much was missed to replay it: the newest page instead, and the client starts over.
        reset, query = True, Query(after=None, before=None, limit=query.limit)


def read_page(
    tail: Tail, order_id: OrderId, reader: Reader, query: Query
) -> Generator[Need, Any, Answer]:
    """A page of history, or a replay. Raises `Unavailable`."""
    room, stored = yield from _meet(tail, order_id, reader, query)
    return _answer(room, stored, reader, query)


def look_up(tail: Tail, order_id: OrderId, id_: MessageId) -> Generator[Need, Any, Entry | None]:
    """The entry that claimed an id, or null: then it is certainly not in the log up to the base
    that was taken before this began. Raises `Unavailable` where that cannot be said.

    Fold, tail, store, and the fold again, which went on meanwhile. The order has a room.
    """
    room = tail.rooms[order_id]
    if (entry := room.entry(id_)) is not None:
        return entry
    watermark: Watermark | None = yield ReadWatermark()
    stored: Entry | None = yield FindEntry(order_id, id_)
    if (entry := room.entry(id_)) is not None:
        return entry
    if stored is not None:
        apply_all(room.changes(), [stored])
        return stored
    if room.floor > _covered(tail, watermark, None):
        raise Unavailable
    return None


def find_carrier(
    tail: Tail, order_id: OrderId, reader: Reader, attachment_id: str
) -> Generator[Need, Any, Entry | None]:
    """The newest message that carries a file, as it stands now; null if there is none. One that is
    gone counts for moderators, and for services, who ask whether a file was ever sent. Raises
    `Unavailable`, and `NotFound` if the reader may not read any more.

    Fold and tail, store, and the fold again, which went on meanwhile. The order has a room.
    """
    room = tail.rooms[order_id]
    if (entry := _carrier(reversed(room.entries), reader, attachment_id)) is not None:
        return entry
    watermark: Watermark | None = yield ReadWatermark()
    stored: list[Entry] = yield FindCarriers(order_id, attachment_id, CARRIERS_MAX)
    if not _may_read(room, reader):
        raise NotFound
    if (entry := _carrier(reversed(room.entries), reader, attachment_id)) is not None:
        return entry
    # Between the two a message may have been sent, and one that is stored may have been taken.
    if room.floor > _covered(tail, watermark, None):
        raise Unavailable
    apply_all(room.changes(), stored)
    return _carrier(stored, reader, attachment_id)


def _carrier(entries: Iterable[Entry], reader: Reader, attachment_id: str) -> Entry | None:
    """The first that carries a file and counts for *reader*."""
    for entry in entries:
        if entry.gone is None or reader.moderator or reader.service:
            for file in entry.attachments:
                if file.id == attachment_id:
                    return entry
    return None


def _meet(
    tail: Tail, order_id: OrderId, reader: Reader, query: Query
) -> Generator[Need, Any, tuple[Room, Stored]]:
    """The order's room, and the stored entries of the query that the room does not hold."""
    for tries in range(1, TRIES + 1):
        room = tail.rooms.get(order_id)
        if room is None and _holds_everything(tail):
            return tail.open_room(Conversation(order_id)), Stored()
        if room is not None and _holds(room, query):
            return room, Stored()
        watermark: Watermark | None = yield ReadWatermark()
        conversation: StoredConversation | None = yield ReadConversation(order_id)
        head = conversation.head if conversation is not None else NOTHING
        ceiling = room.floor if room is not None else head
        stored = yield from _read_below(order_id, ceiling, reader, query)
        covered = _covered(tail, watermark, conversation)
        # From here to the return there is no yield: the room is the live one, or made now.
        room = tail.rooms.get(order_id)
        if room is not None:
            # What the page has between the room's floor and the ceiling must be in the room too.
            folded = max(room.floor, room.conversation.head)
            if room.floor <= ceiling <= min(covered, folded):
                return room, stored
        elif head <= ceiling and tail.seq(tail.start) <= covered + 1:
            return tail.open_room(_load(order_id, conversation)), stored
        # A live state that came from a store ahead of the tail cannot be made again from the tail.
        if _is_lent(tail, order_id, covered) and (
            room is None or head <= room.conversation.head < tail.seq(tail.end)
        ):
            room = tail.open_room(_load(order_id, conversation))
            if room.floor <= ceiling:
                return room, stored
        if tries == TRIES - 1 and not (yield CatchUp(order_id, covered)):
            break
    raise Unavailable


def _is_lent(tail: Tail, order_id: OrderId, covered: Seq) -> bool:
    """Whether a catch-up reader has read what lies between the store and the tail."""
    lent = tail.lent.get(order_id)
    return lent is not None and lent.whole and lent.after <= covered


def _holds_everything(tail: Tail) -> bool:
    """Whether every record the partition ever had is in the tail: no store is needed then."""
    return tail.start == 0 and tail.epoch == 1


def _holds(room: Room, query: Query) -> bool:
    """Whether a room alone can answer."""
    if room.floor == NOTHING:
        return True
    if query.after is not None:
        return query.after >= room.floor
    before = query.before
    held = sum(
        1
        for entry in room.entries
        if entry.shown and entry.type in PAGED and (before is None or entry.seq < before)
    )
    return held > query.limit


def _read_below(
    order_id: OrderId, ceiling: Seq, reader: Reader, query: Query
) -> Generator[Need, Any, Stored]:
    """The store's part, up to the ceiling: one more than fits, to know whether there is more."""
    before = Seq(ceiling + 1)
    if query.before is not None:
        before = min(before, query.before)
    if query.after is None:
        newest = yield ReadPage(order_id, NOTHING, before, query.limit + 1, True, PAGED)
        return Stored(newest, asked=True)
    stored = Stored(asked=True)
    after = query.after
    # Much of what stands may be nothing this reader sees, as the read marks of large orders.
    for _ in range(REPLAY_PAGES_MAX):
        page: list[Entry] = yield ReadPage(
            order_id, after, before, REPLAY_EVENTS_MAX + 1, False, None
        )
        stored.entries += [entry for entry in page if _may_see(entry, reader)]
        stored.more = len(page) > REPLAY_EVENTS_MAX
        if not stored.more or len(stored.entries) > REPLAY_EVENTS_MAX:
            break
        after = page[-1].seq
    return stored


def _may_see(entry: Entry, reader: Reader) -> bool:
    return may_see(entry, reader.user_id, moderator=reader.moderator)


def _covered(
    tail: Tail, watermark: Watermark | None, conversation: StoredConversation | None
) -> Seq:
    """Up to here the store has everything of the order, timeline and conversation both."""
    archived = Seq(tail.seq(watermark.offset if watermark is not None else 0) - 1)
    return max(archived, conversation.head) if conversation is not None else archived


def _load(order_id: OrderId, stored: StoredConversation | None) -> Conversation:
    return Conversation(order_id) if stored is None else from_snapshot(stored.snapshot)


def _belongs(tail: Tail, after: Seq) -> bool:
    """Whether a position a client holds can be one of this log: nothing, or read already."""
    return after == NOTHING or (epoch_of(after) == tail.epoch and offset_of(after) < tail.end)


def _version(room: Room) -> int:
    order = room.conversation.order
    return order.version if order is not None else 0


def _may_read(room: Room, reader: Reader) -> bool:
    if reader.moderator or reader.service:
        return room.conversation.order is not None
    return room.conversation.may(reader.user_id, "read")


def _answer(room: Room, stored: Stored, reader: Reader, query: Query) -> Answer:
    """Join the store's entries with the room's, bring them to the present, cut to size."""
    apply_all(room.changes(), stored.entries)
    below = query.before if query.before is not None else _ABOVE_ALL
    entries = [entry for entry in stored.entries if entry.seq <= room.floor]
    if query.after is not None:
        # What the room holds follows on the store's part only if that is whole.
        if not stored.more:
            entries += room.entries
        return _replay(entries, reader, query.after, below, more=stored.more)
    entries += room.entries
    paged = [
        entry for entry in entries if entry.seq < below and entry.shown and entry.type in PAGED
    ]
    newest_first = paged[: -query.limit - 1 : -1]
    kept = _fitting(newest_first, reader)[::-1]
    return Answer(kept, complete=len(kept) == len(paged))


def _replay(entries: list[Entry], reader: Reader, after: Seq, below: Seq, *, more: bool) -> Answer:
    visible = [entry for entry in entries if after < entry.seq < below and _may_see(entry, reader)]
    kept = _fitting(visible[:REPLAY_EVENTS_MAX], reader)
    return Answer(kept, complete=not more and len(kept) == len(visible))


def _fitting(entries: list[Entry], reader: Reader) -> list[Shown]:
    """As many of the first entries as fit an answer; at least one, if there is one."""
    shown: list[Shown] = []
    size = 0
    for entry in entries:
        frame = encode_frame(show(entry, moderator=reader.moderator))
        size += len(frame)
        if size > ANSWER_BYTES_MAX and shown:
            break
        shown.append(Shown(entry.seq, frame))
    return shown
