"""Contact details, decided on before a message is appended, where an order's status says so.

`masked`: what was found is shown as `███`, and what was sent is kept sealed beside it. `refused`:
the message is not taken, unless an earlier try of it may be in the log already: then nobody may
say any more that it never will be, and it is masked. In all other statuses nothing is looked at
here; the programs that moderate read everything anyway.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from chat_gateway.attempt import same_request
from chat_gateway.moderation.engine.find import Finding, OverBudget, find
from chat_gateway.moderation.engine.masking import MASKED, mask
from chat_gateway.moderation.engine.rules import Rule, Rules, load_once
from shared.contracts import events as log
from shared.seal import CannotOpen, Seal

logger = logging.getLogger("order_chat.gateway")

BUDGET_S: Final = 0.05
"""How long the rules may take over one text; what takes longer counts as not checked."""

Texted = log.Message | log.Edit
Find = Callable[[Sequence[str]], Sequence[Finding]]
"""What is found in the last of these texts. Raises `OverBudget`."""


class Refusal(Enum):
    """Why a text is not taken, in the words its writer is told."""

    FOUND = "Contact details cannot be shared in this order. Remove them and send again."
    UNCHECKED = "This text cannot be checked for contact details. Shorten it and send again."


class Guard:
    """Decides for all lanes of a gateway."""

    def __init__(self, find: Find, seal: Seal | None, *, fail_open: bool = True) -> None:
        """*seal*: null: what was sent is not kept. *fail_open*: what cannot be checked in time is
        taken as it is, for the programs that moderate to look at; else it is refused."""
        self._find = find
        self._seal = seal
        self._fail_open = fail_open

    def decide(self, event: Texted, contact: log.Contact, *, retry: bool) -> Texted | Refusal:
        """The event as it may be appended under the policy *contact*.

        *retry*: an earlier try may be in the log.
        """
        flags = (f"contact:{contact}",)
        if contact == "allowed":
            return msgspec.structs.replace(event, flags=flags)
        try:
            found = _details(self._find([event.text]))
            named = any(_details(self._find([file.name])) for file in _files(event))
        except OverBudget:
            logger.warning("a text could not be checked in time", extra={"order": event.order_id})
            if self._fail_open:
                return msgspec.structs.replace(event, flags=(*flags, "contact:unchecked"))
            if not retry:
                return Refusal.UNCHECKED
            return self._masked(event, MASKED, flags)
        if (named or (found and contact == "refused")) and not retry:
            return Refusal.FOUND
        if not found:
            return msgspec.structs.replace(event, flags=flags)
        spans = [(span.start, span.end) for finding in found for span in finding.spans]
        rules = (f"masked:{finding.rule.id}@{finding.rule.version}" for finding in found)
        return self._masked(event, mask(event.text, spans), (*flags, *rules))

    def same(self, one: log.Event, other: log.Event) -> bool:
        """Whether two events of one id were asked for by the same request, masked or not.

        What was sealed by a secret that is gone is taken for the same: it is its writer's own id.
        """
        if same_request(one, other):
            return True
        if not (_is_sealed(one) or _is_sealed(other)):
            return False
        opened, other_opened = self._opened(one), self._opened(other)
        return opened is None or other_opened is None or same_request(opened, other_opened)

    def _masked(self, event: Texted, text: str, flags: tuple[str, ...]) -> Texted:
        sealed = None if self._seal is None else self._seal.close(event.id, event.text)
        return msgspec.structs.replace(event, text=text, flags=flags, sealed=sealed)

    def _opened(self, event: log.Event) -> log.Event | None:
        """The event with what was sent; null if that cannot be known."""
        if not isinstance(event, Texted) or event.sealed is None:
            return event
        if self._seal is None:
            return None
        try:
            return msgspec.structs.replace(event, text=self._seal.open(event.id, event.sealed))
        except CannotOpen:
            return None


async def open_guard(rules_file: Path | None, seal: Seal | None, *, fail_open: bool) -> Guard:
    """A guard by the rules of a file, by default ours. Raises `BadRules`."""
    rules = unforgiving(await asyncio.to_thread(load_once, rules_file))
    return Guard(partial(find, rules=rules, budget_s=BUDGET_S), seal, fail_open=fail_open)


def unforgiving(rules: Rules) -> Rules:
    """Those that take something, whatever the text is like: here they are the last word, and who
    writes around a detail what innocents write would get it through."""
    compiled = tuple(
        msgspec.structs.replace(one, rule=_unforgiving(one.rule))
        for one in rules.compiled
        if one.rule.action == "redact"
    )
    return msgspec.structs.replace(rules, compiled=compiled)


def _unforgiving(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, unless_below=None, unless_quoted=False)


def _files(event: Texted) -> Sequence[log.Attachment]:
    return event.attachments if isinstance(event, log.Message) else ()


def _details(found: Sequence[Finding]) -> list[Finding]:
    """What can be masked: details themselves, not what merely asks or talks about them."""
    return [
        finding
        for finding in found
        if finding.rule.family == "contact" and finding.rule.action == "redact"
    ]


def _is_sealed(event: log.Event) -> bool:
    return isinstance(event, Texted) and event.sealed is not None
