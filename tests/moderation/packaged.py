"""The rules that come with the package, read once for all tests of them."""

from typing import Final

from chat_gateway.moderation.engine.rules import Rules, load

RULES: Final[Rules] = load()
