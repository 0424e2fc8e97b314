"""The object store: files that were sent.

`port` states the obligations; `files` keeps them in a folder and has its own routes, `minio`
speaks S3.
"""

from pathlib import Path
from urllib.parse import urlsplit

from shared.blobs.port import Blobs
from shared.blobs.public_address import read_public


async def open_blobs(url: str, data: Path, *, public_url: str | None = None) -> Blobs:
    """The store that `ORDER_CHAT_BLOBS_URL` names; files lie in the folder *data*. Close it.

    *public_url* is where browsers reach it, such as `https://files.example`, if that is elsewhere.
    Raises `ValueError` for an address that means nothing, `shared.sqlite.InUse` for a folder that
    another process has, and `BlobsUnavailable`.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "file":
            from shared.blobs.files import FileBlobs, folder_path

            origin = "" if public_url is None else read_public(public_url).origin
            return await FileBlobs.open(folder_path(url, data), origin)
        case "minio":
            from shared.blobs.minio import MinioBlobs
            from shared.blobs.minio_address import read_address

            return await MinioBlobs.open(read_address(url, public_url))
        case _:
            raise ValueError(f"ORDER_CHAT_BLOBS_URL: the scheme {scheme!r} is none of: file, minio")
