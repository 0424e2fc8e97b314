"""A partition as moderation reads it: what its records call for, and where to begin."""

from typing import Final

from chat_gateway.moderation.engine.rules import Rules
from chat_gateway.moderation.watch import LEAD_MS, Decision, Watch
from shared.contracts.events import (
    TYPES,
    VERSION,
    Edit,
    FromTheFuture,
    Message,
    NotAnEvent,
    decode_event,
)
from shared.log.port import Log, Record

_SAID: Final = frozenset({TYPES[Message], TYPES[Edit]})
"""The types that say something."""


class Partition:
    """One partition, from a position on."""

    def __init__(self, rules: Rules, position: int, *, judge_from: int, budget_s: float) -> None:
        """*position*: the offset read next; below *judge_from* nothing is decided."""
        self._watch = Watch(rules, budget_s=budget_s)
        self._judge_from = judge_from
        self.position = position

    @property
    def decided_below(self) -> int:
        """Below which offset everything was decided."""
        return max(self.position, self._judge_from)

    @property
    def is_judging(self) -> bool:
        """Whether something was decided on what was read last."""
        return self.position > self._judge_from

    @property
    def over_budget(self) -> int:
        """Texts that took too long."""
        return self._watch.over_budget

    def take(self, record: Record) -> list[Decision]:
        """The verdicts that the next record calls for.

        Raises `FromTheFuture` for a record of a later version, and stays before it: what it says
        might be misread. A type that is not known says nothing of itself, and is passed over: we
        fold nothing.
        """
        if record.version is not None and record.version > VERSION:
            raise FromTheFuture(f"type {record.type!r} at version {record.version}")
        self.position = record.offset + 1
        if record.type not in _SAID:
            return []
        try:
            event = decode_event(record.key, record.type, record.version, record.value)
        except NotAnEvent:  # the archiver puts it aside
            return []
        if record.offset < self._judge_from:
            self._watch.pass_by(event, record.at)
            return []
        return self._watch.take(event, record.at)


async def where_to_begin(log: Log, partition: int, judge_from: int) -> int:
    """Where to begin reading for who decides from an offset on. Raises `OSError`."""
    at = await log.time_before(partition, judge_from)
    begin = await log.offset_at(partition, 0 if at is None else at - LEAD_MS)
    return min(begin, judge_from) if at is not None else begin
