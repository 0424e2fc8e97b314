"""`python -m tests.bench.two_gateways`: how long a message takes from one party to the other, when
each is at a gateway of its own.

Starts the fleet on real engines: Kafka, a server of MongoDB's protocol, Redis, the order service,
an archiver and two gateways, each a process. Fifty orders have one party at each gateway, and
together they write 500 messages a second. What is measured is the time from a message's `send` to
its event at the other party's socket; both clocks are this machine's, and so are all processors.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from deploy.stack import Stack
from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from tests.prove.fleet import Fleet
from tests.prove.ground import ground_at, secret_from
from tests.prove.line import Line, open_line

ORDERS: Final = 50
PER_SECOND: Final = 500
WARM_S: Final = 5.0
RUN_S: Final = 20.0
RUNS: Final = 5
PATIENCE_S: Final = 10.0
"""So long after the last message all must have come."""


class Run(NamedTuple):
    """What came of one run; times in ms."""

    sent: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, sent: int, took_ms: Sequence[float]) -> "Run":
        """The figures of what was measured."""
        cuts = statistics.quantiles(took_ms, n=100)
        return cls(sent, cuts[49], cuts[98], max(took_ms))

    def line(self) -> str:
        """For the terminal."""
        times = f"p50 {self.p50:.1f}, p99 {self.p99:.1f}, max {self.most:.1f} ms"
        return f"{self.sent:,} messages: {times}"


class Party:
    """One party of an order: writes at random instants, and measures what the other one wrote."""

    def __init__(self, line: Line, order_id: OrderId, user_id: UserId) -> None:
        self.sent = 0
        self.took_ms: list[float] = []
        self._line = line
        self._order_id = order_id
        self._user_id = user_id

    async def write(self, seconds: float) -> None:
        """Write for so long, about as often as is this party's part of `PER_SECOND`."""
        every_s = 2 * ORDERS / PER_SECOND
        end = time.perf_counter() + seconds
        at = time.perf_counter() + random.uniform(0, every_s)
        while at < end:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            self.sent += 1
            await self._line.post(self._order_id, f"{time.perf_counter_ns()}")
            at += random.uniform(0.5, 1.5) * every_s

    async def read(self) -> None:
        """Read until cancelled."""
        while True:
            frame = await self._line.hear()
            if isinstance(frame, frames.MessageShown) and frame.by != self._user_id:
                self.took_ms.append((time.perf_counter_ns() - int(frame.text)) / 1e6)


async def main() -> None:
    """Measure, and print a line for each run and one for all."""
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder) / "engines", given={}) as stack:
            fleet = Fleet(Path(folder) / "fleet", secret_from("bench"), stack.environment)
            try:
                await fleet.start()
                runs = await _measure(fleet)
                await fleet.stop()
            finally:
                await fleet.kill()
    p50, p99 = [run.p50 for run in runs], [run.p99 for run in runs]
    print(
        f"two gateways, {PER_SECOND} messages a second, median of {RUNS} runs (least to most): "
        f"p50 {statistics.median(p50):.1f} ms ({min(p50):.1f} to {max(p50):.1f}), "
        f"p99 {statistics.median(p99):.1f} ms ({min(p99):.1f} to {max(p99):.1f})"
    )


async def _measure(fleet: Fleet) -> Sequence[Run]:
    async with AsyncExitStack() as resources:
        pairs = await _open(fleet, resources)
        parties = [party for pair in pairs for party in pair]
        reading = [asyncio.create_task(party.read()) for party in parties]
        resources.callback(lambda: [task.cancel() for task in reading])
        await _run(parties, WARM_S)
        runs = []
        for _ in range(RUNS):
            runs.append(await _run(parties, RUN_S))
            print(runs[-1].line(), flush=True)
        return runs


async def _open(fleet: Fleet, resources: AsyncExitStack) -> Sequence[tuple[Party, Party]]:
    """Orders with one party at each of the first two gateways."""
    orders = await resources.enter_async_context(ground_at(fleet.orders_url, fleet.secret.encode()))
    pairs = []
    for number in range(ORDERS):
        order_id = OrderId(f"bench-{number}")
        users = UserId(f"creator-{number}"), UserId(f"advertiser-{number}")
        await orders.put(order_id, dict(zip(users, ("creator", "advertiser"), strict=True)))
        pair = []
        for user_id, gateway in zip(users, fleet.gateways, strict=False):
            url = f"{gateway.url.replace('http', 'ws', 1)}/v1/chat"
            line = await resources.enter_async_context(open_line(url, orders.token(user_id)))
            await line.join(order_id)
            pair.append(Party(line, order_id, user_id))
        pairs.append((pair[0], pair[1]))
    return pairs


async def _run(parties: Sequence[Party], seconds: float) -> Run:
    """Let all write for so long; return when all of it has come. Raises `TimeoutError`."""
    for party in parties:
        party.sent, party.took_ms = 0, []
    await asyncio.gather(*(party.write(seconds) for party in parties))
    sent = sum(party.sent for party in parties)
    async with asyncio.timeout(PATIENCE_S):
        while sum(len(party.took_ms) for party in parties) < sent:  # noqa: ASYNC110 (lists are mute)
            await asyncio.sleep(0.01)
    return Run.of(sent, [took for party in parties for took in party.took_ms])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    sys.exit(0)
