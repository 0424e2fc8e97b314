"""Believable and hostile histories of one order, for properties.

A history is written from a seed and a length, so that a failing one shrinks to its first moves.
Everything may happen: strangers write, versions fall, records come again, bases are wrong. What
honest gateways guarantee is kept, unless a record is marked as dishonest: bases and read marks
count what was there, and a restore carries the text as it stood at its base.
"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Final, TypeVar

import msgspec
from hypothesis import strategies as st

from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, Seq, UserId, make_seq
from tests.shared.naive import NaiveConversation
from tests.shared.story import (
    ADVERTISER,
    ALL,
    ANNA,
    BEN,
    CARA,
    CREATOR,
    FILE,
    MODERATOR,
    OPEN,
    SERVICE,
    START_MS,
    STRANGER,
    SUPPORT,
    WINDOW_MS,
    Moderator,
    Record,
    delete,
    edit,
    id_of,
    message,
    order,
    read,
    report,
)

T = TypeVar("T")
Move = tuple[int, int, int, int]
Who = tuple[UserId, log.Capacity]

SPACING: Final = 4
"""Positions between two records, so that a test can slip another one in."""
_FLOOD: Final = 1_100

_WRITERS: Final[tuple[Who, ...]] = (
    (ANNA, "participant"), (BEN, "participant"), (ANNA, "participant"), (BEN, "participant"),
    (CARA, "participant"), (STRANGER, "participant"), (SERVICE, "service"),
    (MODERATOR, "moderator"), (BEN, "moderator"),
)  # fmt: skip
_JUDGES: Final[tuple[Who, ...]] = (
    (MODERATOR, "moderator"), (MODERATOR, "moderator"), (SERVICE, "service"), (ANNA, "participant"),
)  # fmt: skip
_CROWD: Final = tuple(log.Participant(UserId(f"u-{n}"), "support", "Somebody") for n in range(19))
_PARTIES: Final = (
    (CREATOR, ADVERTISER), (CREATOR, ADVERTISER), (CREATOR, ADVERTISER), (CREATOR, ADVERTISER),
    (CREATOR, ADVERTISER, SUPPORT), (CREATOR, ADVERTISER, SUPPORT), (CREATOR,), (),
    (CREATOR, ADVERTISER, *_CROWD),
)  # fmt: skip
_READ: Final[tuple[log.Action, ...]] = ("read",)
_MAY: Final[tuple[dict[str, tuple[log.Action, ...]], ...]] = (
    OPEN, OPEN, OPEN, OPEN, {"creator": ALL, "advertiser": ("read", "send")},
    {"creator": _READ, "advertiser": _READ}, {"creator": ("send", "edit")}, {},
)  # fmt: skip
_STATUSES: Final = ("in_progress", "in_progress", "delivered", "disputed")
_WINDOWS: Final = (WINDOW_MS, WINDOW_MS, 5_000, 0)
_PAUSES_MS: Final = (0, 1, 1_000, 1_000, 1_000, 1_000, 60_000, WINDOW_MS)


class History:
    """A log of one order, and what each of its records should come to."""

    def __init__(self, honest: bool) -> None:
        self._honest = honest
        self.records: list[Record] = []
        self.naive = NaiveConversation()
        self.dishonest: set[Seq] = set()
        """Records no honest gateway writes: they count more than there was."""
        self.cuts: list[int] = [0]
        """Numbers of records after each move: where it is worth looking."""
        self._ids: list[MessageId] = []
        self._versions = 0
        self._keys = 0

    def append(self, event: log.Event, pause_ms: int = 1_000) -> None:
        """Write a record and fold it naively."""
        at = (self.records[-1].at if self.records else START_MS) + pause_ms
        record = Record(make_seq(1, SPACING * (len(self.records) + 1)), at, event)
        self.records.append(record)
        if self._counts_what_is_not_there(event):
            self.dishonest.add(record.seq)
        self.naive.fold(record)
        if isinstance(event, log.Identified) and event.id in self.naive.claims:
            self._ids.append(event.id)

    def play(self, move: Move) -> None:
        """Write what a move says."""
        kind, a, b, c = move
        _KINDS[kind % len(_KINDS)](self, a, b, c)
        self.cuts.append(len(self.records))

    # One method per kind of move; a, b and c choose who, what, and how wrongly.

    def say(self, a: int, b: int, c: int) -> None:
        by, as_ = _pick(_WRITERS, a)
        self.append(
            message(
                by, self._key(), base=self._base(b), seen=max(0, self.naive.messages - c % 4 + 1),
                text=self._canary(), attachments=self._files() if c % 5 == 0 else (),
                as_=as_,
            ),
            _pick(_PAUSES_MS, b),
        )  # fmt: skip

    def change(self, a: int, b: int, c: int) -> None:
        target = self._target(b)
        by, as_ = _pick(_WRITERS, a)
        claim = self.naive.claims.get(target)
        if c % 4 and claim is not None:  # mostly the author
            by, as_ = claim.record.event.by, claim.record.event.as_
        base, key, pause_ms = self._base(c), self._key(), _pick(_PAUSES_MS, a)
        if c % 3 == 0:
            self.append(delete(by, key, target, base=base, as_=as_), pause_ms)
        else:
            text = self._canary()
            self.append(edit(by, key, target, base=base, text=text, as_=as_), pause_ms)

    def mark(self, a: int, b: int, c: int) -> None:
        by, as_ = _pick(_WRITERS, a)
        n = (
            max(0, self.naive.messages - b % 8)
            if b < 250 or self._honest
            else self.naive.messages + b
        )
        position = self.records[-1 - c % len(self.records)].seq if self.records else Seq(c)
        self.append(read(by, position, n, as_=as_))

    def accuse(self, a: int, b: int, c: int) -> None:
        by, as_ = _pick(_WRITERS, a)
        self.append(report(by, self._key(), self._target(b), base=self._base(c), as_=as_))

    def judge(self, a: int, b: int, c: int) -> None:
        judge = Moderator(*_pick(_JUDGES, a // 8))
        user = _pick(_WRITERS, b)[0]
        base, key, target = self._base(c), self._key(), self._target(b)
        until = None if c % 2 else self.records[-1].at + 2_000 if self.records else 0
        match a % 8:
            case 0 | 1:
                self.append(judge.redact(key, target, base))
            case 2:
                self.append(judge.flag(key, target, base))
            case 3:
                self.append(judge.mute(key, user, base, until))
            case 4:
                self.append(judge.unmute(key, user, base))
            case 5:
                self.append(judge.close(key, base))
            case _:
                self.append(judge.reopen(key, base))

    def sit_at_the_desk(self, a: int, b: int, c: int) -> None:
        clerk = Moderator(*_pick(_JUDGES, a // 4))
        key, base = self._key(), self._base(c)
        if a % 4:
            self.append(clerk.review(key, self._target(b), base))
        else:
            self.append(clerk.look(key, base))

    def give_back(self, a: int, b: int, c: int) -> None:
        target = self._target(b)
        claim = self.naive.claims.get(target)
        base = max(claim.place if claim else 0, self.naive.places - c % 3)
        text, attachments = self._standing(target, base)
        judge = Moderator(*_pick(_JUDGES, a))
        self.append(judge.restore(self._key(), target, base, text=text, attachments=attachments))

    def reorder(self, a: int, b: int, c: int) -> None:
        version = max(0, self._versions + (1, 1, 1, 2, 0, -1)[a % 6])
        self._versions = max(self._versions, version)
        as_: log.Capacity = "participant" if c % 9 == 8 else "service"
        self.append(
            order(
                version, status=_pick(_STATUSES, a // 6), parties=_pick(_PARTIES, b),
                may=_pick(_MAY, c),
                edit_window_ms=_pick(_WINDOWS, b // 8), as_=as_,
            )
        )  # fmt: skip

    def repeat(self, a: int, b: int, c: int) -> None:
        if self.records:
            self.append(self.records[(a * 256 + b) % len(self.records)].event)

    def abuse_id(self, a: int, b: int, c: int) -> None:
        """An id that was used before, for something else."""
        by, as_ = _pick(_WRITERS, a)
        key = b % (self._keys + 1)
        if self._honest and not self.naive.remembers(id_of(by, key)):
            return
        self.append(message(by, key, base=self._base(c), text=self._canary(), as_=as_))

    def flood(self, a: int, b: int, c: int) -> None:
        if c % 12 == 1:
            for _ in range(_FLOOD):
                self.append(message(BEN, self._key(), base=self.naive.places, text=self._canary()))

    def _counts_what_is_not_there(self, event: log.Event) -> bool:
        if isinstance(event, log.Identified):
            return event.base > self.naive.places
        return isinstance(event, log.Read) and event.n > self.naive.messages

    def _key(self) -> int:
        self._keys += 1
        return self._keys

    def _canary(self) -> str:
        """A text that is nowhere else, so that it can be found wherever it leaks to."""
        return f"canary-{len(self.records):05}"

    def _files(self) -> tuple[log.Attachment, ...]:
        return (msgspec.structs.replace(FILE, id=f"file-{len(self.records):05}"),)

    def _base(self, choice: int) -> int:
        """Usually up to date, sometimes behind, at times far behind; and once in a while ahead."""
        if choice > 250 and not self._honest:
            return self.naive.places + choice
        lag = (0, 0, 0, 1, 3, 30, 1_000, 1_001)[choice % 8]
        return max(0, self.naive.places - lag)

    def _target(self, choice: int) -> MessageId:
        if not self._ids or choice == 255:
            return MessageId(ClientId("00000000-0000-0000-0000-000000000000"))
        said = [id_ for id_ in self._ids[-40:] if self.naive.claims[id_].n] if choice % 2 else []
        if said:  # much happens to few messages, so that edits and verdicts meet
            return said[-1 - choice // 2 % min(2, len(said))]
        recent = self._ids[-12:]
        return recent[choice % len(recent)] if choice % 8 else self._ids[choice % len(self._ids)]

    def _standing(self, target: MessageId, base: int) -> tuple[str, tuple[log.Attachment, ...]]:
        """Text and files of a message as they stood when *base* records had been folded."""
        text = ""
        attachments: tuple[log.Attachment, ...] = ()
        for told in self.naive.past:
            event = told.record.event
            if not told.stands or told.place > base:
                continue
            if isinstance(event, log.Message) and event.id == target:
                text, attachments = event.text, event.attachments
            elif isinstance(event, log.Edit) and event.target == target:
                text = event.text
        return text, attachments


def _pick(options: tuple[T, ...], choice: int) -> T:
    return options[choice % len(options)]


_KINDS: Final[tuple[Callable[[History, int, int, int], None], ...]] = (
    History.say, History.say, History.say, History.say, History.change, History.change,
    History.change, History.mark, History.mark, History.accuse, History.judge, History.judge,
    History.sit_at_the_desk, History.give_back, History.reorder, History.repeat, History.repeat,
    History.abuse_id, History.flood,
)  # fmt: skip


def write_history(moves: list[Move], honest: bool) -> History:
    """An order that was opened, and then everything that *moves* say."""
    history = History(honest)
    if not moves or moves[0][1] % 8:  # sometimes the order is not there yet
        history.reorder(0, 0, 0)
    for move in moves:
        history.play(move)
    return history


def _shuffled(seed: int, count: int) -> list[Move]:
    """*count* moves; with a smaller count the first ones stay the same, so a failure shrinks."""
    dice = Random(seed)
    return [
        (dice.randrange(len(_KINDS)), dice.randrange(256), dice.randrange(256), dice.randrange(256))
        for _ in range(count)
    ]


@cache
def histories(*, honest: bool = False) -> st.SearchStrategy[History]:
    """Histories of up to 80 moves; about one in six has more than 1,100 records.

    In *honest* ones gateways make no mistake; users are as hostile as ever.
    """
    moves = st.builds(_shuffled, st.integers(0, 2**32), st.integers(5, 80))
    return moves.map(lambda moves: write_history(moves, honest))
