"""`python -m tests.prove.verdict_latency`: how long what was said in pieces can be read.

200 people talk in 100 orders, 300 messages a second together, where contact details are masked.
Every twentieth message completes a telephone number that was begun in the one before: neither can
be masked by itself. What counts is the time from when the second is on its sender's screen to when
both are gone from both screens. Gateway, archiver, order service and the moderation consumer are
processes of their own on real engines. Five runs; the median of each figure counts.
"""

import asyncio
import math
import statistics
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deploy.stack import Stack
from order_service.model import Status
from order_service.policy import DEFAULT
from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId
from shared.server import spare_what_stays
from tests.prove.background import background
from tests.prove.exhaustion import READER, WRITER
from tests.prove.fleet import Fleet
from tests.prove.ground import ground_at, secret_from
from tests.prove.line import Line, open_line
from tests.prove.process import Process
from tests.prove.proof import Proof, main

ROOMS: Final = 100
MESSAGES_PER_S: Final = 300
"""Of all rooms together."""
PAUSE_S: Final = ROOMS / MESSAGES_PER_S
"""Between two messages of a room."""
EVERY: Final = 20
"""One message in so many completes a detail."""
RUNS: Final = 5
RUN_S: Final = 30.0
WARM_UP_S: Final = 5.0
PATIENCE_S: Final = 15.0
"""After a run, for what is not gone yet."""
P99_S_MAX: Final = 0.5

PIECES: Final = ("0171", "2345678")
TALK: Final = (
    "The second cut is ready, could you please have a look at the colours?",
    "I like the opening a lot, only the music is a little too loud for me.",
    "Let us keep the logo where it is and make the last scene shorter.",
)


class Detail(msgspec.Struct):
    """A number in two messages, and when what became of them; times are of one clock."""

    completed_by: ClientId | None = None
    shown_at: float = math.nan
    """When the second was on its sender's screen."""
    left: int = 4
    """Of two messages on two screens, how many can still be read."""
    gone_at: float = math.nan


class Room:
    """Two people in an order: one writes, both watch."""

    def __init__(self, order_id: OrderId, screens: Sequence[Line], *, said: int) -> None:
        """*said*: how much was said already, so that not all say the same at the same time."""
        self._order_id = order_id
        self._screens = screens
        self._said = said
        self._begun = Detail()
        self._expected: dict[ClientId, Detail] = {}
        self._by_piece: dict[MessageId, Detail] = {}
        self.details: list[Detail] = []
        """Those of this run that were said whole."""

    async def talk(self, first_at: float, until: float) -> None:
        """Say something at even intervals, whatever becomes of it. Details are said whole."""
        at, texts = first_at, deque[str]()
        while at < until or texts:
            if not texts:
                texts.extend(PIECES if self._said % EVERY == 0 else (TALK[self._said % len(TALK)],))
            await asyncio.sleep(at - time.monotonic())
            await self._say(texts.popleft())
            at += PAUSE_S

    async def _say(self, text: str) -> None:
        writer = self._screens[0]
        frame = writer.message(self._order_id, text)
        if text == PIECES[0]:
            self._begun = self._expected[frame.id] = Detail()
        elif text == PIECES[1]:
            self._begun.completed_by = frame.id
            self._expected[frame.id] = self._begun
            self.details.append(self._begun)
        self._said += 1
        await writer.say(frame)

    async def watch(self, screen: int) -> None:
        """Take what comes to a screen."""
        line = self._screens[screen]
        while True:
            frame = await line.hear()
            now = time.monotonic()
            if isinstance(frame, frames.MessageShown) and frame.client_id in self._expected:
                detail = self._expected[frame.client_id]
                self._by_piece[frame.id] = detail
                if screen == 0 and frame.client_id == detail.completed_by:
                    detail.shown_at = now
            elif isinstance(frame, frames.RedactShown) and frame.target in self._by_piece:
                detail = self._by_piece[frame.target]
                detail.left -= 1
                detail.gone_at = now


class Run(NamedTuple):
    """What one run came to."""

    details: int
    stayed: int
    """Of these, how many could still be read long after."""
    times: Sequence[float]

    def at(self, share: float) -> float:
        """What so many of the times did not exceed."""
        return sorted(self.times)[math.ceil(len(self.times) * share) - 1]


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module. At a smaller scale runs are shorter."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = secret_from(seed)
    policy = folder / "policy.json"
    masked = msgspec.structs.replace(DEFAULT, contact=dict.fromkeys(Status, "masked"))
    policy.write_bytes(msgspec.json.encode(masked))
    async with Stack(folder / "engines", given={}) as stack:
        settings = {**stack.environment, "ORDER_CHAT_POLICY_FILE": str(policy)}
        fleet = Fleet(folder, secret, settings, gateways=1)
        consumer = Process(
            "moderation",
            "chat_gateway.moderation",
            folder,
            {
                **settings,
                "ORDER_CHAT_JWT_SECRET": secret,
                "ORDER_CHAT_GATEWAY_URL": fleet.gateways[0].url,
            },
        )
        try:
            await fleet.start()
            await consumer.start()
            runs = await _measure(fleet, secret, RUN_S * scale)
            await consumer.stop()
        finally:  # what the archiver has not written yet is of no account here
            await consumer.kill()
            await fleet.kill()
    p50 = statistics.median(run.at(0.5) for run in runs)
    p99 = statistics.median(run.at(0.99) for run in runs)
    stayed = sum(run.stayed for run in runs)
    violations = []
    if stayed:
        violations.append(f"{stayed} details could still be read after {PATIENCE_S:.0f} s")
    if p99 > P99_S_MAX:
        violations.append(f"p99 is {1_000 * p99:.0f} ms")
    each = ", ".join(f"{1_000 * run.at(0.99):.0f}" for run in runs)
    return Proof(
        "what was said in pieces is gone in half a second",
        f"{MESSAGES_PER_S} messages a second in {ROOMS} orders, {len(runs)} runs of "
        f"{RUN_S * scale:.0f} s, {sum(run.details for run in runs):,} numbers in two messages",
        f"from the sender's screen to gone on both: median {1_000 * p50:.0f} ms, p99 "
        f"{1_000 * p99:.0f} ms (medians of the runs, whose p99 were {each} ms)",
        violations,
    )


async def _measure(fleet: Fleet, secret: str, run_s: float) -> list[Run]:
    chat_url = fleet.gateways[0].url.replace("http", "ws", 1) + "/v1/chat"
    async with (
        ground_at(fleet.orders_url, secret.encode()) as ground,
        AsyncExitStack() as lines,
        background() as start,
    ):
        rooms = []
        for number in range(ROOMS):
            order_id = OrderId(f"talk-{number}")
            await ground.put(order_id, {WRITER: "creator", READER: "advertiser"})
            screens = [
                await lines.enter_async_context(open_line(chat_url, ground.token(who)))
                for who in (WRITER, READER)
            ]
            for screen in screens:
                await screen.join(order_id)
            room = Room(order_id, screens, said=number)
            for number_of_screen in range(len(screens)):
                start(room.watch(number_of_screen))
            rooms.append(room)
        spare_what_stays()  # our own pauses would count as the server's
        await _run(rooms, WARM_UP_S)
        return [await _run(rooms, run_s) for _ in range(RUNS)]


async def _run(rooms: Sequence[Room], seconds: float) -> Run:
    for room in rooms:
        room.details.clear()
    begin = time.monotonic()
    async with asyncio.TaskGroup() as talking:
        for number, room in enumerate(rooms):
            first_at = begin + number / MESSAGES_PER_S
            talking.create_task(room.talk(first_at, begin + seconds))
    details = [detail for room in rooms for detail in room.details]
    give_up_at = time.monotonic() + PATIENCE_S
    while any(detail.left for detail in details) and time.monotonic() < give_up_at:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    gone = [detail for detail in details if not detail.left]
    times = [detail.gone_at - detail.shown_at for detail in gone]
    return Run(len(details), len(details) - len(gone), times)


if __name__ == "__main__":
    sys.exit(main("verdict_latency", prove, sys.argv[1:]))
