"""What processes use, by the kernel's own accounts of them."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_KIB = 1_024


class Sample(NamedTuple):
    """What was used until an instant."""

    at: float
    cpu: Mapping[str, float]
    """Seconds of CPU, in user and in kernel mode, of all threads; by name of the processes."""
    own: float
    """The same of the process that measures."""

    def since(self, before: "Sample") -> "Sample":
        """What was used between two instants; `at` is then how long that was."""
        cpu = {name: used - before.cpu[name] for name, used in self.cpu.items()}
        return Sample(self.at - before.at, cpu, self.own - before.own)


class Memory(NamedTuple):
    """Bytes in memory now."""

    pss: int
    """What is shared with other processes counts in parts."""
    anonymous: int
    """What no file stands behind: heap and stacks."""


class Meter:
    """Looks at processes from outside; their children, waited for or not, do not count."""

    def __init__(self, processes: Mapping[str, Sequence[int]]) -> None:
        self._processes = processes

    def sample(self) -> Sample:
        """What was used until now. Raises `OSError` if a process is gone."""
        cpu = {name: sum(map(_cpu_s, pids)) for name, pids in self._processes.items()}
        return Sample(time.perf_counter(), cpu, time.process_time())

    def memory(self) -> Mapping[str, Memory]:
        """What is in memory now. Raises `OSError` if a process is gone."""
        return {name: _memory(pids) for name, pids in self._processes.items()}


def _cpu_s(pid: int) -> float:
    # Linux makes the number of a process's clock in this way, see clock_getcpuclockid(3). Its
    # nanoseconds are exact; /proc/PID/stat counts ticks of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def _memory(pids: Sequence[int]) -> Memory:
    pss = anonymous = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            field, _, rest = line.partition(":")
            if field == "Pss":
                pss += int(rest.split()[0]) * _KIB
            elif field == "Anonymous":
                anonymous += int(rest.split()[0]) * _KIB
    return Memory(pss, anonymous)
