"""A TCP link between clients and servers: its weather changes, and it can be cut in many ways."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from tests.faults.weather import FAIR, Direction, Weather

READ_BYTES: Final = 65_536
PORTIONS_PER_S: Final = 20
"""In how many portions a narrow link sends what it may send in a second."""
CONNECT_S: Final = 2.0
DRAIN_S: Final = 10.0
"""A side that takes nothing for so long is cut off."""

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""Makes the kernel end a connection with RST instead of FIN."""

Servers = Callable[[], Sequence[int]]
"""The ports a new connection may go to, the best first."""


class Cut(Exception):
    """Raised by a filter: pass nothing of this on, and end the connection with RST."""


class Filter(Protocol):
    """Stands in the way of one connection's bytes. May raise `Cut`."""

    def up(self, data: bytes) -> bytes:
        """What the server gets, now that the client sent *data*."""
        ...

    def down(self, data: bytes) -> bytes:
        """What the client gets, now that the server sent *data*."""
        ...


class Wire:
    """One connection over a link."""

    def __init__(
        self,
        writers: dict[Direction, asyncio.StreamWriter],
        server_port: int,
        weather: Weather,
        filter_: Filter | None,
    ) -> None:
        self.server_port = server_port
        self._writers = writers
        self._weather = weather
        self._filter = filter_
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut_at: dict[Direction, Callable[[int], int]] = {}
        self._lost = False
        """Whether bytes were swallowed; what comes after them would make no sense."""

    def reset(self) -> None:
        """End both sides with RST."""
        for writer in self._writers.values():
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            writer.transport.abort()

    def close(self) -> None:
        """End both sides with FIN, after what is on its way."""
        for writer in self._writers.values():
            writer.close()

    def set_weather(self, weather: Weather) -> None:
        """Let it be so from the next chunk on."""
        self._weather = weather
        if self._lost and not weather.swallowed:
            self.reset()

    def swallow(self, *directions: Direction) -> None:
        """From now on let nothing through, and let nobody notice."""
        self.set_weather(msgspec.structs.replace(self._weather, swallowed=frozenset(directions)))

    def slice(self, on: bool) -> None:
        """Whether to forward byte by byte."""
        self.set_weather(msgspec.structs.replace(self._weather, sliced=on))

    def stall(self) -> None:
        """Hold everything back, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let everything flow again."""
        self._flowing.set()

    def cut_within(self, direction: Direction, dice: random.Random) -> None:
        """Let a part of the next chunk through, then reset."""
        self._cut_at[direction] = lambda length: dice.randrange(length)

    async def pump(self, reader: asyncio.StreamReader, direction: Direction) -> None:
        """Forward what comes until either side ends."""
        writer = self._writers[direction]
        try:
            while data := await reader.read(READ_BYTES):
                await self._flowing.wait()
                if direction in self._weather.swallowed:
                    self._lost = True
                    continue
                if direction in self._cut_at:
                    writer.write(data[: self._cut_at[direction](len(data))])
                    # Let it leave this process before the reset overtakes it.
                    await asyncio.sleep(0)
                    self.reset()
                    return
                await self._forward(writer, self._filtered(data, direction))
        except (OSError, TimeoutError, Cut):
            self.reset()
        else:
            writer.close()

    def _filtered(self, data: bytes, direction: Direction) -> bytes:
        if self._filter is None:
            return data
        return self._filter.up(data) if direction == "up" else self._filter.down(data)

    async def _forward(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        weather = self._weather
        if weather.delay_s or weather.jitter_s:
            await asyncio.sleep(weather.delay_s + random.uniform(0, weather.jitter_s))
        size = _portion(weather, len(data))
        for at in range(0, len(data), size):
            portion = data[at : at + size]
            if weather.bytes_per_s is not None:
                await asyncio.sleep(len(portion) / weather.bytes_per_s)
            writer.write(portion)
            async with asyncio.timeout(DRAIN_S):
                await writer.drain()
            if weather.sliced:
                await asyncio.sleep(0)  # so that each byte is a write of its own


def _portion(weather: Weather, length: int) -> int:
    """How many of *length* bytes are written at once."""
    if weather.sliced:
        return 1
    if weather.bytes_per_s is not None:
        return max(1, weather.bytes_per_s // PORTIONS_PER_S)
    return max(1, length)


class Link:
    """Listens on a free port and forwards every connection to a server's."""

    def __init__(
        self, server: int | Servers, make_filter: Callable[[], Filter] | None = None
    ) -> None:
        """*server*: a port, or a call that tells the ports to try. *make_filter* is called once for
        each connection."""
        self._servers: Servers = server if callable(server) else lambda: (server,)
        self._make_filter = make_filter
        self._listener: asyncio.Server | None = None
        self._weather = FAIR
        self._forwarding: set[asyncio.Task[None]] = set()
        self.wires: list[Wire] = []
        """The connections there are, the newest last."""

    async def __aenter__(self) -> "Link":
        self._listener = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        for forwarding in list(self._forwarding):
            forwarding.cancel()
        await asyncio.gather(*self._forwarding, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where the client connects to."""
        assert self._listener is not None
        port = self._listener.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    @property
    def wire(self) -> Wire | None:
        """The newest connection; null if there is none."""
        return self.wires[-1] if self.wires else None

    def set_weather(self, weather: Weather) -> None:
        """Let it be so for every connection, those to come too."""
        self._weather = weather
        for wire in list(self.wires):
            wire.set_weather(weather)

    def reset(self) -> None:
        """End every connection with RST."""
        for wire in list(self.wires):
            wire.reset()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        forwarding = asyncio.create_task(self._accept(reader, writer))
        self._forwarding.add(forwarding)
        forwarding.add_done_callback(self._forwarding.discard)

    async def _accept(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        connected = await self._connect()
        if connected is None:
            to_client.transport.abort()
            return
        port, from_server, to_server = connected
        for writer in (to_client, to_server):
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        filter_ = self._make_filter() if self._make_filter is not None else None
        wire = Wire({"up": to_server, "down": to_client}, port, self._weather, filter_)
        self.wires.append(wire)
        try:
            await asyncio.gather(wire.pump(from_client, "up"), wire.pump(from_server, "down"))
        finally:
            self.wires.remove(wire)
            wire.reset()

    async def _connect(
        self,
    ) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the first server that takes one; null if none does."""
        for port in self._servers():
            try:
                async with asyncio.timeout(CONNECT_S):
                    return port, *await asyncio.open_connection("127.0.0.1", port)
            except (OSError, TimeoutError):
                continue
        return None
