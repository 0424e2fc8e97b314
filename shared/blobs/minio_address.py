"""What `ORDER_CHAT_BLOBS_URL` says of a MinIO server."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.blobs.public_address import Server, host_of, read_public

EXAMPLE: Final = "ORDER_CHAT_BLOBS_URL looks like minio://key:secret@host:9000/prefix"

_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
"""Bucket names have 63 characters at most, and the longer of ours adds 11."""


class Address(NamedTuple):
    """A server, whom we are to it, and which buckets are ours."""

    server: Server
    public: Server
    """The same for browsers."""
    key: str
    secret: str
    region: str
    prefix: str

    def __repr__(self) -> str:
        return f"Address({self.server.origin}/{self.prefix})"  # without the secret


def read_address(url: str, public_url: str | None) -> Address:
    """The address in *url*; raise `ValueError`, which repeats nothing of it, if there is none.

    `?tls=on` says https, `?region=NAME` the region that the server was given, if it was given one.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "off")
    region = options.pop("region", "us-east-1")
    prefix = parts.path.removeprefix("/")
    if options or tls not in ("on", "off") or not region:
        raise ValueError(f"{EXAMPLE}, and may end in ?tls=on, ?region=NAME or both")
    if not parts.username or not parts.password or parts.fragment:
        raise ValueError(EXAMPLE)
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{EXAMPLE}; the prefix is 3 to 50 of a-z 0-9 -")
    server = Server(host_of(parts, EXAMPLE), tls == "on")
    return Address(
        server=server,
        public=server if public_url is None else read_public(public_url),
        key=unquote(parts.username),
        secret=unquote(parts.password),
        region=region,
        prefix=prefix,
    )
