"""A uvicorn server inside a program of ours, whose resources are closed after it."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

SHUTDOWN_S_MAX: Final = 10
"""How long requests may go on after the signal to stop; longer than any should take."""


def config_for(app: ASGIApp, host: str, port: int, **more: Any) -> uvicorn.Config:
    """The settings of every server of ours; *more* goes to `uvicorn.Config` as it is."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,  # it would show who asks about whom
        server_header=False,
        lifespan="off",  # what an app stands on is opened before it and closed after it
        log_config=None,  # its records go where all of ours go
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        **more,
    )


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then returns, so that the caller can close what is its own.

    uvicorn's own server raises the signal again when it is done, which ends the process there.
    """

    def __init__(self, config: uvicorn.Config, before_shutdown: Callable[[], None]) -> None:
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
        """Tell clients first, then close what is left."""
        self._before_shutdown()
        await super().shutdown(sockets)
