"""`python -m tests.prove.restart --times 20`: restarts in good order, under load.

SIGTERM at random instants while 40 clients write; they heed the goodbye. Prints what was lost, what
came twice, who was not told, and how much longer than told anybody had to wait. Ends with 1 if a
promise was broken; the history is kept then.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.faults.proxy import Link
from tests.prove.evidence import Violation
from tests.prove.ground import secret_from
from tests.prove.history import Closed, Faulted, History, Joined, Opened, Told, now
from tests.prove.report import excerpt, lost_and_doubled
from tests.prove.server import Server
from tests.prove.trial import Result, Trial

ORDERS: Final = 10
"""With two parties of two devices each."""
UP_S: Final = (1.0, 4.0)
"""How long all clients are at work between two restarts."""
PATIENCE_S: Final = 2.0
"""How much longer than told a client may have to wait."""
BACK_S: Final = 60.0


class Figures(msgspec.Struct, frozen=True):
    """What came of a number of restarts."""

    times: int
    lost: int
    twice: int
    other: int
    """Other promises broken, by the checks of `tests.prove.checker`."""
    untold: int
    """Connections that a restart ended without a goodbye."""
    stop_s: float
    """The longest time from SIGTERM to the end of the process."""
    back_s: float
    """The longest time from there until the next process was ready."""
    over_s: float
    """The longest time anybody waited for the order to be open again, beyond what was told."""
    violations: Sequence[Violation]

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        broken = self.lost or self.twice or self.other or self.untold
        return not broken and self.over_s <= PATIENCE_S

    def line(self) -> str:
        """All of it in a line."""
        return (
            f"{self.times} restarts under load: {self.lost} lost, {self.twice} twice, "
            f"{self.other} other violations, {self.untold} not told; "
            f"stopped within {self.stop_s:.1f} s, back within {self.back_s:.1f} s, "
            f"longest wait {self.over_s:+.1f} s against what was told"
        )


async def restart_often(
    folder: Path, times: int, seed: str, environment: Mapping[str, str] | None = None
) -> Figures:
    """Restart a server under load so many times. Raises `ServerFailed` if it ends with an error."""
    dice = random.Random(seed)
    trial = Trial(Server(folder, secret_from(seed), environment), ORDERS, seed)

    async def restart(server: Server, links: Mapping[str, Link], history: History) -> None:
        for _ in range(times):
            await _all_back(history, len(links))
            await asyncio.sleep(dice.uniform(*UP_S))
            at = now()
            await server.stop()
            stopped_at = now()
            await server.start()
            history.write(Faulted(at=at, kind="restart", until=now()))
            stops.append(stopped_at - at)
            starts.append(now() - stopped_at)
        await _all_back(history, len(links))

    stops: list[float] = []
    starts: list[float] = []
    try:
        result = await trial.run(restart)
    finally:
        await asyncio.to_thread(trial.history.save, folder / "history.jsonl")
    return _figures(result, times, max(stops), max(starts))


async def _all_back(history: History, clients: int) -> None:
    """Wait until every client has its order open."""
    async with asyncio.timeout(BACK_S):
        while len(_at_work(history)) < clients:  # noqa: ASYNC110 (a list tells nobody)
            await asyncio.sleep(0.2)


def _at_work(history: History) -> set[str]:
    working: set[str] = set()
    for record in history:
        match record:
            case Joined(client=client):
                working.add(client)
            case Closed(client=client):
                working.discard(client)
            case _:
                pass
    return working


def _figures(result: Result, times: int, stop_s: float, back_s: float) -> Figures:
    lost, twice = lost_and_doubled(result)
    restarts = [record for record in result.history if isinstance(record, Faulted)]
    return Figures(
        times=times,
        lost=lost,
        twice=twice,
        other=len(result.violations) - lost - twice,
        untold=_untold(result.history, restarts),
        stop_s=stop_s,
        back_s=back_s,
        over_s=max(_waits(result.history), default=0.0),
        violations=result.violations,
    )


def _untold(history: History, restarts: Sequence[Faulted]) -> int:
    """Connections that ended during a restart without a goodbye before."""
    told: set[str] = set()
    untold = 0
    for record in history:
        match record:
            case Opened(client=client):
                told.discard(client)
            case Told(client=client):
                told.add(client)
            case Closed(client=client, at=at) if client not in told:
                untold += any(one.at <= at <= one.until for one in restarts)
            case _:
                pass
    return untold


def _waits(history: History) -> Iterator[float]:
    """After each goodbye, until the order is open again, less what was told."""
    told: dict[str, Told] = {}
    for record in history:
        match record:
            case Told(client=client):
                told[client] = record
            case Joined(client=client, at=at) if client in told:
                goodbye = told.pop(client)
                yield at - goodbye.at - goodbye.reconnect_after_ms / 1000
            case _:
                pass


def main(arguments: Sequence[str]) -> int:
    """Restart as often as *arguments* say; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove.restart", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="restarts")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="order-chat-restart-"))
    print(f"seed {given.seed}, folder {folder}", flush=True)
    figures = asyncio.run(restart_often(folder / "trial", given.times, given.seed))
    print(figures.line())
    if not figures.kept:
        for line in excerpt(figures.violations):
            print(line, file=sys.stderr)
        print(f"broken promises; everything is kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
