"""MongoDB's protocol: `mongod` where it is installed, else SecantusDB from PyPI.

SecantusDB is GPL-2 and a beta: it runs as a process of its own, for tests alone, and nothing of
it is imported.
"""

import asyncio
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from deploy.engines.engine import HOST, Engine, Place
from deploy.engines.tool import output_of
from deploy.engines.venv import install

SECANTUS: Final = "secantusdb==0.7.0b3"
DATABASE: Final = "order_chat"


class Mongo(Engine):
    """One server that speaks MongoDB's protocol; what it acknowledges survives its death."""

    variable = "ORDER_CHAT_STORE_URL"
    start_s: ClassVar[float] = 40.0

    def __init__(self, name: str, place: Place) -> None:
        super().__init__(name, place)
        self._mongod: str | None = None
        self._python = Path()
        self._version = ""

    async def obtain(self) -> None:
        """Find `mongod`, or install SecantusDB."""
        self._mongod = await asyncio.to_thread(shutil.which, "mongod")
        data = self.folder / "data"
        await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
        if self._mongod is None:
            self._python = await install(SECANTUS, self.place)
            self._version = SECANTUS.replace("secantusdb==", "SecantusDB ")
        else:
            said = await output_of([self._mongod, "--version"])
            found = re.search(r"v([\d.]+)", said)
            self._version = f"MongoDB {found[1] if found else 'of unknown version'}"

    @property
    def version(self) -> str:
        """Whose server it is, and which."""
        return self._version

    @property
    def url(self) -> str:
        """The database of the whole system."""
        return f"mongodb://{HOST}:{self.port}/{DATABASE}"

    @property
    def dev(self) -> bool:
        """One server is no replica set."""
        return True

    def command(self) -> Sequence[str]:
        """The server on the folder's `data`, quiet, with a small cache."""
        data = str(self.folder / "data")
        where = ["--port", str(self.port)]
        if self._mongod is not None:
            quiet = ["--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"]
            return [self._mongod, "--dbpath", data, "--bind_ip", HOST, *where, *quiet]
        secantus = [str(self._python), "-m", "secantus", "--storage-path", data, "--host", HOST]
        return [*secantus, *where, "--log-level", "WARNING", "--cache-size", "256M"]

    async def probe(self) -> None:
        """Say hello, as every driver does first."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(HELLO)
            (length,) = struct.unpack("<i", await reader.readexactly(4))
            if ALL_WELL not in await reader.readexactly(length - 4):
                raise ValueError("it does not serve yet")
        finally:
            writer.close()


def _hello() -> bytes:
    """The message `{hello: 1, $db: "admin"}`, written out so that no driver is needed here."""
    fields = b"\x10hello\0" + struct.pack("<i", 1)
    fields += b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
    document = struct.pack("<i", len(fields) + 5) + fields + b"\0"
    body = struct.pack("<i", 0) + b"\0" + document
    return struct.pack("<iiii", len(body) + 16, 1, 0, 2013) + body


HELLO: Final = _hello()
ALL_WELL: Final = b"\x01ok\0" + struct.pack("<d", 1.0)
