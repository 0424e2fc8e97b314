"""Whether a process is the only one that writes to what it reads, so that it need not fetch it.

Whoever appends all the time learns by that what others append: then the own batch does not begin
where the one before ended. So while every partition that is followed keeps becoming known by own
batches that follow on each other, a fetch would bring nothing that is not known.
"""

from collections.abc import Iterable
from typing import Final

ALONE_S: Final = 0.1
"""How long after an own batch nobody looks for others' records: some turns of a busy writer, and no
longer than a partition may have to wait for its turn to be fetched (A6)."""
IN_A_ROW: Final = 100
"""So many own batches, of all partitions, with nothing of others' among them come first: where two
answer each other, neither waits."""


class Alone:
    """See the module. Times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._known_at: dict[int, float] = {}
        """By partition, when an own batch was last what came next."""
        self._in_a_row = 0

    def known(self, partition: int, now: float) -> None:
        """An own batch begins where *partition* was read up to."""
        self._known_at[partition] = now
        self._in_a_row += 1

    def met_others(self) -> None:
        """Something came, or must have come, that was not known."""
        self._in_a_row = 0

    def lasts(self, partitions: Iterable[int], now: float) -> float:
        """For how long from now nothing of *partitions* need be fetched, if nothing more becomes
        known; 0 or less if it must be."""
        if self._in_a_row < IN_A_ROW:
            return 0.0
        known_at = self._known_at
        oldest = min([known_at.get(partition, 0.0) for partition in partitions], default=0.0)
        return oldest + ALONE_S - now
