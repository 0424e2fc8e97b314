"""A reader who comes fresh at the end and has the server tell everything from the beginning."""

import asyncio
from typing import Final, TypeVar

from websockets.asyncio.client import ClientConnection, connect

from shared.contracts import frames
from shared.contracts.ids import NOTHING, OrderId, UserId
from tests.prove import history
from tests.prove.history import History, Stamp, glimpse, now
from tests.prove.view import View

DEADLINE_S: Final = 120.0
PAGE: Final = 100

Answer = TypeVar("Answer", frames.Joined, frames.Page)


class Reader:
    """One user's fresh look at one order. Raises if the server refuses it anything."""

    def __init__(
        self, name: str, user_id: UserId, token: str, order_id: OrderId, history: History
    ) -> None:
        self._name = name
        self._user_id = user_id
        self._token = token
        self._order_id = order_id
        self._history = history
        self._view = View()

    async def read(self, url: str) -> None:
        """Replay the whole order and write down what it comes to."""
        async with asyncio.timeout(DEADLINE_S), connect(url, proxy=None, max_size=2**22) as socket:
            self._history.write(
                history.Opened(**self._stamp(), order_id=self._order_id, user_id=self._user_id)
            )
            await _say(socket, frames.Hello(token=self._token))
            unread = await self._join(socket)
            while not await self._replay_page(socket):
                pass
            self._history.write(history.Closed(**self._stamp(), why="left", code=None))
        self._history.write(
            history.Viewed(
                **self._stamp(),
                order_id=self._order_id,
                user_id=self._user_id,
                messages=self._view.shown(),
                marks=self._view.marks,
                unread=unread,
            )
        )

    async def _join(self, socket: ClientConnection) -> int:
        """Join with the newest page; answer how much is unread."""
        await _say(socket, frames.Join(ref=0, order_id=self._order_id, after=None))
        joined = await _hear(socket, frames.Joined)
        self._history.write(
            history.Joined(
                **self._stamp(),
                order_id=joined.order_id,
                after=None,
                head=joined.head,
                reset=joined.reset,
                events=tuple(glimpse(event) for event in joined.events),
            )
        )
        return joined.unread

    async def _replay_page(self, socket: ClientConnection) -> bool:
        """Ask for what follows; tell whether that was the last of it."""
        after = self._view.head
        request = frames.History(ref=1, order_id=self._order_id, after=after, limit=PAGE)
        await _say(socket, request)
        page = await _hear(socket, frames.Page)
        self._history.write(
            history.Paged(
                **self._stamp(),
                order_id=page.order_id,
                after=after,
                events=tuple(glimpse(event) for event in page.events),
            )
        )
        for event in page.events:
            self._view.apply(event)
        return page.complete or self._view.head in (after, NOTHING)

    def _stamp(self) -> Stamp:
        return Stamp(at=now(), client=self._name, connection=1)


async def _say(socket: ClientConnection, frame: frames.ClientFrame) -> None:
    await socket.send(frames.encode_frame(frame), text=True)


async def _hear(socket: ClientConnection, kind: type[Answer]) -> Answer:
    """The next frame of a kind, passing over what comes by itself."""
    while True:
        frame = frames.decode_server_frame(await socket.recv())
        if isinstance(frame, kind):
            return frame
        if isinstance(frame, frames.Refused):
            raise RuntimeError(f"a fresh reader was refused: {frame.code}")
