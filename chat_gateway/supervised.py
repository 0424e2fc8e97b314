"""A gateway that is one of several processes: where it listens, and its tie to its supervisor."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from socket import socket
from typing import IO, Any

from chat_gateway.settings import Settings
from shared.ports import own_port, port_of, share_port


def listen(settings: Settings, number: int) -> Sequence[socket]:
    """The sockets of the process of that number: its own, then those on the port all share.

    A request to the shared port comes to any process. Who wants a certain one, as for its figures,
    asks at its own. Tells the supervisor which that is. Raises `OSError`.
    """
    own = own_port(settings.host, settings.process_port and settings.process_port + number - 1)
    shared = share_port(settings.host, settings.port)
    print(port_of(own), flush=True)
    return (*own, *shared)


class _Tie(asyncio.Protocol):
    def eof_received(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def tied_to(supervisor: IO[Any]) -> AsyncIterator[None]:
    """End this process as SIGTERM would, clients told first, once the other end of a pipe is gone.

    The kernel closes it for whoever is killed, on every system; nobody has to ask who is there.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(_Tie, supervisor)
    try:
        yield
    finally:
        transport.close()
