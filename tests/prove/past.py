"""An order with a long past, written into a log before anybody serves it."""

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from deploy.demo.seed import StoryClock
from shared.contracts.events import VERSION, Message, Participant, encode_event
from shared.contracts.ids import ClientId, MessageId, OrderId, UserId, message_id
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from tests.order_service.world import open_shop
from tests.prove.truth import LOG_FILE

PARTIES: Final = (
    Participant(UserId("anna"), "creator", "Anna"),
    Participant(UserId("ben"), "advertiser", "Ben"),
)
TALK_EVERY: Final = timedelta(hours=3)
TALK_MOST: Final = 12
"""So many messages at most in one go; between two of them nobody wrote."""
REPLIES: Final = 0.05
WORDS: Final = ("tray", "linen,", "steam over", "https://example.com/cut", "🍃", "grey\nand quiet")


async def write_past(data: Path, order_id: OrderId, count: int, seed: str) -> list[str]:
    """Write an order with *count* messages into the log of a new system; answers their texts, which
    differ."""
    dice = random.Random(seed)
    clock = StoryClock()
    data.mkdir(parents=True, exist_ok=True)
    log = await SqliteLog.open(data / LOG_FILE, partitions=EMBEDDED_PARTITIONS, clock=clock)
    try:
        talks = _talks(count, dice)
        clock.go_back(TALK_EVERY * (len(talks) + 1))
        async with open_shop(data, log) as shop:
            await shop.service.put(order_id, "A long story", PARTIES)
        said: list[Message] = []
        for left, talk in zip(range(len(talks), 0, -1), talks, strict=True):
            clock.go_back(TALK_EVERY * left)
            drafts = []
            for _ in range(talk):
                said.append(_message(order_id, said, dice))
                drafts.append(Draft(order_id, "message", VERSION, encode_event(said[-1])))
            await log.append(partition_of(order_id, log.partitions), drafts)
    finally:
        await log.close()
    return [message.text for message in said]


def _talks(count: int, dice: random.Random) -> Sequence[int]:
    """How many messages each talk has."""
    talks: list[int] = []
    while (left := count - sum(talks)) > 0:
        talks.append(min(left, dice.randint(1, TALK_MOST)))
    return talks


def _message(order_id: OrderId, said: Sequence[Message], dice: random.Random) -> Message:
    """One more by either party, who has read all before it."""
    number = len(said)
    by = dice.choice(PARTIES).user_id
    client_id = ClientId(str(UUID(int=dice.getrandbits(128), version=4)))
    reply_to: MessageId | None = None
    if said and dice.random() < REPLIES:
        reply_to = dice.choice(said[-200:]).id
    return Message(
        order_id=order_id,
        by=by,
        as_="participant",
        id=message_id(order_id, by, client_id),
        client_id=client_id,
        base=number,
        seen=number,
        text=f"{number}: {' '.join(dice.choices(WORDS, k=dice.randint(1, 12)))}",
        reply_to=reply_to,
    )
