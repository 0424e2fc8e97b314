"""A uvicorn server inside a program of ours, whose resources are closed after it."""

import asyncio
import gc
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import uvicorn
from starlette.types import ASGIApp

from shared.bounded_http import BoundedHttp

SHUTDOWN_S_MAX: Final = 5
"""How long requests may go on once clients were told; longer than any answer should take."""
FORCED_CHECK_S: Final = 0.1
GC_THRESHOLDS: Final = (5_000, 200, 100)
"""How many objects more than were freed, and then how many collections of the younger, before one
of the next generation. Five thousand young ones take 2 ms, and a handshake leaves a hundred that
refer to each other; what they leave over is looked at once more when it is a million."""

Farewell = Callable[[], Awaitable[None]]
"""Tells clients that the server is going; returns when they may be cut off."""


def config_for(
    app: ASGIApp,
    host: str,
    port: int,
    trusted_proxies: frozenset[str] = frozenset(),
    *,
    http: type[BoundedHttp] = BoundedHttp,
    ws: Callable[..., asyncio.Protocol] | Literal["none"] = "none",
    **more: Any,
) -> uvicorn.Config:
    """The settings of every server of ours; *more* goes to `uvicorn.Config` as it is.

    *http*: what serves requests; another one has other bounds.
    *ws*: what serves websockets. Without it their handshakes are requests like any other: uvicorn's
    own keep a connection for ever whose handshake they cannot read.
    *trusted_proxies*: IP addresses whose word on where a request comes from is taken. Anybody else
    who sends such headers is the client, whatever they say.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=http,
        ws=ws,  # type: ignore[arg-type]  # uvicorn calls it, and asks for no class
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=sorted(trusted_proxies),
        access_log=False,  # it would show who asks about whom
        server_header=False,
        lifespan="off",  # what an app stands on is opened before it and closed after it
        log_config=None,  # its records go where all of ours go
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        **more,
    )


def spare_what_stays() -> None:
    """Take all that stands now out of garbage collection, and let it run seldom; for a process that
    has just started.

    Most objects of a server are its code, which stays: to look through that too takes some 60 ms,
    in which no frame moves. What a gateway remembers of its orders takes longer still, and by
    Python's own thresholds a batch of records is enough to bring it about. What is garbage only
    because it refers to itself is little here, and waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then returns, so that the caller can close what is its own.

    uvicorn's own server raises the signal again when it is done, which ends the process there.
    """

    def __init__(self, config: uvicorn.Config, before_shutdown: Farewell | None = None) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turn both signals into a shutdown."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread alone; whoever started this one ends it
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: Any = None) -> None:
        """Take no new connections, tell clients, then close what is left. A second Ctrl-C cuts all
        of it short."""
        for listening in self.servers:
            listening.close()
        if self._before_shutdown is not None:
            telling = asyncio.ensure_future(self._before_shutdown())
            while not telling.done() and not self.force_exit:
                await asyncio.wait({telling}, timeout=FORCED_CHECK_S)
            if not telling.cancel():
                telling.result()
        await super().shutdown(sockets)
