"""The operator's page explains every line that a start can be refused with."""

import re
from collections.abc import Iterator
from typing import Any, cast

from pymongo import MongoClient

from attachment_service.adapters.clamd import ALERTS_NOT
from shared.log.kafka_topics import Topic, letter_risks, timeline_risks
from shared.store.mongo_risks import client_risks, default_risks, set_risks
from tests.docs.pages import table

PAGE = "operations.md"
WORST = {
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "true",
    "cleanup.policy": "compact",
    "retention.ms": "1",
    "retention.bytes": "1",
    "message.timestamp.type": "CreateTime",
    "max.message.bytes": "1",
}


def lines() -> Iterator[str]:
    """Everything that can be said of topics and of a database where all is wrong."""
    timeline, letters = (Topic(name, 16, 1, WORST) for name in ("chat.timeline", "chat.deadletter"))
    yield from (risk.text for risk in timeline_risks(timeline))
    yield from (risk.text for risk in letter_risks(letters, timeline))
    unsafe = "mongodb://127.0.0.1/order_chat?w=1&journal=false&readPreference=nearest"
    with MongoClient[dict[str, Any]](unsafe, connect=False) as client:
        yield from (risk.text for risk in client_risks(cast(Any, client)))
    yield from (
        risk.text
        for hello in ({}, {"msg": "isdbgrid"}, {"setName": "x", "hosts": [1], "arbiters": [1]})
        for risk in set_risks(hello)
    )
    yield from (risk.text for risk in [*default_risks(None), *default_risks({})])
    yield ALERTS_NOT


def test_every_unsafe_setting_is_explained() -> None:
    """Whoever is refused finds the line they read."""
    rows = table(PAGE, "the line begins with", "what it means, and what to do")
    begin = tuple(start for row in rows for start in row[0].split(", "))
    told = [re.sub(r"^topic \S+:", "topic …:", line) for line in lines()]

    assert [line for line in told if not line.startswith(begin)] == []
