"""What the rules would have done to the past: nothing is given, and nothing of a text is told.

The log is read from its beginning, or from a time on, to where it ends when that is asked.
"""

import json
import re
from collections import Counter
from typing import Final, Literal, TextIO

import msgspec

from chat_gateway.moderation.engine.rules import Rules
from chat_gateway.moderation.partition import Partition, where_to_begin
from chat_gateway.moderation.watch import Action, Decision
from shared.contracts.events import Flag, NotAnEvent, Redact, Restore, decode_event
from shared.contracts.ids import MessageId, OrderId
from shared.log.port import Log, Record

BATCH_MAX: Final = 1_000
FETCH_WAIT_S: Final = 5.0
BUDGET_S: Final = 1.0

Given = Literal["same", "other", "no"]
_ABOUT_MESSAGES: Final = ("redact", "flag", "restore")
_REASON: Final = re.compile(r"(.+)@\d+")

_Place = tuple[OrderId, MessageId]


class Would(msgspec.Struct, frozen=True):
    """A verdict that would have been given, and when."""

    at: int
    decision: Decision


class Past(msgspec.Struct):
    """What was read, as far as it was to be judged."""

    would: list[Would] = []
    verdicts: dict[_Place, dict[Action, str]] = {}
    """What the log has on messages: the action with its reason, whoever gave it."""

    def take(self, record: Record) -> None:
        """See whether a record is a verdict on a message. A restore takes a redaction back."""
        if record.type not in _ABOUT_MESSAGES:
            return
        try:
            event = decode_event(record.key, record.type, record.version, record.value)
        except NotAnEvent:
            return
        if not isinstance(event, Redact | Flag | Restore) or event.as_ == "participant":
            return
        given = self.verdicts.setdefault((event.order_id, event.target), {})
        match event:
            case Redact(reason=reason):
                given["redact"] = reason
            case Flag(reason=reason):
                given["flag"] = reason
            case Restore():
                given.pop("redact", None)

    def given(self, decision: Decision) -> Given:
        """Whether the log has a verdict on that message."""
        given = self.verdicts.get((decision.order_id, decision.target), {})
        if decision.action in given:
            return "same"
        return "other" if given else "no"


async def look_back(log: Log, rules: Rules, *, since: int) -> Past:
    """Read the log and judge what was appended at *since* (in ms) or later.

    Raises `OSError`, and `shared.contracts.events.FromTheFuture` where it cannot be read on.
    """
    past = Past()
    reader = log.reader()
    try:
        ends = await log.ends()
        partitions = {}
        for number, end in enumerate(ends):
            judge_from = await log.offset_at(number, since)
            begin = await where_to_begin(log, number, judge_from)
            if begin < end:
                partitions[number] = Partition(
                    rules, begin, judge_from=judge_from, budget_s=BUDGET_S
                )
                reader.follow(number, begin)
        while partitions:
            batches = await reader.fetch(max_wait_s=FETCH_WAIT_S, max_records=BATCH_MAX)
            for number, records in batches.items():
                partition = partitions[number]
                for record in records:
                    if partition.position >= ends[number]:
                        break
                    past.would += [Would(record.at, one) for one in partition.take(record)]
                    if partition.is_judging:
                        past.take(record)
                if partition.position >= ends[number]:
                    reader.unfollow(number)
                    del partitions[number]
    finally:
        await reader.close()
    return past


def report(past: Past, lines: TextIO, table: TextIO) -> None:
    """Print a line for each verdict that would have been given, in the order of time, and then how
    many there are by rule."""
    would, already, alone = Counter[str](), Counter[str](), Counter[str]()
    called_for: set[tuple[_Place, Action]] = set()
    for one in sorted(past.would, key=lambda would: would.at):
        decision, given = one.decision, past.given(one.decision)
        would[decision.rule] += 1
        already[decision.rule] += given == "same"
        called_for.add(((decision.order_id, decision.target), decision.action))
        shown = {
            "order_id": decision.order_id,
            "message_id": decision.target,
            "at": one.at,
            "action": decision.action,
            "rule": decision.rule,
            "version": decision.version,
            "given": given,
        }
        print(json.dumps(shown), file=lines)
    for place, verdicts in past.verdicts.items():
        for action, reason in verdicts.items():
            rule = _REASON.fullmatch(reason)  # what people decided has no rule
            if rule is not None and (place, action) not in called_for:
                alone[rule[1]] += 1
    print(f"{'rule':32}{'would give':>12}{'given':>12}{'not any more':>14}", file=table)
    for name in sorted({*would, *alone}):
        print(f"{name:32}{would[name]:>12}{already[name]:>12}{alone[name]:>14}", file=table)
