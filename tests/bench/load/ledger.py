"""What was said, and whether every member of the order heard it: once, in its order, how late."""

import math
import time
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from tests.bench.load.latency import Latencies

MS: Final = 1_000.0
ROUNDING: Final = 1e-9
"""By so much a slice is longer, lest the window's last instant fall into a slice after the last."""


class Ledger:
    """The books of one run after the other, over the same connections."""

    def __init__(self, connections: int, members: int) -> None:
        """*members*: so many connections, one after the other, are in one order."""
        self.heard = 0
        """Deliveries of this run, each message counted once for each member."""
        self.doubled = 0
        """Deliveries that came again, or to who is no member."""
        self.reordered = 0
        """Deliveries that came after a later one of the same sender."""
        self._members = members
        self._first = [0] * connections
        self._said_at = [array("d") for _ in range(connections)]
        rooms = [range(at, at + members) for at in range(0, connections, members)]
        self._due = [dict.fromkeys(rooms[number // members], 0) for number in range(connections)]
        self._passed_over: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self._start = self._end = math.inf
        self._slice_s = 1.0
        self._slices: Sequence[Latencies] = ()

    def begin(self) -> None:
        """Begin a run: nothing was said and heard yet, and nothing is measured yet."""
        self.heard = self.doubled = self.reordered = 0
        self._first = [
            first + len(times) for first, times in zip(self._first, self._said_at, strict=True)
        ]
        self._said_at = [array("d") for _ in self._first]
        for due in self._due:
            due.update((sender, self._first[sender]) for sender in due)
        self._passed_over.clear()
        self._start = self._end = math.inf

    def measure(self, seconds: float, slice_s: float) -> None:
        """Keep how late is heard what is said from now on for so long, whenever it is heard."""
        self._slice_s = slice_s * (1 + ROUNDING)
        self._slices = [Latencies() for _ in range(math.ceil(seconds / slice_s))]
        self._start = time.perf_counter()
        self._end = self._start + seconds

    def say(self, sender: int, at: float) -> int:
        """Book a message that is to be said at that instant; its number."""
        times = self._said_at[sender]
        times.append(at)
        return self._first[sender] + len(times) - 1

    def hear(self, receiver: int, sender: int, serial: int, now: float) -> None:
        """Book a delivery."""
        due = self._due[receiver]
        if serial == due.get(sender):
            due[sender] = serial + 1
        elif not self._out_of_order(receiver, sender, serial):
            return
        self.heard += 1
        said_at = self._said_at[sender][serial - self._first[sender]]
        if self._start <= said_at < self._end:
            self._slices[int((said_at - self._start) / self._slice_s)].add((now - said_at) * MS)

    @property
    def lacking(self) -> int:
        """Deliveries of this run that have not come."""
        return sum(map(len, self._said_at)) * self._members - self.heard

    @property
    def said(self) -> int:
        """Messages that were to be said while it was measured."""
        return sum(
            bisect_left(times, self._end) - bisect_left(times, self._start)
            for times in self._said_at
        )

    @property
    def slices(self) -> Sequence[Latencies]:
        """How late what was said was heard, by when it was to be said."""
        return self._slices

    def _out_of_order(self, receiver: int, sender: int, serial: int) -> bool:
        """Whether a delivery that is not the next one is the first of its message."""
        due = self._due[receiver].get(sender)
        passed_over = self._passed_over[receiver, sender]
        if due is not None and due < serial < self._first[sender] + len(self._said_at[sender]):
            passed_over.update(range(due, serial))
            self._due[receiver][sender] = serial + 1
            return True
        if serial in passed_over:
            passed_over.remove(serial)
            self.reordered += 1
            return True
        self.doubled += 1
        return False
