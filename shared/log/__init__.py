"""The log: partitioned, dense, durable. `port` states the obligations, `sqlite` is embedded."""

from pathlib import Path
from urllib.parse import urlsplit

from shared.contracts.topics import EMBEDDED_PARTITIONS
from shared.log.port import Log


async def open_log(url: str, data: Path, *, partitions: int = EMBEDDED_PARTITIONS) -> Log:
    """The log that `ORDER_CHAT_LOG_URL` names; files lie in the folder *data*. Close it.

    *partitions* is for an embedded log; the address of a cluster says how many it has.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "sqlite":
            from shared.log.sqlite import SqliteLog
            from shared.sqlite import database_path

            return await SqliteLog.open(database_path(url, data), partitions=partitions)
        case "kafka":
            from shared.log.kafka import KafkaLog, parse_address

            address = parse_address(url)
            return await KafkaLog.open(
                address.servers,
                partitions=address.partitions,
                timeline=address.timeline,
                deadletter=address.deadletter,
            )
        case _:
            raise ValueError(f"ORDER_CHAT_LOG_URL: the scheme {scheme!r} is none of: kafka, sqlite")
