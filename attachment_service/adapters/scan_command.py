"""Any scanner that is a program: the file on its standard input, its opinion as its exit code."""

import asyncio
import os
import shlex
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Final

from attachment_service.child import Child
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
            child = await Child.start(self._words, _environment(), heard=False)
        except OSError as error:
            raise ScannerUnavailable from error
        try:
            whole = await self._send(child, size, pieces)
            async with asyncio.timeout(self._answer_s):
                code = await child.wait()
        except TimeoutError as error:
            raise ScannerUnavailable from error
        finally:
            await asyncio.shield(asyncio.ensure_future(child.end()))
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

    async def _send(self, child: Child, size: int, pieces: AsyncIterator[bytes]) -> bool:
        """Write the file to it; tell whether it took all. One that knows enough may take less."""
        left = size
        async for piece in pieces:
            left -= len(piece)
            try:
                async with asyncio.timeout(self._send_s):
                    child.stdin.write(piece)
                    await child.stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                return False
        child.stdin.close()
        return left == 0


def _environment() -> dict[str, str]:
    """Ours without our settings: there are secrets among them."""
    return {name: it for name, it in os.environ.items() if not name.startswith("ORDER_CHAT_")}
