"""The standalone process on a data folder, which outlives it."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from shared.store.sqlite import SqliteStore
from tests.prove.process import Process
from tests.prove.truth import Truth, read_log, read_store

STORE_FILE: Final = "store.db"


class Server(Process):
    """One server on one data folder; what it prints goes to `server.log` beside the folder."""

    def __init__(
        self, folder: Path, secret: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = folder / "data"
        self.secret = secret
        settings = {
            "ORDER_CHAT_RATE_LIMITS": "off",
            "ORDER_CHAT_JWT_SECRET": secret,
            **(environment or {}),
        }
        data = ("--data", str(self.data))
        super().__init__("server", "deploy.standalone", folder, settings, data)

    @property
    def orders_url(self) -> str:
        """Where orders are made."""
        return self.url

    def chat_ports(self) -> Sequence[int]:
        """Where clients connect to."""
        return (self.port,)

    async def truth(self) -> Truth:
        """What log and store hold, once it has stopped."""
        truth = await asyncio.to_thread(read_log, self.data)
        store = await SqliteStore.open(self.data / STORE_FILE)
        try:
            await read_store(store, truth)
        finally:
            await store.close()
        return truth
