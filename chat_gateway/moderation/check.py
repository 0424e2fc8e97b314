"""What the rules say to a file of conversations; for tuning, and for tests by others."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import msgspec

from chat_gateway.moderation.engine.find import find
from chat_gateway.moderation.engine.rules import Rule, Rules


class Conversation(msgspec.Struct, frozen=True):
    """A line of the file: messages of one sender, in their order."""

    messages: tuple[str, ...]


class BadLine(ValueError):
    """A line that is no conversation; names its number."""


def hit(messages: Sequence[str], rules: Rules) -> Rule | None:
    """The first rule that any of the messages breaks, with those before it."""
    for number in range(len(messages)):
        if found := find(messages[: number + 1], rules):
            return found[0].rule
    return None


def check(lines: Iterable[bytes], rules: Rules, out: TextIO = sys.stdout) -> None:
    """Print a verdict for each line. Raises `BadLine`, with what came before printed."""
    for number, line in enumerate(lines, start=1):
        try:
            conversation = msgspec.json.decode(line, type=Conversation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadLine(f"line {number}: {error}") from error
        rule = hit(conversation.messages, rules)
        print(json.dumps({"hit": rule is not None, "rule": rule and rule.id}), file=out)
