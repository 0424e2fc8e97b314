"""What a link is like while it is not simply good."""

from typing import Final, Literal

import msgspec

Direction = Literal["up", "down"]
"""Up: from client to server."""


class Weather(msgspec.Struct, frozen=True):
    """How bytes travel. The default is fair: at once and unchanged."""

    delay_s: float = 0.0
    """How long each chunk is held back. What comes meanwhile travels with the next chunk."""
    jitter_s: float = 0.0
    """Up to so much is added to the delay, anew for each chunk."""
    bytes_per_s: int | None = None
    """No faster than this, each way; null: as fast as it goes."""
    sliced: bool = False
    """Whether each byte is a write of its own."""
    swallowed: frozenset[Direction] = frozenset()
    """Ways on which nothing comes through, and nobody notices. A connection that bytes are missing
    from is reset when that is over."""


FAIR: Final = Weather()
FAR: Final = Weather(delay_s=0.1, jitter_s=0.2)
NARROW: Final = Weather(bytes_per_s=64_000)
CRUMBLED: Final = Weather(sliced=True)
BLACK_HOLE: Final = Weather(swallowed=frozenset({"up", "down"}))
MUTE: Final = Weather(swallowed=frozenset({"up"}))
"""The server hears nothing; what it says comes through."""
DEAF: Final = Weather(swallowed=frozenset({"down"}))
"""The client hears nothing; what it says comes through."""
