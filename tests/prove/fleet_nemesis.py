"""What breaks in a fleet, and when: its processes and its engines, at random instants."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec

from deploy.engines.engine import HOST, Engine
from shared.log.port import Log
from tests.faults.kafka_front import Mischief
from tests.faults.kafka_wire import OUT_OF_ORDER_SEQUENCE_NUMBER
from tests.faults.proxy import Link
from tests.prove.fleet import Fleet
from tests.prove.history import Faulted, FaultKind, History, now

AWAY_S: Final = (0.0, 4.0)
"""How long an engine that was killed stays away before it is started again."""
PAUSED_S: Final = (1.0, 12.0)
"""From unnoticed to longer than a producer is given."""
SWALLOW: Final = 0.5
"""Which share of the produce answers gets lost."""
CUT: Final = 0.99
"""With which share of those the connection ends too; the other answers are missed for seconds."""
SWALLOWED_S: Final = 300.0
"""So long after everything else enough answers may take to get lost."""

NOBODY: Final[frozenset[str]] = frozenset()
"""An engine or an archiver that is away is no reason for any client to lose its connection."""


class Plan(msgspec.Struct, frozen=True):
    """How often what is broken, all of it spread over a time."""

    seconds: float
    gateways: int = 0
    archivers: int = 0
    kafka_kills: int = 0
    kafka_pauses: int = 0
    store: int = 0
    signals: int = 0
    """Kills of Redis, and FLUSHALL, by turns."""
    jams: int = 0
    """Answers that say 45, out of order, of a batch that stands."""
    swallowed: int = 0
    """Produce answers that get lost."""


class Nemesis:
    """Breaks one fleet."""

    def __init__(
        self,
        fleet: Fleet,
        engines: Mapping[str, Engine],
        mischief: Mischief,
        links: Mapping[str, Link],
        history: History,
        dice: random.Random,
    ) -> None:
        self._fleet = fleet
        self._brokers = [engine for name, engine in engines.items() if name.startswith("kafka")]
        self._store = engines["mongo"]
        self._signals = engines["redis"]
        self._mischief = mischief
        self._links = links
        self._history = history
        self._dice = dice
        self._ways_of_kafka: list[Callable[[Engine], Awaitable[None]]] = []
        """How a broker is still to be broken."""

    async def run(self, plan: Plan) -> None:
        """Do what is planned; everything is up again when it returns."""
        ways = [self._kill] * plan.kafka_kills + [self._pause] * plan.kafka_pauses
        self._ways_of_kafka = self._dice.sample(ways, len(ways))
        async with self._fleet.log() as log:
            self._mischief.swallow, self._mischief.cut = (SWALLOW if plan.swallowed else 0.0), CUT
            async with asyncio.TaskGroup() as acts:
                for act, times in (
                    (lambda turn: self._kill_gateway(log), plan.gateways),
                    (self._kill_archiver, plan.archivers),
                    (self._break_kafka, len(ways)),
                    (self._kill_store, plan.store),
                    (self._break_signals, plan.signals),
                    (self._jam, plan.jams),
                ):
                    acts.create_task(self._often(act, times, plan.seconds))
            await self._until_swallowed(plan.swallowed)
            self._mischief.swallow = 0.0

    async def _often(
        self, act: Callable[[int], Awaitable[None]], times: int, seconds: float
    ) -> None:
        began = now()
        for turn, at in enumerate(sorted(self._dice.uniform(0, seconds) for _ in range(times))):
            await asyncio.sleep(max(0.0, began + at - now()))
            await act(turn)

    async def _until_swallowed(self, wanted: int) -> None:
        """Go on losing answers until it was enough. Raises `TimeoutError`."""
        async with asyncio.timeout(SWALLOWED_S):
            while self._mischief.swallowed < wanted:  # noqa: ASYNC110 (a counter tells nobody)
                await asyncio.sleep(0.1)

    async def _kill_gateway(self, log: Log) -> None:
        gateway = self._dice.choice(self._fleet.gateways)
        attached = frozenset(
            name
            for name, link in self._links.items()
            if any(wire.server_port == gateway.port for wire in link.wires)
        )
        at = now()
        await gateway.kill()
        ends: tuple[int, ...] | None = None
        with suppress(OSError):  # Kafka is away too: then nobody can tell
            ends = tuple(await log.ends())
        await self._fleet.revive(gateway)
        self._write("kill", gateway.name, at, attached, ends)
        self._spread()

    def _spread(self) -> None:
        """Cut half of all clients off, so that those who come back are at every gateway again."""
        names = frozenset(self._dice.sample(sorted(self._links), len(self._links) // 2))
        at = now()
        for name in names:
            self._links[name].reset()
        self._write("reset", "links", at, names)

    async def _kill_archiver(self, _: int) -> None:
        archiver = self._dice.choice(self._fleet.archivers)
        at = now()
        await archiver.kill()
        await self._fleet.revive(archiver)
        self._write("kill", archiver.name, at)

    async def _break_kafka(self, _: int) -> None:
        await self._ways_of_kafka.pop()(self._dice.choice(self._brokers))

    async def _kill_store(self, _: int) -> None:
        await self._kill(self._store)

    async def _break_signals(self, turn: int) -> None:
        await (self._flush() if turn % 2 else self._kill(self._signals))

    async def _jam(self, _: int) -> None:
        self._mischief.errors.append(OUT_OF_ORDER_SEQUENCE_NUMBER)

    async def _kill(self, engine: Engine) -> None:
        at = now()
        await engine.kill()
        await asyncio.sleep(self._dice.uniform(*AWAY_S))
        await engine.start()
        self._write("kill", engine.name, at)

    async def _pause(self, engine: Engine) -> None:
        at = now()
        engine.pause()
        await asyncio.sleep(self._dice.uniform(*PAUSED_S))
        engine.resume()
        self._write("pause", engine.name, at)

    async def _flush(self) -> None:
        """Empty Redis while everybody uses it."""
        at = now()
        reader, writer = await asyncio.open_connection(HOST, self._signals.port)
        try:
            writer.write(b"FLUSHALL\r\n")
            assert await reader.readline() == b"+OK\r\n"
        finally:
            writer.close()
        self._write("flush", self._signals.name, at)

    def _write(
        self,
        kind: FaultKind,
        part: str,
        at: float,
        clients: frozenset[str] = NOBODY,
        ends: tuple[int, ...] | None = None,
    ) -> None:
        self._history.write(
            Faulted(at=at, kind=kind, until=now(), part=part, clients=clients, ends=ends)
        )
