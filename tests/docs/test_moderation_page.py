"""The page for whoever writes a moderation consumer: both of its examples, on a real log."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

import shared.store.mongo  # noqa: F401 - reads files, so not while an event loop runs
from deploy.demo.story import FILM
from shared.contracts import events
from shared.contracts.frames import Edit, EditShown, Join, Joined
from shared.contracts.ids import ClientId, MessageId
from shared.log.kafka import parse_address
from shared.tokens import Role
from tests.docs.moderators import Language, command_of, consuming, gate
from tests.docs.pages import ROOT
from tests.ports.log_engines import open_kafka
from tests.system.conftest import serving
from tests.system.demo import Demo
from tests.system.engines import connected
from tests.system.wire import token_of, wire

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]
both = pytest.mark.parametrize("language", ["python", "node"])

MESSAGES: Final = f"/v1/orders/{FILM.order_id}/messages"
CARD: Final = "Take it from 4111 1111-1111 1111, please."
INNOCENT: Final = "Order 4111111111111112, tracking 4111111111111111111111, in 12 days."
RULE: Final = "payment-card@1"
SAID_S: Final = 60.0
"""Till what was said is in the log, of a system that has just been started."""
SAMPLE: Final = ROOT / "tests" / "wire" / "samples" / "events" / "message.json"


class Place(NamedTuple):
    """A system on real engines, and how a consumer of its stream is set."""

    demo: Demo
    settings: Mapping[str, str]

    @asynccontextmanager
    async def as_(self, user_id: str, role: Role = "user") -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's way to the chat by HTTP."""
        headers = {"Authorization": f"Bearer {await token_of(self.demo, user_id, role=role)}"}
        async with httpx.AsyncClient(base_url=self.demo.url, headers=headers) as client:
            yield client


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with (
        connected() as environment,
        serving(tmp_path, {**environment, "ORDER_CHAT_RATE_LIMITS": "off"}) as demo,
    ):
        log = parse_address(environment["ORDER_CHAT_LOG_URL"])
        yield Place(
            demo,
            {
                "KAFKA": ",".join(log.servers),
                "TOPIC": log.timeline,
                "GATEWAY": demo.url,
                "TOKEN": await token_of(demo, "cards", role="moderator"),
                "GROUP": f"{log.prefix}.cards",
            },
        )


@both
async def test_what_offends_is_gone_for_both(
    language: Language, place: Place, tmp_path: Path
) -> None:
    """The message with a card's number, and no other; its writer's view and the other's agree."""
    command = await command_of(language, tmp_path)
    async with consuming(command, place.settings) as consumer:
        innocent, offending = await say(place, INNOCENT), await say(place, CARD)

        assert await consumer.line() == f"{RULE} {FILM.order_id} {offending}"

    for user_id in ("anna", "ben"):
        shown = await messages(place, user_id)
        assert (shown[innocent]["text"], shown[innocent]["gone"]) == (INNOCENT, None)
        assert (shown[offending]["text"], shown[offending]["gone"]) == ("", "redacted")


@both
async def test_an_edit_counts_too(language: Language, place: Place, tmp_path: Path) -> None:
    """What a message became is looked at as what it was."""
    command = await command_of(language, tmp_path)
    message = await say(place, INNOCENT)
    async with consuming(command, place.settings) as consumer:
        await edit(place, message, CARD)

        assert await consumer.line() == f"{RULE} {FILM.order_id} {message}"

    assert (await messages(place, "ben"))[message]["gone"] == "redacted"


@both
async def test_a_kill_between_verdict_and_commit_repeats_nothing(
    language: Language, place: Place, tmp_path: Path
) -> None:
    """Started again, it reads the message again and says the same: the verdict is there once."""
    command = await command_of(language, tmp_path)
    message = await say(place, CARD)
    async with gate(place.demo.url, ["hold"]) as hold:
        settings = {**place.settings, "GATEWAY": hold.url}
        async with consuming(command, settings) as consumer:
            await hold.held.wait()
            await consumer.kill()
        async with consuming(command, settings) as consumer:
            await consumer.line()

    ids, statuses = zip(*hold.answers, strict=True)
    assert statuses == (201, 200)
    assert ids[0] == ids[1]
    assert await redacts(place) == [message]


async def test_rewound_in_another_language_it_says_the_same(place: Place, tmp_path: Path) -> None:
    """From the beginning of the log; what a moderator has given back stays given back."""
    python = await command_of("python", tmp_path)
    node = await command_of("node", tmp_path)
    message = await say(place, CARD)
    async with gate(place.demo.url) as seen:
        settings = {**place.settings, "GATEWAY": seen.url}
        async with consuming(python, settings) as consumer:
            await consumer.line()
        await restore(place, message)
        rewound = {**settings, "GROUP": f"{settings['GROUP']}.again"}
        async with consuming(node, rewound) as consumer:
            await consumer.line()

    ids, statuses = zip(*seen.answers, strict=True)
    assert statuses == (201, 200)
    assert ids[0] == ids[1]
    assert (await messages(place, "ben"))[message]["text"] == CARD


@both
async def test_a_gateway_that_is_away_is_waited_for(
    language: Language, place: Place, tmp_path: Path
) -> None:
    """The verdict keeps its id."""
    command = await command_of(language, tmp_path)
    message = await say(place, CARD)
    async with (
        gate(place.demo.url, [503, 429, 504]) as away,
        consuming(command, {**place.settings, "GATEWAY": away.url}) as consumer,
    ):
        await consumer.line()

    assert [status for _, status in away.answers] == [503, 429, 504, 201]
    assert len({id_ for id_, _ in away.answers}) == 1
    assert await redacts(place) == [message]


@both
async def test_a_token_that_is_not_taken_ends_it(
    language: Language, place: Place, tmp_path: Path
) -> None:
    """At once, and with its record not done."""
    command = await command_of(language, tmp_path)
    await say(place, CARD)
    async with consuming(command, {**place.settings, "TOKEN": "stale"}) as consumer:
        ended = await consumer.end()

    assert ended == (1, "the gateway answers 401")
    assert await redacts(place) == []


# The stream alone.


class Stream(NamedTuple):
    """A topic of the test's own, which nobody serves."""

    producer: AIOKafkaProducer
    settings: Mapping[str, str]

    async def write(
        self, value: bytes, type_: str = "message", *, v: str = "1", key: str = "o1"
    ) -> None:
        """Append a record, compressed as a gateway compresses large batches."""
        await self.producer.send_and_wait(
            self.settings["TOPIC"],
            value,
            key=key.encode(),
            partition=0,  # one order of reading, whatever the key
            headers=[("type", type_.encode()), ("v", v.encode())],
        )


@asynccontextmanager
async def stream() -> AsyncIterator[Stream]:
    """An empty one, and a consumer's settings that reach it alone."""
    async with open_kafka() as kafka:
        settings = {
            "KAFKA": ",".join(kafka.servers),
            "TOPIC": kafka.timeline,
            "GATEWAY": "http://nowhere.invalid",
            "TOKEN": "none",
            "GROUP": f"{kafka.timeline}.cards",
            "SHADOW": "on",
        }
        async with AIOKafkaProducer(
            bootstrap_servers=kafka.servers, compression_type="zstd"
        ) as producer:
            yield Stream(producer, settings)


@both
async def test_what_it_need_not_know_is_passed_over(language: Language, tmp_path: Path) -> None:
    """Types of later releases and dead letters, until a version that may mean something else. In
    the shadow it only says what it would do."""
    command = await command_of(language, tmp_path)
    async with stream() as log:
        await log.write(b'{"type":"mood","order_id":"o1"}', "mood")
        await log.write(b"no JSON")
        await log.write(b"[]")
        await log.write(b'{"text":7,"as":"participant"}')
        await log.write(record(CARD), v="one")
        await log.write(record(CARD), key="o2")
        await log.write(record(CARD, as_="service"))
        await log.write(record(CARD, id_="m1"))
        async with consuming(command, log.settings) as consumer:
            said = await consumer.line()
            await log.write(record(CARD, id_="m2"), v="2")
            code, why = await consumer.end()

    assert said == f"{RULE} o1 m1"
    assert code == 1
    assert why.endswith("has version 2: upgrade me")


def record(text: str, *, id_: str = "m", as_: events.Capacity = "participant") -> bytes:
    sample = msgspec.json.decode(SAMPLE.read_bytes())
    return msgspec.json.encode({**sample, "order_id": "o1", "text": text, "id": id_, "as": as_})


# What people do.


async def say(place: Place, text: str) -> MessageId:
    """Anna says something, under the same id until she has an answer; the message's id."""
    message = {"id": str(uuid4()), "text": text}
    async with place.as_("anna") as anna, asyncio.timeout(SAID_S):
        while True:
            answer = await anna.post(MESSAGES, json=message)
            if answer.status_code != 503:
                return MessageId(answer.raise_for_status().json()["event"]["id"])
            await asyncio.sleep(0.1)


async def edit(place: Place, message: MessageId, text: str) -> None:
    """Anna thinks better of it."""
    frame = Edit(
        ref=2, order_id=FILM.order_id, id=ClientId(str(uuid4())), target=message, text=text
    )
    async with wire(place.demo, "anna") as anna:
        await anna.say(Join(ref=1, order_id=FILM.order_id))
        await anna.next(Joined)
        await anna.say(frame)
        await anna.next(EditShown)


async def restore(place: Place, message: MessageId) -> None:
    """A moderator finds nothing wrong with it."""
    verdict = {"id": str(uuid4()), "action": "restore", "target": message, "reason": "a test card"}
    async with place.as_("mia", role="moderator") as mia:
        answer = await mia.post(f"/v1/orders/{FILM.order_id}/verdicts", json=verdict)
    answer.raise_for_status()


async def messages(place: Place, user_id: str) -> dict[str, dict[str, Any]]:
    """The newest messages by id, as somebody sees them now."""
    async with place.as_(user_id) as reader:
        page = (await reader.get(MESSAGES)).raise_for_status().json()
    return {event["id"]: event for event in page["events"] if event["type"] == "message"}


async def redacts(place: Place) -> list[str]:
    """The targets of all redacts that stand in the order's log."""
    async with place.as_("mia", role="moderator") as mia:
        page = (await mia.get(MESSAGES, params={"after": 0})).raise_for_status().json()
    return [event["target"] for event in page["events"] if event["type"] == "redact"]
