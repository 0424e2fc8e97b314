"""The engines the store's contract is tested on."""

from pathlib import Path
from typing import Protocol

from shared.store import open_store
from shared.store.port import Store


class Engine(Protocol):
    """Where a test's store lives: empty at first, and there again when it is opened again."""

    url: str
    data: Path

    async def open(self) -> Store:
        """Open it."""
        ...


class Sqlite:
    """A file in the test's own folder."""

    url = "sqlite:///store.db"

    def __init__(self, data: Path) -> None:
        self.data = data

    async def open(self) -> Store:
        return await open_store(self.url, self.data)
