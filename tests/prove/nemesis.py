"""What breaks, and when: the whole server, or one client's link, at random instants."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.faults.proxy import Link, Wire
from tests.faults.weather import Direction
from tests.prove.history import Faulted, FaultKind, History, now
from tests.prove.server import Server
from tests.prove.truth import read_ends

UP_S: Final = (0.5, 3.0)
"""How long a server lives before the next kill. Short, so that kills meet joins and look-ups too,
but not so short that nothing is written."""

BETWEEN_CUTS_S: Final = 0.5
"""On average, over all clients."""

CUTS_AT_ONCE: Final = 8

HOLD_S: Final = (0.2, 4.0)
"""How long a link is stalled, sliced or deaf: from unnoticed to longer than a client waits."""


async def kill_often(server: Server, times: int, history: History, dice: random.Random) -> None:
    """Kill and restart *server* so many times; it is ready again when this returns."""
    for _ in range(times):
        await asyncio.sleep(dice.uniform(*UP_S))
        at = now()
        await server.kill()
        ends = await asyncio.to_thread(read_ends, server.data)
        await server.start()
        history.write(Faulted(at=at, kind="kill", until=now(), ends=ends))


async def cut_often(
    links: Mapping[str, Link], times: int, history: History, dice: random.Random
) -> None:
    """Cut so many times a random client's link, several at once; all is well when this returns."""
    places = asyncio.Semaphore(CUTS_AT_ONCE)
    async with asyncio.TaskGroup() as cuts:
        for _ in range(times):
            await places.acquire()
            await asyncio.sleep(dice.expovariate(1 / BETWEEN_CUTS_S))
            name, wire = await _connected(links, dice)
            kind = dice.choice(list(CUTS))
            cut = cuts.create_task(_cut(name, wire, kind, history, dice))
            cut.add_done_callback(lambda _: places.release())


async def _connected(links: Mapping[str, Link], dice: random.Random) -> tuple[str, Wire]:
    """A random client that has a connection; they come back by themselves."""
    async with asyncio.timeout(30):
        while True:
            name = dice.choice(list(links))
            if (wire := links[name].wire) is not None:
                return name, wire
            await asyncio.sleep(0.01)


async def _cut(
    name: str, wire: Wire, kind: FaultKind, history: History, dice: random.Random
) -> None:
    at = now()
    await CUTS[kind](wire, dice)
    history.write(Faulted(at=at, kind=kind, until=now(), part="link", clients=frozenset({name})))


async def _reset(wire: Wire, _: random.Random) -> None:
    wire.reset()


async def _close(wire: Wire, _: random.Random) -> None:
    wire.close()


def _swallowing(*directions: Direction) -> Callable[[Wire, random.Random], Awaitable[None]]:
    async def swallow(wire: Wire, dice: random.Random) -> None:
        wire.swallow(*directions)
        await asyncio.sleep(dice.uniform(*HOLD_S))
        wire.reset()  # bytes are missing: it can only end

    return swallow


async def _stall(wire: Wire, dice: random.Random) -> None:
    wire.stall()
    await asyncio.sleep(dice.uniform(*HOLD_S))
    wire.resume()


async def _slice(wire: Wire, dice: random.Random) -> None:
    wire.slice(True)
    await asyncio.sleep(dice.uniform(*HOLD_S))
    wire.slice(False)


async def _cut_within_frame(wire: Wire, dice: random.Random) -> None:
    wire.cut_within(dice.choice(("up", "down")), dice)
    await asyncio.sleep(HOLD_S[0])  # within this time something is said, or the next ping comes


CUTS: Final[Mapping[FaultKind, Callable[[Wire, random.Random], Awaitable[None]]]] = {
    "reset": _reset,
    "close": _close,
    "blackhole": _swallowing("up", "down"),
    "deaf": _swallowing("down"),
    "mute": _swallowing("up"),
    "stall": _stall,
    "slice": _slice,
    "midframe": _cut_within_frame,
}
