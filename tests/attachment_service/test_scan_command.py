"""A program as the scanner: its exit code decides, and what is unclear is not clean."""

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from attachment_service.adapters.scan_command import Command, read_command
from attachment_service.ports import ScannerUnavailable
from attachment_service.verdicts import Reason
from tests.attachment_service.processes import children
from tests.attachment_service.scans import opinion, pieces


def python(code: str, *, answer_s: float = 30.0, send_s: float = 30.0) -> Command:
    text = shlex.join([sys.executable, "-c", "import sys, os, time\n" + code])
    return Command(read_command(text), answer_s=answer_s, send_s=send_s)


READ = "data = sys.stdin.buffer.read()\n"


@pytest.mark.parametrize(
    ("code", "expected"), [(0, None), (1, Reason.INFECTED), (2, Reason.UNSCANNABLE)]
)
async def test_exit_code_is_the_verdict(code: int, expected: Reason | None) -> None:
    """0 clean, 1 infected, 2 cannot be scanned."""
    scanner = python(READ + f"sys.exit({code})")

    verdict = await opinion(scanner, b"hello")

    assert verdict is expected


async def test_it_gets_the_whole_file() -> None:
    """Byte for byte, however large: it judges what was sent."""
    wanted = bytes(range(256)) * 20_000
    judge = READ + "sys.exit(0 if data == bytes(range(256)) * 20000 else 2)"

    whole = await opinion(python(judge), wanted)
    other = await opinion(python(judge), wanted[:-1])

    assert whole is None
    assert other is Reason.UNSCANNABLE


@pytest.mark.parametrize(
    "code",
    [
        READ + "sys.exit(3)",
        READ + "os.kill(os.getpid(), 9)",
        READ + "time.sleep(60)",
        "time.sleep(60)",
        "sys.stdin.close(); os.close(0); sys.exit(0)",
    ],
    ids=["unknown code", "is killed", "hangs", "does not read", "passes unread"],
)
async def test_what_is_unclear_is_not_clean(code: str) -> None:
    """Nothing was said of the file: the caller asks again."""
    scanner = python(code, answer_s=1.0, send_s=1.0)

    with pytest.raises(ScannerUnavailable):
        await opinion(scanner, bytes(8 << 20))


async def test_it_may_know_enough_before_the_end() -> None:
    """A program that refuses at the first bytes has refused."""
    scanner = python("sys.stdin.buffer.read(10); sys.exit(1)")

    assert await opinion(scanner, bytes(8 << 20)) is Reason.INFECTED


async def test_program_that_is_not_there_is_no_verdict() -> None:
    """Neither a scan nor a ping succeeds."""
    scanner = Command(["/nowhere/scan"])

    with pytest.raises(ScannerUnavailable):
        await opinion(scanner, b"hello")
    with pytest.raises(ScannerUnavailable):
        await scanner.ping()


async def test_program_that_is_there_answers_a_ping() -> None:
    """It is found without being run."""
    await python("1 / 0").ping()


async def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    """What would mean something to a shell is a word like any other."""
    left = tmp_path / "left"
    scanner = Command(read_command(f"true ; touch {left}"))

    verdict = await opinion(scanner, b"")

    assert verdict is None
    assert not left.exists()


async def test_our_secrets_are_not_its(monkeypatch: pytest.MonkeyPatch) -> None:
    """It inherits the environment without our settings."""
    monkeypatch.setenv("ORDER_CHAT_JWT_SECRET", "secret")
    monkeypatch.setenv("SCANNER_HOME", "here")
    code = READ + "had = os.environ.values(); sys.exit(0 if 'here' in had else 2)"
    harmless = await opinion(python(code), b"")
    secret = await opinion(python(code.replace("here", "secret")), b"")

    assert harmless is None
    assert secret is Reason.UNSCANNABLE


async def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    """A script that is given up leaves no program behind it."""
    pipe = tmp_path / "alive"
    code = (
        "import subprocess\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        f" pass_fds=[os.open({str(pipe)!r}, os.O_WRONLY)])\ntime.sleep(60)"
    )
    await asyncio.to_thread(os.mkfifo, pipe)
    scanning = asyncio.create_task(opinion(python(code), b"hello"))
    with await asyncio.to_thread(pipe.open, "rb") as alive:
        scanning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scanning

        # The other end is closed by the death of the last that had it open.
        ended = await asyncio.wait_for(asyncio.to_thread(alive.read), 10)

    assert ended == b""


async def test_who_gives_up_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    """Whenever that is: the program and what it started are gone once the caller is told."""
    pipe = tmp_path / "alive"
    await asyncio.to_thread(os.mkfifo, pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code = f"os.open({str(pipe)!r}, os.O_WRONLY)\ntime.sleep(60)"
    for turns in range(12):
        scanning = asyncio.create_task(opinion(python(code), b"hello"))
        for _ in range(turns):
            await asyncio.sleep(0)
        scanning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scanning

        # Whoever had it open for writing is gone: an end, and nothing that may still come.
        assert os.read(reading, 1) == b""
    os.close(reading)
    assert children() == set()


async def test_opinion_on_another_file_does_not_count() -> None:
    """Fewer bytes than the file has were seen."""
    with pytest.raises(ScannerUnavailable):
        await python(READ).scan(6, pieces(b"hello"))


async def test_what_the_store_raises_passes_through() -> None:
    """A store that is away says nothing of the file, and nothing of the scanner."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ConnectionError("the store is away")

    with pytest.raises(ConnectionError):
        await python(READ).scan(10, broken())
