"""The store: what the archiver made of the log. `port` states the obligations."""

from pathlib import Path
from urllib.parse import urlsplit

from shared.store.port import Store


async def open_store(url: str, data: Path) -> Store:
    """The store that `ORDER_CHAT_STORE_URL` names; files lie in the folder *data*. Close it."""
    scheme = urlsplit(url).scheme
    match scheme:
        case "sqlite":
            from shared.sqlite import database_path
            from shared.store.sqlite import SqliteStore

            return await SqliteStore.open(database_path(url, data))
        case "mongodb" | "mongodb+srv":
            from shared.store.mongo import MongoStore

            return await MongoStore.open(url)
        case _:
            raise ValueError(
                f"ORDER_CHAT_STORE_URL: the scheme {scheme!r} is none of: mongodb, sqlite"
            )
