"""The topics the log needs in a Kafka cluster: made as they must be, and looked at as they are."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.contracts.topics import DEADLETTER, RECORD_BYTES_MAX, TIMELINE
from shared.log.kafka_client import reading
from shared.risk import Risk

BATCH_BYTES_MAX: Final = RECORD_BYTES_MAX + 8_192
"""Largest batch that is sent, compressed or not: one record of the largest size with its frame,
key and headers. Kafka's `max.message.bytes` is about batches."""

LETTER_BYTES_MAX: Final = 2 * BATCH_BYTES_MAX
"""A dead letter is a record of any size the timeline takes, and where it came from besides."""

ADMIN_TIMEOUT_S: Final = 15.0
LOOK_AGAIN_S: Final = 0.1
HEARD_OF_AFTER_S: Final = 1.0

REPLICATION: Final = 3
MIN_INSYNC: Final = 2

_MADE_WITH: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "unclean.leader.election.enable": "false",
}


class Topic(msgspec.Struct, frozen=True):
    """A topic as it is."""

    name: str
    partitions: int
    replication: int
    """Copies of the partition that has the fewest."""
    settings: Mapping[str, str]
    """What is in force, whether it was set for the topic or comes from the brokers."""


async def make_topics(
    servers: Sequence[str],
    *,
    partitions: int,
    replication: int = REPLICATION,
    min_insync: int = MIN_INSYNC,
    timeline: str = TIMELINE,
    deadletter: str = DEADLETTER,
) -> Sequence[str]:
    """Make those of the two topics that are missing; answer their names once they can be used.

    *servers*: `host:port` of any brokers of the cluster. *replication*: copies of each partition.
    *min_insync*: how many of them must have a record before it is acknowledged. A topic that is
    there already stays as it is; `find_risks` tells what is wrong with it. Raises `ValueError` if
    it has another number of partitions, and `OSError` if the cluster refuses or does not answer.
    """
    async with _administration(servers) as admin:
        there = await read_topics(admin, [timeline, deadletter])
        if timeline in there:
            _check_partitions(there[timeline], partitions)
        missing = [name for name in (timeline, deadletter) if name not in there]
        batch_bytes = {timeline: BATCH_BYTES_MAX, deadletter: LETTER_BYTES_MAX}
        for name in missing:
            settings = {
                **_MADE_WITH,
                "min.insync.replicas": str(min_insync),
                "max.message.bytes": str(batch_bytes[name]),
            }
            await _create(admin, NewTopic(name, partitions, replication, topic_configs=settings))
        # Brokers hear of a new topic one after the other, and tell nobody when they have.
        while len(await read_topics(admin, missing)) < len(missing):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_S)
        return missing


async def check_topics(
    servers: Sequence[str], *, partitions: int, timeline: str, deadletter: str
) -> Topic:
    """Answer the deadletter topic if both are there and the timeline has so many partitions.

    Raises `ValueError`, saying what to do, if not, and `OSError` if no broker can be asked.
    """
    async with _administration(servers) as admin:
        there = await read_topics(admin, [timeline, deadletter])
        if len(there) < 2:  # topics just made: not every broker has heard of them
            await asyncio.sleep(HEARD_OF_AFTER_S)
            there = await read_topics(admin, [timeline, deadletter])
    for name in (timeline, deadletter):
        if name not in there:
            raise ValueError(f"there is no topic {name}: run python -m deploy.topics")
    _check_partitions(there[timeline], partitions)
    return there[deadletter]


async def find_risks(
    servers: Sequence[str], *, timeline: str = TIMELINE, deadletter: str = DEADLETTER
) -> Sequence[Risk]:
    """What is set for the topics that could lose something. Raises `OSError`."""
    async with _administration(servers) as admin:
        there = await read_topics(admin, [timeline, deadletter])
    risks: list[Risk] = []
    if (records := there.get(timeline)) is not None:
        risks += timeline_risks(records)
        if (letters := there.get(deadletter)) is not None:
            risks += letter_risks(letters, records)
    return risks


def timeline_risks(topic: Topic) -> Iterable[Risk]:
    """What could lose a record, or what was acknowledged of it."""
    yield from _risks(topic)
    stamp = topic.settings["message.timestamp.type"]
    if stamp != "LogAppendTime":
        yield Risk(
            f"topic {topic.name}: message.timestamp.type is {stamp}, must be LogAppendTime: the "
            "clocks of writers would decide what may still be edited"
        )
    room = int(topic.settings["max.message.bytes"])
    if room < BATCH_BYTES_MAX:
        yield Risk(
            f"topic {topic.name}: max.message.bytes is {room}, must be at least {BATCH_BYTES_MAX}: "
            "a record of the largest size would be refused when it is handed over already"
        )


def letter_risks(topic: Topic, timeline: Topic) -> Iterable[Risk]:
    """What could lose a dead letter, or keep it out."""
    yield from _risks(topic)
    largest = timeline.settings["max.message.bytes"]
    room = topic.settings["max.message.bytes"]
    if int(room) <= int(largest):
        yield Risk(
            f"topic {topic.name}: max.message.bytes is {room}, should be above that of "
            f"{timeline.name}, which is {largest}: a large dead letter could not be kept, and its "
            "partition would be archived no further",
            loses=False,
        )


def _risks(topic: Topic) -> Iterable[Risk]:
    name, settings = topic.name, topic.settings
    if topic.replication < REPLICATION:
        yield Risk(
            f"topic {name}: the replication factor is {topic.replication}, must be at least "
            f"{REPLICATION}: with fewer copies the death of one machine can take the last one"
        )
    if int(settings["min.insync.replicas"]) < MIN_INSYNC:
        yield Risk(
            f"topic {name}: min.insync.replicas is {settings['min.insync.replicas']}, must be at "
            f"least {MIN_INSYNC}: what a single broker had acknowledged would die with it"
        )
    if settings["unclean.leader.election.enable"] != "false":
        yield Risk(
            f"topic {name}: unclean.leader.election.enable is "
            f"{settings['unclean.leader.election.enable']}, must be false: a broker that lags "
            "behind could become leader, and what it lacks would be gone"
        )
    if settings["cleanup.policy"] != "delete":
        yield Risk(
            f"topic {name}: cleanup.policy is {settings['cleanup.policy']}, must be delete: "
            "compaction keeps one record for each order and makes holes of the others"
        )
    for setting in ("retention.ms", "retention.bytes"):
        if settings[setting] != "-1":
            yield Risk(
                f"topic {name}: {setting} is {settings[setting]}, should be -1: what Kafka drops "
                "is in the store alone, from which nothing can be rebuilt",
                loses=False,
            )


async def read_topics(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Topic]:
    """By name, those of the topics that are there with all their partitions."""
    # First the settings: to ask for metadata of a topic that is not there may create it.
    settings = await _read_settings(admin, names)
    if not settings:
        return {}
    topics = {}
    for found in await admin.describe_topics(list(settings)):
        partitions = found["partitions"]
        if found["error_code"] == 0 and all(one["error_code"] == 0 for one in partitions):
            copies = min(len(one["replicas"]) for one in partitions)
            name = found["topic"]
            topics[name] = Topic(name, len(partitions), copies, settings[name])
    return topics


async def _read_settings(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    settings = {}
    for response in await admin.describe_configs(asked) if asked else ():
        for error_code, error_text, _, name, entries in response.resources:
            if error_code == 0:
                settings[name] = {entry[0]: entry[1] for entry in entries}
            elif error_code != _UNKNOWN_TOPIC:
                raise for_code(error_code)(error_text)
    return settings


_UNKNOWN_TOPIC: Final = 3


async def _create(admin: AIOKafkaAdminClient, topic: NewTopic) -> None:
    response = await admin.create_topics([topic])
    for _, error_code, error_text in response.topic_errors:
        error = for_code(error_code)
        if error_code != 0 and error is not TopicAlreadyExistsError:  # somebody else was quicker
            raise error(error_text)


def _check_partitions(topic: Topic, partitions: int) -> None:
    """Raise `ValueError` if keys would be looked for in other partitions than they are in (A17)."""
    if topic.partitions != partitions:
        raise ValueError(
            f"topic {topic.name} has {topic.partitions} partitions, not {partitions}: their number "
            "is fixed for ever; ?partitions= in ORDER_CHAT_LOG_URL must name it"
        )


@asynccontextmanager
async def _administration(servers: Sequence[str]) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for the block, which ends within `ADMIN_TIMEOUT_S` or raises `OSError`."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=list(servers), request_timeout_ms=int(ADMIN_TIMEOUT_S * 1000)
    )
    try:
        with reading("the topics could not be looked at"):
            async with asyncio.timeout(ADMIN_TIMEOUT_S):
                await admin.start()
                yield admin
    finally:
        await admin.close()
