"""The scan hook: somebody else's opinion of a file, before anyone can read it.

What is not said to be clean is not. An answer that is late, cut off or of a form not known says
nothing of the file: the caller asks again later, and the file stays where nobody can read it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shared.risk import Risk


class ScannerUnavailable(Exception):
    """No opinion was had; asking again is safe."""


class Scanner(Protocol):
    """Looks at whole files. Every wait for the scanner has an end."""

    async def scan(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        """Return if the file of *size* bytes, which *pieces* are, is clean.

        Raises `Rejected` for what is infected, and for what cannot be scanned because of what it
        is, such as too large; `ScannerUnavailable`; and what *pieces* raises.
        """
        ...

    async def risks(self) -> Sequence[Risk]:
        """How it is set so that it would pass what it never looked into. Raises
        `ScannerUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `ScannerUnavailable` if nothing can be scanned now."""
        ...


def open_scanner(clamd_url: str | None, command: str | None) -> Scanner | None:
    """The scanner that `ORDER_CHAT_CLAMD_URL` or `ORDER_CHAT_SCAN_COMMAND` names, or none.

    Asks nobody yet. Raises `ValueError` for what is malformed, and for both.
    """
    if clamd_url is not None and command is not None:
        raise ValueError("ORDER_CHAT_CLAMD_URL and ORDER_CHAT_SCAN_COMMAND: one of them, not both")
    if clamd_url is not None:
        from attachment_service.clamd import Clamd, read_address

        return Clamd(read_address(clamd_url))
    if command is not None:
        from attachment_service.scan_command import Command, read_command

        return Command(read_command(command))
    return None
