"""A client that speaks the protocol by hand, to see the bytes as they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared.contracts import frames
from tests.system.demo import Demo

Frame = frames.ServerFrame | frames.EventShown
F = TypeVar("F", bound=Frame)

PATIENCE_S = 30.0


class Wire:
    """One websocket, of which nothing is hidden."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, frame: frames.ClientFrame | bytes | dict[str, Any]) -> None:
        """Send a frame, or what is none."""
        if isinstance(frame, dict):
            data = msgspec.json.encode(frame)
        else:
            data = frame if isinstance(frame, bytes) else frames.encode_frame(frame)
        await self._socket.send(data, text=True)

    async def raw(self) -> bytes:
        """The next frame as it came."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._socket.recv(decode=False)

    async def next(self, kind: type[F]) -> F:
        """The next frame of a kind; what came before it is passed over."""
        while True:
            frame = frames.decode_server_frame(await self.raw())
            if isinstance(frame, kind):
                return frame

    async def end(self) -> tuple[int | None, list[bytes]]:
        """The close code, and what came before it."""
        came: list[bytes] = []
        try:
            while True:
                came.append(await self.raw())
        except ConnectionClosed as closed:
            return (closed.rcvd.code if closed.rcvd is not None else None), came


async def token_of(demo: Demo, user_id: str, **token: Any) -> str:
    """A token the system takes; its secret is read from a file."""
    return await asyncio.to_thread(partial(demo.token, user_id, **token))


@asynccontextmanager
async def wire(demo: Demo, user_id: str | None = None, **token: Any) -> AsyncIterator[Wire]:
    """A connection, welcomed if it names a user."""
    # Frames that no test reads must not keep the close frame from being read.
    async with connect(demo.chat_url, compression=None, max_queue=None) as socket:
        client = Wire(socket)
        if user_id is not None:
            await client.say(frames.Hello(token=await token_of(demo, user_id, **token)))
            await client.next(frames.Welcome)
        yield client
