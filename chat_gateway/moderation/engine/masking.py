"""What is shown in the place of what a rule found."""

from collections.abc import Iterable
from typing import Final

from chat_gateway.moderation.engine.normalise import MASK

MASKED: Final = MASK * 3


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with `███` for each span (start, end); spans that touch become one."""
    parts: list[str] = []
    kept = 0
    for start, end in sorted(spans):
        if start > kept or not parts:
            parts += [text[kept:start], MASKED]
        kept = max(kept, end)
    return "".join([*parts, text[kept:]])
