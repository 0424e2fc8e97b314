"""The ports of the attachment service, one file for each engine or neighbour."""

from pathlib import Path
from urllib.parse import urlsplit

from attachment_service.ports import Scanner, Uploads


async def open_uploads(url: str, data: Path) -> Uploads:
    """The uploads in the store that `ORDER_CHAT_STORE_URL` names; files lie in the folder *data*.

    Close them. Raises `ValueError` for an address that is not one.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "sqlite":
            from attachment_service.adapters.sqlite import SqliteUploads
            from shared.sqlite import database_path

            return await SqliteUploads.open(database_path(url, data))
        case "mongodb" | "mongodb+srv":
            from attachment_service.adapters.mongo import MongoUploads

            return await MongoUploads.open(url)
        case _:
            raise ValueError(
                f"ORDER_CHAT_STORE_URL: the scheme {scheme!r} is none of: mongodb, sqlite"
            )


def open_scanner(clamd_url: str | None, command: str | None) -> Scanner | None:
    """The scanner that `ORDER_CHAT_CLAMD_URL` or `ORDER_CHAT_SCAN_COMMAND` names, or none.

    Asks nobody yet. Raises `ValueError` for what is malformed, and for both.
    """
    if clamd_url is not None and command is not None:
        raise ValueError("ORDER_CHAT_CLAMD_URL and ORDER_CHAT_SCAN_COMMAND: one of them, not both")
    if clamd_url is not None:
        from attachment_service.adapters.clamd import Clamd, read_address

        return Clamd(read_address(clamd_url))
    if command is not None:
        from attachment_service.adapters.scan_command import Command, read_command

        return Command(read_command(command))
    return None
