"""`shared.blobs.port.Blobs` on MinIO, or on what else speaks S3, through minio-py.

The buckets are `PREFIX-quarantine` and `PREFIX-clean`; both are made if they are not there. On the
server itself one thing matters to what is written here: browsers post to it from the pages of
others, so it must answer CORS for their origins (MinIO does, unless it is told otherwise).
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Final, Self

from minio.commonconfig import ENABLED, REPLACE, ComposeSource, CopySource, Filter
from minio.error import S3Error
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    Expiration,
    LifecycleConfig,
    Rule,
)

from shared.blobs.calls import COPY_S, Calls
from shared.blobs.minio_address import Address
from shared.blobs.minio_calls import COPY_READ_S, READ_S, connections, meaning
from shared.blobs.minio_probes import PROBES_S, Probes
from shared.blobs.minio_signing import client, sign_form
from shared.blobs.port import (
    FORM_S,
    LINK_S,
    PUT_BYTES_MAX,
    READ_BYTES_MAX,
    Blob,
    BlobsUnavailable,
    Shelf,
    UploadForm,
    check_header,
    check_key,
    check_sizes,
)
from shared.risk import Risk

CONTENT_TYPE: Final = "application/octet-stream"
"""Of all that we write: what a file is shown as, its link says."""

PAGE: Final = 1_000
"""Keys in one answer of the server."""

LEFT_DAYS: Final = 1
"""What nobody fetched from quarantine, and what was never joined, is removed by the server."""


class MinioBlobs:
    """`shared.blobs.port.Blobs` in two buckets."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._calls = Calls(meaning)
        self._connections = connections(READ_S)
        self._copy_connections = connections(COPY_READ_S)
        self._client = client(address, address.server, self._connections)
        self._copier = client(address, address.server, self._copy_connections)
        self._signer = client(address, address.public, self._connections)
        """Signs for the name that browsers use; calls nobody."""

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connect, and make the buckets if they are not there. Raises `BlobsUnavailable`."""
        blobs = cls(address)
        try:
            await blobs._calls.run(blobs._make_buckets)
        except BaseException:
            await blobs.close()
            raise
        return blobs

    @property
    def origin(self) -> str:
        """The server that browsers reach."""
        return self._address.public.origin

    def form(self, key: str, content_type: str, *, size_min: int, size_max: int) -> UploadForm:
        """A form that writes *key* into quarantine and nothing else."""
        return sign_form(
            self._signer,
            self._address.public,
            self._bucket(Shelf.QUARANTINE),
            key=check_key(key),
            content_type=content_type,
            sizes=check_sizes(size_min, size_max),
            expires=datetime.now(UTC) + timedelta(seconds=FORM_S),
        )

    async def stat(self, shelf: Shelf, key: str) -> Blob:
        """What lies there now."""
        found = await self._calls.run(
            lambda: self._client.stat_object(self._bucket(shelf), check_key(key))
        )
        return Blob(size=found.size or 0, etag=found.etag or "")

    async def read(self, shelf: Shelf, key: str, etag: str, start: int, length: int) -> bytes:
        """Bytes of an object, if it still has this ETag."""
        if start < 0 or not 1 <= length <= READ_BYTES_MAX:
            raise ValueError(f"a piece has 1 to {READ_BYTES_MAX} bytes")

        def call() -> bytes:
            try:
                response = self._client.get_object(
                    self._bucket(shelf),
                    check_key(key),
                    offset=start,
                    length=length,
                    request_headers={"If-Match": f'"{etag}"'},
                )
            except S3Error as error:
                if error.code == "InvalidRange":  # past the end
                    return b""
                raise
            try:
                return response.read(length)
            finally:
                response.close()
                response.release_conn()

        return await self._calls.run(call)

    async def join(self, parts: Sequence[str], shelf: Shelf, key: str) -> None:
        """Make *key* on *shelf* of *parts* in quarantine."""
        quarantine = self._bucket(Shelf.QUARANTINE)
        sources = [ComposeSource(quarantine, check_key(part)) for part in parts]
        metadata: dict[str, str | list[str] | tuple[str]] = {"Content-Type": CONTENT_TYPE}
        await self._calls.run(
            lambda: self._copier.compose_object(
                self._bucket(shelf), check_key(key), sources, metadata=metadata
            ),
            within_s=COPY_S,
        )

    async def publish(self, key: str, etag: str, clean_key: str) -> None:
        """Copy an object from quarantine to the clean shelf, if it still has this ETag."""
        source = CopySource(self._bucket(Shelf.QUARANTINE), check_key(key), match_etag=etag)
        await self._calls.run(
            lambda: self._copier.copy_object(
                self._bucket(Shelf.CLEAN),
                check_key(clean_key),
                source,
                metadata={"Content-Type": CONTENT_TYPE},
                metadata_directive=REPLACE,
            ),
            within_s=COPY_S,
        )

    async def put(self, key: str, data: bytes) -> None:
        """Write *data* to the clean shelf."""
        if len(data) > PUT_BYTES_MAX:
            raise ValueError(f"more than {PUT_BYTES_MAX} bytes in one piece")
        await self._calls.run(
            lambda: self._client.put_object(
                self._bucket(Shelf.CLEAN),
                check_key(key),
                BytesIO(data),
                len(data),
                CONTENT_TYPE,
                part_size=PUT_BYTES_MAX,  # one request; parts would go out from more threads
            )
        )

    def link(self, key: str, *, content_type: str, disposition: str) -> str:
        """An address of an object of the clean shelf, for a minute."""
        return self._signer.presigned_get_object(
            self._bucket(Shelf.CLEAN),
            check_key(key),
            expires=timedelta(seconds=LINK_S),
            response_headers={
                "response-content-type": check_header(content_type),
                "response-content-disposition": check_header(disposition),
                "response-cache-control": "private, no-store",
            },
        )

    async def remove(self, shelf: Shelf, key: str) -> None:
        """Remove an object."""
        await self._calls.run(
            lambda: self._client.remove_object(self._bucket(shelf), check_key(key))
        )

    async def older(self, shelf: Shelf, before: int) -> AsyncIterator[str]:
        """The keys of all objects last written before *before*."""
        oldest = datetime.fromtimestamp(before / 1_000, UTC)
        last: str | None = None
        while True:
            page = await self._calls.run(partial(self._page, shelf, last))
            for key, at in page:
                if at < oldest:
                    yield key
            if len(page) < PAGE:
                return
            last = page[-1][0]

    async def risks(self) -> Sequence[Risk]:
        """A bucket open to others, a store that takes what it must refuse."""
        return await self._calls.run(Probes(self._address).risks, within_s=PROBES_S)

    async def ping(self) -> None:
        """Raise `BlobsUnavailable` if the store is down now."""
        bucket = self._bucket(Shelf.QUARANTINE)
        if not await self._calls.run(lambda: self._client.bucket_exists(bucket)):
            raise BlobsUnavailable(f"the bucket {bucket} is gone")

    async def close(self) -> None:
        """Let go of everything."""
        await self._calls.close()
        self._connections.clear()
        self._copy_connections.clear()

    def _bucket(self, shelf: Shelf) -> str:
        return f"{self._address.prefix}-{shelf}"

    def _page(self, shelf: Shelf, after: str | None) -> list[tuple[str, datetime]]:
        """One answer of the server; the library would go on by itself, for as long as it takes."""
        found = self._client.list_objects(self._bucket(shelf), recursive=True, start_after=after)
        return [(o.object_name, o.last_modified) for o in islice(found, PAGE)]

    def _make_buckets(self) -> None:
        for shelf in Shelf:
            if not self._client.bucket_exists(self._bucket(shelf)):
                self._make_bucket(self._bucket(shelf))
        quarantine = self._bucket(Shelf.QUARANTINE)
        # An operator who set rules of his own keeps them.
        if self._client.get_bucket_lifecycle(quarantine) is None:
            self._client.set_bucket_lifecycle(quarantine, _left_behind())

    def _make_bucket(self, bucket: str) -> None:
        try:
            self._client.make_bucket(bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":  # another service was faster
                raise


def _left_behind() -> LifecycleConfig:
    """The rule that empties quarantine."""
    rule = Rule(
        ENABLED,
        rule_id="left-behind",
        rule_filter=Filter(prefix=""),
        expiration=Expiration(days=LEFT_DAYS),
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(LEFT_DAYS),
    )
    return LifecycleConfig([rule])
