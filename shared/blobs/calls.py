"""Calls that block: in threads of their own, ended in time, with the port's errors."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from shared.blobs.port import BlobsUnavailable

CALL_S: Final = 30.0
"""For one call, and for its turn before. Its thread may be busy for longer."""

COPY_S: Final = 600.0
"""For joining some hundreds of parts, or for copying a file of 5 GB."""

THREADS: Final = 8
WAITING_CALLS_MAX: Final = 200
"""More calls than this at once mean that the store does not keep up."""

CLOSE_S: Final = 5.0

Answer = TypeVar("Answer")


class Calls:
    """Runs blocking calls in its threads.

    *meaning*: what an error is to the port; null for one that is nobody's but ours.
    """

    def __init__(self, meaning: Callable[[Exception], Exception | None]) -> None:
        self._meaning = meaning
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._under_way = 0
        self._closed = False

    async def run(self, call: Callable[[], Answer], within_s: float = CALL_S) -> Answer:
        """What *call* answers. Raises `NotFound`, `Changed`, `BlobsUnavailable`."""
        if self._closed or self._under_way >= WAITING_CALLS_MAX:
            what = "closed" if self._closed else f"{WAITING_CALLS_MAX} calls behind"
            raise BlobsUnavailable(f"the object store is {what}")
        self._under_way += 1
        try:
            async with asyncio.timeout(within_s):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, self._in_thread, call)
        except TimeoutError:
            text = f"the object store did not answer within {within_s:.0f} s"
            raise BlobsUnavailable(text) from None
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        """Start nothing more, and wait a moment for what goes on."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.to_thread(self._threads.shutdown)
        except TimeoutError:
            pass  # each of its threads ends by itself, when its own time is up

    def _in_thread(self, call: Callable[[], Answer]) -> Answer:
        if self._closed:
            raise BlobsUnavailable("the object store is closed")
        try:
            return call()
        except Exception as error:
            meaning = self._meaning(error)
            if meaning is None:
                raise
            raise meaning from None
