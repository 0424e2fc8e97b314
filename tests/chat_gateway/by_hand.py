"""Tails and the seam's generators driven by hand, over a log and a store that are lists."""

from collections.abc import Callable, Generator, Iterable
from typing import Any

from chat_gateway.seam import (
    Access,
    FindCarriers,
    FindEntry,
    Need,
    Opened,
    Query,
    ReadConversation,
    Reader,
    ReadPage,
    ReadWatermark,
    open_order,
)
from chat_gateway.tail import Tail
from shared.contracts import events as log
from shared.contracts.ids import make_seq
from shared.conversation import Conversation, to_snapshot
from shared.log.port import Draft, Record
from shared.store.port import StoredConversation, Watermark
from tests.chat_gateway.seam_author import draft_of
from tests.shared.story import ANNA, MODERATOR, ORDER, message, order

MOIRA = Reader(MODERATOR, moderator=True)
NEWEST = Query(None, None, 5)


def records(*written: log.Event | Draft) -> list[Record]:
    """What stands in the log from its beginning on."""
    drafts = [each if isinstance(each, Draft) else draft_of(each) for each in written]
    return [
        Record(0, offset, 1_000 * offset, draft.key, draft.type, draft.version, draft.value)
        for offset, draft in enumerate(drafts)
    ]


def tail_of(taken: Iterable[Record], *, start: int = 0) -> Tail:
    tail = Tail(1, 0, start)
    for record in taken:
        tail.take(record)
    return tail


def state_after(known: Iterable[Record]) -> Conversation:
    """The state as an archiver would have stored it."""
    conversation = Conversation(ORDER)
    for record in known:
        event = log.decode_event(record.key, record.type, record.version, record.value)
        conversation.fold(make_seq(1, record.offset), record.at, event)
    return conversation


class Archive:
    """A store that holds the first records of a log; it may go on at any time."""

    def __init__(self, written: list[Record], count: int) -> None:
        self._written = written
        self.count = count

    def answer(self, need: Need) -> Any:
        known = self._written[: self.count]
        entries = list(tail_of(known).open_room(state_after([])).entries)
        match need:
            case ReadWatermark():
                return Watermark(1, 0, self.count, None)
            case ReadConversation() if known:
                state = state_after(known)
                return StoredConversation(ORDER, state.head, to_snapshot(state))
            case ReadPage():
                page = [
                    entry
                    for entry in entries
                    if entry.stands
                    and need.after < entry.seq < need.before
                    and (need.types is None or entry.type in need.types)
                ]
                return page[-need.limit :] if need.newest else page[: need.limit]
            case FindEntry():
                return next((entry for entry in entries if entry.id == need.id), None)
            case FindCarriers():
                return [
                    entry
                    for entry in reversed(entries)
                    if need.attachment_id in (file.id for file in entry.attachments)
                ][: need.limit]
            case _:
                return None


def finish(steps: Generator[Need, Any, Any], answer: Callable[[Need], Any]) -> Any:
    """What a generator returns when each of its needs is answered at once."""
    got: Any = None
    while True:
        try:
            got = answer(steps.send(got))
        except StopIteration as done:
            return done.value


class ByHand:
    """A join that goes on one step at a time."""

    def __init__(self, steps: Generator[Need, Any, Opened]) -> None:
        self._steps = steps
        self._need = steps.send(None)
        self._opened: Opened | None = None

    def step(self, archive: Archive, *, times: int = 1) -> None:
        for _ in range(times):
            try:
                self._need = self._steps.send(archive.answer(self._need))
            except StopIteration as done:
                self._opened = done.value

    def finish(self, archive: Archive) -> Opened:
        while self._opened is None:
            self.step(archive)
        return self._opened


def needs_nothing(need: Need) -> Any:
    raise AssertionError(f"{need} was asked for")


def tail_from(written: list[Record], start: int, end: int | None = None) -> Tail:
    return tail_of(written[start:end], start=start)


def join(
    tail: Tail, query: Query = NEWEST, reader: Reader = MOIRA, access: Access | None = None
) -> Generator[Need, Any, Opened]:
    return open_order(tail, ORDER, reader, access, query)


def offsets(opened: Opened) -> list[int]:
    return [shown.seq - make_seq(1, 0) for shown in opened.answer.events]


def chat(count: int, text: str = "Hi!") -> list[Record]:
    """An order with that many messages."""
    return records(
        order(), *(message(ANNA, key, base=key, seen=key, text=text) for key in range(count))
    )
