"""Calls of the MinIO client: in threads of their own, ended in time, with our errors.

minio-py blocks, and unless it is told otherwise waits five minutes and tries six times.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error, ServerError
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from shared.blobs.port import BlobsUnavailable, Changed, NotFound

CONNECT_S: Final = 2.0
READ_S: Final = 10.0
COPY_READ_S: Final = 300.0
"""For what the store does with a whole file before it answers; 16 s with 1 GB, and 5 may come."""

CALL_S: Final = 30.0
"""For one call with its second try, and for its turn before. Its thread may be busy for longer."""

COPY_S: Final = 600.0
"""For joining some hundreds of parts, or for copying a file of 5 GB."""

THREADS: Final = 8
WAITING_CALLS_MAX: Final = 200
"""More calls than this at once mean that the store does not keep up."""

CLOSE_S: Final = 5.0

_MISSING: Final = {"NoSuchKey", "NoSuchVersion"}
_TRY_AGAIN: Final = [500, 502, 503, 504]

Answer = TypeVar("Answer")


def connections(read_s: float) -> PoolManager:
    """A pool of connections that wait for *read_s* seconds and try twice, PUTs and GETs alike."""
    return PoolManager(
        maxsize=THREADS,
        timeout=Timeout(connect=CONNECT_S, read=read_s),
        retries=Retry(
            total=1,
            redirect=0,  # to another host, with a signature for this one: never
            backoff_factor=0.2,
            status_forcelist=_TRY_AGAIN,
            raise_on_status=False,
            raise_on_redirect=False,
        ),
    )


class Calls:
    """Runs blocking calls in its threads, and turns what they raise into the port's errors."""

    def __init__(self) -> None:
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
        """Run *call*. What it raises may hold an address or an answer; ours holds a code alone."""
        if self._closed:
            raise BlobsUnavailable("the object store is closed")
        try:
            return call()
        except S3Error as error:
            if error.code in _MISSING:
                raise NotFound from None
            if error.code == "PreconditionFailed":
                raise Changed from None
            raise BlobsUnavailable(f"the object store answers {error.code}") from None
        except ServerError as error:
            text = f"the object store answers with status {error.status_code}"
            raise BlobsUnavailable(text) from None
        except (MinioException, HTTPError, ParseError) as error:
            raise BlobsUnavailable(f"the object store: {type(error).__name__}") from None
