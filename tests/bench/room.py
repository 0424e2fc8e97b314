"""A small server with rooms, which may be told to lose, double, reorder or hold what is said."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.bench.load.line import Address
from tests.bench.load.talk import SERIAL

SHUT = "/shut"
"""A room that nobody may enter."""


class Rooms:
    """What is said in a room comes to all who are in it; rooms are named by the request's path."""

    def __init__(self, passing: Callable[[str], Sequence[str]] = lambda text: [text]) -> None:
        """*passing*: what is passed on in the stead of each message."""
        self.address: Address = ("", 0)
        self.greetings: Counter[str] = Counter()
        """How often each first word was said."""
        self.flowing = asyncio.Event()
        """Cleared, nothing is passed on for the time being."""
        self.flowing.set()
        self._passing = passing
        self._members: defaultdict[str, list[ServerConnection]] = defaultdict(list)

    async def take(self, connection: ServerConnection, text: str) -> None:
        """A message came."""
        await self.flowing.wait()
        for each in self._passing(text):
            for member in self._members[_room(connection)]:
                await member.send(each)

    async def serve(self, connection: ServerConnection) -> None:
        """One connection, from its greeting to its end."""
        greeting = await connection.recv(decode=True)
        self.greetings[greeting] += 1
        members = self._members[_room(connection)]
        members.append(connection)
        try:
            await connection.send("joined")
            async for text in connection:
                assert isinstance(text, str)
                await self.take(connection, text)
        finally:
            members.remove(connection)


@asynccontextmanager
async def serving(rooms: Rooms) -> AsyncIterator[Rooms]:
    """The server on a free port."""
    async with serve(rooms.serve, "127.0.0.1", 0, process_request=_admit) as server:
        rooms.address = next(iter(server.sockets)).getsockname()
        yield rooms


class RoomTalk:
    """How a connection speaks to it."""

    joined = False
    notes = False

    def __init__(self, room: int | str, greeting: bytes = b"hello") -> None:
        self.target = f"/{room}"
        self._greeting = greeting

    def begin(self) -> Sequence[bytes]:
        return [self._greeting]

    def control(self, payload: bytes) -> Sequence[bytes]:
        assert payload == b"joined"
        self.joined = True
        return []

    def heard(self, payload: bytes) -> None:
        raise AssertionError("not asked for")

    def say(self, text: str) -> bytes:
        return text.encode()

    def again(self) -> "RoomTalk":
        return RoomTalk(self.target[1:], b"again")


def pairs(connections: int) -> list[RoomTalk]:
    """Two in each room."""
    return [RoomTalk(number // 2) for number in range(connections)]


def serial_of(text: str) -> int:
    """The how manieth message of its sender it is."""
    return int(text[SERIAL])


def _room(connection: ServerConnection) -> str:
    assert connection.request is not None
    return connection.request.path


def _admit(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == SHUT:
        return connection.respond(HTTPStatus.FORBIDDEN, "not for you")
    return None
