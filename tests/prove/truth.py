"""What really happened, read from outside once everything has stopped: the log, and the store.

A log in a file is read here with SQL of our own, not through the adapter that wrote it; one that
others hold is read through its port.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from shared.contracts.events import NotAnEvent, decode_event
from shared.contracts.ids import NOTHING, OFFSET_BITS, OrderId, Seq, make_seq
from shared.contracts.topics import partition_of
from shared.conversation import Conversation, Verdict
from shared.log.port import Log, Record
from shared.store.port import Reading
from shared.timeline import Entry, apply_all, change_of, make_entry

EPOCH: Final = 1
LOG_FILE: Final = "log.db"
STORE_PAGE: Final = 500
FETCH_RECORDS: Final = 2_000
FETCH_WAIT_S: Final = 20.0
"""So long a log that has more to tell may be silent."""


class Order(msgspec.Struct):
    """What the log tells about one order."""

    entries: Sequence[Entry]
    """Every record, void ones too, as it stands at the end."""
    state: Conversation
    archived: Sequence[Entry] | None = None
    """What the store holds of it; null if nobody looked."""


class Truth(msgspec.Struct):
    """What the log tells."""

    orders: Mapping[OrderId, Order]
    partitions: int

    @property
    def copies(self) -> int:
        """How many records are void as copies."""
        verdicts = (entry.verdict for order in self.orders.values() for entry in order.entries)
        return sum(verdict is Verdict.COPY for verdict in verdicts)


def fold(
    records: Iterable[Record], partitions: int, *, epoch: int = EPOCH, earlier: Truth | None = None
) -> Truth:
    """Fold the records of a whole log, each partition's in offset order.

    *earlier* is what the log of the epochs before told; it is not to be used any more.
    """
    orders: dict[OrderId, tuple[list[Entry], Conversation]] = {}
    if earlier is not None:
        orders = {id_: (list(o.entries), o.state) for id_, o in earlier.orders.items()}
    for record in records:
        try:
            event = decode_event(record.key, record.type, record.version, record.value)
        except NotAnEvent:
            continue
        entries, state = orders.setdefault(event.order_id, ([], Conversation(event.order_id)))
        seq = make_seq(epoch, record.offset)
        entries.append(make_entry(seq, record.at, event, state.fold(seq, record.at, event)))
    for entries, _ in orders.values():
        changes = [change for entry in entries if (change := change_of(entry)) is not None]
        apply_all(changes, entries)
    return Truth({id_: Order(*order) for id_, order in orders.items()}, partitions)


def read_log(
    data: Path, *, name: str = LOG_FILE, epoch: int = EPOCH, earlier: Truth | None = None
) -> Truth:
    """The truth of the data folder of a server that has stopped, or writes no more. Blocks."""
    with closing(sqlite3.connect(data / name)) as log:
        partitions = _partitions(log)
        rows = log.execute("SELECT place, at, key, type, v, value FROM records ORDER BY place")
        return fold(
            (
                Record(place >> OFFSET_BITS, _offset(place), at, key, type_, version, value)
                for place, at, key, type_, version, value in rows
            ),
            partitions,
            epoch=epoch,
            earlier=earlier,
        )


async def read_whole(log: Log) -> Truth:
    """The truth of a log as far as it goes now. Raises `OSError` if it cannot be read."""
    ends = await log.ends()
    missing = {partition for partition, end in enumerate(ends) if end}
    records: dict[int, list[Record]] = {partition: [] for partition in missing}
    reader = log.reader()
    for partition in missing:
        reader.follow(partition, 0)
    try:
        while missing:
            fetched = await reader.fetch(max_wait_s=FETCH_WAIT_S, max_records=FETCH_RECORDS)
            if not fetched:
                raise OSError(f"partitions {missing} do not come to their ends")
            for partition, some in fetched.items():
                records[partition] += some
                if some and some[-1].offset + 1 >= ends[partition]:
                    missing.discard(partition)
    finally:
        await reader.close()
    return fold((record for some in records.values() for record in some), log.partitions)


def read_ends(data: Path) -> tuple[int, ...]:
    """Of every partition the offset its next record will get, in the folder of a killed server.

    Looks at a copy: it is for the server itself to recover its files. Blocks.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in (LOG_FILE, f"{LOG_FILE}-wal"):
            if (data / name).exists():
                shutil.copyfile(data / name, Path(folder) / name)
        with closing(sqlite3.connect(Path(folder) / LOG_FILE)) as log:
            last = dict(
                log.execute(
                    "SELECT place >> ?, max(place) FROM records GROUP BY 1", (OFFSET_BITS,)
                ).fetchall()
            )
            return tuple(
                _offset(last[partition]) + 1 if partition in last else 0
                for partition in range(_partitions(log))
            )


async def read_store(store: Reading, truth: Truth) -> None:
    """Add to *truth* what the store holds of every order."""
    for order_id, order in truth.orders.items():
        archived: list[Entry] = []
        after: Seq = NOTHING
        while page := await store.page(
            order_id, after=after, before=None, limit=STORE_PAGE, newest=False
        ):
            archived += page
            after = page[-1].seq
        order.archived = archived


def is_durable(ends: Sequence[int], order_id: OrderId, seq: Seq) -> bool:
    """Whether a position lies below the ends of the log."""
    return _offset(seq) < ends[partition_of(order_id, len(ends))]


def _partitions(log: sqlite3.Connection) -> int:
    (number,) = log.execute("SELECT max(number) FROM partitions").fetchone()
    return int(number)


def _offset(place: int) -> int:
    return place & ((1 << OFFSET_BITS) - 1)
