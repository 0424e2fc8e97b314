"""Links in front of Kafka's brokers, which let answers to produce requests get lost, or lie.

Brokers tell their clients where the others are; those answers are rewritten, so that whoever was
given this address stays on these links.
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final, Self

import msgspec

from tests.faults import kafka_wire as wire
from tests.faults.kafka_wire import Messages, Request
from tests.faults.proxy import Cut, Link
from tests.faults.weather import Weather


class Mischief(msgspec.Struct):
    """What is done to the answers, and what was done so far."""

    swallow: float = 0.0
    """Which share of the answers that say "stored" never arrives."""
    cut: float = 1.0
    """With which share of those the connection ends; with the others nothing else happens, and the
    client waits as long as it waits."""
    topics: frozenset[str] | None = None
    """Only answers about one of these topics; null: about any."""
    errors: list[int] = []
    """Errors that the next good answers report instead, one each."""
    stored: int = 0
    """Answers that said "stored"."""
    swallowed: int = 0
    """Answers that were really swallowed, each about at least one batch that was stored."""
    falsified: int = 0
    """Answers that reported an error which was none."""

    def concerns(self, topics: Sequence[str]) -> bool:
        """Whether an answer about *topics* is meant."""
        return self.topics is None or not self.topics.isdisjoint(topics)


class KafkaFront:
    """The brokers of one cluster, seen through links. Use it as a context."""

    def __init__(self, brokers: Sequence[int], dice: random.Random) -> None:
        """*brokers*: the port of every broker of the cluster, all on this machine."""
        self.mischief: Final = Mischief()
        self._brokers = brokers
        self._dice = dice
        self._links: dict[int, Link] = {}
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for port in self._brokers:
            link = Link(port, self._make_filter)
            self._links[port] = await self._resources.enter_async_context(link)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @property
    def address(self) -> str:
        """Where clients find the brokers: `host:port[,host:port]`."""
        return ",".join(f"127.0.0.1:{link.port}" for link in self._links.values())

    @property
    def links(self) -> Sequence[Link]:
        """One for each broker, in their order."""
        return list(self._links.values())

    def set_weather(self, weather: Weather) -> None:
        """Let it be so between all clients and all brokers."""
        for link in self.links:
            link.set_weather(weather)

    def _make_filter(self) -> "KafkaFilter":
        ports = {broker: link.port for broker, link in self._links.items()}
        return KafkaFilter(ports, self.mischief, self._dice)


class KafkaFilter:
    """Knows which answer belongs to which request on one connection. See `Filter`."""

    def __init__(self, ports: Mapping[int, int], mischief: Mischief, dice: random.Random) -> None:
        self._ports = ports
        self._mischief = mischief
        self._dice = dice
        self._asked: dict[int, Request] = {}
        self._requests = Messages()
        self._answers = Messages()

    def up(self, data: bytes) -> bytes:
        """Requests pass as they are."""
        for message in self._requests.feed(data):
            request = wire.request_of(message)
            if request.api in (wire.PRODUCE, wire.METADATA):
                self._asked[request.correlation] = request
        return data

    def down(self, data: bytes) -> bytes:
        """The answers that arrive, as they arrive."""
        passed = bytearray()
        for message in self._answers.feed(data):
            request = self._asked.pop(wire.correlation_of(message), None)
            if request is not None and request.api == wire.METADATA:
                wire.move_brokers(message, request.version, self._ports)
            if request is None or request.api != wire.PRODUCE or self._arrives(message, request):
                passed += message
        return bytes(passed)

    def _arrives(self, answer: bytearray, request: Request) -> bool:
        """Whether an answer to a produce request is passed on; it may have been falsified then."""
        stored = list(wire.stored_of(answer, request.version))
        good = [one for one in stored if one.error == wire.NO_ERROR]
        mischief = self._mischief
        mischief.stored += bool(good)
        if not good or not mischief.concerns([one.topic for one in good]):
            return True
        if mischief.errors:
            wire.set_error(answer, good[0], mischief.errors.pop(0))
            mischief.falsified += 1
            return True
        if self._dice.random() >= mischief.swallow:
            return True
        mischief.swallowed += 1
        if self._dice.random() < mischief.cut:
            raise Cut
        return False
