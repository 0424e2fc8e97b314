"""`python -m tests.prove.leaks [--minutes 2]`: nothing is left of clients that are gone (P20).

Clients of another process come, do a little of everything, and go in every way, many a second. Then
all are gone, and everything that is counted must be what it was after a first, short wave: tasks,
timers, file descriptors, sessions, subscriptions, members of rooms, wishes, tickets, presence.
"""

import argparse
import asyncio
import gc
import os
import secrets
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from chat_gateway.feed import IDLE_S
from tests.prove.ground import secret_from
from tests.prove.history import now
from tests.prove.memory import resident
from tests.prove.proof import Proof, run
from tests.prove.stage import Stage, stage

MINUTES: Final = 2.0
FIRST_S: Final = 5.0
"""A first wave before the baseline: what is made once, on first use, is no leak."""
GONE_S: Final = 60.0
"""How long it may take until nothing is left: who was here is offline after 30 s."""
BYTES_MAX: Final = 5_000
"""For each connection that came and went, beyond what was said: a fifth of what one takes."""
WARM: Final = 0.4
"""The part of the time in which the heap finds its size."""


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    return await prove_for(folder, seed, MINUTES * scale)


async def prove_for(folder: Path, seed: str, minutes: float) -> Proof:
    """See the module; come and go for so many minutes."""
    secret = secret_from(seed)
    async with stage(folder, secret.encode()) as system:
        system.start_archiver()
        await _churn(system, secret, FIRST_S)
        first = await _settled(system, None)
        sizes: list[tuple[float, float]] = []
        watching = asyncio.create_task(_watch(sizes))
        began = now()
        opened = await _churn(system, secret, minutes * 60)
        watching.cancel()
        lasted = now() - began
        last = await _settled(system, first)
    slope = _slope([(at, size) for at, size in sizes if at > began + WARM * lasted])
    per_connection = slope * lasted / opened * 2**20
    violations = [
        f"{name}: {first[name]} before, {last[name]} after"
        for name in sorted(first.keys() | last.keys())
        if first[name] != last[name]
    ]
    if per_connection > BYTES_MAX:
        violations.append(f"{per_connection:,.0f} bytes are left of each connection")
    return Proof(
        "P20: nothing is left of those who are gone",
        f"{opened:,} connections came and went in {lasted / 60:.1f} minutes, then all were gone",
        f"{first['tasks']} tasks, {first['timers']} timers, {first['descriptors']} descriptors, "
        f"{first['subscriptions']} subscriptions, {first['members']} members as before; "
        f"size {sizes[-1][1]:.0f} MiB, {slope * 60:+.2f} MiB a minute after warm-up with "
        "everything that was said",
        violations,
    )


def count(system: Stage) -> Counter[str]:
    """What is there, by name; each task and timer also under its own."""
    gateway = system.gateway.gateway
    feed, hub, presence = gateway._feed, gateway._hub, gateway._presence
    loop_time = asyncio.get_running_loop().time()
    # Twice: first a room is seen to be idle, then it has been so for long.
    feed.sweep(loop_time)
    feed.sweep(loop_time + IDLE_S + 1)
    gc.collect()
    tasks = [task for task in asyncio.all_tasks() if not task.done()]
    timers = [
        handle
        for handle in gc.get_objects()
        if type(handle) is asyncio.TimerHandle
        and not handle.cancelled()
        and handle.when() > loop_time
    ]
    admission = system.gateway.admission
    counts: Counter[str] = Counter(
        {
            "descriptors": len(os.listdir("/proc/self/fd")),
            "tasks": len(tasks),
            "timers": len(timers),
            "sessions": len(gateway.sessions()),
            "hellos due": len(gateway._hellos),
            "tokens to end": sum(
                len(second.sessions) for second in gateway._expiries._seconds.values()
            ),
            "wishes": len(gateway._wishes),
            "turns": len(gateway._turns),
            "subscriptions": len(hub._orders),
            "members": sum(len(members) for members in hub._orders.values()),
            "rooms held": sum(feed._held.values()),
            "rooms": sum(len(tail.rooms) for tail in feed._tails.values()),
            "tails": len(feed._tails),
            "tails in use": sum(feed._in_use.values()),
            "listening": len(presence._listening),
            "here": len(presence._here),
            "leaving": len(presence._leaving),
            "silent": admission._silent_total,
            "users": len(admission._users),
        }
    )
    counts.update(f"task {_name(task.get_coro())}" for task in tasks)
    counts.update(f"timer {_name(getattr(handle, '_callback', None))}" for handle in timers)
    return counts


def _name(what: Any) -> str:
    return str(getattr(what, "__qualname__", type(what).__qualname__))


async def _settled(system: Stage, expected: Counter[str] | None) -> Counter[str]:
    """What is there once it is *expected*, or after all patience; null: once nobody is there."""
    give_up_at = now() + GONE_S
    while True:
        await asyncio.sleep(1.03)  # not in step with what happens once a second
        counts = count(system)
        if now() > give_up_at or counts == expected:
            return counts
        if expected is None and not counts["here"] and not counts["tails"]:
            return counts


async def _churn(system: Stage, secret: str, seconds: float) -> int:
    """Have clients come and go; how many did. Raises `RuntimeError` if they failed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.prove.churn", system.ground.url, str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + 60):
            output, _ = await process.communicate(secret.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError("the clients failed, see above")
    return int(output)


async def _watch(sizes: list[tuple[float, float]]) -> None:
    while True:
        sizes.append((now(), await asyncio.to_thread(resident, os.getpid())))
        await asyncio.sleep(0.5)


def _slope(samples: list[tuple[float, float]]) -> float:
    """MiB a second, by least squares."""
    if len(samples) < 2:
        return 0.0
    middle = sum(at for at, _ in samples) / len(samples)
    mean = sum(size for _, size in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return sum((at - middle) * (size - mean) for at, size in samples) / spread


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.prove.leaks", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long they come and go")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    given = parser.parse_args()
    sys.exit(run(lambda folder: prove_for(folder, given.seed, given.minutes)))
