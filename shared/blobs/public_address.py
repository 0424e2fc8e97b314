"""Where browsers reach the files: what `ORDER_CHAT_BLOBS_PUBLIC_URL` says."""

from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

EXAMPLE: Final = "ORDER_CHAT_BLOBS_PUBLIC_URL looks like https://files.example, no path"


class Server(NamedTuple):
    """Where it is reached, and how."""

    host: str
    """With the port, as HTTP's `Host` says it: a link is signed for it."""
    tls: bool

    @property
    def origin(self) -> str:
        """Without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}"


def read_public(url: str) -> Server:
    """The server in `ORDER_CHAT_BLOBS_PUBLIC_URL`; raise `ValueError` if there is none."""
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or parts.username is not None
    ):
        # A path would have to be cut off again by a proxy, and the link is signed with it.
        raise ValueError(EXAMPLE)
    return Server(host_of(parts, EXAMPLE), parts.scheme == "https")


def host_of(parts: SplitResult, example: str) -> str:
    """Host and port of an address; raise `ValueError` with the *example* if it has no such."""
    try:
        port = parts.port
    except ValueError:
        raise ValueError(example) from None
    if not parts.hostname:
        raise ValueError(example)
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port is None else f"{name}:{port}"
