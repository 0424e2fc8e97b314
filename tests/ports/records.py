"""Records to put into a log, and how tests read them back."""

import asyncio
from collections.abc import Callable, Sequence

from shared.log.port import Draft, Log, Reader, Record

SOON_S = 5.0
"""For what must happen; a broken log is noticed after this long."""


def draft(text: str, *, key: str = "o1") -> Draft:
    return Draft(key=key, type="message", version=1, value=text.encode())


def texts(records: Sequence[Record]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


async def read(reader: Reader, count: int) -> list[Record]:
    """The next *count* records of whatever *reader* follows, or fewer if they do not come."""
    records: list[Record] = []
    while len(records) < count:
        fetched = await reader.fetch(max_wait_s=SOON_S, max_records=count - len(records))
        if not fetched:
            break
        records += [record for of_partition in fetched.values() for record in of_partition]
    return records


async def read_all(log: Log, partition: int) -> list[Record]:
    """Everything a partition holds."""
    reader = log.reader()
    reader.follow(partition, 0)
    records = await read(reader, (await log.ends())[partition])
    await reader.close()
    return records


async def until(holds: Callable[[], object], *, within_s: float = SOON_S) -> None:
    """Wait for a condition that nobody announces."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.02)
