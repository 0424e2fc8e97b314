"""The tables of the embedded store: every call of the port as plain calls on one connection."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final

import msgspec

from shared.contracts.events import ReviewState
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.sqlite import transaction
from shared.store.port import (
    UNREAD_MAX,
    CasePlace,
    InboxLine,
    InboxPlace,
    Standing,
    StoredConversation,
    Tally,
    Watermark,
)
from shared.summary import Summary
from shared.timeline import Change, Entry, apply

# The columns beside `entry` are what entries are found by; they never change once written. An
# order's entries lie side by side; without being told (INDEXED BY) SQLite would rather look
# through all of them than use another index. What `cases` says of an entry does change, with it.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS timeline (
    order_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, stands INTEGER NOT NULL,
    id TEXT, text_of TEXT, entry BLOB NOT NULL, PRIMARY KEY (order_id, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timeline_by_id ON timeline (order_id, id, seq) WHERE id IS NOT NULL;
CREATE INDEX IF NOT EXISTS timeline_by_text
    ON timeline (order_id, text_of, seq) WHERE text_of IS NOT NULL;
CREATE TABLE IF NOT EXISTS carriers (
    order_id TEXT NOT NULL, attachment_id TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (order_id, attachment_id, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cases (
    order_id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL,
    assignee TEXT, PRIMARY KEY (order_id, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cases_by_state ON cases (state, at, order_id, seq);
CREATE INDEX IF NOT EXISTS cases_by_assignee
    ON cases (state, assignee, at, order_id, seq) WHERE assignee IS NOT NULL;
CREATE TABLE IF NOT EXISTS conversations (
    order_id TEXT PRIMARY KEY, head INTEGER NOT NULL, snapshot BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS summaries (
    order_id TEXT PRIMARY KEY, last INTEGER NOT NULL, summary BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
    order_id TEXT NOT NULL, user_id TEXT NOT NULL, updated_at INTEGER NOT NULL,
    head INTEGER NOT NULL, unread INTEGER NOT NULL, PRIMARY KEY (order_id, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inbox_by_place
    ON inbox (user_id, updated_at DESC, order_id, head, unread);
CREATE TABLE IF NOT EXISTS watermarks (
    epoch INTEGER NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    at_before INTEGER, PRIMARY KEY (epoch, partition)
) WITHOUT ROWID;
"""
_TABLES: Final = (
    "timeline",
    "carriers",
    "cases",
    "conversations",
    "summaries",
    "inbox",
    "watermarks",
)
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Entry).decode
_DECODE_SUMMARY: Final = msgspec.msgpack.Decoder(Summary).decode


class StoreTables:
    """`shared.store.port.Store` as plain calls on one connection, by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        self._connection = connection

    def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
        row = self._connection.execute(
            'SELECT "offset", at_before FROM watermarks WHERE epoch = ? AND partition = ?',
            (epoch, partition),
        ).fetchone()
        return None if row is None else Watermark(epoch, partition, *row)

    def epochs(self) -> Sequence[int]:
        """The epochs of which anything was archived, rising."""
        rows = self._connection.execute("SELECT DISTINCT epoch FROM watermarks ORDER BY epoch")
        return [epoch for (epoch,) in rows]

    def conversation(self, order_id: OrderId) -> StoredConversation | None:
        """The state of an order; null if no record of it was archived."""
        row = self._connection.execute(
            "SELECT head, snapshot, summary FROM conversations "
            "LEFT JOIN summaries USING (order_id) WHERE order_id = ?",
            (order_id,),
        ).fetchone()
        if row is None:
            return None
        head, snapshot, summary = row
        return StoredConversation(
            order_id, head, snapshot, None if summary is None else _DECODE_SUMMARY(summary)
        )

    def page(
        self,
        order_id: OrderId,
        *,
        after: Seq,
        before: Seq | None,
        limit: int,
        newest: bool,
        types: Collection[str] | None = None,
    ) -> list[Entry]:
        """Standing entries of the open range (after, before), rising by seq, at most *limit*."""
        query = "SELECT entry FROM timeline WHERE order_id = ? AND seq > ? AND stands"
        values: list[str | int] = [order_id, after]
        if before is not None:
            query += " AND seq < ?"
            values.append(before)
        if types is not None:
            query += f" AND type IN ({', '.join('?' * len(types))})"
            values += types
        query += f" ORDER BY seq {'DESC' if newest else 'ASC'} LIMIT ?"
        entries = [_DECODE(row[0]) for row in self._connection.execute(query, (*values, limit))]
        return entries[::-1] if newest else entries

    def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        """The first entry that claimed an id, standing or void; null if none did."""
        row = self._connection.execute(
            "SELECT entry FROM timeline INDEXED BY timeline_by_id "
            "WHERE order_id = ? AND id = ? ORDER BY seq LIMIT 1",
            (order_id, id_),
        ).fetchone()
        return None if row is None else _DECODE(row[0])

    def carriers(self, order_id: OrderId, attachment_id: str, limit: int) -> list[Entry]:
        """Messages that carry a file, the newest first, at most *limit*."""
        rows = self._connection.execute(
            "SELECT entry FROM carriers JOIN timeline USING (order_id, seq) "
            "WHERE order_id = ? AND attachment_id = ? ORDER BY seq DESC LIMIT ?",
            (order_id, attachment_id, limit),
        )
        return [_DECODE(row[0]) for row in rows]

    def inbox(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None = None,
        limit: int,
        orders: Collection[OrderId] | None = None,
    ) -> list[InboxLine]:
        """The conversations of a user, the newest first, at most *limit*."""
        query = (
            "SELECT summary, entry FROM inbox JOIN summaries USING (order_id) "
            "LEFT JOIN timeline ON timeline.order_id = inbox.order_id AND seq = last "
            "WHERE user_id = ?"
        )
        values: list[str | int] = [user_id]
        if before is not None:
            query += " AND updated_at <= ? AND (updated_at < ? OR inbox.order_id > ?)"
            values += [before.updated_at, before.updated_at, before.order_id]
        if orders is not None:
            query += f" AND inbox.order_id IN ({', '.join('?' * len(orders))})"
            values += orders
        query += " ORDER BY updated_at DESC, inbox.order_id LIMIT ?"
        return [
            InboxLine(_DECODE_SUMMARY(summary), None if entry is None else _DECODE(entry))
            for summary, entry in self._connection.execute(query, (*values, limit))
        ]

    def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None = None
    ) -> Tally:
        """The numbers of a user's conversations: the first *limit* one by one, then a sum."""
        query = "SELECT order_id, head, unread FROM inbox WHERE user_id = ?"
        values: list[str] = [user_id]
        if orders is not None:
            query += f" AND order_id IN ({', '.join('?' * len(orders))})"
            values += orders
        query += " ORDER BY updated_at DESC, order_id"
        # One statement, so that what is counted one by one is not in the sum as well.
        rows = self._connection.execute(query, values)
        standings = [Standing(*row) for row in islice(rows, limit)]
        others = 0
        for _, _, unread in rows:
            others += unread
            if others >= UNREAD_MAX:
                rows.close()
                return Tally(standings, UNREAD_MAX)
        return Tally(standings, others)

    def cases(
        self,
        *,
        state: ReviewState,
        assignee: UserId | None = None,
        after: CasePlace | None = None,
        limit: int,
    ) -> list[Entry]:
        """The reports and flags in a state, the oldest first, at most *limit*."""
        # Cases first, and one by one: without CROSS, SQLite is free to begin with the timeline.
        query = "SELECT entry FROM cases CROSS JOIN timeline USING (order_id, seq) WHERE state = ?"
        values: list[str | int] = [state]
        if assignee is not None:
            query += " AND assignee = ?"
            values.append(assignee)
        if after is not None:
            query += " AND (at, order_id, seq) > (?, ?, ?)"
            values += after
        query += " ORDER BY at, order_id, seq LIMIT ?"
        return [_DECODE(row[0]) for row in self._connection.execute(query, (*values, limit))]

    def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* that are new, then apply *changes* to every entry they concern."""
        rows = [
            (
                entry.order_id,
                entry.seq,
                entry.type,
                entry.stands,
                entry.id,
                entry.text_of,
                _ENCODE(entry),
            )
            for entry in entries
        ]
        carried = [
            (entry.order_id, file.id, entry.seq) for entry in entries for file in entry.attachments
        ]
        by_text: defaultdict[tuple[OrderId, MessageId], list[Change]] = defaultdict(list)
        for change in changes:
            by_text[change.order_id, change.target].append(change)
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO timeline VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", rows
            )
            self._connection.executemany(
                "INSERT INTO carriers VALUES (?,?,?) ON CONFLICT DO NOTHING", carried
            )
            # As they are stored: what was there already may have been reviewed since.
            self._file(
                [self._at(each.order_id, each.seq) for each in entries if each.case is not None]
            )
            for (order_id, target), same_text in by_text.items():
                self._apply(order_id, target, same_text)

    def _apply(self, order_id: OrderId, target: MessageId, changes: Sequence[Change]) -> None:
        """Apply *changes* of one message's text to the entries that show it."""
        showing = self._connection.execute(
            "SELECT entry FROM timeline INDEXED BY timeline_by_text "
            "WHERE order_id = ? AND text_of = ?",
            (order_id, target),
        ).fetchall()
        changed = []
        for (blob,) in showing:
            entry = _DECODE(blob)
            news = [change for change in changes if apply(change, entry)]
            if news:
                changed.append(entry)
        self._connection.executemany(
            "UPDATE timeline SET entry = ? WHERE order_id = ? AND seq = ?",
            [(_ENCODE(entry), order_id, entry.seq) for entry in changed],
        )
        self._file(changed)

    def _at(self, order_id: OrderId, seq: Seq) -> Entry:
        """The entry that is stored at a place."""
        (blob,) = self._connection.execute(
            "SELECT entry FROM timeline WHERE order_id = ? AND seq = ?", (order_id, seq)
        ).fetchone()
        return _DECODE(blob)

    def _file(self, stored: Iterable[Entry]) -> None:
        """Note of each entry, as it is stored, what moderators look for, if it is a case."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO cases VALUES (?,?,?,?,?)",
            [
                (entry.order_id, entry.seq, entry.at, entry.case.state, entry.case.assignee)
                for entry in stored
                if entry.case is not None
            ],
        )

    def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        with transaction(self._connection):
            for each in conversations:
                written = self._connection.execute(
                    "INSERT INTO conversations VALUES (?,?,?) ON CONFLICT DO UPDATE "
                    "SET head = excluded.head, snapshot = excluded.snapshot "
                    "WHERE head < excluded.head",
                    (each.order_id, each.head, each.snapshot),
                )
                if written.rowcount and each.summary is not None:
                    self._list(each.summary)

    def _list(self, summary: Summary) -> None:
        """Put a conversation into the inboxes of its readers, and take it from all others."""
        order_id = summary.order_id
        self._connection.execute(
            "INSERT OR REPLACE INTO summaries VALUES (?,?,?)",
            (order_id, summary.last, _ENCODE(summary)),
        )
        self._connection.execute("DELETE FROM inbox WHERE order_id = ?", (order_id,))
        self._connection.executemany(
            "INSERT INTO inbox VALUES (?,?,?,?,?)",
            [
                (order_id, user_id, summary.updated_at, summary.head, unread)
                for user_id, unread in summary.unread.items()
            ],
        )

    def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        """Store each watermark unless the one stored is the same or higher."""
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO watermarks VALUES (?,?,?,?) ON CONFLICT DO UPDATE "
                'SET "offset" = excluded."offset", at_before = excluded.at_before '
                'WHERE "offset" < excluded."offset"',
                [(one.epoch, one.partition, one.offset, one.at_before) for one in watermarks],
            )

    def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else."""
        with transaction(self._connection):
            for table in _TABLES:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)
