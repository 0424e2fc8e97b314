"""What clients and nemeses write down: one record per thing done or seen, in the order it happened.

All clients of a trial live in one process, so one list in one order holds everything; `at` is
monotonic seconds.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TypedDict

import msgspec

from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId

Ending = Literal["peer", "lost", "overdue", "barred", "left"]
"""How a connection ended: the server closed it in form; it broke; an answer or every sign of life
failed to come in time; the order was not open to us; we had finished."""

Kind = Literal["message", "edit", "delete"]
Outcome = Literal["refused", "unknown"]

FaultKind = Literal[
    "kill",
    "pause",
    "restart",
    "flush",
    "reset",
    "close",
    "blackhole",
    "deaf",
    "mute",
    "stall",
    "slice",
    "midframe",
]


class Glimpse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as a client got it, without its text."""

    seq: Seq
    prev: Seq | None
    type: str
    by: UserId
    id: MessageId | None = None
    client_id: ClientId | None = None
    n: int = 0


def glimpse(event: frames.EventShown) -> Glimpse:
    """What is written down of an event frame."""
    return Glimpse(
        seq=event.seq,
        prev=event.prev,
        type=str(event.__struct_config__.tag),
        by=event.by,
        id=getattr(event, "id", None),
        client_id=getattr(event, "client_id", None),
        n=getattr(event, "n", 0),
    )


class ShownMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message as it stands on a screen."""

    seq: Seq
    n: int
    id: MessageId
    by: UserId
    text: str
    edited_at: int | None
    gone: frames.Gone | None


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", gc=False):
    at: float


class _Done(_Record, frozen=True, kw_only=True, gc=False):
    client: str
    connection: int
    """Numbers a client's connections from 1; 0: between two of them."""


class Stamp(TypedDict):
    """What every record of a client carries."""

    at: float
    client: str
    connection: int


class Typed(_Done, frozen=True, kw_only=True, tag="typed", gc=False):
    """A user wrote something; it is in the client's outbox from here on. Texts are unique."""

    order_id: OrderId
    by: UserId
    id: ClientId
    kind: Kind
    text: str | None


class Opened(_Done, frozen=True, kw_only=True, tag="opened", gc=False):
    """The websocket is open; nothing was sent yet."""

    order_id: OrderId
    """The order this client is for."""
    user_id: UserId
    token_ends: float | None = None
    """When the token it shows ends; null: after the trial."""


class Closed(_Done, frozen=True, kw_only=True, tag="closed", gc=False):
    """The connection is over; attempts it left without an outcome may or may not be in the log."""

    why: Ending
    code: int | None


class Sent(_Done, frozen=True, kw_only=True, tag="sent", gc=False):
    """An attempt is about to go out."""

    id: ClientId
    ref: int
    retry: bool


class Answered(_Done, frozen=True, kw_only=True, tag="answered", gc=False):
    """A refusal, or word that the outcome is unknown. (The good outcome is the event.)"""

    id: ClientId | None
    ref: int | None
    outcome: Outcome
    code: ErrorCode | None
    retry: bool


class Barred(_Done, frozen=True, kw_only=True, tag="barred", gc=False):
    """A party was not let into its own order."""

    code: ErrorCode | None


class Joined(_Done, frozen=True, kw_only=True, tag="joined", gc=False):
    """The answer to a join with `after`."""

    order_id: OrderId
    after: Seq | None
    head: Seq
    reset: bool
    events: tuple[Glimpse, ...]


class Paged(_Done, frozen=True, kw_only=True, tag="paged", gc=False):
    """An answer to `history`; with `after` a replay, without it a page back."""

    order_id: OrderId
    after: Seq | None
    events: tuple[Glimpse, ...]


class Live(_Done, frozen=True, kw_only=True, tag="live", gc=False):
    """An event came by itself."""

    order_id: OrderId
    event: Glimpse


class Told(_Done, frozen=True, kw_only=True, tag="told", gc=False):
    """A goodbye: the server goes away, and names the time after which to come back."""

    reconnect_after_ms: int


class Faulted(_Record, frozen=True, kw_only=True, tag="faulted", gc=False):
    """Something was broken from `at` until `until`."""

    kind: FaultKind
    until: float
    part: str = "server"
    clients: frozenset[str] | None = None
    """Whose connections may suffer from it; null: everybody's."""
    ends: tuple[int, ...] | None = None
    """After a kill: of every partition the offset its next record would get."""


class Viewed(_Done, frozen=True, kw_only=True, tag="viewed", gc=False):
    """What a client's screen came to, once everything had settled."""

    order_id: OrderId
    user_id: UserId
    messages: tuple[ShownMessage, ...]
    marks: Mapping[UserId, int]
    unread: int | None
    """As the server counts it; null where the client did not ask at the end."""


Record = (
    Typed
    | Opened
    | Closed
    | Sent
    | Answered
    | Barred
    | Joined
    | Paged
    | Live
    | Told
    | Faulted
    | Viewed
)
Done = Typed | Opened | Closed | Sent | Answered | Barred | Joined | Paged | Live | Told | Viewed

_ENCODER: Final = msgspec.json.Encoder()


class History:
    """Everything that happened in one trial."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def write(self, record: Record) -> None:
        """Add what just happened."""
        self._records.append(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def save(self, path: Path) -> None:
        """Write the records to *path*, one JSON object a line. Blocks."""
        with path.open("wb") as file:
            file.writelines(_ENCODER.encode(record) + b"\n" for record in self._records)


def now() -> float:
    """The time records carry."""
    return time.monotonic()
