"""MinIO, the object store: `silo` or `minio` where one is installed, else built here once.

`silo` is the maintained fork. What `minio-server/` builds from the Go module proxy is the last
commit of the archived upstream, with two open CVEs (CVE-2026-40344, CVE-2026-41145): whoever knows
the id of an access key writes objects without its secret. It is good enough on 127.0.0.1, and
`shared/blobs` probes every store at start for it. The licence is AGPL-3.0: it runs as a program of
its own and is no part of ours.
"""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.engines.cache import keep
from deploy.engines.engine import HOST, Engine, Place, Unavailable
from deploy.engines.tool import output_of, run, tool

MODULE: Final = Path(__file__).with_name("minio-server")
PACKAGE: Final = "github.com/minio/minio"
ARCHIVED: Final = "archived upstream: CVE-2026-40344 and CVE-2026-41145 are open in it"
GO_ADVICE: Final = "install Go 1.24.8 or newer to build MinIO with, or put a `silo` on the PATH"

BUILD_S: Final = 1_800.0
SAY_EVERY_S: Final = 30.0

PREFIX: Final = "order-chat"
"""What the names of our buckets begin with."""


class Minio(Engine):
    """One MinIO server on one folder, with credentials of its own and without a console."""

    variable = "ORDER_CHAT_BLOBS_URL"
    niceness = 10  # words go before files: every part of one is hashed, written and read again

    def __init__(self, name: str, place: Place) -> None:
        super().__init__(name, place)
        self._program = Path()
        self._version = ""
        self._user = ""
        self._password = ""

    async def obtain(self) -> None:
        """Find the server or build it, and make the credentials of a new data folder."""
        installed = await asyncio.to_thread(lambda: shutil.which("silo") or shutil.which("minio"))
        if installed:
            self._program = Path(installed)
            said = await output_of([installed, "--version"])
            line = said.partition("\n")[0] or self._program.name
            self._version = f"{line} (unless a fork, {ARCHIVED})" if self.dev else line
        else:
            commit = await asyncio.to_thread(_pinned)
            self._program = await self._built(commit)
            self._version = f"MinIO {commit} ({ARCHIVED})"
        self._user, self._password = await asyncio.to_thread(_credentials, self.folder)

    @property
    def version(self) -> str:
        """Program and version; of our own build also what is known to be wrong with it."""
        return self._version

    @property
    def url(self) -> str:
        """The server with its root credentials, which are worth something on this machine only."""
        return f"minio://{self._user}:{self._password}@{HOST}:{self.port}/{PREFIX}"

    @property
    def dev(self) -> bool:
        """Whether it is upstream's: no release of it mends the CVEs, and start-up refuses them."""
        return self._program.name != "silo"

    def command(self) -> Sequence[str]:
        """The server, on the folder `objects` of its own."""
        address = f"{HOST}:{self.port}"
        # Without --quiet it asks the outside whether there is a newer one.
        return [str(self._program), "server", "--quiet", "--address", address, "objects"]

    def environment(self) -> Mapping[str, str]:
        """Its credentials; no console and no updates."""
        return {
            "MINIO_ROOT_USER": self._user,
            "MINIO_ROOT_PASSWORD": self._password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    async def probe(self) -> None:
        """Ask the one of its health pages that is content only once it can write."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(b"GET /minio/health/cluster HTTP/1.1\r\nHost: %b\r\n" % HOST.encode())
            writer.write(b"Connection: close\r\n\r\n")
            status = await reader.readline()
        finally:
            writer.close()
        if b" 200 " not in status:
            raise ValueError(f"the health page answers {status!r}")

    async def _built(self, commit: str) -> Path:
        """The server, built by Go unless the cache has that commit."""

        async def build(folder: Path) -> None:
            go = await asyncio.to_thread(tool, "go", GO_ADVICE)
            self.place.say(f"minio: building it, once, in 3 to 15 minutes ({ARCHIVED}) …")
            telling = asyncio.create_task(self._tell())
            try:
                await run(_build(go, folder), folder=folder, within_s=BUILD_S)
            finally:
                telling.cancel()

        return await keep(self.place.cache / f"minio-{commit}", build) / "minio"

    async def _tell(self) -> None:
        """Say every half a minute that the build goes on."""
        seconds = 0.0
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            seconds += SAY_EVERY_S
            self.place.say(f"minio: still building after {seconds:.0f} s …")


def _build(go: str, folder: Path) -> Sequence[str]:
    """The command that puts the program `minio` into *folder*; go.sum says what it may be of."""
    return [go, "build", "-C", str(MODULE), "-mod=readonly", "-o", str(folder / "minio"), PACKAGE]


def _pinned() -> str:
    """Day and commit that go.mod names, such as `20260212-7aac2a2c5b7c`."""
    text = (MODULE / "go.mod").read_text()
    found = re.search(rf"^require {PACKAGE} \S+-(\d{{8}})\d+-(\w+)$", text, re.MULTILINE)
    if found is None:
        raise Unavailable(f"{MODULE / 'go.mod'} names no commit of {PACKAGE}.")
    return f"{found[1]}-{found[2]}"


def _credentials(folder: Path) -> tuple[str, str]:
    """Root user and password of a data folder; made at its first use, for its owner's eyes."""
    file = folder / "root-credentials"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".part")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{secrets.token_hex(8)}\n{secrets.token_urlsafe(24)}\n")
        draft.rename(file)
    user, password = file.read_text().split()
    return user, password
