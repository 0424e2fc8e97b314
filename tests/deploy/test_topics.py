"""The topics are asked for as safe as can be, unless somebody says that less will do."""

import pytest

from deploy.topics import main, wish


def test_topics_are_safe_by_default() -> None:
    """One address of a cluster says nothing about its size: three copies, two of which answer."""
    wished = wish("kafka://a:9092")

    assert (wished.replication, wished.min_insync, wished.address.partitions) == (3, 2, 16)


def test_a_desk_has_as_many_copies_as_brokers() -> None:
    """A single broker can keep one copy alone."""
    wished = wish("kafka://a:9092", dev=True)

    assert (wished.replication, wished.min_insync) == (1, 1)


def test_a_desk_of_three_brokers_is_a_cluster() -> None:
    """What can be safe is, on a desk as well."""
    wished = wish("kafka://a:1,b:2,c:3", dev=True)

    found = wished.address.servers, wished.replication, wished.min_insync
    assert found == (["a:1", "b:2", "c:3"], 3, 2)


def test_the_command_line_decides() -> None:
    """An operator knows better than a default."""
    wished = wish("kafka://a:9092", replication=5, min_insync=3)

    assert (wished.replication, wished.min_insync) == (5, 3)


def test_the_number_of_partitions_stands_in_the_address() -> None:
    """Everybody who opens the log reads it at the same place."""
    assert wish("kafka://a:9092?partitions=64").address.partitions == 64


def test_a_log_without_topics_is_refused() -> None:
    """The embedded log needs no topics: whoever asks has forgotten a setting."""
    with pytest.raises(SystemExit, match="ORDER_CHAT_LOG_URL names no Kafka"):
        main([], {"ORDER_CHAT_LOG_URL": "sqlite:///log.db"})
