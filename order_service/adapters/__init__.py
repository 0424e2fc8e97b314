"""The ports of the order service on an engine, one file for each."""

from pathlib import Path
from urllib.parse import urlsplit

from order_service.ports import OrderStore


async def open_orders(url: str, data: Path) -> OrderStore:
    """The orders in the store that `ORDER_CHAT_STORE_URL` names; files lie in the folder *data*.

    Close them. Raises `ValueError` for an address that is not one.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "sqlite":
            from order_service.adapters.sqlite import SqliteOrders
            from shared.sqlite import database_path

            return await SqliteOrders.open(database_path(url, data))
        case "mongodb" | "mongodb+srv":
            from order_service.adapters.mongo import MongoOrders

            return await MongoOrders.open(url)
        case _:
            raise ValueError(
                f"ORDER_CHAT_STORE_URL: the scheme {scheme!r} is none of: mongodb, sqlite"
            )
