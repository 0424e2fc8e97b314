"""The uvicorn websocket protocol that makes way for a direct one once its handshake is over.

`uvicorn.Config(ws=DirectHandshake)`. An endpoint accepts the handshake as on any ASGI server, then
calls `chat_gateway.socket.serve`, which finds `attach` here. From then on the transport belongs to
a `DirectProtocol`, and nothing is kept of uvicorn's own object: not the request, not the queue, not
the timers. That is most of what a connection would hold that may be idle for hours.
"""

import asyncio
import socket
from asyncio.transports import BaseTransport
from functools import partial
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server, ServerState
from websockets.http11 import Request
from websockets.protocol import State

from chat_gateway.direct import DirectProtocol
from chat_gateway.direct_socket import Shared, Turn, library
from chat_gateway.homes import Homes
from chat_gateway.keepalive import Keepalive
from chat_gateway.socket import EXTENSION, MakeReceiver, log_failure
from chat_gateway.turnstile import Turnstile
from shared.contracts.errors import CloseCode

BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


_SHARED: Final[WeakKeyDictionary[ServerState, Shared]] = WeakKeyDictionary()
_TURNSTILES: Final[WeakKeyDictionary[ServerState, Turnstile]] = WeakKeyDictionary()
"""Of each server; there is one, but in tests."""


class _Awaited(asyncio.Protocol):
    """Stands for the protocol of a connection that was taken in until it has a transport."""

    def __init__(self) -> None:
        self.early = b""
        """What the client sends before anybody has accepted. It cannot be left in the socket: a
        transport that is made reads at once."""

    def data_received(self, data: bytes) -> None:
        self.early += data


def take_in(server: Server, connection: socket.socket, head: bytes) -> None:
    """Serve a connection whose handshake another process has read, as uvicorn does at an upgrade.

    It stays here, wherever its order is at home.
    """
    if server.should_exit:
        connection.close()
        return
    tasks = server.server_state.tasks
    task = asyncio.create_task(_take_in(server, connection, head))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _take_in(server: Server, connection: socket.socket, head: bytes) -> None:
    loop = asyncio.get_running_loop()
    try:
        transport, awaited = await loop.connect_accepted_socket(_Awaited, connection)
    except OSError:
        connection.close()  # the client is gone
        return
    if not transport.is_closing():
        protocol = DirectHandshake(server.config, server.server_state, {}, early=awaited.early)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(head)


class DirectHandshake(WebSocketsSansIOProtocol):
    """One websocket connection until it is attached to.

    Nothing is read between the handshake and `attach`, so an endpoint served by this class must
    attach (or refuse the handshake). Compression is off whatever the configuration says. The query
    string is kept from the application and its logs: nothing of ours stands there but a hint for
    `Homes`, and a token somebody puts there by mistake must not be written down. Of uvicorn's
    settings for pings the interval counts; a ping not answered by the next one ends the connection.
    """

    protocol: ClassVar[type[DirectProtocol]] = DirectProtocol
    """What takes over; another one has other limits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        homes: Homes | None = None,
        early: bytes = b"",
    ) -> None:
        """*homes*: where connections go that belong to another process; null: nowhere. *early*:
        what was read behind the handshake already."""
        super().__init__(config, server_state, app_state, _loop)
        self._homes = homes
        self._early = early
        self.conn = library(State.CONNECTING, self.protocol.message_bytes)
        self._server_state = server_state
        self._attached: DirectProtocol | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Set the bounds of the transport."""
        super().connection_made(transport)
        self.protocol.bound(self.transport)

    def handle_connect(self, event: Request) -> None:
        """Start the application, with what `attach` is found by."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["query_string"] = b""
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """Take a read of the socket, which can only be the handshake."""
        if self._homes is not None and self._pass_on(self._homes, data):
            return
        self.transport.pause_reading()  # till somebody attaches: nothing more may come before
        if not self._turnstile().enter(partial(self._begin, data)):
            self.transport.abort()

    def _begin(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self.handshake_initiated:
            self._reject()

    def _pass_on(self, homes: Homes, head: bytes) -> bool:
        homes.count(len(self.connections))
        connection: socket.socket = self.transport.get_extra_info("socket")
        gone = homes.pass_on(connection.fileno(), head)
        if gone:
            self.transport.abort()  # closed in this process alone: the client is told nothing
        return gone

    def _reject(self) -> None:
        """End what the library takes for no handshake: a body, another method, a line too long.

        It is handed over whole, so nothing more is to come. uvicorn would wait for it for ever.
        """
        self.transport.write(b"".join(self.conn.data_to_send()) or BAD_REQUEST)
        self.transport.close()

    async def run_asgi(self) -> None:
        """Run the application; the connection outlives it once it has attached."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception as error:
            log_failure(error)
            if self._attached is not None:
                self._attached.close(CloseCode.INTERNAL_ERROR)
        finally:
            if self._attached is None:
                self.send_500_response()  # only where there was no answer to the handshake
                self.transport.close()

    def attach(self, make_receiver: MakeReceiver) -> None:
        """Hand everything that is read from here on to the receiver made for this socket.

        Call it once, after the handshake was accepted; the ASGI channel is dead from then on.
        """
        self.stop_keepalive()
        self.connections.discard(self)
        closing = self.conn.state is not State.OPEN  # the server may be shutting down
        direct = self.protocol(self.transport, self._shared(), closing=closing)
        self._attached = direct
        del self.scope  # it knows us, and would be there until the collector comes by
        direct.begin(make_receiver(direct), lost=self.disconnected)
        if self._early:
            direct.data_received(self._early)

    def _turnstile(self) -> Turnstile:
        turnstile = _TURNSTILES.get(self._server_state)
        if turnstile is None:
            turnstile = _TURNSTILES[self._server_state] = Turnstile(self.loop)
        return turnstile

    def _shared(self) -> Shared:
        shared = _SHARED.get(self._server_state)
        if shared is None:
            keepalive = Keepalive(self.loop, self.ping_interval) if self.ping_interval else None
            shared = Shared(self.loop, Turn(self.loop), self.connections, keepalive)
            _SHARED[self._server_state] = shared
        return shared
