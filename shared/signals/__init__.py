"""Signals: what may be forgotten. `port` states the obligations, `memory` is the embedded one,
`redis` the one for many processes."""

from shared.signals.port import Signals


async def open_signals(url: str) -> Signals:
    """The signals that `ORDER_CHAT_SIGNALS_URL` names. Close them."""
    scheme = url.partition(":")[0]
    match scheme:
        case "memory":
            from shared.signals.memory import MemorySignals

            return MemorySignals()
        case "redis" | "rediss":
            from shared.signals.redis import RedisSignals

            return RedisSignals.open(url)
        case _:
            raise ValueError(
                f"ORDER_CHAT_SIGNALS_URL: the scheme {scheme!r} is none of: memory, redis, rediss"
            )
