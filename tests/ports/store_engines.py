"""The engines the store's contract is tested on."""

import os
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

from pymongo import MongoClient

import shared.store.mongo  # noqa: F401 - reads files, so not while an event loop runs
from shared.store import open_store
from shared.store.port import Store


class Engine(Protocol):
    """Where a test's store lives: empty at first, there again when it is opened again, and gone
    with the test."""

    url: str
    data: Path

    async def open(self) -> Store:
        """Open it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Sqlite:
    """A file in the test's own folder."""

    url = "sqlite:///store.db"

    def __init__(self, data: Path) -> None:
        self.data = data

    async def open(self) -> Store:
        return await open_store(self.url, self.data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass  # pytest removes the folder


class Mongo:
    """A database of its own at the server that `ORDER_CHAT_STORE_URL` names."""

    def __init__(self, data: Path) -> None:
        self.data = data
        address = urlsplit(os.environ.get("ORDER_CHAT_STORE_URL", ""))
        assert address.scheme.startswith("mongodb"), (
            "ORDER_CHAT_STORE_URL must name a MongoDB: run this with make test-connected"
        )
        self.database = f"order_chat_test_{uuid4().hex}"
        self.url = address._replace(path=f"/{self.database}").geturl()

    async def open(self) -> Store:
        return await open_store(self.url, self.data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with MongoClient[dict[str, object]](self.url, timeoutMS=10_000) as client:
            client.drop_database(self.database)
