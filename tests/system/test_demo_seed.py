"""The demo's story is told once, whatever happens while it is told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.demo.seed import StoryClock, Told, seed
from deploy.demo.story import FILM, LOOKBOOK, PORTRAITS, STORY, Reported, Said
from order_service.service import OrderService
from shared.contracts.events import (
    TYPES,
    VERSION,
    Event,
    Message,
    Report,
    decode_event,
    encode_event,
)
from shared.contracts.ids import OrderId, make_seq
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.conversation import Conversation, Verdict
from shared.log.port import Draft, Log, Record
from shared.log.sqlite import SqliteLog
from tests.order_service.world import open_shop

SAID = sum(isinstance(step, Said) for step in STORY)
TOLD = SAID + sum(isinstance(step, Reported) for step in STORY)


class Theatre:
    """A log and an order service that the story is told to."""

    def __init__(self, log: Log, orders: OrderService, clock: StoryClock) -> None:
        self.log = log
        self._orders = orders
        self._clock = clock

    async def tell(self, *, events: int = TOLD) -> None:
        """Tell the story; after so many events of its people the teller dies."""
        left = events

        async def append(event: Told) -> None:
            nonlocal left
            if left == 0:
                raise InterruptedError
            left -= 1
            draft = Draft(event.order_id, TYPES[type(event)], VERSION, encode_event(event))
            await self.log.append(partition_of(event.order_id, self.log.partitions), [draft])

        await seed(self._orders, append, self._clock)

    async def records(self) -> list[Record]:
        """All records, by partition and offset."""
        reader = self.log.reader()
        records: list[Record] = []
        ends = await self.log.ends()
        for partition in range(len(ends)):
            reader.follow(partition, 0)
        while len(records) < sum(ends):
            for fetched in (await reader.fetch(max_wait_s=5, max_records=1_000)).values():
                records.extend(fetched)
        await reader.close()
        return sorted(records, key=lambda record: (record.partition, record.offset))


@pytest.fixture
async def theatre(tmp_path: Path) -> AsyncIterator[Theatre]:
    async with _open(tmp_path) as theatre:
        yield theatre


@asynccontextmanager
async def _open(data: Path) -> AsyncIterator[Theatre]:
    clock = StoryClock()
    log = await SqliteLog.open(data / "log.db", partitions=EMBEDDED_PARTITIONS, clock=clock)
    try:
        async with open_shop(data, log) as shop:
            yield Theatre(log, shop.service, clock)
    finally:
        await log.close()


def _event(record: Record) -> Event:
    return decode_event(record.key, record.type, record.version, record.value)


def _fold(records: list[Record]) -> Mapping[OrderId, Conversation]:
    conversations: dict[OrderId, Conversation] = {}
    for record in records:
        event = _event(record)
        conversation = conversations.setdefault(event.order_id, Conversation(event.order_id))
        conversation.fold(make_seq(1, record.offset), record.at, event)
    return conversations


async def test_story_is_told_whole(theatre: Theatre) -> None:
    """All that was said stands, and each order is in the status the demo promises."""
    await theatre.tell()

    told = _fold(await theatre.records())
    assert sum(conversation.n for conversation in told.values()) == SAID
    statuses = {id_: state.order.status for id_, state in told.items() if state.order}
    assert statuses == {
        FILM.order_id: "in_progress",
        LOOKBOOK.order_id: "pending",
        PORTRAITS.order_id: "completed",
    }


async def test_story_is_told_once(theatre: Theatre) -> None:
    """A second start adds nothing."""
    await theatre.tell()
    before = await theatre.log.ends()

    await theatre.tell()

    assert await theatre.log.ends() == before


async def test_the_desk_has_something_to_look_at(theatre: Theatre) -> None:
    """A report stands, on the message that asks to leave the platform."""
    await theatre.tell()

    records = await theatre.records()
    events = [_event(record) for record in records]
    (asked,) = [e.id for e in events if isinstance(e, Message) and "save the fee" in e.text]
    (report,) = [event for event in events if isinstance(event, Report)]
    assert (report.by, report.target) == ("anna", asked)
    assert _fold(records)[PORTRAITS.order_id].remembered[report.id].verdict is Verdict.STANDS


@pytest.mark.parametrize("events", range(0, TOLD, 3))
async def test_interrupted_story_is_told_to_its_end(theatre: Theatre, events: int) -> None:
    """A crash halfway leaves nothing out and nothing double."""
    with pytest.raises(InterruptedError):
        await theatre.tell(events=events)

    await theatre.tell()

    told = _fold(await theatre.records())
    assert sum(conversation.n for conversation in told.values()) == SAID
    assert [e.version for e in (told[id_].order for id_ in sorted(told)) if e] == [2, 2, 4]


async def test_story_reaches_back_over_days(theatre: Theatre) -> None:
    """What was said two days ago shows the time of two days ago."""
    await theatre.tell()

    film = [record.at for record in await theatre.records() if record.key == FILM.order_id]
    assert film == sorted(film)
    assert timedelta(milliseconds=film[-1] - film[0]) > timedelta(days=1.9)
