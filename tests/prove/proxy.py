"""A TCP link between one client and the server that can be cut in many ways."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from typing import Final, Literal

Direction = Literal["up", "down"]
"""Up: from client to server."""

READ_BYTES: Final = 65_536
CONNECT_S: Final = 2.0
DRAIN_S: Final = 10.0
"""A side that takes nothing for so long is cut off."""

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""Makes the kernel end a connection with RST instead of FIN."""


class Wire:
    """One connection through the link."""

    def __init__(self, writers: dict[Direction, asyncio.StreamWriter]) -> None:
        self._writers = writers
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._swallowed: set[Direction] = set()
        self._sliced = False
        self._cut_at: dict[Direction, Callable[[int], int]] = {}
        self.tamper: Callable[[bytes], bytes] | None = None
        """Makes of each chunk from the server what the client gets."""

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

    def swallow(self, *directions: Direction) -> None:
        """From now on let nothing through, and let nobody notice. There is no way back."""
        self._swallowed.update(directions)

    def stall(self) -> None:
        """Hold everything back, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let everything flow again."""
        self._flowing.set()

    def slice(self, on: bool) -> None:
        """Whether to forward byte by byte."""
        self._sliced = on

    def cut_within(self, direction: Direction, dice: random.Random) -> None:
        """Let a part of the next chunk through, then reset."""
        self._cut_at[direction] = lambda length: dice.randrange(length)

    async def pump(self, reader: asyncio.StreamReader, direction: Direction) -> None:
        """Forward what comes until either side ends."""
        writer = self._writers[direction]
        try:
            while data := await reader.read(READ_BYTES):
                await self._flowing.wait()
                if direction in self._swallowed:
                    continue
                if direction == "down" and self.tamper is not None:
                    data = self.tamper(data)
                if direction in self._cut_at:
                    writer.write(data[: self._cut_at[direction](len(data))])
                    # Let it leave this process before the reset overtakes it.
                    await asyncio.sleep(0)
                    self.reset()
                    return
                await self._forward(writer, data)
        except (OSError, TimeoutError):
            self.reset()
        else:
            writer.close()

    async def _forward(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        pieces = [data[i : i + 1] for i in range(len(data))] if self._sliced else [data]
        for piece in pieces:
            writer.write(piece)
            async with asyncio.timeout(DRAIN_S):
                await writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0)  # so that each byte is a write of its own


class Link:
    """Listens on a free port and forwards every connection to the server's."""

    def __init__(
        self, server_port: int, tamper: Callable[[], Callable[[bytes], bytes]] | None = None
    ) -> None:
        """*tamper* is asked once for each connection; see `Wire.tamper`."""
        self._server_port = server_port
        self._tamper = tamper
        self._listener: asyncio.Server | None = None
        self._wires: list[Wire] = []

    async def __aenter__(self) -> "Link":
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        for wire in list(self._wires):
            wire.reset()

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
        return self._wires[-1] if self._wires else None

    async def _accept(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                from_server, to_server = await asyncio.open_connection(
                    "127.0.0.1", self._server_port
                )
        except (OSError, TimeoutError):
            to_client.transport.abort()
            return
        for writer in (to_client, to_server):
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire({"up": to_server, "down": to_client})
        if self._tamper is not None:
            wire.tamper = self._tamper()
        self._wires.append(wire)
        try:
            await asyncio.gather(wire.pump(from_client, "up"), wire.pump(from_server, "down"))
        finally:
            self._wires.remove(wire)
            wire.reset()
