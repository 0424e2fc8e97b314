"""What people say in orders, as events, and rules of the tests' own that it is judged by."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from chat_gateway.moderation.engine.rules import Rules, load
from chat_gateway.moderation.watch import Decision, Watch
from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId, message_id

ORDER: Final = OrderId("o-1042")
ANNA: Final = UserId("u-anna")
BEN: Final = UserId("u-ben")

MASKED: Final = ("contact:masked",)
ALLOWED: Final = ("contact:allowed",)

RULES: Final = Path(__file__).with_name("three_rules.json")
"""The packaged ones grow; these have one of each kind."""
FIRST: Final = "blue"
SECOND: Final = "lagoon"
"""Two innocent texts that are a detail together, by the rule `SPLIT`."""
MORE: Final = "laguna"
"""It goes on, with all that was said since the first."""
WHOLE: Final = "Send it by carrier pigeon."
"""A detail by itself, by the rule `ALONE`."""
PAYMENT: Final = "There is a golden goose."
"""What may only be flagged, by the rule `FLAGGED`."""
SPLIT: Final = "contact.lagoon"
ALONE: Final = "contact.pigeon"
FLAGGED: Final = "payment.goose"
INNOCENT: Final = "The second cut is ready, have a look!"
MINUTE: Final = 60_000

Record = tuple[log.Event, int]
"""What is read, and its append time."""


@cache
def rules() -> Rules:
    return load(RULES)


def watch() -> Watch:
    return Watch(rules(), budget_s=60)


def id_of(key: int, by: UserId = ANNA, order_id: OrderId = ORDER) -> MessageId:
    return message_id(order_id, by, _client_id(key))


def say(
    key: int,
    text: str,
    *,
    by: UserId = ANNA,
    order_id: OrderId = ORDER,
    flags: tuple[str, ...] = MASKED,
    files: Sequence[str] = (),
    as_: log.Capacity = "participant",
) -> log.Message:
    """A message; *key* makes its id."""
    return log.Message(
        order_id=order_id,
        by=by,
        as_=as_,
        id=id_of(key, by, order_id),
        base=0,
        client_id=_client_id(key),
        seen=0,
        text=text,
        flags=flags,
        attachments=tuple(
            log.Attachment(f"a-{number}", name, "application/pdf", 1)
            for number, name in enumerate(files)
        ),
    )


def edit(
    key: int,
    target: MessageId,
    text: str,
    *,
    by: UserId = ANNA,
    order_id: OrderId = ORDER,
    flags: tuple[str, ...] = MASKED,
) -> log.Edit:
    """Another text for a message."""
    return log.Edit(
        order_id=order_id,
        by=by,
        as_="participant",
        id=id_of(key, by, order_id),
        base=0,
        client_id=_client_id(key),
        target=target,
        text=text,
        flags=flags,
    )


def told(decisions: Sequence[Decision]) -> list[tuple[MessageId, str, str]]:
    """Of each decision the message, the action and the rule."""
    return [(one.target, one.action, one.rule) for one in decisions]


def _client_id(key: int) -> ClientId:
    return ClientId(str(UUID(int=key)))


def judged(*events: log.Event, every_ms: int = 1_000) -> list[Decision]:
    """What events call for that are read one after the other."""
    return judged_at(*[(event, number * every_ms) for number, event in enumerate(events)])


def judged_at(*records: Record) -> list[Decision]:
    """What records call for."""
    watcher = watch()
    return [decision for event, at in records for decision in watcher.take(event, at)]


BOTH: Final = [(id_of(1), "redact", SPLIT), (id_of(2), "redact", SPLIT)]
"""What `FIRST` and `SECOND` come to, if Anna said them first and second."""
