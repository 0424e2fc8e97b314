"""Those who mean harm to a server of this machine, for `tests.prove.exhaustion`: many who never say
who they are, some who take their time, one who comes and goes, and one who cannot have enough.

They run in a process of their own, so that what they cost is not the server's.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.contracts import frames
from shared.contracts.errors import CloseCode
from tests.prove.bare import Bare, connected

LORIS: Final = 100
PER_ADDRESS: Final = 50
OPENED_PER_S: Final = 250
"""All silent ones stand before the first is closed."""
CHURN_PER_S: Final = 250
GREEDY: Final = 200
GREEDY_PER_S: Final = 20
"""Slowly, so that what comes and goes meanwhile uses up its burst."""
PATIENCE_S: Final = 30.0

SLOW_HEAD: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100
SLOW_BODY: Final = b"PUT /v1/orders/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


class Borne(msgspec.Struct, frozen=True):
    """How each kind was borne."""

    idle_s: list[float]
    """For how long each silent websocket was, of those that were told to go with 4001."""
    loris_s: list[float]
    """The same of each slow request, until it was cut."""
    churned: dict[str, int]
    """How often the one who comes and goes was answered what, by status."""
    churn_s: float
    greedy: dict[int, int]
    """Of one user's websockets, how many ended with which code; 0: still open at the end, -1: not
    as any should."""


def attack(port: int, silent: int, token: str) -> Borne:
    """Attack until all connections are gone, with *silent* websockets and a user's token."""
    os.nice(19)  # attackers have machines of their own; here they take what the others leave
    return asyncio.run(_attack(port, silent, token))


async def _attack(port: int, silent: int, token: str) -> Borne:
    loris = [asyncio.create_task(_take_time(port, number)) for number in range(LORIS)]
    idle = []
    for number in range(silent):
        idle.append(asyncio.create_task(_stay_silent(port, number)))
        await asyncio.sleep(1 / OPENED_PER_S)
    idle_s, loris_s = await _ended(idle), await _ended(loris)
    churn = asyncio.create_task(_come_and_go(port))
    greedy = await _want_more(port, token)
    churn.cancel()
    answers, churn_s = await churn
    return Borne(idle_s, loris_s, answers, churn_s, greedy)


async def _ended(tasks: Sequence[asyncio.Task[float]]) -> list[float]:
    """The times of those that ended as they should."""
    times = await asyncio.gather(*tasks, return_exceptions=True)
    return [seconds for seconds in times if isinstance(seconds, float)]


async def _stay_silent(port: int, number: int) -> float:
    """How long after the handshake a silent websocket is told to go, with the right code."""
    async with (
        asyncio.timeout(PATIENCE_S),
        connected(port, f"127.0.1.{1 + number // PER_ADDRESS}") as bare,
    ):
        assert await bare.shake_hands() == "101"
        began = time.monotonic()
        assert await bare.close_code() == CloseCode.TOKEN
        return time.monotonic() - began


async def _take_time(port: int, number: int) -> float:
    """How long after its beginning a request that never ends is cut off."""
    async with connected(port, f"127.0.2.{1 + number // PER_ADDRESS}") as bare:
        began = time.monotonic()
        bare.write((SLOW_HEAD, SLOW_BODY)[number % 2])
        dripping = asyncio.create_task(_drip(bare))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await bare.ended()
        finally:
            dripping.cancel()
        return time.monotonic() - began


async def _drip(bare: Bare) -> None:
    while True:
        await asyncio.sleep(0.5)
        bare.write(b"a")


async def _come_and_go(port: int) -> tuple[dict[str, int], float]:
    """Connect and be gone again, from one address, until cancelled; what the answers were, and for
    how long that went."""
    answers: Counter[str] = Counter()
    began = due = time.monotonic()
    try:
        while True:
            async with asyncio.timeout(PATIENCE_S), connected(port, "127.0.3.1") as bare:
                answers[await bare.shake_hands()] += 1
            due += 1 / CHURN_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    except asyncio.CancelledError:
        return dict(answers), time.monotonic() - began


async def _want_more(port: int, token: str) -> dict[int, int]:
    """Open more and more websockets of one user; how each ended."""
    tries = []
    for number in range(GREEDY):
        tries.append(asyncio.create_task(_want_one(port, number, token)))
        await asyncio.sleep(1 / GREEDY_PER_S)
    await asyncio.sleep(1)
    for one in tries:
        one.cancel()
    ends = await asyncio.gather(*tries, return_exceptions=True)
    return dict(Counter(_end_of(end) for end in ends))


def _end_of(outcome: int | BaseException) -> int:
    if isinstance(outcome, asyncio.CancelledError):
        return 0
    return -1 if isinstance(outcome, BaseException) else outcome


async def _want_one(port: int, number: int, token: str) -> int:
    """The code that a websocket which says hello is closed with; still open when cancelled."""
    async with connected(port, f"127.0.4.{1 + number // PER_ADDRESS}") as bare:
        assert await bare.shake_hands() == "101"
        bare.say(frames.encode_frame(frames.Hello(token=token)))
        return await bare.close_code()
