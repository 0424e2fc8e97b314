"""The toy's archiver and store in one."""

from collections.abc import Iterable, Sequence
from typing import Final

from shared.log.port import Record

BATCH: Final = 4


class Archive:
    """The archiver and its store: entries first, then the watermark."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.stored: dict[int, Record] = {}
        self.watermark = 0
        self._log = records
        self._position = 0
        self._batch: Sequence[Record] = ()
        self._to_do = self.steps()

    def steps(self) -> list[str]:
        """What is done with every batch, the last first."""
        return ["commit", "write"]

    def go_on(self) -> None:
        """Do one step."""
        if not self._batch:
            self._batch = self._log[self._position : self._position + BATCH]
            self._to_do = self.steps()
        elif self._to_do.pop() == "write":
            self.write(self._batch)
        else:
            self.watermark = self._batch[-1].offset + 1
        if self._batch and not self._to_do:
            self._position = self._batch[-1].offset + 1
            self._batch = ()

    def write(self, batch: Iterable[Record]) -> None:
        """Store for good what a batch holds."""
        self.stored.update({record.offset: record for record in batch})

    def crash(self) -> None:
        """Die between any two steps, and come up again."""
        self._batch, self._position = (), self.beginning()

    def beginning(self) -> int:
        """Where the log is read from after a start."""
        return self.watermark
