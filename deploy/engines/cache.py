"""What is downloaded or built once: whole or absent, and made by one at a time."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

WAIT_S: Final = 1_800.0
"""How long to wait for another stack that is making the same; a build takes minutes."""

LOOK_EVERY_S: Final = 0.2


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/order-chat`, by default in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "order-chat"


async def keep(folder: Path, make: Callable[[Path], Awaitable[None]]) -> Path:
    """*folder*, made by *make* if it is not there yet.

    *make* fills an empty folder beside it, which takes the name once it is whole. What an
    interrupted one left is thrown away and made again. Two at once: the second waits.
    """
    if not await asyncio.to_thread(folder.exists):
        async with _alone(folder.with_name(f".{folder.name}.lock")):
            if not await asyncio.to_thread(folder.exists):
                part = await asyncio.to_thread(_fresh_part, folder)
                await make(part)
                await asyncio.to_thread(part.rename, folder)
    return folder


def _fresh_part(folder: Path) -> Path:
    """An empty folder that will become *folder*; what earlier ones left is gone."""
    for left in folder.parent.glob(f".{folder.name}.part-*"):
        shutil.rmtree(left)
    return Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-", dir=folder.parent))


@asynccontextmanager
async def _alone(lock: Path) -> AsyncIterator[None]:
    """Hold a file lock, which the system frees whatever becomes of us."""
    held = await asyncio.to_thread(_open, lock)
    try:
        async with asyncio.timeout(WAIT_S):
            while not _locked(held):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(LOOK_EVERY_S)
        yield
    finally:
        os.close(held)


def _open(lock: Path) -> int:
    lock.parent.mkdir(parents=True, exist_ok=True)
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
