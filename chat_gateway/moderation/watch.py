"""What is said in a partition, read record by record: which verdicts it calls for.

No await, no I/O, no clock, no setting but the rules: time is the append time of what is read. A
verdict follows from the sender's messages of the last `WINDOW_MS` alone, and its id from the text
that it is about. So the same log gives the same verdicts whenever, wherever and however often it is
read, and nothing has to be stored: who begins `LEAD_MS` before the place decides as if he had read
all from the beginning.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID, uuid5

import msgspec

from chat_gateway.moderation.engine.find import WINDOW, Finding, OverBudget, find
from chat_gateway.moderation.engine.rules import Rule, Rules
from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId

WINDOW_MS: Final = 10 * 60_000
"""What a sender said longer ago is not put together with what comes."""
KNOWN_MS: Final = 16 * 60_000
"""How long an id is known after it was read. Copies come sooner, and so do edits, of which the
order service allows 15 minutes unless told otherwise."""
CLOCKS_MS: Final = 60_000
"""By how much append times may step back, where another broker takes a partition over."""
LEAD_MS: Final = 2 * KNOWN_MS + 2 * CLOCKS_MS
"""Who reads for so long without judging knows what there is to know: a copy whose original he did
not read has left the window by then, and is known no longer as whoever's it is."""
SENDERS_MAX: Final = 20_000
RECORDS_MAX: Final = 200_000
"""Remembered in a partition; beyond it what was quiet for the longest is forgotten, by every reader
alike."""

NAMESPACE: Final = UUID("0d0c3c0c-6f2e-4a43-9d6a-3a5a1c0f8b52")
"""Root of the ids of our verdicts. Changing it would give every old verdict a second time."""

Action = Literal["redact", "flag"]
_NOTHING, _FLAG, _REDACT = 0, 1, 2
_STRENGTH: Final[Mapping[Action, int]] = {"flag": _FLAG, "redact": _REDACT}
_ACTIONS: Final[Mapping[int, Action]] = {_FLAG: "flag", _REDACT: "redact"}
_POLICY: Final = "contact:"
_SEVERE: Final = ("masked", "refused")
"""Policies under which the parties may be kept from what was said; under others only moderators
are told of it."""

_Sender = tuple[OrderId, UserId]


class Decision(msgspec.Struct, frozen=True):
    """A verdict that is called for."""

    order_id: OrderId
    target: MessageId
    """The message."""
    text: MessageId
    """The record that gave it the text in question: itself, or an edit."""
    action: Action
    rule: str
    version: int

    @property
    def client_id(self) -> ClientId:
        """The same for the same verdict on the same text, whatever it was put together with."""
        name = f"{self.text}:{self.target}:{self.action}:{self.reason}"
        return ClientId(str(uuid5(NAMESPACE, name)))

    @property
    def reason(self) -> str:
        """What moderators read; nothing of the text."""
        return f"{self.rule}@{self.version}"


class _Said(msgspec.Struct, gc=False):
    """A message as it stands by what was read of it."""

    target: MessageId
    text_id: MessageId
    text: str
    at: int
    policy: str
    own: bool
    """Whether the message is known to be the sender's. An edit may name anybody's; such a one is
    void, and we cannot see that."""
    told: set[tuple[str, Action]] = msgspec.field(default_factory=set)
    """The rules whose verdicts on it were given out already, and which."""


class _Known(msgspec.Struct, frozen=True, gc=False):
    sender: _Sender
    since: int
    at: int
    """When it was read last."""


class Watch:
    """One partition, from wherever on it is read."""

    def __init__(self, rules: Rules, *, budget_s: float) -> None:
        """*budget_s*: how long a text may keep the rules busy."""
        self._rules = rules
        self._budget_s = budget_s
        self._senders: OrderedDict[_Sender, list[_Said]] = OrderedDict()
        """Who said something lately, and the last of it; who was quiet the longest comes first."""
        self._known: OrderedDict[MessageId, _Known] = OrderedDict()
        """Messages and edits, by when they were read last."""
        self.over_budget = 0
        """Texts that were given up, so that nothing was found in them."""

    def pass_by(self, event: log.Event, at: int) -> None:
        """Take in the next record, on which nothing is to be decided any more."""
        self._hear(event, at)

    def take(self, event: log.Event, at: int) -> list[Decision]:
        """Take in the next record; the verdicts that it calls for, each given out once.

        *at*: its append time in ms.
        """
        window = self._hear(event, at)
        if window is None:
            return []
        called_for: dict[int, tuple[int, Rule]] = {}
        for finding, places in self._found(event, window):
            for place in places:
                strength = _strength(finding.rule, window[place], window[-1])
                if strength > called_for.get(place, (_NOTHING, finding.rule))[0]:
                    called_for[place] = strength, finding.rule
        decisions = []
        for place, (strength, rule) in sorted(called_for.items()):
            said, action = window[place], _ACTIONS[strength]
            if (rule.id, action) not in said.told:
                said.told.add((rule.id, action))
                decisions.append(
                    Decision(
                        event.order_id, said.target, said.text_id, action, rule.id, rule.version
                    )
                )
        return decisions

    def _hear(self, event: log.Event, at: int) -> list[_Said] | None:
        """What its sender said lately, this last; null if it says nothing new."""
        if not isinstance(event, log.Message | log.Edit) or event.as_ != "participant":
            return None
        sender = event.order_id, event.by
        if not self._is_new(event.id, sender, at):
            return None
        said = self._senders.pop(sender, [])
        target, own = event.id, True
        if isinstance(event, log.Edit):
            target, own = event.target, self._wrote(sender, event.target, at)
            said = [one for one in said if one.target != target]
        said.append(_Said(target, event.id, event.text, at, _policy(event.flags), own))
        self._senders[sender] = said[-WINDOW:]
        self._forget(at)
        return [one for one in said[-WINDOW:] if at - one.at <= WINDOW_MS]

    def _is_new(self, id_: MessageId, sender: _Sender, at: int) -> bool:
        known = self._known.pop(id_, None)
        is_new = known is None or at - known.at > KNOWN_MS
        since = at if known is None or is_new else known.since
        self._known[id_] = _Known(sender, since, at)  # last again, so that a row of copies is known
        return is_new

    def _wrote(self, sender: _Sender, target: MessageId, at: int) -> bool:
        known = self._known.get(target)
        return known is not None and known.sender == sender and at - known.since <= KNOWN_MS

    def _forget(self, at: int) -> None:
        """Drop what no later record can be put together with, even if time steps back."""
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= RECORDS_MAX and at - oldest.at <= KNOWN_MS + CLOCKS_MS:
                break
            self._known.popitem(last=False)
        while self._senders:
            quietest = next(iter(self._senders.values()))
            if len(self._senders) <= SENDERS_MAX and (
                at - quietest[-1].at <= WINDOW_MS + CLOCKS_MS
            ):
                break
            self._senders.popitem(last=False)

    def _found(
        self, event: log.Event, window: Sequence[_Said]
    ) -> Iterable[tuple[Finding, set[int]]]:
        """What the rules find, each with the places in the window that it concerns."""
        for finding in self._find([one.text for one in window]):
            yield finding, {span.message for span in finding.spans}
        if isinstance(event, log.Message):
            for attachment in event.attachments:
                for finding in self._find([attachment.name]):
                    yield finding, {len(window) - 1}

    def _find(self, texts: Sequence[str]) -> list[Finding]:
        try:
            return find(texts, self._rules, budget_s=self._budget_s)
        except OverBudget:
            self.over_budget += 1
            return []


def _policy(flags: Iterable[str]) -> str:
    """What became of contact details when it was said."""
    return next((flag.removeprefix(_POLICY) for flag in flags if flag.startswith(_POLICY)), "")


def _strength(rule: Rule, target: _Said, newest: _Said) -> int:
    """How far a verdict may go: no further than what held when either was said allows."""
    most = min(_allowed(rule, target.policy), _allowed(rule, newest.policy))
    if not target.own:
        most = min(most, _FLAG)
    return min(most, _STRENGTH[rule.action])


def _allowed(rule: Rule, policy: str) -> int:
    if policy == "allowed" and rule.family == "contact":
        return _NOTHING
    return _REDACT if policy in _SEVERE else _FLAG
