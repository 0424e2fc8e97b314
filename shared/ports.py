"""TCP ports that several processes of ours listen on.

Each listens on a socket of its own that shares the port (`SO_REUSEPORT`), and Linux gives every new
connection to one of them by a hash of its two ends, so evenly. One socket that all of them accept
from would not spread them: whoever is woken first takes what there is, mostly the same one.

A socket that is closed takes along what waits in its queue and was not accepted yet: those clients
see a reset, and come back to another process.
"""

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

BACKLOG: Final = 2_048
"""Connections that may wait to be accepted; what uvicorn asks for by itself."""

Sockets = Sequence[socket.socket]
"""One for each address of a host."""


def hold_port(host: str, port: int) -> Sockets:
    """Keep a port for processes of this user that `share_port`, and for nobody else; 0 picks one.

    Nothing is accepted here. Raises `OSError` if anybody has it, even who would share it: another
    program's processes would take connections of ours.
    """
    try:
        return _bound(host, port, _hold)
    except OSError:
        # Connections of whoever was here before, closed and remembered for a minute, hold it too.
        return _bound(host, port, _hold_over_remains)


def share_port(host: str, port: int) -> Sockets:
    """Listen beside others on a port that is held. Raises `OSError`."""
    return _bound(host, port, _share)


def own_port(host: str, port: int) -> Sockets:
    """Listen alone on a port; 0 picks one. Raises `OSError`."""
    return _bound(host, port, _own)


def port_of(sockets: Sockets) -> int:
    """The port that all of them have."""
    port: int = sockets[0].getsockname()[1]
    return port


Bind = Callable[[socket.socket, tuple[str, int]], None]


def _bound(host: str, port: int, bind: Bind) -> Sockets:
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in dict.fromkeys(found):
                one = opened.enter_context(socket.socket(family, kind, protocol))
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                chosen = port_of(sockets) if sockets else port
                bind(one, (address[0], chosen, *address[2:]))
                sockets.append(one)
        except OSError as error:
            raise OSError(f"port {port} of ORDER_CHAT_HOST: {error.strerror}") from error
        opened.pop_all()
        return sockets


def _hold(one: socket.socket, address: tuple[str, int]) -> None:
    # Bound to be alone, so that it fails where anybody is; then opened to those who share. The
    # order is what matters: who shares from the first is let in beside others who do.
    one.bind(address)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _hold_over_remains(one: socket.socket, address: tuple[str, int]) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _hold(one, address)
    # Kept, it would let in others who have it too, until somebody listens.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def _share(one: socket.socket, address: tuple[str, int]) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _own(one, address)


def _own(one: socket.socket, address: tuple[str, int]) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(address)
    one.listen(BACKLOG)
