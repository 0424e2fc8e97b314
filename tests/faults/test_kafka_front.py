"""Links in front of brokers keep clients on them, and lose or falsify what they are told to."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka.protocol.api import RequestHeader_v1, Response
from aiokafka.protocol.api import RequestStruct as Request
from aiokafka.protocol.metadata import (
    MetadataRequest_v0,
    MetadataRequest_v1,
    MetadataResponse_v0,
    MetadataResponse_v1,
    MetadataResponse_v5,
)
from aiokafka.protocol.produce import (
    ProduceRequest_v7,
    ProduceResponse_v2,
    ProduceResponse_v7,
    ProduceResponse_v8,
)

from tests.faults.echo import Caller, calling
from tests.faults.kafka_front import KafkaFront
from tests.faults.kafka_wire import (
    OUT_OF_ORDER_SEQUENCE_NUMBER,
    Messages,
    NotUnderstood,
    move_brokers,
    set_error,
    stored_of,
)

TOPIC = "chat.timeline"
PRODUCE = ProduceRequest_v7(None, -1, 1_000, [(TOPIC, [(3, b"batch")])])
STORED = ProduceResponse_v7([(TOPIC, [(3, 0, 41, 1_000, 0)])], 0)
REFUSED = ProduceResponse_v7([(TOPIC, [(3, 6, -1, -1, 0)])], 0)


def message(*parts: bytes) -> bytes:
    """A message as it travels."""
    body = b"".join(parts)
    return struct.pack(">i", len(body)) + body


def answer(response: Response, correlation: int = 7) -> bytearray:
    """An answer as a broker sends it."""
    return bytearray(message(struct.pack(">i", correlation), response.encode()))


def request(asked: Request, correlation: int = 7) -> bytes:
    """A request as a client sends it."""
    return message(RequestHeader_v1(asked, correlation).encode(), asked.encode())


@pytest.mark.parametrize(
    "response",
    [
        MetadataResponse_v0([(1, "127.0.0.1", 9_092), (2, "localhost", 9_093)], []),
        MetadataResponse_v1([(1, "127.0.0.1", 9_092, None), (2, "localhost", 9_093, "r")], 1, []),
        MetadataResponse_v5(
            0, [(1, "127.0.0.1", 9_092, "rack"), (2, "localhost", 9_093, None)], "c", 1, []
        ),
    ],
    ids=["v0", "v1", "v5"],
)
def test_brokers_are_moved(response: Response) -> None:
    """Only the ports change, whatever the version."""
    moved = answer(response)

    move_brokers(moved, response.API_VERSION, {9_092: 5_001, 9_093: 5_002})

    told = type(response).decode(bytes(moved[8:]))
    expected = [
        (*broker[:2], broker[2] - 9_092 + 5_001, *broker[3:]) for broker in response.brokers
    ]
    assert told.brokers == expected


def test_broker_without_a_link_is_an_error() -> None:
    """No client is sent round the links."""
    response = answer(MetadataResponse_v0([(1, "127.0.0.1", 9_092)], []))

    with pytest.raises(NotUnderstood):
        move_brokers(response, 0, {9_093: 5_001})


@pytest.mark.parametrize(
    "response",
    [
        ProduceResponse_v2([(TOPIC, [(0, 0, 1, 2), (3, 6, -1, -1)])], 0),
        ProduceResponse_v7([("other", []), (TOPIC, [(0, 0, 1, 2, 0), (3, 6, -1, -1, 0)])], 0),
        ProduceResponse_v8(
            [(TOPIC, [(0, 0, 1, 2, 0, [(1, "e")], "why"), (3, 6, -1, -1, 0, [], None)])], 0
        ),
    ],
    ids=["v2", "v7", "v8"],
)
def test_error_of_one_partition_is_set(response: Response) -> None:
    """Each partition's error is found, and another put in its place."""
    falsified = answer(response)
    found = list(stored_of(falsified, response.API_VERSION))

    set_error(falsified, found[0], OUT_OF_ORDER_SEQUENCE_NUMBER)

    told = type(response).decode(bytes(falsified[8:]))
    assert [(s.topic, s.partition, s.error) for s in found] == [(TOPIC, 0, 0), (TOPIC, 3, 6)]
    assert [partition[1] for partition in told.topics[-1][1]] == [45, 6]


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_messages_are_put_together(size: int) -> None:
    """However the bytes come."""
    whole = [bytes(answer(STORED)), message(b"1234"), bytes(answer(REFUSED, 8))]
    stream, messages = b"".join(whole), Messages()

    pieces = (stream[at : at + size] for at in range(0, len(stream), size))

    assert [bytes(one) for piece in pieces for one in messages.feed(piece)] == whole


@asynccontextmanager
async def broker(*answers: Response) -> AsyncIterator[int]:
    """A broker that gives these answers, one for each request; its port."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages, left = Messages(), list(answers)
        while data := await reader.read(65_536):
            for one in messages.feed(data):
                (correlation,) = struct.unpack_from(">i", one, 8)
                writer.write(answer(left.pop(0), correlation))

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for one in talks:
        one.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def fronted(*answers: Response) -> AsyncIterator[tuple[KafkaFront, Caller]]:
    """A client of such a broker, through a link."""
    async with (
        broker(*answers) as port,
        KafkaFront([port], random.Random(1)) as front,
        calling(front.links[0].port) as caller,
    ):
        yield front, caller


async def hear(caller: Caller, expected: Sequence[bytearray]) -> bool:
    """Whether exactly these answers come."""
    stream = b"".join(bytes(one) for one in expected)
    return await caller.hear(len(stream)) == stream


async def test_client_is_told_of_links_alone() -> None:
    """Metadata name the link's port instead of the broker's."""
    async with broker() as other, KafkaFront([other], random.Random(1)):
        pass  # a port that is free again
    response = MetadataResponse_v0([(1, "127.0.0.1", other)], [])
    async with (
        broker(response) as port,
        KafkaFront([port, other], random.Random(1)) as front,
        calling(front.links[0].port) as caller,
    ):
        caller.say(request(MetadataRequest_v0([])))
        told = MetadataResponse_v0.decode((await caller.hear(len(answer(response))))[8:])

        assert [broker[2] for broker in told.brokers] == [front.links[1].port]


async def test_good_answers_pass() -> None:
    """Without mischief everything arrives, and nothing is counted."""
    async with fronted(STORED, REFUSED) as (front, caller):
        caller.say(request(PRODUCE, 1) + request(PRODUCE, 2))

        assert await hear(caller, [answer(STORED, 1), answer(REFUSED, 2)])
        assert (front.mischief.swallowed, front.mischief.falsified) == (0, 0)


async def test_swallowed_answer_ends_the_connection() -> None:
    """The record is stored, the client never hears so."""
    async with fronted(STORED) as (front, caller):
        front.mischief.swallow = 1.0
        caller.say(request(PRODUCE))

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await caller.hear(1)
        assert front.mischief.swallowed == 1


async def test_answer_is_swallowed_in_silence() -> None:
    """Without a cut the next answers come as if nothing were missing."""
    async with fronted(STORED, MetadataResponse_v1([], 1, [])) as (front, caller):
        front.mischief.swallow, front.mischief.cut = 1.0, 0.0
        caller.say(request(PRODUCE, 1) + request(MetadataRequest_v1([]), 2))

        assert await hear(caller, [answer(MetadataResponse_v1([], 1, []), 2)])
        assert front.mischief.swallowed == 1


async def test_answer_that_reports_an_error_is_not_counted() -> None:
    """What was not stored is no lost acknowledgement."""
    async with fronted(REFUSED) as (front, caller):
        front.mischief.swallow = 1.0
        caller.say(request(PRODUCE))

        assert await hear(caller, [answer(REFUSED)])
        assert front.mischief.swallowed == 0


async def test_answer_about_another_topic_is_spared() -> None:
    """Mischief can be kept to a topic."""
    async with fronted(STORED) as (front, caller):
        front.mischief.swallow, front.mischief.topics = 1.0, frozenset({"other"})
        caller.say(request(PRODUCE))

        assert await hear(caller, [answer(STORED)])


async def test_good_answer_reports_an_error() -> None:
    """A producer can be jammed at will."""
    async with fronted(STORED, STORED) as (front, caller):
        front.mischief.errors.append(OUT_OF_ORDER_SEQUENCE_NUMBER)
        caller.say(request(PRODUCE, 1) + request(PRODUCE, 2))

        jammed = ProduceResponse_v7([(TOPIC, [(3, 45, 41, 1_000, 0)])], 0)
        assert await hear(caller, [answer(jammed, 1), answer(STORED, 2)])
        assert front.mischief.falsified == 1
