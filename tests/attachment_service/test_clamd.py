"""ClamAV: a real one, and fakes for what a real one does only when it is broken."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from attachment_service.adapters.clamd import Clamd, read_address
from attachment_service.ports import ScannerUnavailable
from attachment_service.verdicts import Reason
from deploy.engines.cache import cache_folder
from deploy.engines.engine import Place
from tests.attachment_service import clamd_engine
from tests.attachment_service.clamd_engine import FILE_BYTES_MAX, HARMFUL, STREAM_BYTES_MAX
from tests.attachment_service.scans import opinion, pieces


@asynccontextmanager
async def started(folder: Path, *, alerts: bool = True) -> AsyncIterator[clamd_engine.Clamd]:
    engine = clamd_engine.Clamd("clamd", Place(cache_folder(), folder, print), alerts=alerts)
    await engine.obtain()
    await engine.start()
    try:
        yield engine
    finally:
        await engine.kill()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[clamd_engine.Clamd]:
    async with started(tmp_path) as engine:
        yield engine


@pytest.fixture(params=["tcp", "unix"])
def scanner(request: pytest.FixtureRequest, engine: clamd_engine.Clamd) -> Clamd:
    return Clamd(read_address(engine.url if request.param == "tcp" else engine.socket_url))


@pytest.mark.connected
class TestRealClamd:
    """With a clamd of our own, which knows one harmful text."""

    async def test_clean_file_passes(self, scanner: Clamd) -> None:
        """Whatever its length."""
        verdicts = [await opinion(scanner, bytes(n)) for n in (0, 1, 65_536, FILE_BYTES_MAX)]

        assert verdicts == [None] * 4

    async def test_harmful_file_is_refused(self, scanner: Clamd) -> None:
        """Bare, at the end of a large one, across two pieces, and packed."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
            files.writestr("a.txt", HARMFUL)
        late = os.urandom((1 << 20) - 10) + HARMFUL

        verdicts = [await opinion(scanner, data) for data in (HARMFUL, late, packed.getvalue())]

        assert verdicts == [Reason.INFECTED] * 3

    @pytest.mark.parametrize("size", [STREAM_BYTES_MAX + 1, 64 << 20])
    async def test_stream_too_long_is_refused(self, scanner: Clamd, size: int) -> None:
        """clamd answers early and hangs up; that it said so is not lost."""
        verdicts = {await opinion(scanner, bytes(size)) for _ in range(5)}

        assert verdicts == {Reason.UNSCANNABLE}

    async def test_file_too_large_to_be_looked_into_is_refused(self, scanner: Clamd) -> None:
        """clamd reads it and looks no further: that is not clean."""
        assert await opinion(scanner, os.urandom(FILE_BYTES_MAX + 1)) is Reason.UNSCANNABLE

    async def test_encrypted_archive_is_refused(self, scanner: Clamd) -> None:
        """Where clamd is set to say so."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
            files.writestr("a.txt", "hello")
        data = bytearray(packed.getvalue())
        data[6] |= 1  # says that it is encrypted
        data[data.index(b"PK\x01\x02") + 8] |= 1

        assert await opinion(scanner, bytes(data)) is Reason.UNSCANNABLE

    async def test_ping_is_answered(self, scanner: Clamd) -> None:
        """It serves."""
        await scanner.ping()

    async def test_many_are_scanned_at_once(self, scanner: Clamd) -> None:
        """Each has a connection of its own."""
        files = [bytes(100_000), HARMFUL] * 10

        verdicts = await asyncio.gather(*(opinion(scanner, data) for data in files))

        assert verdicts == [None, Reason.INFECTED] * 10

    async def test_clamd_that_says_what_it_skipped_is_no_risk(self, scanner: Clamd) -> None:
        """AlertExceedsMax is yes."""
        assert list(await scanner.risks()) == []


@pytest.mark.connected
async def test_clamd_that_passes_what_it_skipped_is_found_out(tmp_path: Path) -> None:
    """With AlertExceedsMax at its default, a virus behind the limit is clean to it."""
    async with started(tmp_path, alerts=False) as engine:
        scanner = Clamd(read_address(engine.url))

        passed = await opinion(scanner, os.urandom(FILE_BYTES_MAX) + HARMFUL)
        risks = await scanner.risks()

    assert passed is None
    assert [risk.loses for risk in risks] == [True]
    assert "AlertExceedsMax" in risks[0].text


@pytest.mark.connected
async def test_clamd_that_is_killed_says_nothing(tmp_path: Path) -> None:
    """A scan that was under way is unavailable, and so is every later one."""
    async with started(tmp_path) as engine:
        scanner = Clamd(read_address(engine.url))
        asked = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"hello"
            asked.set()
            await engine.kill()
            yield b"world"

        with pytest.raises(ScannerUnavailable):
            await scanner.scan(10, slow())
        with pytest.raises(ScannerUnavailable):
            await scanner.ping()

    assert asked.is_set()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def fake(serve: Serve) -> AsyncIterator[Clamd]:
    """A server that is no clamd, and our side of it with short patience."""
    closed = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            closed.set()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Clamd(read_address(f"tcp://127.0.0.1:{port}"), send_s=0.5, answer_s=0.5)
    finally:
        server.close()
        await asyncio.wait_for(closed.wait(), 10)


def saying(*answer: bytes) -> Serve:
    """A fake that reads a whole stream and then says this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        while length := int.from_bytes(await reader.readexactly(4)):
            await reader.readexactly(length)
        for piece in answer:
            writer.write(piece)
            await writer.drain()

    return serve


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: OK",
        b"stream: O",
        b"stream: OK\n",
        b"stream: OK \0",
        b"stream: ok\0",
        b"STREAM: OK\0",
        b" stream: OK\0",
        b"OK\0",
        b"other: OK\0",
        b"stream: OK\0stream: OK\0",
        b"stream: Eicar FOUND\0stream: OK\0",
        b"Eicar FOUND\0",
        b"INSTREAM: COMMAND READ TIMED OUT\0",
        b"UNKNOWN COMMAND\0",
        b"stream: Can't allocate memory ERROR\0",
        b"HTTP/1.1 200 OK\r\n\r\n\0",
        b"stream: " + b"x" * 10_000 + b" OK\0",
        b"\0",
    ],
)
async def test_whatever_is_not_exactly_ok_is_not_clean(answer: bytes) -> None:
    """Half answers, garbage and answers to something else say nothing of the file. A fake."""
    async with fake(saying(answer)) as scanner:
        with pytest.raises(ScannerUnavailable):
            await opinion(scanner, b"hello")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([b"stream: OK\0"], None),
        ([b"stre", b"am: OK", b"\0"], None),
        ([b"stream: Eicar-Test FOUND\0"], Reason.INFECTED),
        ([b"stream: OK FOUND\0"], Reason.INFECTED),
        ([b"stream: Heuristics.Encrypted.PDF FOUND\0"], Reason.UNSCANNABLE),
        ([b"stream: Time limit reached ERROR\0"], Reason.UNSCANNABLE),
        ([b"INSTREAM size limit exceeded. ERROR\0"], Reason.UNSCANNABLE),
    ],
)
async def test_answer_is_the_verdict(answer: list[bytes], expected: Reason | None) -> None:
    """What clamd says, in one piece or in several. A fake."""
    async with fake(saying(*answer)) as scanner:
        verdict = await opinion(scanner, b"hello")

    assert verdict is expected


async def test_clamd_that_hangs_is_given_up() -> None:
    """Whether it takes no connection's words, no file, or says nothing at the end. Fakes."""

    given_up = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await given_up.wait()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    for serve in (deaf, mute):
        async with fake(serve) as scanner:
            with pytest.raises(ScannerUnavailable):
                await opinion(scanner, bytes(32 << 20))
            given_up.set()


async def test_ok_before_the_end_does_not_count() -> None:
    """What has not been heard cannot be clean. A fake."""

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        writer.write(b"stream: OK\0")
        await reader.read()

    async with fake(hasty) as scanner:
        with pytest.raises(ScannerUnavailable):
            await opinion(scanner, bytes(32 << 20))


async def test_nobody_there_is_no_verdict(tmp_path: Path) -> None:
    """Neither at the port nor at the socket file, nor where the host has no address."""
    for url in ("tcp://127.0.0.1:1", f"unix://{tmp_path}/none.ctl", "tcp://none.invalid:3310"):
        scanner = Clamd(read_address(url))

        with pytest.raises(ScannerUnavailable):
            await opinion(scanner, b"hello")
        with pytest.raises(ScannerUnavailable):
            await scanner.ping()


async def test_ping_wants_a_pong() -> None:
    """Whatever else answers is no clamd. A fake."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        writer.write(b"220 smtp.example\0")

    async with fake(serve) as scanner:
        with pytest.raises(ScannerUnavailable):
            await scanner.ping()


async def test_opinion_on_another_file_does_not_count() -> None:
    """Fewer bytes than the file has were sent: OK is not for it. A fake."""
    async with fake(saying(b"stream: OK\0")) as scanner:
        with pytest.raises(ScannerUnavailable):
            await scanner.scan(6, pieces(b"hello"))


async def test_what_the_store_raises_passes_through() -> None:
    """A store that is away says nothing of the file, and nothing of the scanner. A fake."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ConnectionError("the store is away")

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with fake(mute) as scanner:
        with pytest.raises(ConnectionError, match="the store is away"):
            await scanner.scan(10, broken())


async def test_cancelled_scan_hangs_up() -> None:
    """Nobody waits for the answer, so the connection goes. A fake."""
    heard = asyncio.Event()
    gone = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        heard.set()
        await reader.read()
        gone.set()

    async with fake(mute) as scanner:
        scanning = asyncio.create_task(opinion(scanner, b"hello"))
        await heard.wait()
        scanning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scanning
        await asyncio.wait_for(gone.wait(), 10)
