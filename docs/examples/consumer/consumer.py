"""A moderation consumer, to copy: it takes messages with a payment card's number from the parties.

    pip install "aiokafka[zstd]==0.14.0" "httpx>=0.27"
    KAFKA=broker:9092 GATEWAY=https://chat.example TOKEN=… GROUP=moderation-cards python consumer.py

`KAFKA` may list several brokers with commas; `TOKEN` is a moderator's. `TOPIC` is `chat.timeline`
unless it is set. With `SHADOW=on` it says what it would do and does nothing: give it a group of its
own for that. Whatever goes wrong ends the program. Whoever starts it again loses nothing: it goes
on behind the last record whose work was done.
"""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from os import environ
from typing import Final, NamedTuple
from uuid import UUID, uuid5

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CommitFailedError, IllegalStateError

VERSION: Final = 1
"""The version of the records that this program was written for."""

RULE: Final = "payment-card@1"
"""Name and version; another version is another rule, whose verdicts have other ids."""

VERDICTS: Final = UUID("b06d5df4-013b-46e8-827c-7999d4bee484")
"""Root of all ids of verdicts. Make one of your own, once."""

REQUEST_S: Final = 10.0
PAUSE_MAX_S: Final = 10.0
PATIENCE_S: Final = 120.0
"""How long a verdict is tried; well below the five minutes after which the group gives us up."""

CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII)


class Said(NamedTuple):
    """A text that a participant wrote, in a message or in an edit of one."""

    order_id: str
    message_id: str
    record_id: str
    """Of the message or the edit: what the verdict is about, and takes its own id from."""
    text: str


async def main(settings: Mapping[str, str]) -> None:
    """Read from where the group was, for ever."""
    consumer = AIOKafkaConsumer(
        settings.get("TOPIC", "chat.timeline"),
        bootstrap_servers=settings["KAFKA"],
        group_id=settings["GROUP"],
        client_id=settings["GROUP"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # a new group misses nothing of what was
    )
    shadow = settings.get("SHADOW") == "on"
    headers = {"Authorization": f"Bearer {settings['TOKEN']}"}
    async with (
        httpx.AsyncClient(
            base_url=settings["GATEWAY"], headers=headers, timeout=REQUEST_S
        ) as gateway,
        consumer,
    ):
        while True:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=500)
            for partition, records in batches.items():
                for record in records:
                    said = said_in(record)
                    if said is not None and has_card(said.text):
                        if not shadow:
                            await redact(gateway, said)
                        # Ids alone: a text has no place in a log.
                        print(RULE, said.order_id, said.message_id, flush=True)
                # Else the partition is another member's now, who does the same once more.
                with suppress(CommitFailedError, IllegalStateError):
                    await consumer.commit({partition: records[-1].offset + 1})


def said_in(record: ConsumerRecord) -> Said | None:
    """What a record says; null for whatever is of no interest, known or not.

    Nothing is folded here, so a type that is not known may be passed over. A version that is not
    known may mean something else by the same words: the program ends there, to be upgraded.
    """
    headers = dict(record.headers)
    version = headers.get("v") or b""
    if not version.isdigit() or len(version) > 9:
        return None  # a dead letter, absent for all readers; as what does not decode, below
    if int(version) > VERSION:
        sys.exit(f"{record.partition}:{record.offset} has version {int(version)}: upgrade me")
    if headers.get("type") not in (b"message", b"edit"):
        return None
    try:
        event = json.loads(record.value)
        if record.key != event["order_id"].encode() or not isinstance(event["text"], str):
            return None
        if event["as"] != "participant":
            return None
        message_id = event["id"] if event["type"] == "message" else event["target"]
        return Said(event["order_id"], message_id, event["id"], event["text"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def has_card(text: str) -> bool:
    """Whether some digits are the number of a payment card: 13 to 19 of them, with the check digit
    of Luhn."""
    return any(luhn(re.sub("[ -]", "", digits)) for digits in CARD.findall(text))


def luhn(digits: str) -> bool:
    """Whether the last digit is the one that the others ask for."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


async def redact(gateway: httpx.AsyncClient, said: Said) -> None:
    """Take the message from the parties. Done twice, it is done once: the same record gives the
    same id, which the gateway knows again."""
    verdict = {
        "id": str(uuid5(VERDICTS, f"{RULE} {said.record_id}")),
        "action": "redact",
        "target": said.message_id,
        "reason": RULE,
    }
    loop = asyncio.get_running_loop()
    began, pause = loop.time(), 0.25
    while True:
        try:
            answer = await gateway.post(f"/v1/orders/{said.order_id}/verdicts", json=verdict)
            status, code = answer.status_code, str(answer.status_code)
        except httpx.TransportError as error:
            status, code = 503, type(error).__name__
        waited = loop.time() - began
        if status in (200, 201, 404):
            return  # not found: the record is void, nobody ever saw its message
        if not (status in (408, 429) or status >= 500) or waited > PATIENCE_S:
            sys.exit(f"the gateway answers {code}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, PAUSE_MAX_S)


if __name__ == "__main__":
    asyncio.run(main(environ))
