"""A server that does the work, ours or another, as the measurements see it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tests.bench.load.line import Address
from tests.bench.load.talk import Party, Talk


class Peer(Protocol):
    """A server and what stands behind it, each a process. Whoever starts it stops it."""

    name: str
    """What it is, such as `socket.io + redis`."""

    @property
    def version(self) -> str:
        """What runs, each with its version; once it was started."""
        ...

    @property
    def address(self) -> Address:
        """Where it takes connections; once it was started."""
        ...

    @property
    def pids(self) -> Mapping[str, Sequence[int]]:
        """The server's processes under "server", and what stands behind it, such as "redis"."""
        ...

    async def start(self) -> None:
        """Start all of it; return when connections are taken."""
        ...

    async def stop(self) -> None:
        """End all of it, whatever state it is in."""
        ...

    def party(self, number: int, *, members: int = 2, series: str = "bench") -> Party:
        """Connection *number* of orders that have so many members; those of different series
        have nothing to do with each other."""
        ...

    async def prepare(self, parties: Sequence[Party]) -> None:
        """Make what must be there before these connect."""
        ...

    def talk(self, party: Party) -> Talk:
        """How the connection of this party speaks."""
        ...
