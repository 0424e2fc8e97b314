"""What one user may ask of a gateway in a time, and when it is too much."""

from typing import Final

import msgspec

from shared.contracts.frames import Limits
from shared.contracts.ids import UserId
from shared.rates import Buckets

JOIN_COST: Final = 5.0
"""A join reads from the store and answers with up to 200 KiB: it counts as this many frames."""

FLOOD_REFUSALS: Final = 1_000
FLOOD_WINDOW_S: Final = 10.0
"""More refusals for the rate than this within the window, and the connection is closed. Whoever
empties a long outbox at once gets one for each of its messages before the first is read; who heeds
`retry_after_ms` from then on never comes near."""

LIFTED: Final = 1_000_000_000
"""What stands for no limit; what clients are told is a number they can count with."""


def lifted(limits: Limits) -> Limits:
    """*limits* without rates, and without caps on how many of a thing there may be."""
    return msgspec.structs.replace(
        limits,
        orders_per_connection=LIFTED,
        sockets_per_user=LIFTED,
        messages_per_s=LIFTED,
        messages_burst=LIFTED,
        frames_per_s=LIFTED,
        frames_burst=LIFTED,
    )


class Rates:
    """The buckets of a gateway's users: what one does on all connections counts together."""

    def __init__(self, limits: Limits) -> None:
        self.messages: Buckets[UserId] = Buckets(limits.messages_per_s, limits.messages_burst)
        """Attempts to write."""
        self.frames: Buckets[UserId] = Buckets(limits.frames_per_s, limits.frames_burst)
        """Frames of any other kind."""


class Flood:
    """Whether one connection goes on and on though it is refused."""

    __slots__ = ("_refusals", "_since")

    def __init__(self) -> None:
        self._since = 0.0
        self._refusals = 0

    def refused(self, now: float) -> bool:
        """Note one refusal for the rate; tell whether it is one too many."""
        if now - self._since > FLOOD_WINDOW_S:
            self._since = now
            self._refusals = 0
        self._refusals += 1
        return self._refusals > FLOOD_REFUSALS
