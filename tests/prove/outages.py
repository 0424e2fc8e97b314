"""`python -m tests.prove.outages`: each engine away for long, under load (P8, P9, P10, P11).

Kafka stands still for 45 s, the store is dead for 60 s, Redis and the order service for 20 s.
Nobody is sent away meanwhile, no gateway grows without bound, chat goes on where it can, and all
of it catches up by itself.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from deploy.engines.engine import Engine
from deploy.stack import Stack
from tests.faults.proxy import Link
from tests.prove.client import Habits, Pace
from tests.prove.fleet import Fleet
from tests.prove.fleet_nemesis import NOBODY
from tests.prove.ground import secret_from
from tests.prove.history import Closed, Faulted, History, Live, Record, now
from tests.prove.process import Process
from tests.prove.proof import Proof, main
from tests.prove.trial import Result, Trial

ORDERS: Final = 6
TALKER: Final = Habits(every_s=0.5, burst_most=3, floods=0)
EDITOR: Final = Habits(every_s=0.5, burst_most=3, floods=0, edits=1, marks=2)

PACE: Final = Pace(answer=30.0)
"""As `fleet_trial`'s."""
BETWEEN_S: Final = 8.0
"""Quiet time before and after each outage."""
BACK_S: Final = 5.0
"""So soon after Kafka is back somebody must see a message again."""
GROWTH_MIB_MAX: Final = 64.0
MEASURE_EVERY_S: Final = 0.5

Part = Literal["kafka", "store", "signals", "orders"]
SECONDS: Final[Mapping[Part, float]] = {"kafka": 45, "store": 60, "signals": 20, "orders": 20}
"""How long each is away."""
SILENCING: Final[frozenset[Part]] = frozenset({"kafka"})
"""Without these nothing can be said; without any other chat goes on."""


class Outage(msgspec.Struct, frozen=True):
    """One part was away."""

    part: Part
    since: float
    until: float
    growth_mib: float
    """By how much the largest gateway grew meanwhile."""


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    outages: list[Outage] = []
    async with Stack(folder / "engines", given={}) as stack:
        fleet = Fleet(folder / "fleet", secret_from(seed), stack.environment)
        trial = Trial(fleet, ORDERS, seed, (TALKER, EDITOR), PACE)

        async def break_(_: Fleet, __: Mapping[str, Link], history: History) -> None:
            for part, seconds in SECONDS.items():
                await asyncio.sleep(BETWEEN_S)
                outages.append(await _away(part, seconds * scale, stack.engines, fleet))
                history.write(_fault(outages[-1]))
            await asyncio.sleep(BETWEEN_S)

        try:
            result = await trial.run(break_)
        finally:
            await asyncio.to_thread(trial.history.save, folder / "history.jsonl")
    return _proof(outages, result)


async def _away(part: Part, seconds: float, engines: Mapping[str, Engine], fleet: Fleet) -> Outage:
    """Take a part away for so long; it serves again when this returns."""
    before = await asyncio.to_thread(_memory_mib, fleet.gateways)
    since = now()
    measuring = asyncio.create_task(_watch_memory(fleet.gateways))
    try:
        if part == "kafka":
            engines["kafka-1"].pause()
            await asyncio.sleep(seconds)
            engines["kafka-1"].resume()
        elif part == "orders":
            await fleet.orders.kill()
            await asyncio.sleep(seconds)
            await fleet.revive(fleet.orders)
        else:
            engine = engines["mongo" if part == "store" else "redis"]
            await engine.kill()
            await asyncio.sleep(seconds)
            await engine.start()
        until = now()
        await asyncio.sleep(BETWEEN_S)  # what waited comes all at once: that counts too
    finally:
        measuring.cancel()
    (most,) = await asyncio.gather(measuring)
    return Outage(part, since, until, most - before)


def _fault(outage: Outage) -> Faulted:
    kind: Literal["pause", "kill"] = "pause" if outage.part == "kafka" else "kill"
    return Faulted(at=outage.since, kind=kind, until=outage.until, part=outage.part, clients=NOBODY)


async def _watch_memory(gateways: Sequence[Process]) -> float:
    """The most any gateway takes, in MiB, until it is cancelled."""
    most = 0.0
    try:
        while True:
            most = max(most, await asyncio.to_thread(_memory_mib, gateways))
            await asyncio.sleep(MEASURE_EVERY_S)
    except asyncio.CancelledError:
        return most


def _memory_mib(gateways: Sequence[Process]) -> float:
    """What the largest of them holds of the machine's memory, in MiB. Blocks."""
    sizes = []
    for gateway in gateways:
        status = Path(f"/proc/{gateway.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        sizes.append(int(line.split()[1]) / 1024)
    return max(sizes)


def _proof(outages: Sequence[Outage], result: Result) -> Proof:
    records = list(result.history)
    violations = [f"{one.check}: {one.who}: {one.what}" for one in result.violations]
    figures = []
    for outage in outages:
        figure, wrong = _judge(outage, records)
        figures.append(figure)
        violations += wrong
    return Proof(
        "P8, P9, P10, P11: connections outlive every engine",
        ", ".join(f"{one.part} away for {one.until - one.since:.0f} s" for one in outages),
        "; ".join(figures),
        violations,
    )


def _judge(outage: Outage, records: Sequence[Record]) -> tuple[str, list[str]]:
    """What came of one outage, and what was wrong."""
    seen = [record.at for record in records if isinstance(record, Live)]
    meanwhile = sum(outage.since < at < outage.until for at in seen)
    back_s = min((at - outage.until for at in seen if at > outage.until), default=float("inf"))
    ended = sum(
        isinstance(record, Closed) and outage.since < record.at < outage.until + BETWEEN_S
        for record in records
    )
    wrong = []
    if ended:
        wrong.append(f"{outage.part}: {ended} connections ended")
    if outage.growth_mib > GROWTH_MIB_MAX:
        wrong.append(f"{outage.part}: a gateway grew by {outage.growth_mib:.0f} MiB")
    if outage.part in SILENCING and back_s > BACK_S:
        wrong.append(f"{outage.part}: silent for {back_s:.1f} s after it was back")
    if outage.part not in SILENCING and not meanwhile:
        wrong.append(f"{outage.part}: nothing was said without it")
    figure = (
        f"{outage.part}: {meanwhile:,} events meanwhile, the first {back_s:.1f} s after, "
        f"{ended} connections ended, {outage.growth_mib:+.0f} MiB"
    )
    return figure, wrong


if __name__ == "__main__":
    sys.exit(main("outages", prove, sys.argv[1:]))
