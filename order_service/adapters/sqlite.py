"""Orders and outbox in SQLite, in the file that holds the embedded store.

The tables are this adapter's own, so dropping the archiver's part of the file leaves them alone.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from order_service.model import Order, Status
from order_service.ports import OrdersUnavailable, Outgoing, Stored, VersionTaken
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId
from shared.risk import Risk
from shared.sqlite import Tables, transaction

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS orders_by_status ON orders (status, order_id);
CREATE TABLE IF NOT EXISTS order_parties (
    user_id TEXT NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (user_id, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS order_parties_by_order ON order_parties (order_id);
-- AUTOINCREMENT: a number that was removed is never given again.
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL, event BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_by_order ON outbox (order_id, number);
CREATE TABLE IF NOT EXISTS order_policy (
    only INTEGER PRIMARY KEY CHECK (only = 1), digest TEXT NOT NULL
) STRICT;
"""

_ENCODER: Final = msgspec.json.Encoder()
_ORDER: Final = msgspec.json.Decoder(Order)
_EVENT: Final = msgspec.json.Decoder(OrderChanged)


class SqliteOrders:
    """`ports.OrderStore` over one connection, for one process."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @classmethod
    async def open(cls, path: Path) -> "SqliteOrders":
        """Open the orders in the database at *path*, made if it is new. Close them.

        Raises `shared.sqlite.InUse` if another process has the file.
        """
        return cls(await Tables.open("orders", path, _SCHEMA, OrdersUnavailable))

    async def close(self) -> None:
        """Let go of the file."""
        await self._tables.close()

    async def risks(self) -> Sequence[Risk]:
        """None: the file is opened by us, as it must be."""
        return ()

    # Orders.

    async def get(self, order_id: OrderId) -> Stored | None:
        """As `ports.Orders`."""

        def get(connection: sqlite3.Connection) -> Stored | None:
            # One statement, so that the order and its outbox are of the same moment.
            row = connection.execute(
                "SELECT body, (SELECT max(number) FROM outbox WHERE order_id = orders.order_id)"
                " FROM orders WHERE order_id = ?",
                (order_id,),
            ).fetchone()
            return Stored(_ORDER.decode(row[0]), row[1]) if row else None

        return await self._tables.call(get)

    async def of_ids(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        """As `ports.Orders`."""
        orders = await self._orders(
            "SELECT body FROM orders WHERE order_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(sorted(order_ids)).decode(),),
        )
        return {order.order_id: order for order in orders}

    async def save(self, order: Order, event: OrderChanged) -> int:
        """As `ports.Orders`."""
        return await self._tables.call(lambda connection: _save(connection, order, event))

    async def of_participant(self, user_id: str, limit: int) -> Sequence[Order]:
        """As `ports.Orders`."""
        return await self._orders(
            "SELECT body FROM orders JOIN order_parties USING (order_id)"
            " WHERE user_id = ? ORDER BY order_id LIMIT ?",
            (user_id, limit),
        )

    async def in_statuses(
        self, statuses: Collection[Status], after: str, limit: int
    ) -> Sequence[Order]:
        """As `ports.Orders`."""
        return await self._orders(
            "SELECT body FROM orders WHERE status IN (SELECT value FROM json_each(?))"
            " AND order_id > ? ORDER BY order_id LIMIT ?",
            (msgspec.json.encode(sorted(statuses)).decode(), after, limit),
        )

    async def announced_policy(self) -> str | None:
        """As `ports.Orders`."""

        def read(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT digest FROM order_policy").fetchone()
            return row[0] if row else None

        return await self._tables.call(read)

    async def note_policy(self, digest: str) -> None:
        """As `ports.Orders`."""
        await self._tables.call(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO order_policy (only, digest) VALUES (1, ?)", (digest,)
            )
        )

    async def ping(self) -> None:
        """As `ports.Orders`."""
        await self._tables.call(
            lambda connection: connection.execute("SELECT 1 FROM orders LIMIT 1")
        )

    # Outbox.

    async def first(self, limit: int) -> Sequence[Outgoing]:
        """As `ports.Outbox`."""

        def first(connection: sqlite3.Connection) -> Sequence[Outgoing]:
            rows = connection.execute(
                "SELECT number, event FROM outbox ORDER BY number LIMIT ?", (limit,)
            )
            return [Outgoing(number, _EVENT.decode(event)) for number, event in rows]

        return await self._tables.call(first)

    async def holds(self, number: int) -> bool:
        """As `ports.Outbox`."""

        def holds(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT 1 FROM outbox WHERE number = ?", (number,)).fetchone()
            return row is not None

        return await self._tables.call(holds)

    async def remove(self, numbers: Collection[int]) -> None:
        """As `ports.Outbox`."""

        def remove(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.executemany(
                    "DELETE FROM outbox WHERE number = ?", [(number,) for number in numbers]
                )

        await self._tables.call(remove)

    # The thread.

    async def _orders(self, query: str, values: tuple[str | int, ...]) -> Sequence[Order]:
        return await self._tables.call(
            lambda connection: [
                _ORDER.decode(body) for (body,) in connection.execute(query, values)
            ]
        )


def _save(connection: sqlite3.Connection, order: Order, event: OrderChanged) -> int:
    with transaction(connection):
        row = connection.execute(
            "SELECT version FROM orders WHERE order_id = ?", (order.order_id,)
        ).fetchone()
        if (row[0] if row else 0) != order.version - 1:
            raise VersionTaken
        connection.execute(
            "INSERT OR REPLACE INTO orders (order_id, version, status, body) VALUES (?, ?, ?, ?)",
            (order.order_id, order.version, order.status, _ENCODER.encode(order)),
        )
        connection.execute("DELETE FROM order_parties WHERE order_id = ?", (order.order_id,))
        connection.executemany(
            "INSERT INTO order_parties (user_id, order_id) VALUES (?, ?)",
            [(party.user_id, order.order_id) for party in order.participants],
        )
        inserted = connection.execute(
            "INSERT INTO outbox (order_id, event) VALUES (?, ?)",
            (order.order_id, _ENCODER.encode(event)),
        )
        assert inserted.lastrowid is not None
        return inserted.lastrowid
