"""The protocol on a transport that is no network: for what a network cannot be made to do."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any, TypeVar

import uvicorn
from uvicorn.server import ServerState

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import HANDSHAKE, Echo, before, echo_app

P = TypeVar("P", bound=DirectProtocol)


class Wire(asyncio.Transport):
    """A transport that only records.

    It is a fake because on a real one nobody can say where reads are cut, or how many bytes wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.writes: asyncio.Queue[bytes] = asyncio.Queue()
        """The same, one by one, for who waits for it."""
        self.closing = False
        self.reading = True
        self.aborted = asyncio.Event()
        self.sizes: Iterator[int] = itertools.repeat(0)
        """What the write buffer holds each time somebody asks."""
        self.protocol: asyncio.BaseProtocol | None = None
        """Who took it over."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing or not data
        self.written += data
        self.writes.put_nowait(bytes(data))

    def write_eof(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True
        self.aborted.set()

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return next(self.sizes)


class Listener(Echo):
    """A receiver that only listens."""

    def receive(self, data: bytes) -> None:
        self.heard.append(data)


async def attached(kind: type[P], receivers: list[Echo], **settings: Any) -> tuple[P, Wire]:
    """The protocol with its handshake behind it, and the transport under it."""
    config = uvicorn.Config(echo_app(receivers, Listener), log_config=None, **settings)
    config.load()
    state, wire = ServerState(), Wire()
    handshake = before(kind)(config, state, {})
    handshake.connection_made(wire)
    handshake.data_received(HANDSHAKE.format(path="/", more="").encode())
    while not state.tasks:  # noqa: ASYNC110 (handshakes take turns)
        await asyncio.sleep(0)
    await asyncio.gather(*state.tasks)
    protocol = wire.protocol
    assert isinstance(protocol, kind)
    wire.written = b""
    wire.writes = asyncio.Queue()
    return protocol, wire
