"""Settings of an engine that can lose what was acknowledged: found at start, and no start then."""

import logging
from collections.abc import Sequence

import msgspec

logger = logging.getLogger("order_chat.risk")


class Risk(msgspec.Struct, frozen=True):
    """One setting that is not as it must be."""

    text: str
    """One line: which setting, what it is, what it must be, and why."""
    loses: bool = True
    """False for what is worth a warning, and no more than that."""


class UnsafeSettings(RuntimeError):
    """The engines as they are set could lose something; one line each."""


def refuse(risks: Sequence[Risk], *, dev: bool) -> None:
    """Raise `UnsafeSettings` with every risk that loses something; warn of the others.

    With *dev* each is a warning alone: data that may be lost is all there is on a desk.
    """
    if not dev and any(risk.loses for risk in risks):
        texts = [risk.text for risk in risks if risk.loses]
        raise UnsafeSettings("\n".join([*texts, "(ORDER_CHAT_DEV=on, or --dev, starts anyway)"]))
    for risk in risks:
        logger.warning("an unsafe setting", extra={"reason": risk.text})
