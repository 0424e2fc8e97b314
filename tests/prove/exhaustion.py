"""`python -m tests.prove.exhaustion`: who wants too much gets little, and nobody else less (P21).

10,000 websockets of 200 addresses never say who they are and 1,000 clients send a request byte by
byte or nothing at all, all within some seconds; then one comes and goes 500 times a second while
one user wants 1,000 connections. Meanwhile two people go on talking. What counts is how long each
kind was borne, what it cost in memory, how fast `/healthz` answered, and how much later than before
the two heard each other.
"""

import asyncio
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
import msgspec

from chat_gateway.admission import Caps
from shared.contracts import frames
from shared.contracts.errors import CloseCode
from shared.contracts.frames import Limits
from shared.contracts.ids import OrderId, UserId
from shared.server import spare_what_stays
from tests.prove.attackers import Borne, Force, attack
from tests.prove.background import background
from tests.prove.ground import own_process
from tests.prove.line import Line, open_line
from tests.prove.memory import Memory
from tests.prove.proof import Proof, main

ORDER_ID: Final = OrderId("talking")
WRITER, READER = UserId("anna"), UserId("ben")

FORCE: Final = Force(silent=10_000, loris=1_000, greedy=1_000)
CALM_S: Final = 15.0
MESSAGES_PER_S: Final = 40
PATIENCE_S: Final = 30.0

IDLE_S_MAX: Final = 5.0 + 1.0
LORIS_S_MAX: Final = 10.0 + 1.0
HEALTH_S_MAX: Final = 1.0
SLOWER_MAX: Final = 1.5
NOISE_S: Final = 0.015
"""A ratio says nothing of differences below this: two cores do all of it, the attack too."""
SILENT_KIB_MAX: Final = 50.0
"""For each silent websocket while most stand; what comes along with all of it is counted in."""
CAPS: Final = Caps()


class Figures(msgspec.Struct, frozen=True):
    """What came of it; times in seconds."""

    force: Force
    borne: Borne
    health_s: float
    calm_p99_s: float
    attacked_p99_s: float
    silent_kib: float

    def violations(self) -> list[str]:
        """What was not as promised."""
        force, borne, found = self.force, self.borne, []
        for name, times, count, most in (
            ("silent websockets", borne.idle_s, force.silent - borne.sent_away, IDLE_S_MAX),
            ("slow requests", borne.loris_s, force.loris, LORIS_S_MAX),
        ):
            if len(times) < count:
                found.append(f"{count - len(times)} {name} did not end as they should")
            if max(times, default=0.0) > most:
                found.append(f"{name} were borne for {max(times):.1f} s")
        if borne.sent_away and borne.standing < CAPS.silent_max * 0.9:
            found.append(f"{borne.sent_away} were sent away though only {borne.standing} stood")
        if borne.standing > CAPS.silent_max:
            found.append(f"{borne.standing} silent websockets stood at a time")
        admitted = CAPS.address_arrivals_burst + CAPS.address_arrivals_per_s * borne.churn_s
        if borne.churned.get("101", 0) > admitted + 1 or borne.churned.keys() - {"101", "503"}:
            found.append(f"who comes and goes was answered {borne.churned}")
        cap = Limits().sockets_per_user
        if borne.greedy != {0: cap, int(CloseCode.TOO_MANY_CONNECTIONS): force.greedy - cap}:
            found.append(f"the connections of one user ended so: {borne.greedy}")
        if self.health_s > HEALTH_S_MAX:
            found.append(f"/healthz took {self.health_s:.2f} s")
        if self.attacked_p99_s > max(self.calm_p99_s * SLOWER_MAX, self.calm_p99_s + NOISE_S):
            found.append(f"p99 went from {self.calm_p99_s:.4f} s to {self.attacked_p99_s:.4f} s")
        if self.silent_kib > SILENT_KIB_MAX:
            found.append(f"{self.silent_kib:.0f} KiB for each silent websocket")
        return found


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module. There are fewer at a smaller scale; it takes nearly as long."""
    force = Force(*(max(100, round(many * scale)) for many in msgspec.structs.astuple(FORCE)))
    figures = await measure(folder, seed, force)
    borne = figures.borne
    return Proof(
        "P21: exhaustion is paid by who tries it",
        f"{force.silent:,} silent websockets, {force.loris:,} slow requests, "
        f"{sum(borne.churned.values()):,} handshakes of one address in {borne.churn_s:.0f} s, "
        f"{force.greedy:,} websockets of one user",
        f"at most {borne.standing:,} silent at a time and {borne.sent_away:,} sent away; closed "
        f"after at most {max(borne.idle_s, default=0):.1f} s and "
        f"{max(borne.loris_s, default=0):.1f} s; {borne.churned.get('503', 0):,} handshakes turned "
        f"away, {borne.greedy.get(0, 0)} of one user left open; "
        f"{figures.silent_kib:.0f} KiB for each silent one; "
        f"/healthz within {1_000 * figures.health_s:.0f} ms; a message's p99 "
        f"{1_000 * figures.calm_p99_s:.1f} ms before, {1_000 * figures.attacked_p99_s:.1f} ms "
        f"meanwhile (× {figures.attacked_p99_s / figures.calm_p99_s:.2f})",
        figures.violations(),
    )


async def measure(folder: Path, seed: str, force: Force) -> Figures:
    """Run it once on a fresh server."""
    async with (
        own_process(folder, seed, {"ORDER_CHAT_RATE_LIMITS": "on"}) as (ground, server),
        AsyncExitStack() as resources,
        background() as start,
    ):
        pool = resources.enter_context(ProcessPoolExecutor(1))
        await ground.put(ORDER_ID, {WRITER: "creator", READER: "advertiser"})
        lines = [
            await resources.enter_async_context(open_line(ground.chat_url, ground.token(who)))
            for who in (WRITER, READER)
        ]
        pair = Pair(*lines)
        for line in lines:
            await line.join(ORDER_ID)
        start(pair.listen())
        memory = Memory(server.pid)
        start(memory.watch())
        spare_what_stays()  # our own pauses would count as the server's
        calm_from = time.monotonic()
        calm, _ = await _watch(pair, server.url, lambda: time.monotonic() > calm_from + CALM_S)
        attacked_from = time.monotonic()
        attacking = asyncio.get_running_loop().run_in_executor(
            pool, attack, server.port, force, ground.token("greedy")
        )
        attacked, slowest = await _watch(pair, server.url, attacking.done)
        until = time.monotonic()
        more = memory.most(attacked_from, until) - memory.most(calm_from, attacked_from)
        borne = await attacking
        each = more * 1_024 / borne.standing
        return Figures(force, borne, slowest, calm, attacked, each)


class Pair:
    """Two people in one order, on a connection each."""

    def __init__(self, writer: Line, reader: Line) -> None:
        self._writer = writer
        self._reader = reader

    async def p99_s(self, until: Callable[[], bool]) -> float:
        """Talk until then; what a hundredth of the messages exceeded on their way."""
        times = sorted(await self.talk(until))
        return times[math.ceil(len(times) * 0.99) - 1]

    async def talk(self, until: Callable[[], bool]) -> list[float]:
        """Talk until then; how long each message was on its way."""
        times: list[float] = []
        while not until():
            times.append(await self._say())
            await asyncio.sleep(max(0.0, 1 / MESSAGES_PER_S - times[-1]))
        return times

    async def _say(self) -> float:
        frame = self._writer.message(ORDER_ID, "Still there?")
        began = time.monotonic()
        await self._writer.say(frame)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                heard = await self._reader.hear()
                if isinstance(heard, frames.MessageShown) and heard.client_id == frame.id:
                    self._writer.seen[ORDER_ID] = heard.n
                    return time.monotonic() - began

    async def listen(self) -> None:
        """Take what the writer is sent; nothing of it is of interest."""
        while True:
            await self._writer.websocket.recv()


async def _watch(pair: Pair, url: str, until: Callable[[], bool]) -> tuple[float, float]:
    """The pair's p99 and the slowest `/healthz`; both all the time, as one costs the other."""
    return await asyncio.gather(pair.p99_s(until), _slowest_health(url, until))


async def _slowest_health(url: str, until: Callable[[], bool]) -> float:
    """The longest time an answer of `/healthz` took."""
    slowest = 0.0
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        while not until():
            began = time.monotonic()
            # A connection of its own each time, as from a load balancer that starts anew.
            answer = await http.get(f"{url}/healthz", headers={"Connection": "close"})
            answer.raise_for_status()
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.1)
    return slowest


if __name__ == "__main__":
    sys.exit(main("exhaustion", prove, sys.argv[1:]))
