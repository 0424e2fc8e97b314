"""What is measured of Order Chat alone: the archiver, two processes, and how costs grow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bench.figures import Archived, CaughtUp, Idle, Point, Processes, Soak, Talked
from tests.bench.load.load import Load
from tests.bench.load.meter import Meter
from tests.bench.peers.ours import OrderChat
from tests.bench.plan import GROWTH_RATE, PAIRS, ROOM_RATE, WINDOW, Plan
from tests.bench.work import BETWEEN_S, SETTLED_S, idle_memory, opened, warmed

BEHIND: Final = "order_chat_archiver_behind_records"
LOOK_EVERY_S: Final = 1.0
REMEMBERED_MAX: Final = 1_024
"""So many messages of an order the gateway remembers."""
ARCHIVED_S: Final = 90.0


@asynccontextmanager
async def order_chat(
    folder: Path, *, processes: int = 1, partitions: int | None = None
) -> AsyncIterator[OrderChat]:
    """A fleet on engines of its own, without an archiver. Raises `Unavailable`, `ServerFailed`."""
    ours = OrderChat(folder, processes=processes, archivers=0, partitions=partitions)
    try:
        await ours.start()
        yield ours
    finally:
        await ours.stop()


async def catch_up(ours: OrderChat, within_s: float) -> CaughtUp:
    """Let the archiver do what has piled up, for so long at most."""
    loop = asyncio.get_running_loop()
    behind = left = await _behind(ours)
    await ours.archive()
    since = loop.time()
    while left and loop.time() - since < within_s:
        await asyncio.sleep(LOOK_EVERY_S)
        left = await _behind(ours)
    seconds = loop.time() - since
    await ours.rest()
    return CaughtUp(behind=behind, left=left, seconds=round(seconds, 1))


async def soak(ours: OrderChat, plan: Plan, per_second: float) -> Soak:
    """Messages at random instants for long, and the memory meanwhile."""
    server = Meter({"server": ours.pids["server"]})  # a look takes ms in which nothing is said
    pss = []

    async def watch() -> None:
        await asyncio.sleep(plan.warm_s)
        while True:
            pss.append(server.memory()["server"].pss)
            await asyncio.sleep(plan.slice_s)

    async with opened(ours, PAIRS, "pairs") as load:
        watching = asyncio.create_task(watch())
        try:
            outcome = await load.open(
                per_second=per_second,
                seconds=plan.soak_s,
                warm_s=plan.warm_s,
                meter=Meter(ours.pids),
                slice_s=plan.slice_s,
            )
        finally:
            watching.cancel()
    return Soak(
        talked=Talked.of([outcome], PAIRS),
        slice_s=plan.slice_s,
        p99_ms=[round(p99, 2) for p99 in outcome.slices],
        pss=pss,
    )


async def archived(ours: OrderChat, plan: Plan, per_second: float) -> Archived:
    """Latency with an archiver on the same machine, and whether it keeps up."""
    await ours.archive()
    async with opened(ours, PAIRS, "archived") as load:
        outcome = await load.open(
            per_second=per_second,
            seconds=plan.latency_s,
            warm_s=plan.warm_s,
            meter=Meter(ours.pids),
        )
    behind = await _behind(ours)
    await ours.rest()
    return Archived(talked=Talked.of([outcome], PAIRS), behind=behind)


async def processes(folder: Path, plan: Plan) -> dict[str, Processes]:
    """The same connections at a port of one process, and at a port of two, among which the kernel
    spreads them: as fast as they can, and then at half of what one can."""
    one: list[Talked] = []
    two: list[Talked] = []
    for count, found in ((1, one), (2, two)):
        async with (
            order_chat(folder / f"processes-{count}", processes=count) as ours,
            opened(ours, PAIRS, "processes") as load,
        ):
            meter = Meter(ours.pids)
            outcome = await load.closed(
                window=WINDOW, seconds=plan.pairs_s, warm_s=plan.warm_s, meter=meter
            )
            found.append(Talked.of([outcome], PAIRS))
            outcome = await load.open(
                per_second=one[0].per_second.median / 2,
                seconds=plan.pairs_s,
                warm_s=BETWEEN_S,
                meter=meter,
            )
            found.append(Talked.of([outcome], PAIRS))
    return {
        driven: Processes(one=at_one, two=at_two)
        for driven, at_one, at_two in zip(("closed", "open"), one, two, strict=True)
    }


async def idle_alone(ours: OrderChat, plan: Plan) -> Idle:
    """Connections that have each an order of their own."""
    meter = Meter(ours.pids)
    async with warmed(ours, plan) as before, opened(ours, plan.crowd, "alone", members=1):
        await asyncio.sleep(SETTLED_S)
        return idle_memory(before, meter.memory(), plan.crowd)


async def idle_remembering(ours: OrderChat, plan: Plan) -> Idle:
    """Pairs in orders that remember all they can, at a gateway that did not see them written:
    what it read then is not in its memory, but what it remembers is."""
    connections = 2 * plan.remembered
    meter = Meter(ours.pids)
    async with opened(ours, connections, "long") as load:
        written = 0
        while written < REMEMBERED_MAX * plan.remembered * 1.1:
            outcome = await load.closed(window=WINDOW, seconds=1.0, warm_s=0, meter=meter)
            written += outcome.said
    done = await catch_up(ours, ARCHIVED_S)
    if done.left:
        raise TimeoutError(f"the archiver has {done.left:,} records to do after {ARCHIVED_S} s")
    gateway = ours.fleet.gateways[0]
    await gateway.stop()
    await gateway.start()
    meter = Meter(ours.pids)
    async with warmed(ours, plan) as before, opened(ours, connections, "long"):
        await asyncio.sleep(SETTLED_S)
        return idle_memory(before, meter.memory(), connections)


async def growth(ours: OrderChat, plan: Plan) -> dict[str, list[Point]]:
    """Cost of a message at a fixed rate, as one thing after the other grows."""
    found: dict[str, list[Point]] = {"orders": [], "members": [], "silent": []}
    for size in plan.orders:
        async with opened(ours, 2 * size, f"orders-{size}") as load:
            found["orders"].append(await _point(size, load, ours, plan, GROWTH_RATE, 2 * size))
    for size in plan.members:
        connections = PAIRS // size * size
        async with opened(ours, connections, f"members-{size}", members=size) as load:
            found["members"].append(await _point(size, load, ours, plan, ROOM_RATE, connections))
    for size in plan.silent:
        async with (
            opened(ours, size, f"silent-{size}") as _,
            opened(ours, PAIRS, f"speaking-{size}") as load,
        ):
            found["silent"].append(await _point(size, load, ours, plan, GROWTH_RATE, PAIRS))
    return found


async def partitions(folder: Path, plan: Plan) -> list[Point]:
    """The same as the log has more and more partitions; each number has a fleet of its own."""
    points = []
    for size in plan.partitions:
        async with (
            order_chat(folder / f"partitions-{size}", partitions=size) as ours,
            opened(ours, PAIRS, "pairs") as load,
        ):
            points.append(await _point(size, load, ours, plan, GROWTH_RATE, PAIRS))
    return points


async def _point(
    size: int, load: Load, ours: OrderChat, plan: Plan, per_second: float, connections: int
) -> Point:
    outcome = await load.open(
        per_second=per_second,
        seconds=plan.growth_s,
        warm_s=BETWEEN_S,
        meter=Meter(ours.pids),
    )
    return Point(size, Talked.of([outcome], connections))


async def _behind(ours: OrderChat) -> int:
    # The gateway's figure may be as old as a second.
    await asyncio.sleep(LOOK_EVERY_S)
    return int((await ours.metrics(BEHIND))[""])
