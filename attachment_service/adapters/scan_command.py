"""Any scanner that is a program: the file on its standard input, its opinion as its exit code."""

import asyncio
import os
import shlex
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from attachment_service.ports import ScannerUnavailable
from attachment_service.verdicts import Reason, Rejected
from shared.risk import Risk

CLEAN: Final = 0
INFECTED: Final = 1
UNSCANNABLE: Final = 2

SEND_S: Final = 60.0
"""For each piece."""
ANSWER_S: Final = 180.0


def read_command(text: str) -> Sequence[str]:
    """The program and its arguments, as a shell would take them apart, without one. Raises
    `ValueError`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"ORDER_CHAT_SCAN_COMMAND: {str(error).lower()}") from error
    if not words:
        raise ValueError("ORDER_CHAT_SCAN_COMMAND: a program is missing")
    return words


class Command:
    """Scans with a program, started for each file."""

    def __init__(
        self, words: Sequence[str], *, send_s: float = SEND_S, answer_s: float = ANSWER_S
    ) -> None:
        self._words = words
        self._send_s = send_s
        self._answer_s = answer_s

    async def scan(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        """As `Scanner.scan`; the codes are named above."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=DEVNULL,
                env=_environment(),
                start_new_session=True,  # what it starts is ended with it
            )
        except OSError as error:
            raise ScannerUnavailable from error
        try:
            whole = await self._send(process, size, pieces)
            async with asyncio.timeout(self._answer_s):
                code = await process.wait()
        except TimeoutError as error:
            raise ScannerUnavailable from error
        finally:
            await asyncio.shield(asyncio.ensure_future(_end(process)))
        if code == INFECTED:
            raise Rejected(Reason.INFECTED)
        if code == UNSCANNABLE:
            raise Rejected(Reason.UNSCANNABLE)
        if code != CLEAN or not whole:
            raise ScannerUnavailable

    async def risks(self) -> Sequence[Risk]:
        """None that we could know of."""
        return ()

    async def ping(self) -> None:
        """As `Scanner.ping`: the program is there."""
        if await asyncio.to_thread(shutil.which, self._words[0]) is None:
            raise ScannerUnavailable

    async def _send(self, process: Process, size: int, pieces: AsyncIterator[bytes]) -> bool:
        """Write the file to it; tell whether it took all. One that knows enough may take less."""
        assert process.stdin is not None
        left = size
        async for piece in pieces:
            left -= len(piece)
            try:
                async with asyncio.timeout(self._send_s):
                    process.stdin.write(piece)
                    await process.stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                return False
        process.stdin.close()
        return left == 0


async def _end(process: Process) -> None:
    """Let nothing be left of it, nor of what it started."""
    assert process.stdin is not None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.stdin.close()
    await process.wait()


def _environment() -> dict[str, str]:
    """Ours without our settings: there are secrets among them."""
    return {name: it for name, it in os.environ.items() if not name.startswith("ORDER_CHAT_")}
