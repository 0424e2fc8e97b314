"""What is the file store's own: its address, its folder, what outlives the process."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from shared.blobs import open_blobs
from shared.blobs.files import FileBlobs, folder_path
from shared.blobs.port import FORM_BYTES_MAX, Blobs, BlobsUnavailable, Changed, NotFound, Shelf
from shared.sqlite import InUse
from tests.ports.blob_engines import KEY, TYPE, Files, upload
from tests.ports.crash import lines_before_kill
from tests.ports.forms import BOUNDARY, encoded, field, file
from tests.ports.records import until

OPEN = """
import asyncio, sys
from pathlib import Path
from shared.blobs.files import FileBlobs
from shared.sqlite import InUse
try:
    asyncio.run(FileBlobs.open(Path(sys.argv[1])))
except InUse as error:
    print(error)
"""

PUTTING = """
import asyncio, sys
from pathlib import Path
from shared.blobs.files import FileBlobs

async def main():
    blobs = await FileBlobs.open(Path(sys.argv[1]))
    number = 0
    while True:
        key = f"{number % 7}/{number}"
        await blobs.put(key, key.encode() * 10_000)
        print(key, flush=True)
        number += 1

asyncio.run(main())
"""

SERVER = """
import asyncio, socket, sys
from pathlib import Path
from starlette.applications import Starlette
from shared.blobs.files import FileBlobs
from shared.blobs.files_bounds import UploadHttp
from shared.http import EXCEPTION_HANDLERS
from shared.server import Server, config_for

async def main():
    blobs = await FileBlobs.open(Path(sys.argv[1]))
    app = Starlette(routes=blobs.routes(), exception_handlers=EXCEPTION_HANDLERS)
    form = blobs.form("a1/film.mp4", "video/mp4", size_min=0, size_max=64 << 20)
    for value in form.fields.values():
        print(value, flush=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        await Server(config_for(app, "127.0.0.1", 0, http=UploadHttp)).serve([listening])
    await blobs.close()

asyncio.run(main())
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Files]:
    with Files(tmp_path) as engine:
        yield engine


@pytest.fixture
async def blobs(engine: Files) -> AsyncIterator[Blobs]:
    blobs = await engine.open()
    yield blobs
    await blobs.close()


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("file:///blobs", "/data/blobs"),
            ("file:///deep/my%20blobs", "/data/deep/my blobs"),
            ("file:////var/blobs", "/var/blobs"),
        ],
    )
    def test_a_name_lies_in_the_data_folder_unless_absolute(self, url: str, path: str) -> None:
        """Three slashes and a name, or four and a whole path."""
        assert folder_path(url, Path("/data")) == Path(path)

    @pytest.mark.parametrize(
        "url",
        ["file://blobs", "file:///", "file:////", "file:", "file:///.", "file:///../a", "file:///a?b"],
    )  # fmt: skip
    def test_what_would_be_passed_over_is_refused(self, url: str) -> None:
        """A host or an option that means nothing here is a mistake to be heard of."""
        with pytest.raises(ValueError, match="ORDER_CHAT_BLOBS_URL looks like"):
            folder_path(url, Path("/data"))

    async def test_an_unknown_engine_is_named(self, tmp_path: Path) -> None:
        """With those that there are."""
        with pytest.raises(ValueError, match="'s3' is none of: file, minio"):
            await open_blobs("s3://a", tmp_path)

    async def test_forms_and_links_begin_at_the_public_address(self, tmp_path: Path) -> None:
        """If there is one, and otherwise where the service is."""
        urls = []
        for public in (None, "https://files.example"):
            blobs = await open_blobs("file:///blobs", tmp_path, public_url=public)
            form = blobs.form(KEY, TYPE, size_min=1, size_max=2)
            link = blobs.link(KEY, content_type=TYPE, disposition="inline")
            urls.append((blobs.origin, form.url, link.partition("?")[0]))
            await blobs.close()

        assert urls == [
            (origin, f"{origin}/blobs/quarantine", f"{origin}/blobs/clean/{KEY}")
            for origin in ("", "https://files.example")
        ]


class TestFolder:
    async def test_an_operator_finds_plain_files(self, engine: Files, blobs: Blobs) -> None:
        """Each under its key, for nobody else on the machine."""
        found = await upload(engine, blobs, KEY, b"hello")
        for _ in range(2):
            await blobs.publish(KEY, found.etag, "b2/photo.png")

        assert engine.files() == ["clean/b2/photo.png", f"quarantine/{KEY}"]
        assert (engine.root / "clean/b2/photo.png").read_bytes() == b"hello"
        assert {path.stat().st_mode & 0o077 for path in engine.root.iterdir()} == {0}

    async def test_a_file_is_synced_before_it_has_its_name(
        self, engine: Files, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No test can cut the power, so what is synced is looked at: the file, and then every
        folder that leads to it."""
        synced: list[tuple[int, bool]] = []
        sync = os.fsync

        def fsync(descriptor: int) -> None:
            synced.append((os.fstat(descriptor).st_ino, (engine.root / "clean" / KEY).exists()))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

        await blobs.put(KEY, b"hello")

        path = engine.root / "clean" / KEY
        assert synced == [
            (path.stat().st_ino, False),
            (path.parent.stat().st_ino, True),
            (path.parent.parent.stat().st_ino, True),
        ]

    async def test_empty_folders_go_with_the_last_file(self, engine: Files, blobs: Blobs) -> None:
        """A folder where others lie stays, and the shelf too."""
        for key in ("a/b/1", "a/b/2", "a/3"):
            await blobs.put(key, b"")

        await blobs.remove(Shelf.CLEAN, "a/b/1")
        await blobs.remove(Shelf.CLEAN, "a/b/2")
        left = [path.name for path in (engine.root / "clean").rglob("*")]
        await blobs.remove(Shelf.CLEAN, "a/3")

        assert sorted(left) == ["3", "a"]
        assert list((engine.root / "clean").iterdir()) == []

    async def test_writing_and_removing_do_not_disturb_each_other(self, blobs: Blobs) -> None:
        """A folder that is emptied is not taken away from whoever writes into it."""

        async def come_and_go(key: str) -> None:
            for _ in range(300):
                await blobs.put(key, b"")
                await blobs.remove(Shelf.CLEAN, key)

        await asyncio.gather(*(come_and_go(f"a/b/{number}") for number in range(3)))

        assert [key async for key in blobs.older(Shelf.CLEAN, 1 << 60)] == []

    async def test_the_folder_of_a_key_is_no_object(self, blobs: Blobs) -> None:
        """Nor is anything below a file."""
        await blobs.put("a/b", b"hello")

        for key in ("a", "a/b/c"):
            with pytest.raises(NotFound):
                await blobs.stat(Shelf.CLEAN, key)
            with pytest.raises(NotFound):
                await blobs.read(Shelf.CLEAN, key, "etag", 0, 1)

    async def test_keys_are_listed_in_their_order(self, blobs: Blobs) -> None:
        """That of their characters, as other stores have it, and not that of folders."""
        keys = ["a-b", "a.b", "a/b", "a/c/d", "a0", "b"]
        for key in reversed(keys):
            await blobs.put(key, b"")

        assert [key async for key in blobs.older(Shelf.CLEAN, 1 << 60)] == keys

    async def test_every_writing_has_an_etag_of_its_own(
        self, engine: Files, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though the number of a file that is gone is given again at once, and the clock stands
        still meanwhile (attack 34)."""
        monkeypatch.setattr(time, "time_ns", lambda: 1_795_000_000_000_000_000)
        written = []
        for _ in range(3):
            await blobs.put(KEY, b"a")
            written.append((engine.root / "clean" / KEY).stat().st_mtime_ns)

        assert written == [1_795_000_000_000_000_000 + number for number in range(3)]

    async def test_a_published_file_counts_from_then(self, engine: Files, blobs: Blobs) -> None:
        """The janitor does not take a file for old that has just got its place."""
        found = await upload(engine, blobs, KEY, b"hello")
        written_ms = (engine.root / "quarantine" / KEY).stat().st_ctime_ns // 1_000_000
        await asyncio.sleep(0.05)

        await blobs.publish(KEY, found.etag, "clean/1")

        assert [key async for key in blobs.older(Shelf.CLEAN, written_ms + 20)] == []

    async def test_nothing_is_wrong_with_what_it_makes_itself(self, blobs: Blobs) -> None:
        """And so nothing stops the start."""
        assert await blobs.risks() == []

    async def test_a_shelf_that_is_open_to_all_stops_the_start(
        self, engine: Files, blobs: Blobs
    ) -> None:
        """What was sent is not for every user of the machine."""
        (engine.root / "clean").chmod(0o755)

        risks = await blobs.risks()

        assert [risk.loses for risk in risks] == [True]
        assert "mode 755" in risks[0].text


class TestTrouble:
    async def test_a_full_disk_is_unavailable(self, engine: Files, blobs: Blobs) -> None:
        """Nothing stays of what did not fit, and what was there is still whole."""
        await blobs.put("clean/1", b"before")
        form = blobs.form(KEY, TYPE, size_min=1, size_max=4 << 20)
        large = b"a" * (2 << 20)

        with files_up_to(1 << 20):
            status = await engine.post(form, large)
            with pytest.raises(BlobsUnavailable, match="File too large"):
                await blobs.put("clean/1", large)

        assert status == 503
        assert engine.files() == ["clean/clean/1"]
        assert (await blobs.stat(Shelf.CLEAN, "clean/1")).size == len(b"before")

    async def test_a_join_that_does_not_fit_leaves_nothing(
        self, engine: Files, blobs: Blobs
    ) -> None:
        """The parts stay, for another try."""
        for part in ("part.1", "part.2"):
            await upload(engine, blobs, part, b"a" * (3 << 20))

        with files_up_to(4 << 20), pytest.raises(BlobsUnavailable):
            await blobs.join(["part.1", "part.2"], Shelf.QUARANTINE, KEY)

        assert engine.files() == ["quarantine/part.1", "quarantine/part.2"]

    async def test_a_folder_that_is_gone_is_unavailable(self, engine: Files, blobs: Blobs) -> None:
        """Health says so, and writers learn it as the port says."""
        (engine.root / "clean").rmdir()
        (engine.root / "drafts").rmdir()

        with pytest.raises(BlobsUnavailable):
            await blobs.ping()
        with pytest.raises(BlobsUnavailable):
            await blobs.put(KEY, b"a")

    async def test_a_file_where_the_folder_should_be_is_unavailable(self, tmp_path: Path) -> None:
        """The start says so, and holds nothing afterwards."""
        (tmp_path / "blobs").write_bytes(b"")

        with pytest.raises(BlobsUnavailable):
            await open_blobs("file:///blobs", tmp_path)

        (tmp_path / "blobs").unlink()
        await (await open_blobs("file:///blobs", tmp_path)).close()

    async def test_a_spoilt_secret_stops_the_start(self, engine: Files, blobs: Blobs) -> None:
        """It is named, and the folder is free again."""
        await blobs.close()
        (engine.root / "form-secret").write_bytes(b"\n")

        with pytest.raises(ValueError, match="form-secret"):
            await engine.open()

        (engine.root / "form-secret").unlink()
        await (await engine.open()).close()

    async def test_what_was_looked_at_is_published_among_many_writings(
        self, engine: Files, blobs: Blobs
    ) -> None:
        """Or nothing is."""
        found = await upload(engine, blobs, KEY, b"harmless")
        form = blobs.form(KEY, TYPE, size_min=1, size_max=8)

        ends = await asyncio.gather(
            *(engine.post(form, b"harmful!") for _ in range(2)),
            *(blobs.publish(KEY, found.etag, f"clean/{number}") for number in range(20)),
            return_exceptions=True,
        )

        assert {type(end) for end in ends} <= {int, type(None), Changed}
        assert {path.read_bytes() for path in (engine.root / "clean/clean").rglob("*")} <= {
            b"harmless"
        }


class TestProcess:
    async def test_a_second_process_is_refused(self, engine: Files, blobs: Blobs) -> None:
        """Neither would know of the other's drafts."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN, engine.root, stdout=subprocess.PIPE
        )
        said, _ = await process.communicate()

        assert b"in use by another process" in said

    async def test_it_is_opened_once(self, engine: Files, blobs: Blobs) -> None:
        """In this process too, until it is closed."""
        with pytest.raises(InUse):
            await engine.open()

        await blobs.close()
        await (await engine.open()).close()

    async def test_what_was_put_outlives_a_kill(self, engine: Files) -> None:
        """Every file that was acknowledged is whole, and no draft is left."""
        put = await asyncio.to_thread(lines_before_kill, PUTTING, str(engine.root), lines=30)

        blobs = await FileBlobs.open(engine.root)
        for key in put:
            assert (await blobs.stat(Shelf.CLEAN, key)).size == len(key) * 10_000
        assert list((engine.root / "drafts").iterdir()) == []
        await blobs.close()

    async def test_half_a_file_does_not_outlive_a_kill(self, engine: Files) -> None:
        """What was on its way when the process died is removed at the next start."""
        async with served(engine.root) as server:

            async def half() -> AsyncIterator[bytes]:
                yield server.head + b"a" * 1_000_000
                await until(lambda: sizes(engine) == [1_000_000])
                server.process.kill()
                yield b"a"

            with pytest.raises(httpx.HTTPError):
                await server.post(half())
        assert sizes(engine) == [1_000_000]

        blobs = await FileBlobs.open(engine.root)

        assert engine.files() == []
        await blobs.close()

    async def test_a_client_that_goes_leaves_nothing(self, engine: Files) -> None:
        """The draft is removed when the connection is."""
        async with served(engine.root) as server:

            async def half() -> AsyncIterator[bytes]:
                yield server.head + b"a" * 1_000_000
                await until(lambda: sizes(engine) == [1_000_000])
                raise ConnectionError

            with pytest.raises(ConnectionError):
                await server.post(half())

            await until(lambda: sizes(engine) == [])

    async def test_a_large_file_takes_no_memory(self, engine: Files) -> None:
        """64 MiB go through a real server."""
        async with served(engine.root) as server:

            async def whole() -> AsyncIterator[bytes]:
                yield server.head
                for _ in range(FORM_BYTES_MAX >> 20):
                    yield b"a" * (1 << 20)
                yield f"\r\n--{BOUNDARY}--\r\n".encode()

            before = server.peak_bytes()
            answer = await server.post(whole())
            grown = server.peak_bytes() - before

        assert answer.status_code == 204
        assert sizes(engine) == [FORM_BYTES_MAX]
        assert grown < 16 << 20


class Running(NamedTuple):
    """A server in a process of its own."""

    process: asyncio.subprocess.Process
    port: int
    head: bytes
    """A form of its own, up to where the file begins."""

    async def post(self, content: AsyncIterator[bytes]) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(
                f"http://127.0.0.1:{self.port}/blobs/quarantine",
                content=content,
                headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
            )

    def peak_bytes(self) -> int:
        """The most memory that it has had, as Linux tells it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1_024


@asynccontextmanager
async def served(root: Path) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, root, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = [(await process.stdout.readline()).decode().strip() for _ in range(5)]
    fields = [
        field(name, value)
        for name, value in zip(
            ("key", "Content-Type", "x-policy", "x-signature"), said[:4], strict=True
        )
    ]
    head = encoded([*fields, file(b"")], end="").removesuffix(b"\r\n")
    try:
        yield Running(process, port=int(said[4]), head=head)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def sizes(engine: Files) -> list[int]:
    """Of all files there are; one that goes while they are looked at is none."""
    found = []
    for name in engine.files():
        with suppress(FileNotFoundError):
            found.append((engine.root / name).stat().st_size)
    return found


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The disk takes no larger files: the same kind of error as when it is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
