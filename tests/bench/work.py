"""The kinds of work that every server does: each takes a server that runs, and gives figures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from tests.bench.figures import Idle, Storm, Talked
from tests.bench.load.line import Address
from tests.bench.load.load import Load, Outcome
from tests.bench.load.meter import Memory, Meter
from tests.bench.peers.ours import OrderChat
from tests.bench.peers.peer import Peer
from tests.bench.plan import PAIRS, ROOM, ROOMS, WINDOW, Kind, Plan

SETTLED_S: Final = 3.0
"""After openings, until memory is looked at."""
WARM_RATE: Final = 500.0
FEW_RATE: Final = 1_000.0
"""Messages a second while a server is warmed up, and before a storm."""
BETWEEN_S: Final = 1.0
"""From one run to the next."""
PATIENT_S: Final = 120.0


@asynccontextmanager
async def opened(
    peer: Peer,
    connections: int,
    series: str,
    *,
    members: int = 2,
    addresses: Sequence[Address] = (),
    at_once: int = 50,
) -> AsyncIterator[Load]:
    """Connections that have joined their orders, which are made before."""
    parties = [peer.party(n, members=members, series=series) for n in range(connections)]
    await peer.prepare(parties)
    address, *also = addresses or [peer.address]
    talks = [peer.talk(party) for party in parties]
    async with Load.opened(
        address, talks, members=members, also=also, at_once=at_once, deadline_s=PATIENT_S
    ) as load:
        yield load


async def pairs(peer: Peer, plan: Plan) -> Talked:
    """Saturation: whoever hears an own message says the next."""
    async with opened(peer, PAIRS, "pairs") as load:
        outcomes = await closed(load, peer, plan, window=WINDOW, seconds=plan.pairs_s)
    return Talked.of(outcomes, PAIRS)


async def rooms(peer: Peer, plan: Plan) -> Talked:
    """Saturation by large orders."""
    async with opened(peer, ROOMS, "rooms", members=ROOM) as load:
        outcomes = await closed(load, peer, plan, window=1, seconds=plan.crowd_s)
    return Talked.of(outcomes, ROOMS)


async def latency(peer: Peer, plan: Plan, per_second: float, seconds: float) -> Talked:
    """Messages at random instants, so many a second."""
    meter = Meter(peer.pids)
    async with opened(peer, PAIRS, "pairs") as load:
        outcomes = await _runs(
            plan.runs + 2,
            plan.warm_s,
            lambda warm_s: load.open(
                per_second=per_second, seconds=seconds, warm_s=warm_s, meter=meter
            ),
        )
    return Talked.of(outcomes, PAIRS)


async def closed(
    load: Load, peer: Peer, plan: Plan, *, window: int, seconds: float
) -> Sequence[Outcome]:
    """So many runs as are planned."""
    meter = Meter(peer.pids)
    return await _runs(
        plan.runs,
        plan.warm_s,
        lambda warm_s: load.closed(window=window, seconds=seconds, warm_s=warm_s, meter=meter),
    )


async def _runs(
    runs: int, warm_s: float, run: Callable[[float], Awaitable[Outcome]]
) -> Sequence[Outcome]:
    outcomes = []
    for number in range(runs):
        if number:
            await asyncio.sleep(BETWEEN_S)
        outcomes.append(await run(BETWEEN_S if number else warm_s))
    return outcomes


class Crowd:
    """Thousands of connections, opened once on a fresh server: what they cost while they are
    idle, talk, and come back after all were cut."""

    def __init__(self, peer: Peer, plan: Plan) -> None:
        self.idle: Idle | None = None
        self.talked: Talked | None = None
        self.storm: Storm | None = None
        self.storm_later: Storm | None = None
        self._peer = peer
        self._plan = plan
        self._meter = Meter(peer.pids)

    async def measure(self, wanted: frozenset[Kind]) -> None:
        """Open them, and do what is wanted, one after the other; what was done stays if the rest
        fails."""
        peer, plan, loop = self._peer, self._plan, asyncio.get_running_loop()
        async with warmed(peer, plan) as before, opened(peer, plan.crowd, "crowd") as load:
            forgotten_at = loop.time() + plan.forgotten_s
            await asyncio.sleep(SETTLED_S)
            memory = idle_memory(before, self._meter.memory(), plan.crowd)
            if "crowd" in wanted:
                outcomes = await closed(load, peer, plan, window=1, seconds=plan.crowd_s)
                self.talked = Talked.of(outcomes, plan.crowd)
            if "storm" in wanted:
                few = {"per_second": FEW_RATE, "seconds": BETWEEN_S, "warm_s": BETWEEN_S}
                await load.open(**few, meter=self._meter)
                self.storm = await self._storm(load)
            if "idle" in wanted:
                await asyncio.sleep(SETTLED_S)
                sample = self._meter.sample()
                await asyncio.sleep(plan.idle_s)
                used = self._meter.sample().since(sample)
                self.idle = Idle(
                    connections=memory.connections,
                    pss=memory.pss,
                    anonymous=memory.anonymous,
                    cpu_ms=round(used.cpu["server"] * 6e4 / (plan.crowd + PAIRS) / used.at, 2),
                )
            if "storm" in wanted and isinstance(peer, OrderChat):
                await asyncio.sleep(max(0.0, forgotten_at - loop.time()))
                self.storm_later = await self._storm(load)

    async def _storm(self, load: Load) -> Storm:
        joins, sample = await _joins(self._peer), self._meter.sample()
        await load.cut()
        came = await load.come_back(at_once=self._plan.at_once)
        used = self._meter.sample().since(sample)
        joined = {path: now - joins[path] for path, now in (await _joins(self._peer)).items()}
        return Storm.of(came, used.cpu, self._plan.crowd, joined)


@asynccontextmanager
async def warmed(peer: Peer, plan: Plan) -> AsyncIterator[Mapping[str, Memory]]:
    """What a fresh server holds in memory after 200 connections, which stay, talked a little."""
    meter = Meter(peer.pids)
    async with opened(peer, PAIRS, "warm") as load:
        await load.open(per_second=WARM_RATE, seconds=plan.warm_s, warm_s=0, meter=meter)
        await asyncio.sleep(SETTLED_S)
        yield meter.memory()


def idle_memory(before: Mapping[str, Memory], now: Mapping[str, Memory], connections: int) -> Idle:
    """What the server came to hold with so many connections more."""
    grown, base = now["server"], before["server"]
    return Idle(
        connections=connections,
        pss=round((grown.pss - base.pss) / connections),
        anonymous=round((grown.anonymous - base.anonymous) / connections),
    )


async def _joins(peer: Peer) -> Mapping[str, float]:
    if not isinstance(peer, OrderChat):
        return {}
    return await peer.metrics("order_chat_joins_total")
