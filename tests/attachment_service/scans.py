"""Asking scanners for their opinion."""

from collections.abc import AsyncIterator

from attachment_service.ports import Scanner
from attachment_service.verdicts import Reason, Rejected


async def pieces(data: bytes, length: int = 1 << 20) -> AsyncIterator[bytes]:
    for start in range(0, len(data), length):
        yield data[start : start + length]


async def opinion(scanner: Scanner, data: bytes) -> Reason | None:
    """Why a file is refused; None: it is clean."""
    try:
        await scanner.scan(len(data), pieces(data))
    except Rejected as rejected:
        return rejected.reason
    return None
