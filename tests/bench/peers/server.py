"""What the peers have in common: one server process, and what stands behind it."""

import asyncio
from collections.abc import Mapping, Sequence

from deploy.engines.engine import HOST, Engine, Place
from deploy.engines.redis import Redis
from tests.bench.load.talk import Party


class PeersRedis(Redis):
    """A Redis that writes nothing to a disk: nothing that passes through it is kept by anybody."""

    def command(self) -> Sequence[str]:
        """What is said last holds. The buffers are what Redis gives its subscribers by default."""
        memory_only = ["--appendonly", "no"]
        buffers = ["--client-output-buffer-limit", "pubsub 32mb 8mb 60"]
        return [*super().command(), *memory_only, *buffers]


class Server(Engine):
    """A peer's server, which is obtained when it is first started.

    What stands *behind* is run by whoever measures, and may serve several peers in turn.
    """

    def __init__(self, name: str, place: Place, behind: Mapping[str, Engine]) -> None:
        super().__init__(name, place)
        self._behind = behind
        self._obtained = False

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return HOST, self.port

    @property
    def url(self) -> str:
        """The same, as a URL without the path."""
        return f"ws://{HOST}:{self.port}"

    @property
    def pids(self) -> Mapping[str, Sequence[int]]:
        """The processes that do the work, while they run."""
        behind = {name: [engine.pid] for name, engine in self._behind.items()}
        return {"server": [self.pid], **behind}

    async def start(self) -> None:
        """Have it if need be, then start it; raise `Unavailable` that says what is missing."""
        if not self._obtained:
            await self.obtain()
            self._obtained = True
        await super().start()

    def party(self, number: int, *, members: int = 2, series: str = "bench") -> Party:
        """Connection *number*; nobody asks it for a token."""
        return Party(number, f"{series}-{number // members}", f"{series}-{number}", "")

    async def prepare(self, parties: Sequence[Party]) -> None:
        """Nothing: a room is there once somebody joins it."""

    async def probe(self) -> None:
        """It listens no earlier than it serves."""
        _, writer = await asyncio.open_connection(*self.address)
        writer.close()
