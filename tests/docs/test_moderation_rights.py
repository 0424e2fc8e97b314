"""What the page grants is enough for our services, and for a consumer no more than it says."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

import shared.store.mongo  # noqa: F401 - reads files, so not while an event loop runs
from deploy.demo.story import FILM
from deploy.engines.cache import cache_folder
from deploy.engines.engine import HOST, Place
from shared.contracts.topics import DEADLETTER, TIMELINE
from tests.docs.guarded_kafka import PASSWORD, GuardedBroker, take, tools
from tests.docs.pages import blocks
from tests.system.conftest import serving
from tests.system.wire import token_of

# One broker serves all tests of the file, so they share an event loop.
pytestmark = [
    pytest.mark.connected,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]

REWIND, LAG, GRANTS, QUOTA = (
    re.sub(r"10\.0\.1\.\d+", HOST, block.text)
    for block in blocks("moderation.md", "sh")
    if block.note == "kafka"
)
USER: Final = "moderation-cards"
PARTITIONS: Final = 4
STAMP: Final = {"message.timestamp.type": "LogAppendTime"}


class Cluster(NamedTuple):
    """One broker, on which everything of the page was done."""

    broker: GuardedBroker
    commands: Path

    def as_(self, user: str, **settings: Any) -> dict[str, Any]:
        """What makes a client of aiokafka a user's."""
        return {
            "bootstrap_servers": self.broker.users,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": user,
            "sasl_plain_password": PASSWORD,
            **settings,
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    place = Place(cache_folder(), tmp_path_factory.mktemp("kafka"), lambda line: None)
    broker = GuardedBroker(place, [USER])
    await broker.obtain()
    cluster = Cluster(broker, await tools(place))
    await broker.start()
    try:
        admin = AIOKafkaAdminClient(**cluster.as_("admin"))
        await admin.start()
        topics = [
            NewTopic(name, PARTITIONS, 1, topic_configs=STAMP) for name in (TIMELINE, DEADLETTER)
        ]
        await admin.create_topics(topics)
        await admin.close()
        await take(GRANTS, broker, cluster.commands)
        yield cluster
    finally:
        await broker.stop()


async def test_what_is_granted_is_enough(cluster: Cluster, tmp_path: Path) -> None:
    """Our services do their work, and a consumer reads, commits, and is rewound."""
    log = f"kafka://{HOST}:{cluster.broker.port}?partitions={PARTITIONS}"
    settings = {"ORDER_CHAT_LOG_URL": log, "ORDER_CHAT_DEV": "on"}
    async with serving(tmp_path / "data", settings) as demo:
        headers = {"Authorization": f"Bearer {await token_of(demo, 'anna')}"}
        async with httpx.AsyncClient(base_url=demo.url, headers=headers) as anna:
            said = await anna.post(
                f"/v1/orders/{FILM.order_id}/messages", json={"id": str(uuid4()), "text": "hi"}
            )
            ready = await anna.get("/readyz")
    assert (said.status_code, ready.status_code) == (201, 200)

    reader = cluster.as_(
        USER, group_id=USER, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with AIOKafkaConsumer(TIMELINE, **reader) as consumer:
        record = await consumer.getone()
        await consumer.commit()
    lag = await take(LAG, cluster.broker, cluster.commands)
    await take(REWIND, cluster.broker, cluster.commands)

    assert record.offset == 0
    assert TIMELINE in lag


async def test_a_consumer_may_do_nothing_else(cluster: Cluster) -> None:
    """Neither write, nor see another topic, nor be in a group of ours."""
    async with AIOKafkaProducer(**cluster.as_(USER, enable_idempotence=False)) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(TIMELINE, b"{}", key=b"o1")

    async with AIOKafkaConsumer(**cluster.as_(USER)) as consumer:
        assert await consumer.topics() == {TIMELINE}

    archiver = AIOKafkaConsumer(TIMELINE, **cluster.as_(USER, group_id="order-chat-archiver"))
    with pytest.raises(GroupAuthorizationFailedError):
        await archiver.start()
    await archiver.stop()


async def test_a_consumer_is_slowed(cluster: Cluster) -> None:
    """The broker has the quota, and applies it to the user."""
    await take(QUOTA, cluster.broker, cluster.commands)

    described = await take(
        QUOTA.partition("--alter")[0] + f"--describe --entity-type users --entity-name {USER}",
        cluster.broker,
        cluster.commands,
    )

    assert "consumer_byte_rate=4194304.0" in described
    assert "request_percentage=25.0" in described
