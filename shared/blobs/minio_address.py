"""What `ORDER_CHAT_BLOBS_URL` and `ORDER_CHAT_BLOBS_PUBLIC_URL` say of a MinIO server."""

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

EXAMPLE: Final = "ORDER_CHAT_BLOBS_URL looks like minio://key:secret@host:9000/prefix"
PUBLIC_EXAMPLE: Final = "ORDER_CHAT_BLOBS_PUBLIC_URL looks like https://files.example, no path"

_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
"""Bucket names have 63 characters at most, and the longer of ours adds 11."""


class Server(NamedTuple):
    """Where it is reached, and how."""

    host: str
    """With the port, as HTTP's `Host` says it: a link is signed for it."""
    tls: bool

    @property
    def origin(self) -> str:
        """Without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}"


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
    server = Server(_host(parts, EXAMPLE), tls == "on")
    return Address(
        server=server,
        public=server if public_url is None else _public(public_url),
        key=unquote(parts.username),
        secret=unquote(parts.password),
        region=region,
        prefix=prefix,
    )


def _public(url: str) -> Server:
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or parts.username is not None
    ):
        # A path would have to be cut off again by a proxy, and the link is signed with it.
        raise ValueError(PUBLIC_EXAMPLE)
    return Server(_host(parts, PUBLIC_EXAMPLE), parts.scheme == "https")


def _host(parts: SplitResult, example: str) -> str:
    try:
        port = parts.port
    except ValueError:
        raise ValueError(example) from None
    if not parts.hostname:
        raise ValueError(example)
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port is None else f"{name}:{port}"
