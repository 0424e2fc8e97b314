"""A gateway, as far as a moderation consumer needs one: it gives verdicts."""

from typing import Protocol

from chat_gateway.moderation.watch import Decision
from shared.contracts.errors import CATALOGUE, ErrorCode


class TryAgain(Exception):
    """The verdict cannot be given now, or whether it was given is not known."""

    def __init__(self, reason: str, *, after_s: float = 0.0) -> None:
        """*reason* is a code or the name of a class; *after_s*: no sooner than then."""
        super().__init__(reason)
        self.after_s = after_s


class Refused(Exception):
    """The verdict will not be given: there is nothing to give it on, or its id is taken."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code = code


class NotAllowed(Exception):
    """Whoever asks may give no verdicts, this one or another."""


class Gateway(Protocol):
    """Gives verdicts in the name of moderation."""

    async def give(self, decision: Decision) -> bool:
        """Have a verdict given; tell whether this call did it: the same one again changes nothing.

        Once it returns, the verdict is in the log. Raises `TryAgain`, `Refused` or `NotAllowed`.
        """
        ...

    async def ping(self) -> None:
        """Raise `TryAgain` if no verdict can be given now."""
        ...


def refusal(code: ErrorCode, *, after_s: float = 0.0) -> Exception:
    """What a code means to whoever wanted a verdict given."""
    if CATALOGUE[code].retry:
        return TryAgain(code, after_s=after_s)
    if code in (ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN):
        return NotAllowed(code)
    return Refused(code)
