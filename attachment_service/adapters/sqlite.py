"""Uploads in SQLite, in the file that holds the embedded store.

The table is this adapter's own, so dropping the archiver's part of the file leaves it alone.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from attachment_service.model import OPEN, Upload
from attachment_service.ports import UploadsUnavailable
from shared.contracts.ids import UserId
from shared.risk import Risk
from shared.sqlite import Tables, transaction

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, by TEXT NOT NULL, state TEXT NOT NULL,
    due_at INTEGER NOT NULL, body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_uploader ON uploads (by, state);
CREATE INDEX IF NOT EXISTS uploads_by_due ON uploads (due_at);
"""

_ENCODER: Final = msgspec.json.Encoder()
_UPLOAD: Final = msgspec.json.Decoder(Upload)


class SqliteUploads:
    """`ports.Uploads` over one connection, for one process."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @classmethod
    async def open(cls, path: Path) -> "SqliteUploads":
        """Open the uploads in the database at *path*, made if it is new. Close them.

        Raises `shared.sqlite.InUse` if another process has the file.
        """
        return cls(await Tables.open("uploads", path, _SCHEMA, UploadsUnavailable))

    async def close(self) -> None:
        """Let go of the file."""
        await self._tables.close()

    async def risks(self) -> Sequence[Risk]:
        """None: the file is opened by us, as it must be."""
        return ()

    async def add(self, upload: Upload) -> None:
        """As `ports.Uploads`."""
        await self._write(
            "INSERT INTO uploads (id, version, by, state, due_at, body) VALUES (?, ?, ?, ?, ?, ?)",
            upload.id,
            upload.version,
            upload.by,
            upload.state,
            upload.due_at,
            _ENCODER.encode(upload),
        )

    async def get(self, id_: str) -> Upload | None:
        """As `ports.Uploads`."""
        return (await self.find([id_])).get(id_)

    async def find(self, ids: Collection[str]) -> Mapping[str, Upload]:
        """As `ports.Uploads`."""
        listed = msgspec.json.encode(list(ids)).decode()
        found = await self._read(
            "SELECT body FROM uploads WHERE id IN (SELECT value FROM json_each(?))", listed
        )
        return {upload.id: upload for upload in found}

    async def replace(self, upload: Upload) -> bool:
        """As `ports.Uploads`."""
        return await self._write(
            "UPDATE uploads SET version = ?, state = ?, due_at = ?, body = ?"
            " WHERE id = ? AND version = ?",
            upload.version,
            upload.state,
            upload.due_at,
            _ENCODER.encode(upload),
            upload.id,
            upload.version - 1,
        )

    async def remove(self, upload: Upload) -> bool:
        """As `ports.Uploads`."""
        return await self._write(
            "DELETE FROM uploads WHERE id = ? AND version = ?", upload.id, upload.version
        )

    async def open_of(self, user_id: UserId) -> int:
        """As `ports.Uploads`."""
        states = msgspec.json.encode(sorted(OPEN)).decode()

        def count(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(
                "SELECT count(*) FROM uploads WHERE by = ?"
                " AND state IN (SELECT value FROM json_each(?))",
                (user_id, states),
            ).fetchone()
            return int(number)

        return await self._tables.call(count)

    async def due(self, now: int, limit: int) -> Sequence[Upload]:
        """As `ports.Uploads`."""
        return await self._read(
            "SELECT body FROM uploads WHERE due_at <= ? ORDER BY due_at LIMIT ?", now, limit
        )

    async def ping(self) -> None:
        """As `ports.Uploads`."""
        await self._tables.call(
            lambda connection: connection.execute("SELECT 1 FROM uploads LIMIT 1")
        )

    async def _read(self, query: str, *values: str | int) -> list[Upload]:
        return await self._tables.call(
            lambda connection: [
                _UPLOAD.decode(body) for (body,) in connection.execute(query, values)
            ]
        )

    async def _write(self, statement: str, *values: str | int | bytes) -> bool:
        """Whether a row was written."""

        def write(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                return connection.execute(statement, values).rowcount > 0

        return await self._tables.call(write)
