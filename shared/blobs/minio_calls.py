"""What the MinIO client is told about waiting, and what its errors mean.

Unless it is told otherwise it waits five minutes and tries six times.
"""

from typing import Final
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error, ServerError
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from shared.blobs.calls import THREADS
from shared.blobs.port import BlobsUnavailable, Changed, NotFound

CONNECT_S: Final = 2.0
READ_S: Final = 10.0
"""For one try of two, so that both and a turn fit into `calls.CALL_S`."""
COPY_READ_S: Final = 300.0
"""For what the store does with a whole file before it answers; 16 s with 1 GB, and 5 may come."""

_MISSING: Final = {"NoSuchKey", "NoSuchVersion"}
_TRY_AGAIN: Final = [500, 502, 503, 504]


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


def meaning(error: Exception) -> Exception | None:
    """What *error* is to the port. It may hold an address or an answer; ours holds a code alone."""
    match error:
        case S3Error() if error.code in _MISSING:
            return NotFound()
        case S3Error(code="PreconditionFailed"):
            return Changed()
        case S3Error():
            return BlobsUnavailable(f"the object store answers {error.code}")
        case ServerError():
            return BlobsUnavailable(f"the object store answers with status {error.status_code}")
        case MinioException() | HTTPError() | ParseError():
            return BlobsUnavailable(f"the object store: {type(error).__name__}")
    return None
