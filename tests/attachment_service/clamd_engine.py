"""A real clamd, which knows one harmful text: the lists of all others are not ours to fetch."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from deploy.engines.engine import HOST, Engine, Place, Unavailable
from deploy.engines.tool import output_of

HARMFUL: Final = b"ORDER-CHAT-TEST-INFECTION"
STREAM_BYTES_MAX: Final = 4 << 20
FILE_BYTES_MAX: Final = 2 << 20
"""Larger ones are not looked into."""


class Clamd(Engine):
    """One clamd on a TCP port and on a socket file; *alerts* are its AlertExceedsMax."""

    variable = "ORDER_CHAT_CLAMD_URL"
    start_s: ClassVar[float] = 30.0

    def __init__(self, name: str, place: Place, *, alerts: bool = True) -> None:
        super().__init__(name, place)
        self._alerts = alerts
        self._program = ""
        self._version = ""

    async def obtain(self) -> None:
        """Find the one that is installed, and tell it what is harmful."""
        installed = await asyncio.to_thread(shutil.which, "clamd")
        if installed is None:
            raise Unavailable("clamd is not installed: apt-get install clamav-daemon")
        self._program = installed
        self._version = (await output_of([installed, "--version"])).strip()
        await asyncio.to_thread(self._write)

    @property
    def version(self) -> str:
        """What it says of itself."""
        return self._version

    @property
    def url(self) -> str:
        """Its port."""
        return f"tcp://{HOST}:{self.port}"

    @property
    def socket_url(self) -> str:
        """Its socket file."""
        return f"unix://{self.folder}/clamd.ctl"

    def command(self) -> Sequence[str]:
        """In the foreground, with the settings written before."""
        return [self._program, "--config-file", str(self.folder / "clamd.conf")]

    async def probe(self) -> None:
        """PING, in its own words."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(b"zPING\0")
            if await reader.readuntil(b"\0") != b"PONG\0":
                raise ValueError("it does not serve yet")
        finally:
            writer.close()

    def _write(self) -> None:
        known: Path = self.folder / "known"
        known.mkdir(parents=True)
        (known / "test.ndb").write_text(f"OrderChat.Test:0:*:{HARMFUL.hex()}\n")
        settings = {
            "Foreground": "yes",
            "TCPSocket": self.port,
            "TCPAddr": HOST,
            "LocalSocket": self.folder / "clamd.ctl",
            "DatabaseDirectory": known,
            "TemporaryDirectory": self.folder,
            "StreamMaxLength": STREAM_BYTES_MAX,
            "MaxFileSize": FILE_BYTES_MAX,
            "AlertExceedsMax": "yes" if self._alerts else "no",
            "AlertEncrypted": "yes",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        (self.folder / "clamd.conf").write_text("".join(lines))
