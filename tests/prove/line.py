"""A connection that is spoken on by hand: nothing is resent, repaired or opened again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared.contracts import frames
from shared.contracts.ids import ClientId, OrderId, Seq

Frame = frames.ServerFrame | frames.EventShown
F = TypeVar("F", bound=Frame)

PATIENCE_S: Final = 30.0


class Refused(Exception):
    """What was asked for was refused."""

    def __init__(self, frame: frames.Refused) -> None:
        super().__init__(frame.code)
        self.frame = frame


class Line:
    """One websocket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.seen: dict[OrderId, int] = {}
        """Of each order the number of the last message that came."""

    async def say(self, *said: frames.ClientFrame) -> None:
        """Send frames."""
        for frame in said:
            await self.websocket.send(frames.encode_frame(frame), text=True)

    async def raw(self) -> bytes:
        """The next frame as it came. Raises `TimeoutError`, and `ConnectionClosed` at the end."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.websocket.recv(decode=False)

    async def hear(self) -> Frame:
        """The next frame."""
        frame = frames.decode_server_frame(await self.raw())
        if isinstance(frame, frames.MessageShown | frames.Joined):
            self.seen[frame.order_id] = frame.n
        return frame

    async def next(self, kind: type[F]) -> F:
        """The next frame of a kind, passing over others. Raises `Refused` if a refusal comes."""
        while True:
            frame = await self.hear()
            if isinstance(frame, kind):
                return frame
            if isinstance(frame, frames.Refused):
                raise Refused(frame)

    async def join(
        self, order_id: OrderId, after: Seq | None = None, *, limit: int = 50
    ) -> frames.Joined:
        """Open an order. Raises `Refused`."""
        await self.say(frames.Join(ref=1, order_id=order_id, after=after, limit=limit))
        return await self.next(frames.Joined)

    def message(self, order_id: OrderId, text: str) -> frames.Send:
        """A message under a new id, by somebody who has seen what came."""
        id_ = ClientId(str(uuid4()))
        seen = self.seen.get(order_id)
        return frames.Send(ref=2, order_id=order_id, id=id_, text=text, seen=seen)

    async def post(self, order_id: OrderId, text: str) -> None:
        """Send a message, without waiting for what comes of it."""
        await self.say(self.message(order_id, text))

    async def tell(self, order_id: OrderId, text: str) -> frames.MessageShown:
        """Send a message and wait until it stands. Raises `Refused`."""
        said = self.message(order_id, text)
        await self.say(said)
        while (shown := await self.next(frames.MessageShown)).client_id != said.id:
            pass
        return shown

    async def end(self) -> int | None:
        """Pass over what still comes; the close code, null if there was none."""
        try:
            while True:
                await self.raw()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None


@asynccontextmanager
async def open_line(
    url: str, token: str, *, through: socket.socket | None = None
) -> AsyncIterator[Line]:
    """A connection that was welcomed. *through*: a socket that is connected already."""
    async with connect(
        url,
        sock=through,
        compression=None,
        proxy=None,
        ping_interval=None,
        max_size=2**22,
        max_queue=None,  # what nobody reads yet must not hold up what comes behind it
        close_timeout=1,
        open_timeout=PATIENCE_S,
    ) as websocket:
        line = Line(websocket)
        await line.say(frames.Hello(token=token))
        await line.next(frames.Welcome)
        yield line
