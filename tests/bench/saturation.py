"""`python -m tests.bench.saturation`: what a message costs when the gateway has all it can do.

    python -m tests.bench.saturation [--connections 200] [--members 2] [--window 4] [--seconds 10]
        [--open RATE] [--gateways 1] [--archive] [--profile FILE]

Starts the fleet on real engines, without an archiver unless `--archive` says so, and opens the
connections, so many to an order. Then every connection keeps `--window` own messages on their way;
with `--open`, messages are said at random instants, so many a second, whatever comes back when.
`--profile` has py-spy look at the first gateway meanwhile: a flame graph, or its stacks in `*.txt`.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvloop

from tests.bench.load.load import Load, Outcome
from tests.bench.load.meter import Meter
from tests.bench.peers.ours import OrderChat

WARM_S: Final = 3.0
OPENINGS: Final = 50
PROFILE_HZ: Final = 500


async def main(options: argparse.Namespace) -> int:
    """Measure once and print it; 1 if something was lost, doubled or reordered."""
    with tempfile.TemporaryDirectory(prefix="order-chat-bench-") as folder:
        archivers = 1 if options.archive else 0
        ours = OrderChat(Path(folder), gateways=options.gateways, archivers=archivers)
        try:
            await ours.start()
            outcome = await _measure(ours, options)
        finally:
            await ours.stop()
    for line in report(outcome):
        print(line)
    return 0 if outcome.sound else 1


async def _measure(ours: OrderChat, options: argparse.Namespace) -> Outcome:
    parties = [ours.party(n, members=options.members) for n in range(options.connections)]
    await ours.prepare(parties)
    address, *also = ours.addresses
    talks = [ours.talk(party) for party in parties]
    meter = Meter(ours.pids)
    times = {"seconds": options.seconds, "warm_s": WARM_S}
    async with (
        Load.opened(address, talks, members=options.members, also=also, at_once=OPENINGS) as load,
        _profiled(ours.fleet.gateways[0].pid, options),
    ):
        if options.open:
            return await load.open(per_second=options.open, meter=meter, **times)
        return await load.closed(window=options.window, meter=meter, **times)


@asynccontextmanager
async def _profiled(pid: int, options: argparse.Namespace) -> AsyncIterator[None]:
    """py-spy beside what is done inside, if it was asked for; it begins after the warm-up."""
    async with asyncio.TaskGroup() as beside:
        if options.profile is not None:
            beside.create_task(_spy(pid, options.profile, options.seconds))
        yield


async def _spy(pid: int, file: Path, seconds: float) -> None:
    await asyncio.sleep(WARM_S)
    kind = "raw" if file.suffix == ".txt" else "flamegraph"
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("py-spy"),
        *("record", "--pid", str(pid), "--output", str(file), "--format", kind),
        *("--rate", str(PROFILE_HZ), "--duration", str(max(1, int(seconds)))),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        print(f"py-spy ended with {process.returncode}", file=sys.stderr)


def report(outcome: Outcome) -> list[str]:
    """The figures as lines."""
    late = outcome.latencies
    costs = ", ".join(f"{name} {outcome.cpu_us(name):.1f}" for name in outcome.cpu)
    shares = ", ".join(f"{name} {cpu / outcome.seconds:.0%}" for name, cpu in outcome.cpu.items())
    generator = outcome.generator_cpu / outcome.seconds
    return [
        f"{outcome.per_second:,.0f} messages a second, each to {outcome.members}, "
        f"in {outcome.seconds:.1f} s ({outcome.delivered:,} deliveries)",
        f"µs of CPU for each: {costs}",
        f"of a core: {shares}, generator {generator:.0%}",
        f"latency: p50 {late.quantile(0.5):.1f}, p99 {late.quantile(0.99):.1f}, "
        f"p99.9 {late.quantile(0.999):.1f}, max {late.most:.1f} ms",
        f"p99 of each 10 s: {', '.join(f'{p99:.1f}' for p99 in outcome.slices)} ms",
        f"lost {outcome.lost}, doubled {outcome.doubled}, reordered {outcome.reordered}",
    ]


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.saturation")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--members", type=int, default=2, help="of each order")
    parser.add_argument("--window", type=int, default=4, help="messages on their way")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--open", type=float, metavar="RATE", help="messages a second, open loop")
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--archive", action="store_true", help="with an archiver")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="of the first gateway")
    return parser.parse_args()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main(parse())))
