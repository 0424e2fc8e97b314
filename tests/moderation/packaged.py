"""The rules that come with the package, read once for all tests of them."""

from typing import Final

import msgspec

from chat_gateway.moderation.engine.rules import Rules, load

RULES: Final[Rules] = load()


def _written() -> Rules:
    compiled = [
        msgspec.structs.replace(one, rule=msgspec.structs.replace(one.rule, unless_below=None))
        for one in RULES.compiled
        if one.rule.detector != "learned"
    ]
    return msgspec.structs.replace(RULES, compiled=tuple(compiled))


WRITTEN: Final[Rules] = _written()
"""What somebody wrote, without what was learned: each of them is to hold by itself."""
