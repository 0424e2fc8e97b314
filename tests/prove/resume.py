"""`python -m tests.prove.resume`: coming back brings everything missed, or says so (P6).

Clients go away with what they have. While they are away a random number of events is written, none
to far more than are replayed; the archiver runs, lags or stands still; the gateway keeps their
order, forgets it, or is started anew; its tail is cut short; or the log itself is replaced under a
new epoch. Then they come back with their position, and get exactly what the log says they missed,
or a reset, and that only where it is due.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec

from chat_gateway.feed import IDLE_S
from shared.contracts import frames
from shared.contracts.ids import NOTHING, OrderId, Seq, UserId
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from tests.prove.author import Author
from tests.prove.completeness import check_answer, check_screen
from tests.prove.ground import secret_from
from tests.prove.history import now
from tests.prove.line import Line, Refused, open_line
from tests.prove.proof import Proof, main
from tests.prove.stage import Stage, stage
from tests.prove.truth import LOG_FILE, Truth, read_log
from tests.prove.view import View

ABSENCES: Final = 100
AT_ONCE: Final = 4
"""Orders of one system, in two partitions, so that they share tails."""
OLD_LOG: Final = "log-of-epoch-1.db"
PATIENCE_S: Final = 30.0
PAGES_MAX: Final = 100
"""More than any order here has."""
TAIL_BYTES: Final = (5_000, 150_000)
LONGEST: Final = (20, 300, 2_000)

Archiver = Literal["runs", "stops before", "stops halfway"]
Gateway = Literal["keeps the order", "forgets the order", "is started anew"]


class Weather(msgspec.Struct, frozen=True):
    """What happens while clients are away."""

    archiver: Archiver
    gateway: Gateway
    tail_bytes: int | None
    """The bound of the gateway's tail; null: the usual one, of which nothing is cut here."""
    new_epoch: bool
    neighbour: bool
    """Whether somebody else has an order of the same partition open all the time."""


class Absence(msgspec.Struct):
    """One client that goes and comes back."""

    order_id: OrderId
    author: Author
    missed: int
    longest: int
    fresh: bool
    """Whether it held the newest page, not all."""
    view: View = msgspec.field(default_factory=View)
    unavailable: int = 0
    """How often it was told to come again later."""

    @property
    def user_id(self) -> UserId:
        """The reader."""
        return UserId(f"reader-of-{self.order_id}")


class Tally(msgspec.Struct):
    """What came of it."""

    absences: int = 0
    replayed: int = 0
    resets: int = 0
    events: int = 0
    unavailable: int = 0
    weather: Counter[str] = msgspec.field(default_factory=Counter)
    violations: list[str] = []


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    dice = random.Random(seed)
    tally = Tally()
    for number in range(max(1, round(ABSENCES * scale / AT_ONCE))):
        await _system(folder / f"{number}", f"{seed} {number}", _weather(dice), dice, tally)
    weather = ", ".join(f"{times} × {what}" for what, times in sorted(tally.weather.items()))
    return Proof(
        "P6: a resume is complete or says so",
        f"{tally.absences} absences with 0 to 800 events missed ({weather})",
        f"{tally.replayed} replays, {tally.resets} resets, each where it is due; "
        f"{tally.events:,} events, 0 missing, 0 extra; {tally.unavailable} times come again later"
        if not tally.violations
        else f"{len(tally.violations)} wrong",
        tally.violations,
    )


def _weather(dice: random.Random) -> Weather:
    return Weather(
        archiver=dice.choice(("runs", "stops before", "stops halfway")),
        gateway=dice.choice(("keeps the order", "forgets the order", "is started anew")),
        tail_bytes=dice.choice((None, dice.randint(*TAIL_BYTES))),
        new_epoch=dice.random() < 0.15,
        neighbour=dice.random() < 0.5,
    )


def _missed(dice: random.Random) -> int:
    ranges = ((0, 0), (1, 30), (31, 400), (480, 520), (501, 800))
    return dice.randint(*dice.choice(ranges))


async def _system(
    data: Path, seed: str, weather: Weather, dice: random.Random, tally: Tally
) -> None:
    """One system, some absences of the same weather."""
    secret = secret_from(seed).encode()
    absences = [_absence(number, dice) for number in range(AT_ONCE)]
    async with stage(data, secret) as system:
        system.start_archiver()
        for one in absences:
            writer = UserId(f"writer-of-{one.order_id}")
            await system.ground.put(one.order_id, {writer: "creator", one.user_id: "advertiser"})
            await one.author.write(system.log, dice.randint(0, 80), one.longest)
            await _look(system, one)
        async with _neighbour(system, absences[0], weather):
            await _be_away(system, absences, weather)
            if not weather.new_epoch and weather.gateway != "is started anew":
                truth = await asyncio.to_thread(read_log, data)
                await _come_back(system, absences, truth, weather, tally)
                return
        if weather.new_epoch:
            await system.stop_archiver()
            await system.archive_all()
    truth = await asyncio.to_thread(read_log, data)
    if weather.new_epoch:
        (data / LOG_FILE).rename(data / OLD_LOG)
    epoch = 2 if weather.new_epoch else 1
    async with stage(data, secret, epoch=epoch) as system:
        _bound_tail(system, weather)
        if weather.archiver == "runs":
            system.start_archiver()
        if weather.new_epoch:
            for one in absences:
                await one.author.write(system.log, one.missed, one.longest)
            truth = await asyncio.to_thread(partial(read_log, data, epoch=epoch, earlier=truth))
        await _come_back(system, absences, truth, weather, tally)


def _absence(number: int, dice: random.Random) -> Absence:
    """An absence of an order of one of two partitions."""
    name = number * 1_000
    while partition_of(f"resume-{name}", EMBEDDED_PARTITIONS) != number % 2:
        name += 1
    order_id = OrderId(f"resume-{name}")
    author = Author(order_id, UserId(f"writer-of-{order_id}"), dice)
    return Absence(order_id, author, _missed(dice), dice.choice(LONGEST), dice.random() < 0.3)


async def _look(system: Stage, one: Absence) -> None:
    """Open the order and go away with what was shown."""
    after = None if one.fresh else NOTHING
    async with _line(system, one.user_id) as line:
        one.view.open(await line.join(one.order_id, after), after)


async def _be_away(system: Stage, absences: Sequence[Absence], weather: Weather) -> None:
    """Let everything happen that happens meanwhile."""
    _bound_tail(system, weather)
    if weather.archiver == "stops before":
        await system.stop_archiver()
    for one in absences:
        await one.author.write(system.log, one.missed // 2, one.longest)
    if weather.archiver == "stops halfway":
        await system.stop_archiver()
    for one in absences:
        await one.author.write(system.log, one.missed - one.missed // 2, one.longest)
    if weather.gateway == "forgets the order":
        feed = system.gateway.gateway._feed
        time = asyncio.get_running_loop().time()
        # Twice: first an order is seen to be idle, then it has been so for long.
        feed.sweep(time)
        feed.sweep(time + IDLE_S + 1)


def _bound_tail(system: Stage, weather: Weather) -> None:
    if weather.tail_bytes is not None:
        system.gateway.gateway._feed._tail_bytes_max = weather.tail_bytes


@asynccontextmanager
async def _neighbour(system: Stage, one: Absence, weather: Weather) -> AsyncIterator[None]:
    """Somebody who has the order open meanwhile, if the weather says so."""
    async with AsyncExitStack() as resources:
        if weather.neighbour:
            writer = UserId(f"writer-of-{one.order_id}")
            line = await resources.enter_async_context(_line(system, writer))
            await line.join(one.order_id)
        yield


@asynccontextmanager
async def _line(system: Stage, user_id: UserId) -> AsyncIterator[Line]:
    async with open_line(system.ground.chat_url, system.ground.token(user_id)) as line:
        yield line


async def _come_back(
    system: Stage, absences: Sequence[Absence], truth: Truth, weather: Weather, tally: Tally
) -> None:
    """Resume them all at once, and compare what they get with the truth."""
    answers = await asyncio.gather(*(_resume(system, one) for one in absences))
    tally.weather[f"archiver {weather.archiver}"] += len(absences)
    tally.weather[f"gateway {weather.gateway}"] += len(absences)
    tally.weather["tail cut"] += len(absences) * (weather.tail_bytes is not None)
    tally.weather["new epoch"] += len(absences) * weather.new_epoch
    for one, (held, answer) in zip(absences, answers, strict=True):
        entries = [entry for entry in truth.orders[one.order_id].entries if entry.shown]
        tally.absences += 1
        tally.unavailable += one.unavailable
        tally.resets += answer.reset
        tally.replayed += not answer.reset
        tally.events += len(answer.events)
        found = check_answer(held, answer, entries, new_epoch=weather.new_epoch)
        found += check_screen(one.view, entries)
        tally.violations += [f"{one.order_id}, {weather}: {what}" for what in found]


async def _resume(system: Stage, one: Absence) -> tuple[Seq, frames.Joined]:
    """Come back; the position held until then, and the answer. The view has everything after."""
    held = one.view.head
    async with _line(system, one.user_id) as line:
        joined = await _join_in_the_end(line, one)
        one.view.open(joined, held)
        for _ in range(PAGES_MAX):
            if one.view.complete:
                break
            older = frames.History(ref=2, order_id=one.order_id, before=one.view.oldest, limit=100)
            await line.say(older)
            one.view.extend_back(await line.next(frames.Page))
    return held, joined


async def _join_in_the_end(line: Line, one: Absence) -> frames.Joined:
    """Join with the position held, again and again where the answer is to come later."""
    give_up_at = now() + PATIENCE_S
    while True:
        try:
            return await line.join(one.order_id, one.view.head)
        except Refused as refused:
            if not refused.frame.retry or now() > give_up_at:
                raise
            one.unavailable += 1
            await asyncio.sleep((refused.frame.retry_after_ms or 200) / 1_000)


if __name__ == "__main__":
    sys.exit(main("resume", prove, sys.argv[1:]))
