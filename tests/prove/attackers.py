"""Those who mean harm to a server of this machine, for `tests.prove.exhaustion`: many who never say
who they are, some who take their time, one who comes and goes, and one who cannot have enough.

They run in a process of their own, so that what they cost is not the server's.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from shared.contracts import frames
from shared.contracts.errors import CloseCode
from tests.prove.bare import Bare, connected

PER_ADDRESS: Final = 50
OPENED_PER_S: Final = 500
"""So many websockets, or slow requests, are tried a second: more silent ones than may stand."""
CHURN_PER_S: Final = 500
CHURNING: Final = 10
"""So many at a time."""
GREEDY_S: Final = 10.0
"""Slowly, so that what comes and goes meanwhile uses up its burst."""
PATIENCE_S: Final = 30.0

SLOW_HEAD: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100
SLOW_BODY: Final = b"PUT /v1/orders/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


class Force(msgspec.Struct, frozen=True):
    """How many there are of each kind."""

    silent: int
    loris: int
    """Slow requests, a third of which send nothing at all."""
    greedy: int
    """Websockets that one user wants."""


class Borne(msgspec.Struct, frozen=True):
    """How each kind was borne."""

    idle_s: list[float]
    """For how long each silent websocket was, of those that were told to go with 4001."""
    sent_away: int
    """Silent ones that were answered 503 at once."""
    standing: int
    """The most silent ones there were at a time."""
    loris_s: list[float]
    """The same of each slow request, until it was cut."""
    churned: dict[str, int]
    """How often the one who comes and goes was answered what, by status."""
    churn_s: float
    greedy: dict[int, int]
    """Of one user's websockets, how many ended with which code; 0: still open at the end, -1: not
    as any should."""


class Crowd:
    """How many silent websockets stand."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One of them does."""
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            yield
        finally:
            self._now -= 1


class SentAway(Exception):
    """Answered 503."""


def attack(port: int, force: Force, token: str) -> Borne:
    """Attack until all connections are gone, with a user's token."""
    os.nice(19)  # attackers have machines of their own; here they take what the others leave
    return asyncio.run(_attack(port, force, token))


async def _attack(port: int, force: Force, token: str) -> Borne:
    crowd = Crowd()
    loris = await _open(_take_time(port, number) for number in range(force.loris))
    idle = await _open(_stay_silent(port, number, crowd) for number in range(force.silent))
    loris_s, _ = await _ended(loris)
    idle_s, sent_away = await _ended(idle)
    churn = [asyncio.create_task(_come_and_go(port)) for _ in range(CHURNING)]
    began = time.monotonic()
    greedy = await _want_more(port, token, force.greedy)
    for one in churn:
        one.cancel()
    answers = sum(await asyncio.gather(*churn), Counter[str]())
    churn_s = time.monotonic() - began
    return Borne(idle_s, sent_away, crowd.most, loris_s, dict(answers), churn_s, greedy)


async def _open(connections: Iterable[Coroutine[Any, Any, float]]) -> list[asyncio.Task[float]]:
    """Open one after the other, at the pace there is."""
    tasks = []
    due = time.monotonic()
    for connection in connections:
        tasks.append(asyncio.create_task(connection))
        due += 1 / OPENED_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return tasks


async def _ended(tasks: Sequence[asyncio.Task[float]]) -> tuple[list[float], int]:
    """The times of those that ended as they should, and how many were sent away."""
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    times = [end for end in ends if isinstance(end, float)]
    return times, sum(isinstance(end, SentAway) for end in ends)


async def _stay_silent(port: int, number: int, crowd: Crowd) -> float:
    """How long after the handshake a silent websocket is told to go, with the right code. Raises
    `SentAway`."""
    async with (
        asyncio.timeout(PATIENCE_S),
        connected(port, f"127.0.1.{1 + number // PER_ADDRESS}") as bare,
    ):
        status = await bare.shake_hands()
        began = time.monotonic()
        if status == "503":
            raise SentAway
        assert status == "101"
        with crowd.one():
            assert await bare.close_code() == CloseCode.TOKEN
        return time.monotonic() - began


async def _take_time(port: int, number: int) -> float:
    """How long after its beginning a request that never ends is cut off."""
    async with connected(port, f"127.0.2.{1 + number // PER_ADDRESS}") as bare:
        began = time.monotonic()
        opening, drop = ((SLOW_HEAD, b"a"), (SLOW_BODY, b"a"), (b"", b""))[number % 3]
        bare.write(opening)
        dripping = asyncio.create_task(_drip(bare, drop))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await bare.ended()
        finally:
            dripping.cancel()
        return time.monotonic() - began


async def _drip(bare: Bare, drop: bytes) -> None:
    while True:
        await asyncio.sleep(0.5)
        bare.write(drop)


async def _come_and_go(port: int) -> Counter[str]:
    """Connect and be gone again, from one address, until cancelled; what the answers were."""
    answers: Counter[str] = Counter()
    due = time.monotonic()
    try:
        while True:
            async with asyncio.timeout(PATIENCE_S), connected(port, "127.0.3.1") as bare:
                answers[await bare.shake_hands()] += 1
            due += CHURNING / CHURN_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    except asyncio.CancelledError:
        return answers


async def _want_more(port: int, token: str, greedy: int) -> dict[int, int]:
    """Open more and more websockets of one user; how each ended."""
    tries = []
    for number in range(greedy):
        tries.append(asyncio.create_task(_want_one(port, number, token)))
        await asyncio.sleep(GREEDY_S / greedy)
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
