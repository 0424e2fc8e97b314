"""What the attachment service relies on, beside an object store (`shared.blobs.port`) and the order
service (`shared.order_client`)."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from attachment_service.model import Upload
from shared.contracts.ids import OrderId, UserId
from shared.risk import Risk
from shared.tokens import Identity


class UploadsUnavailable(Exception):
    """The store cannot be reached now, or did not answer in time; everything may be repeated."""


class Uploads(Protocol):
    """The records of all uploads. They are our own truth: no log has them.

    Every write is durable when it returns. Every method may raise `UploadsUnavailable`.
    """

    async def add(self, upload: Upload) -> None:
        """Store a new upload; its id is random."""
        ...

    async def get(self, id_: str) -> Upload | None:
        """An upload; null if there is none."""
        ...

    async def find(self, ids: Collection[str]) -> Mapping[str, Upload]:
        """Those of *ids* that there are."""
        ...

    async def replace(self, upload: Upload) -> bool:
        """Store the next version of an upload, if the version stored is the one before it; tell
        whether it was."""
        ...

    async def remove(self, upload: Upload) -> bool:
        """Remove an upload, if the version stored is this one; tell whether it was."""
        ...

    async def open_of(self, user_id: UserId) -> int:
        """How many uploads of a user are open (`model.OPEN`)."""
        ...

    async def due(self, now: int, limit: int) -> Sequence[Upload]:
        """The first *limit* uploads whose `due_at` is not after *now*, by `due_at`."""
        ...

    async def risks(self) -> Sequence[Risk]:
        """How the engine is set that could lose what was acknowledged."""
        ...

    async def ping(self) -> None:
        """Raise `UploadsUnavailable` if the store cannot be reached now."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and the token that says so."""

    identity: Identity
    token: str

    def __repr__(self) -> str:
        return f"Caller({self.identity.user_id})"  # without the token


class MessagesUnavailable(Exception):
    """Whether a message carries a file cannot be told now."""


class TooQuick(Exception):
    """The caller asks more often than the gateway lets it; `retry_after_s` says when to go on."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class Messages(Protocol):
    """The chat, as far as we need it: a gateway."""

    async def carries(self, caller: Caller | None, order_id: OrderId, attachment_id: str) -> bool:
        """Whether a message carries a file that *caller* may see now: a standing one of an order
        they may read, for moderators one that is gone too. A null caller, who is ourselves: whether
        any message does, or did before it was gone. Never behind the log. Raises
        `MessagesUnavailable` and `TooQuick`."""
        ...

    async def ping(self) -> None:
        """Raise `MessagesUnavailable` if no gateway can be reached now."""
        ...


class ScannerUnavailable(Exception):
    """No opinion was had; asking again is safe."""


class Scanner(Protocol):
    """The scan hook: somebody else's opinion of a file, before anyone can read it. Every wait for
    it has an end.

    What is not said to be clean is not. An answer that is late, cut off or of a form not known says
    nothing of the file: the caller asks again later, and the file stays where nobody can read it.
    """

    async def scan(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        """Return if the file of *size* bytes, which *pieces* are, is clean.

        Raises `Rejected` for what is infected, and for what cannot be scanned because of what it
        is, such as too large; `ScannerUnavailable`; and what *pieces* raises.
        """
        ...

    async def risks(self) -> Sequence[Risk]:
        """How it is set so that it would pass what it never looked into. Raises
        `ScannerUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `ScannerUnavailable` if nothing can be scanned now."""
        ...
