"""How large a process is, now and over time."""

import asyncio
from pathlib import Path

from tests.prove.history import now


class Memory:
    """The resident size of a process over time, in MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.samples: list[tuple[float, float]] = []

    async def watch(self) -> None:
        """Sample until cancelled."""
        while True:
            self.samples.append((now(), await asyncio.to_thread(resident, self._pid)))
            await asyncio.sleep(0.25)

    def growth(self, since: float, until: float) -> float:
        """MiB a second over a stretch, from its first and last sample."""
        within = [sample for sample in self.samples if since <= sample[0] <= until]
        (begin, first), (end, last) = within[0], within[-1]
        return (last - first) / (end - begin)

    def most(self, since: float, until: float) -> float:
        """The largest size in a stretch."""
        return max(size for at, size in self.samples if since <= at <= until)

    def last(self) -> float:
        """The last sample's size."""
        return self.samples[-1][1]


def resident(pid: int) -> float:
    """The resident size of a process in MiB. Blocks."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)
