"""What only the log on Kafka promises: partitions divided among processes that come and go."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from aiokafka import TopicPartition

from shared.log.kafka import KafkaLog
from tests.faults.weather import BLACK_HOLE, FAIR
from tests.ports.log_engines import PARTITIONS, Kafka, fronted
from tests.ports.records import until

pytestmark = pytest.mark.connected

GROUP = "archivers"
ALL = frozenset(range(PARTITIONS))
TAKEOVER_S = 15.0
"""Within this time the partitions of a member that died must have another one."""


@pytest.fixture
async def log(kafka: Kafka) -> AsyncIterator[KafkaLog]:
    log = await kafka.open()
    yield log
    await log.close()


async def test_members_divide_the_partitions(kafka: Kafka, log: KafkaLog) -> None:
    """Each partition has one member; groups have nothing to do with each other."""
    one, other = await log.share(kafka.timeline), await log.share(kafka.timeline)
    stranger = await log.share(f"{kafka.timeline}.other")

    await until(lambda: len(one.held) == len(other.held) == PARTITIONS // 2, within_s=TAKEOVER_S)

    assert one.held | other.held == ALL
    await until(lambda: stranger.held == ALL)


async def test_who_leaves_is_followed_at_once(kafka: Kafka, log: KafkaLog) -> None:
    """A member that is closed leaves its group; nobody waits for it to be taken for dead."""
    one, other = await log.share(kafka.timeline), await log.share(kafka.timeline)
    await until(lambda: one.held and other.held and one.held.isdisjoint(other.held))
    began = time.monotonic()

    await one.close()

    await until(lambda: other.held == ALL)
    assert time.monotonic() - began < 5


async def test_a_member_killed_is_followed_in_time(kafka: Kafka, log: KafkaLog) -> None:
    """Another one has its partitions within 15 s. Who reads nothing meanwhile stays a member."""
    with member(kafka) as process:
        share = await log.share(kafka.timeline)
        await until(lambda: 0 < len(share.held) < PARTITIONS, within_s=TAKEOVER_S)

        process.kill()

        await until(lambda: share.held == ALL, within_s=TAKEOVER_S)


async def test_what_is_noted_is_committed(kafka: Kafka, log: KafkaLog) -> None:
    """Tools that watch lag find the newest of each partition; one not held is left alone."""
    share = await log.share(GROUP)
    await until(lambda: share.held == ALL)

    for offset in range(100):
        share.note(0, offset)
    share.note(2, 7)

    expected = {0: 99, 2: 7}
    async with asyncio.timeout(TAKEOVER_S):
        while await committed(kafka) != expected:  # noqa: ASYNC110 (brokers tell nobody)
            await asyncio.sleep(0.1)


async def test_a_membership_that_ended_is_begun_anew(kafka: Kafka, log: KafkaLog) -> None:
    """aiokafka's own loops may end (A10): nothing is held then, and readiness fails until there is
    a membership again."""
    share = await log.share(kafka.timeline)
    await until(lambda: share.held == ALL)
    assert share._membership is not None
    share._membership._consumer._coordinator._coordination_task.cancel()

    await until(lambda: share.is_stuck)
    with pytest.raises(OSError, match="no member of its group"):
        await log.ping()

    await until(lambda: share.held == ALL, within_s=2 * TAKEOVER_S)
    await log.ping()


async def test_a_group_that_does_not_answer_is_joined_again(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not heard of holds nothing, before others may take it; and comes back by itself."""
    async with fronted(kafka) as (log, front):
        share = await log.share(kafka.timeline)
        await until(lambda: share.held == ALL)
        first = share._membership
        monkeypatch.setattr("shared.log.kafka_share.SESSION_S", 2.5)
        monkeypatch.setattr("shared.log.kafka_share.STUCK_AFTER_S", 3.0)
        monkeypatch.setattr("shared.log.kafka_client.STOP_TIMEOUT_S", 0.1)
        front.set_weather(BLACK_HOLE)
        await until(lambda: share.held == frozenset())

        await until(lambda: share._membership is not first)

        monkeypatch.undo()
        front.set_weather(FAIR)
        await until(lambda: share.held == ALL, within_s=2 * TAKEOVER_S)


@contextmanager
def member(kafka: Kafka) -> Iterator[subprocess.Popen[str]]:
    """Another process with a share, once it holds something."""
    program = kafka.opener + MEMBER.replace("GROUP", repr(kafka.timeline))
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


MEMBER = """
import asyncio

async def main():
    log = await open_it()
    share = await log.share(GROUP)
    while not share.held:
        await asyncio.sleep(0.05)
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def committed(kafka: Kafka) -> dict[int, int]:
    """By partition, the offsets the group has committed."""
    places = [TopicPartition(kafka.timeline, number) for number in range(PARTITIONS)]
    group = kafka.timeline + GROUP  # as it is called in an installation of that prefix
    async with kafka.administration() as admin:
        found = await admin.list_consumer_group_offsets(group, partitions=places)
    return {place.partition: said.offset for place, said in found.items() if said.offset >= 0}
