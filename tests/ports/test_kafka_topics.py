"""Kafka's topics: made as they must be, and what is said of those that are otherwise."""

import uuid
from collections.abc import Sequence

import msgspec
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.topics import TIMELINE, partition_of
from shared.log import open_log
from shared.log.kafka import KafkaLog, parse_address
from shared.log.kafka_topics import Topic, find_risks, letter_risks, make_topics, timeline_risks
from shared.risk import Risk
from tests.ports.log_engines import PARTITIONS, Kafka

SAFE = Topic(
    TIMELINE,
    partitions=16,
    replication=3,
    settings={
        "min.insync.replicas": "2",
        "unclean.leader.election.enable": "false",
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": "1048588",
    },
)


def with_setting(name: str, value: str) -> Topic:
    return msgspec.structs.replace(SAFE, settings={**SAFE.settings, name: value})


class TestRisks:
    def test_nothing_is_said_of_topics_that_are_as_they_must_be(self) -> None:
        """Whoever runs a log as it is meant sees no warning."""
        letters = with_setting("max.message.bytes", "2097176")

        assert [*timeline_risks(SAFE), *letter_risks(letters, SAFE)] == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("min.insync.replicas", "1"),
            ("unclean.leader.election.enable", "true"),
            ("cleanup.policy", "compact"),
            ("cleanup.policy", "compact,delete"),
            ("message.timestamp.type", "CreateTime"),
            ("max.message.bytes", "262144"),
        ],
    )
    def test_each_setting_that_could_lose_something_is_named(self, name: str, value: str) -> None:
        """One line says which it is, what it is, what it must be, and of which topic (P28)."""
        [risk] = timeline_risks(with_setting(name, value))

        assert risk.loses
        assert f"topic {TIMELINE}: {name} is {value}, must be " in risk.text
        assert "\n" not in risk.text

    def test_too_few_copies_are_named(self) -> None:
        """The partition with the fewest counts."""
        [risk] = timeline_risks(msgspec.structs.replace(SAFE, replication=2))

        assert risk.loses
        assert "the replication factor is 2, must be at least 3" in risk.text

    @pytest.mark.parametrize("name", ["retention.ms", "retention.bytes"])
    def test_limited_retention_is_a_warning_alone(self, name: str) -> None:
        """An operator may want it, and then the store is all there is of what is older."""
        [risk] = timeline_risks(with_setting(name, "604800000"))

        assert not risk.loses
        assert name in risk.text

    def test_a_dead_letter_must_find_room(self) -> None:
        """It is larger than the record it keeps."""
        [risk] = letter_risks(SAFE, SAFE)

        assert not risk.loses
        assert "max.message.bytes" in risk.text


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "servers", "partitions"),
        [
            ("kafka://one:9093", ["one:9093"], 16),
            ("kafka://one,two:9093/?partitions=64", ["one:9092", "two:9093"], 64),
        ],
    )
    def test_it_names_brokers_and_partitions(
        self, url: str, servers: list[str], partitions: int
    ) -> None:
        """16 partitions and Kafka's own port where nothing else is said."""
        assert parse_address(url) == (servers, partitions, "")

    def test_installations_on_one_cluster_have_names_of_their_own(self) -> None:
        """The path is a prefix of both topics."""
        address = parse_address("kafka://one/staging?partitions=4")

        names = address.timeline, address.deadletter
        assert names == ("staging.chat.timeline", "staging.chat.deadletter")

    @pytest.mark.parametrize(
        "url",
        [
            "kafka://",
            "kafka://one,,two",
            "kafka://me:secret@one",
            "kafka://one/a/b",
            "kafka://one/a.b",
            "kafka://one?partitions=0",
            "kafka://one?partitions=x",
            "kafka://one?replicas=3",
            "kafka://one#here",
        ],
    )
    def test_what_is_not_understood_is_refused(self, url: str) -> None:
        """With a line that shows how it looks, and nothing of what it said."""
        with pytest.raises(ValueError, match=r"^a Kafka address looks like kafka://") as caught:
            parse_address(url)
        assert "secret" not in str(caught.value)


@given(key=st.text(max_size=64), partitions=st.integers(1, 128))
def test_a_key_has_the_partition_that_other_clients_give_it(key: str, partitions: int) -> None:
    """Ours is computed here, once and for all (A17), as Kafka's clients compute it."""
    everything = list(range(partitions))

    assert partition_of(key, partitions) == DefaultPartitioner()(
        key.encode(), everything, everything
    )


@pytest.mark.connected
class TestTopics:
    async def test_topics_are_made_as_they_must_be(self, kafka: Kafka) -> None:
        """Of topics made here nothing is to be said but the copies that were asked for."""
        risks = await find_risks(
            kafka.servers, timeline=kafka.timeline, deadletter=kafka.deadletter
        )

        for topic in (kafka.timeline, kafka.deadletter):
            assert sorted(said(risks, topic)) == [
                "min.insync.replicas is 1",
                "the replication factor is 1",
            ]

    async def test_topics_that_are_there_stay_as_they_are(self, kafka: Kafka) -> None:
        """To make them again makes nothing; another number of partitions is refused."""
        log = await kafka.open()
        made = await make_topics(
            kafka.servers,
            partitions=PARTITIONS,
            timeline=kafka.timeline,
            deadletter=kafka.deadletter,
        )

        assert list(made) == []
        assert await log.risks() == await find_risks(
            kafka.servers, timeline=kafka.timeline, deadletter=kafka.deadletter
        )
        with pytest.raises(ValueError, match="has 4 partitions, not 5"):
            await make_topics(
                kafka.servers, partitions=5, timeline=kafka.timeline, deadletter=kafka.deadletter
            )
        await log.close()

    async def test_a_log_of_other_partitions_is_refused(self, kafka: Kafka) -> None:
        """Orders would be looked for where they are not."""
        with pytest.raises(ValueError, match="has 4 partitions, not 16: their number is fixed"):
            await KafkaLog.open(
                kafka.servers,
                partitions=16,
                timeline=kafka.timeline,
                deadletter=kafka.deadletter,
            )

    async def test_a_missing_topic_is_named(self, kafka: Kafka) -> None:
        """It is said what makes it."""
        nobodys = uuid.uuid4().hex

        with pytest.raises(ValueError, match=f"no topic {nobodys}: run python -m deploy.topics"):
            await KafkaLog.open(
                kafka.servers,
                partitions=PARTITIONS,
                timeline=kafka.timeline,
                deadletter=nobodys,
            )


async def test_without_a_broker_the_log_is_not_opened(
    unused_tcp_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It ends with `OSError`, and before long."""
    with pytest.raises(OSError, match="the topics could not be looked at"):
        await open_log(f"kafka://127.0.0.1:{unused_tcp_port}", tmp_path_factory.getbasetemp())


def said(risks: Sequence[Risk], topic: str) -> list[str]:
    """What is said of a topic, without its name and the reasons."""
    about = f"topic {topic}: "
    lines = [risk.text for risk in risks if risk.text.startswith(about)]
    return [line.removeprefix(about).partition(",")[0] for line in lines]
