"""The log: partitioned, dense, durable. `port` states the obligations, `sqlite` is embedded."""

from pathlib import Path
from urllib.parse import urlsplit

from shared.contracts.topics import EMBEDDED_PARTITIONS
from shared.log.port import Log


async def open_log(url: str, data: Path, *, partitions: int = EMBEDDED_PARTITIONS) -> Log:
    """The log that `ORDER_CHAT_LOG_URL` names; files lie in the folder *data*. Close it."""
    scheme = urlsplit(url).scheme
    match scheme:
        case "sqlite":
            from shared.log.sqlite import SqliteLog
            from shared.sqlite import database_path

            return await SqliteLog.open(database_path(url, data), partitions=partitions)
        case _:
            raise ValueError(f"ORDER_CHAT_LOG_URL: the scheme {scheme!r} is none of: sqlite")
