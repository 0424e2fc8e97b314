"""`python -m tests.prove.widget_cuts [--cuts N] [--messages N] [--reloads N] [--seed S]`: two type
at once into two panels, whose connections are cut and whose pages are reloaded.

Both sit in Chromium and type into the panel's own box. What stood in the box must stand there after
a reload, and what was entered must be shown to both, once, in the order it was typed: by both
panels, and by the log.
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal, NamedTuple

from shared.contracts.ids import OrderId, UserId
from tests.faults.proxy import Link, Wire
from tests.prove.ground import own_process
from tests.prove.history import FaultKind
from tests.prove.nemesis import CUTS
from tests.prove.panel import (
    PATIENCE_MS,
    WITH_SHOP,
    Left,
    Panel,
    Said,
    chromium,
    open_panel,
    read_messages,
)
from tests.prove.passing import faults_of, pass_by
from tests.prove.proof import Proof, run

ORDER_ID: Final = OrderId("typed")
ANNA, BEN = UserId("anna"), UserId("ben")

KINDS: Final[Sequence[FaultKind]] = ("reset", "close", "blackhole", "deaf", "mute", "midframe")
"""All end the connection."""
CUT_WITHIN_S: Final = 1.5
"""So long after a portion of the messages was begun its cut comes."""
PAUSE_S: Final = 0.4
"""At most, before the next message is typed."""
CALM_S: Final = 120.0
"""What has not settled so long after the last word never will."""

Moment = Literal["typing", "enter", "between"]
MOMENTS: Final[Sequence[Moment]] = ("typing", "enter", "between")

WORDS: Final = ("tray", "linen,", "then", "steam:", "one", "slow", "morning", "grey stoneware")


class Size(NamedTuple):
    """How much is tried."""

    cuts: int = 50
    messages: int = 500
    reloads: int = 10


class Typist:
    """Types messages into one party's panel, and reloads its page at given ones."""

    def __init__(
        self, name: UserId, panel: Panel, moments: Mapping[int, Moment], count: int, seed: str
    ) -> None:
        self.name = name
        self.panel = panel
        self.offline = 0
        """So many messages were entered without a connection."""
        self.faults: list[str] = []
        """What did not stand in the box as it should."""
        self._moments = moments
        self._dice = random.Random(f"{seed} {name}")
        self.texts = [self._text(number) for number in range(count)]

    def _text(self, number: int) -> str:
        return f"{self.name} {number}: {' '.join(self._dice.sample(WORDS, 3))}"

    async def type(self, may: asyncio.Semaphore) -> None:
        """Type all, each once it may be."""
        for number, text in enumerate(self.texts):
            await may.acquire()
            await asyncio.sleep(self._dice.uniform(0, PAUSE_S))
            moment = self._moments.get(number)
            half = len(text) // 2 if moment == "typing" else 0
            if moment == "between":
                await self.panel.reload()
            if half:
                await self.panel.box.press_sequentially(text[:half])
                await self.panel.reload()
                await self._find(text[:half])
                await self.panel.box.press("Control+End")
            await self.panel.box.press_sequentially(text[half:])
            self.offline += not await self.panel.is_live()
            if moment == "enter":
                await self.panel.enter_and_reload()
            else:
                await self.panel.box.press("Enter")
            await self._find("")

    async def _find(self, text: str) -> None:
        found = await self.panel.box.input_value()
        if found != text:
            self.faults.append(f"{self.name} found {found!r} in the box, not {text!r}")
            await self.panel.box.fill(text)


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """The form of `make prove`, or its tenth with two reloads."""
    cuts, messages, reloads = (round(count * scale) for count in Size())
    return await prove_sized(folder, seed, Size(cuts, messages, max(2, reloads)))


async def prove_sized(folder: Path, seed: str, size: Size) -> Proof:
    """Type, cut and reload so often."""
    dice = random.Random(seed)
    async with AsyncExitStack() as resources:
        ground, server = await resources.enter_async_context(own_process(folder, seed, WITH_SHOP))
        links = {
            name: await resources.enter_async_context(Link(server.port)) for name in (ANNA, BEN)
        }
        await ground.put(ORDER_ID, {ANNA: "creator", BEN: "advertiser"})
        browser = await resources.enter_async_context(chromium())
        typists = []
        for number, (name, link) in enumerate(links.items()):
            chat = f"http://127.0.0.1:{link.port}"
            panel = await open_panel(browser, ground, ORDER_ID, name, chat=chat)
            count = (size.messages + number) // 2
            moments = _moments(count, (size.reloads + number) // 2, number, dice)
            typists.append(Typist(name, panel, moments, count, seed))
        kinds = await _type_and_cut(typists, list(links.values()), size, dice)
        ended = time.monotonic()
        left = await _calm(typists)
        settled_s = time.monotonic() - ended
        said = await read_messages(ground, ORDER_ID, ANNA)
        violations = _faults_of_log(said, typists)
        for typist in typists:
            violations += await _faults_of_panel(typist, said)
            if not left[typist.name].nothing:
                violations.append(f"{typist.name} has not settled: {left[typist.name]}")
    cut = ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))
    return Proof(
        "both panels show what both typed, whatever is cut and reloaded",
        f"{size.messages} messages typed by two at once in Chromium, {size.cuts} cuts ({cut}), "
        f"{size.reloads} reloads",
        f"{len(said)} in the log and in both panels, {sum(t.offline for t in typists)} of them "
        f"typed without a connection; settled {settled_s:.1f} s after the last",
        violations,
    )


def _moments(count: int, reloads: int, first: int, dice: random.Random) -> dict[int, Moment]:
    """At which of a typist's messages the page is reloaded, and when in it; all kinds in turn."""
    numbers = sorted(dice.sample(range(count), reloads))
    return {number: MOMENTS[(first + at) % 3] for at, number in enumerate(numbers)}


async def _type_and_cut(
    typists: Sequence[Typist], links: Sequence[Link], size: Size, dice: random.Random
) -> Counter[FaultKind]:
    """Let both type, a portion for each cut: so words and cuts come to their end together."""
    kinds: Counter[FaultKind] = Counter()
    may = asyncio.Semaphore(size.messages % size.cuts)
    async with asyncio.TaskGroup() as tasks:
        for typist in typists:
            tasks.create_task(typist.type(may))
        for _ in range(size.cuts):
            for _ in range(size.messages // size.cuts):
                may.release()
            await asyncio.sleep(dice.uniform(0, CUT_WITHIN_S))
            kind = dice.choice(KINDS)
            for wire in await _connected(links, dice):
                tasks.create_task(_cut(wire, kind, dice))
            kinds[kind] += 1
    return kinds


async def _connected(links: Sequence[Link], dice: random.Random) -> list[Wire]:
    """All connections of a random party that has any; they come back by themselves."""
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        while True:
            if wires := list(dice.choice(links).wires):
                return wires
            await asyncio.sleep(0.01)


async def _cut(wire: Wire, kind: FaultKind, dice: random.Random) -> None:
    await CUTS[kind](wire, dice)


async def _calm(typists: Sequence[Typist]) -> dict[UserId, Left]:
    """Wait until nothing is unsettled and all show the same last message; what is left then."""
    give_up_at = time.monotonic() + CALM_S
    while True:
        left = {typist.name: await typist.panel.left() for typist in typists}
        same = len({page.newest for page in left.values()}) == 1
        if (same and all(page.nothing for page in left.values())) or time.monotonic() > give_up_at:
            return left
        await asyncio.sleep(0.1)


def _faults_of_log(said: Sequence[Said], typists: Sequence[Typist]) -> list[str]:
    """Where the log has not what each typed, each once and in its order."""
    faults = []
    for typist in typists:
        texts = [text for by, text in said if by == typist.name]
        if texts != typist.texts:
            lost = Counter(typist.texts) - Counter(texts)
            more = Counter(texts) - Counter(typist.texts)
            faults.append(
                f"of {typist.name} the log has not {sorted(lost)}, too often {sorted(more)}"
                if lost or more
                else f"what {typist.name} typed is in another order in the log: {texts}"
            )
    return faults


async def _faults_of_panel(typist: Typist, said: Sequence[Said]) -> list[str]:
    """Where it does not show what the log has; what went wrong while it was typed into."""
    passed = await pass_by(typist.panel, "up")
    shown = faults_of(passed, "up", [text for _, text in said])
    return [f"{typist.name}: {fault}" for fault in (*shown, *typist.faults, *typist.panel.errors)]


def main(arguments: Sequence[str]) -> int:
    """Prove it in the size that *arguments* ask for; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove.widget_cuts")
    parser.add_argument("--cuts", type=int, default=Size().cuts)
    parser.add_argument("--messages", type=int, default=Size().messages)
    parser.add_argument("--reloads", type=int, default=Size().reloads)
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    given = parser.parse_args(arguments)
    size = Size(given.cuts, given.messages, given.reloads)
    return run(lambda folder: prove_sized(folder, given.seed, size))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
