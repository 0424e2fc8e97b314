"""Socket.IO with its Redis adapter, one process of Node.js.

Its adapter hands a message to the members at its own process at once, and publishes it for those
at others: nobody waits for Redis, and what is lost on its way stays lost.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.engines.engine import Place
from deploy.engines.redis import Redis
from deploy.engines.tool import output_of, tool
from tests.bench.load.talk import Party, TalkFailed
from tests.bench.peers.install import NODE_ADVICE, node_modules
from tests.bench.peers.server import Server

PROGRAM: Final = Path(__file__).parent / "socketio" / "server.js"
PINS: Final = PROGRAM.with_name("package.json")
PACKAGES: Final = ("socket.io", "@socket.io/redis-adapter", "ioredis", "ws", "bufferutil")


class SocketIoTalk:
    """Socket.IO 5 in Engine.IO 4: a digit says the frame's kind, a second one the packet's."""

    target = "/socket.io/?EIO=4&transport=websocket"
    notes = False

    def __init__(self, party: Party) -> None:
        self.joined = False
        self._party = party
        self._said_before = f'42["send",{{"order":"{party.order}","text":"'

    def begin(self) -> Sequence[bytes]:
        """Nothing: the server speaks first."""
        return []

    def control(self, payload: bytes) -> Sequence[bytes]:
        """Answer a ping; in the opening, say hello and then join."""
        if payload == b"2":
            return [b"3"]
        if payload.startswith(b"0{"):
            return [b"40"]
        if payload.startswith(b"40{"):
            who = {"order": self._party.order, "user": self._party.user}
            return [f'420["join",{json.dumps(who)}]'.encode()]
        if payload == b"430[]":
            self.joined = True
            return []
        if payload.startswith(b'42["message"'):  # others may talk while we come back
            return []
        raise TalkFailed(f"Socket.IO says {payload[:200]!r}")

    def heard(self, payload: bytes) -> None:
        """Nothing to note: a message has no number."""

    def say(self, text: str) -> bytes:
        """An event without an acknowledgement."""
        return f'{self._said_before}{text}"}}]'.encode()

    def again(self) -> "SocketIoTalk":
        """From the start: the Redis adapter does not recover a connection's state."""
        return SocketIoTalk(self._party)


class SocketIo(Server):
    """Websockets only, uncompressed, with the native unmasking its makers advise."""

    def __init__(self, place: Place, redis: Redis) -> None:
        super().__init__("socket.io + redis", place, {"redis": redis})
        self._redis = redis
        self._node = ""
        self._modules = Path()
        self._version = ""

    async def obtain(self) -> None:
        """Install its packages unless the cache has them, and ask them for their versions."""
        self._node = await asyncio.to_thread(tool, "node", NODE_ADVICE)
        self._modules = await node_modules("socketio", PINS, self.place)
        packages = await asyncio.to_thread(_versions, self._modules)
        node = (await output_of([self._node, "--version"])).strip().removeprefix("v")
        self._version = f"{packages}, Node.js {node}, {self._redis.version}"

    @property
    def version(self) -> str:
        """Its packages, Node.js and what stands behind."""
        return self._version

    def command(self) -> Sequence[str]:
        """The server on its port."""
        return [self._node, str(PROGRAM), str(self.port), self._redis.url]

    def environment(self) -> Mapping[str, str]:
        """Where its packages are, which is not above the program."""
        return {"NODE_ENV": "production", "NODE_PATH": str(self._modules)}

    def talk(self, party: Party) -> SocketIoTalk:
        """How this party speaks to it."""
        return SocketIoTalk(party)


def _versions(modules: Path) -> str:
    """What is installed, by name and version."""
    found = [json.loads((modules / name / "package.json").read_text()) for name in PACKAGES]
    return ", ".join(f"{package['name']} {package['version']}" for package in found)
