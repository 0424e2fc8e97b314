"""Signals: what may be forgotten. `port` states the obligations, `memory` is the embedded one."""

from urllib.parse import urlsplit

from shared.signals.port import Signals


async def open_signals(url: str) -> Signals:
    """The signals that `ORDER_CHAT_SIGNALS_URL` names. Close them."""
    scheme = urlsplit(url).scheme
    match scheme:
        case "memory":
            from shared.signals.memory import MemorySignals

            return MemorySignals()
        case _:
            raise ValueError(f"ORDER_CHAT_SIGNALS_URL: the scheme {scheme!r} is none of: memory")
