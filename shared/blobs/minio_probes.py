"""What an object store must refuse, tried out: it is the only way to know.

Three kinds: what a stranger may do, what a wrong signature may do (CVE-2026-40344 and
CVE-2026-41145 let one write), and what becomes of a form that was edited. All of it goes to keys
that begin with one new name, and whatever is there in the end is removed.
"""

from base64 import b64encode
from collections.abc import Container, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode
from uuid import uuid4
from zlib import crc32

import msgspec
from minio.error import S3Error
from urllib3 import PoolManager
from urllib3.filepost import encode_multipart_formdata
from urllib3.util import Timeout

from shared.blobs.minio_address import Address
from shared.blobs.minio_signing import client, sign_form
from shared.blobs.port import BlobsUnavailable, Shelf, UploadForm
from shared.risk import Risk

PROBES_S: Final = 45.0
"""For all of them; they take less than half a second where nothing is wrong."""

CONNECT_S: Final = 2.0
READ_S: Final = 5.0

CONTENT_TYPE: Final = "application/octet-stream"
FILE: Final = b"probe"
EMPTY_TAR: Final = bytes(1_024)
"""A store that unpacks it makes nothing of it."""

UNSIGNED: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHECKSUM: Final = b64encode(crc32(FILE).to_bytes(4)).decode()
CHUNKED: Final = (
    f"{len(FILE):x}\r\n{FILE.decode()}\r\n0\r\nx-amz-checksum-crc32:{CHECKSUM}\r\n\r\n".encode()
)
"""The file as `UNSIGNED` has it: one chunk, the empty one, the trailer."""
CHUNKED_HEADERS: Final = {
    "x-amz-decoded-content-length": str(len(FILE)),
    "x-amz-trailer": "x-amz-checksum-crc32",
}

WRONG: Final = "0" * 64
"""No signature of anything."""


class Attempt(NamedTuple):
    """A request that must be refused."""

    what: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""
    refusals: Container[int] = (401, 403)
    """Another status of 400 and more would say that we asked in a wrong way, and nothing else."""


class Probes:
    """One go at a store. Blocks."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._origin = address.server.origin
        self._connections = PoolManager(
            timeout=Timeout(connect=CONNECT_S, read=READ_S), retries=False
        )
        self._client = client(address, address.server, self._connections)
        self._folder = f"probe-{uuid4().hex}"
        self._now = datetime.now(UTC)

    def risks(self) -> list[Risk]:
        """What was found; raises the library's errors if the store is down meanwhile."""
        try:
            self._control()
            texts = [*self._policies(), *self._accepted()]
        finally:
            self._clean_up()
            self._connections.clear()
        return [Risk(f"object store {self._address.server.host}: {text}") for text in texts]

    def _control(self) -> None:
        """Do what must be taken: else nothing would follow from what is refused."""
        for shelf in Shelf:
            self._client.put_object(
                self._bucket(shelf), self._key("ours"), BytesIO(FILE), len(FILE), CONTENT_TYPE
            )
        status = self._status(_post("of ours", self._form("form"), {}, FILE))
        if status >= 300:
            raise BlobsUnavailable(f"the object store answers its own form with status {status}")

    def _accepted(self) -> Iterator[str]:
        for attempt in (*self._strange(), *self._forged(), *self._edited()):
            status = self._status(attempt)
            if status not in attempt.refusals:
                yield f"it must refuse {attempt.what}, but answers with status {status}"

    def _policies(self) -> Iterator[str]:
        """What is written about everyone: a request would have to guess the right key."""
        for shelf in Shelf:
            try:
                policy = self._client.get_bucket_policy(self._bucket(shelf))
            except S3Error as error:
                if error.code in ("NoSuchBucketPolicy", "AccessDenied"):
                    continue
                raise
            if _for_everyone(msgspec.json.decode(policy)):
                yield f"the policy of bucket {self._bucket(shelf)} allows everyone; none must"

    def _strange(self) -> Iterator[Attempt]:
        """Requests of somebody who has no key."""
        for shelf in Shelf:
            bucket = self._bucket(shelf)
            listing = f"{self._origin}/{bucket}?list-type=2&max-keys=1"
            new = self._url(shelf, "strange")
            yield Attempt(f"a stranger who lists {bucket}", "GET", listing)
            yield Attempt(f"a stranger who reads from {bucket}", "GET", self._url(shelf, "ours"))
            yield Attempt(f"a stranger who writes to {bucket}", "PUT", new, body=FILE)

    def _forged(self) -> Iterator[Attempt]:
        """Requests of somebody who has the id of our key, and not its secret."""
        date = self._now.strftime("%Y%m%dT%H%M%SZ")
        who = f"{self._address.key}/{date[:8]}/{self._address.region}/s3/aws4_request"
        header = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={who}, "
            f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={WRONG}",
            "x-amz-date": date,
        }
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": who,
            "X-Amz-Date": date,
            "X-Amz-Expires": "60",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": WRONG,
        }
        sha = {"x-amz-content-sha256": UNSIGNED}
        file = {**sha, **CHUNKED_HEADERS}
        tar = {**sha, **header, "X-Amz-Meta-Snowball-Auto-Extract": "true"}
        url = self._url(Shelf.QUARANTINE, "forged")
        asked = f"{url}?{urlencode(query)}"
        what = "an object with a wrong signature in its"
        yield Attempt(f"{what} header", "PUT", url, {**file, **header}, CHUNKED)
        yield Attempt(f"{what} query (CVE-2026-41145)", "PUT", asked, file, CHUNKED)
        what = "an archive with a wrong signature (CVE-2026-40344)"
        yield Attempt(what, "PUT", url, tar, EMPTY_TAR)

    def _edited(self) -> Iterator[Attempt]:
        """Forms of ours, not as we signed them."""
        form = self._form("edited")
        late = self._form("edited", expires=self._now - timedelta(seconds=60))
        other = msgspec.structs.replace(form, url=f"{self._origin}/{self._bucket(Shelf.CLEAN)}")
        yield _post("to another key", form, {"key": self._key("other")}, FILE)
        yield _post("with another content type", form, {"Content-Type": "text/html"}, FILE)
        yield _post("with a file that is too large", form, {}, FILE + b"!")
        yield _post("with a file that is too small", form, {}, b"")
        yield _post("to another bucket", other, {}, FILE)
        yield _post("with a field more", form, {"x-amz-acl": "public-read"}, FILE)
        yield _post("that has expired", late, {}, FILE)

    def _form(self, name: str, *, expires: datetime | None = None) -> UploadForm:
        """A form for just this file, of the server's own name."""
        return sign_form(
            self._client,
            self._address.server,
            self._bucket(Shelf.QUARANTINE),
            key=self._key(name),
            content_type=CONTENT_TYPE,
            sizes=(len(FILE), len(FILE)),
            expires=expires or self._now + timedelta(seconds=60),
        )

    def _status(self, attempt: Attempt) -> int:
        response = self._connections.request(
            attempt.method, attempt.url, headers=attempt.headers, body=attempt.body, redirect=False
        )
        return response.status

    def _clean_up(self) -> None:
        """Remove what is there, and its versions where a bucket keeps those."""
        for shelf in Shelf:
            found = self._client.list_objects(
                self._bucket(shelf), f"{self._folder}/", recursive=True, include_version=True
            )
            for each in list(found):
                self._client.remove_object(self._bucket(shelf), each.object_name, each.version_id)

    def _bucket(self, shelf: Shelf) -> str:
        return f"{self._address.prefix}-{shelf}"

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _url(self, shelf: Shelf, name: str) -> str:
        return f"{self._origin}/{self._bucket(shelf)}/{quote(self._key(name))}"


def _post(how: str, form: UploadForm, edits: dict[str, str], file: bytes) -> Attempt:
    """A form as a browser posts it: its fields, and the file after them."""
    fields = {**form.fields, **edits}
    last = ("file", ("probe", file, CONTENT_TYPE))
    body, content_type = encode_multipart_formdata([*fields.items(), last])
    headers = {"Content-Type": content_type}
    return Attempt(f"a form {how}", "POST", form.url, headers, body, range(400, 500))


def _for_everyone(policy: Any) -> bool:
    """Whether a bucket's policy allows anything to whoever asks."""
    return any(
        statement.get("Effect") == "Allow" and "*" in _names(statement.get("Principal"))
        for statement in policy.get("Statement", ())
    )


def _names(principal: Any) -> Any:
    """Whom a statement is about: `"*"`, `{"AWS": "*"}` and `{"AWS": ["*"]}` mean the same."""
    return principal.get("AWS", ()) if isinstance(principal, dict) else principal or ()
