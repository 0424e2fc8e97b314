"""The engines the log's contract is tested on."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

from shared.log import open_log
from shared.log.port import Log

PARTITIONS = 4


class Kept(NamedTuple):
    """A dead letter as it was kept."""

    partition: int
    offset: int
    error: str
    key: str | None
    type: str | None
    version: int | None
    value: bytes | None


class Engine(Protocol):
    """Where a test's log lives: empty at first, and there again when it is opened again."""

    url: str
    data: Path

    async def open(self) -> Log:
        """Open it, with `PARTITIONS` partitions."""
        ...

    def dead_letters(self) -> list[Kept]:
        """What `dead_letter` kept, read past the log."""
        ...


class Sqlite:
    """A file in the test's own folder."""

    url = "sqlite:///log.db"

    def __init__(self, data: Path) -> None:
        self.data = data

    async def open(self) -> Log:
        return await open_log(self.url, self.data, partitions=PARTITIONS)

    def dead_letters(self) -> list[Kept]:
        with closing(sqlite3.connect(self.data / "log.db")) as connection:
            rows = connection.execute(
                'SELECT partition, "offset", error, key, type, v, value FROM dead_letters '
                "WHERE topic = 'chat.timeline' ORDER BY rowid"
            )
            return [Kept(*row) for row in rows]
