"""`python -m tests.prove.fleet_trial [--quick | --cluster]`: two gateways on real engines, and
everything dies again and again (P1, P2, P3, P7).

Clients write at 300 messages a second and more, while gateways, archivers, Kafka, the store and
Redis are killed, and answers of Kafka get lost on their way. Then the checker compares what clients
were told with the log and the store.
"""

import argparse
import asyncio
import logging
import random
import secrets
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.stack import Stack
from tests.faults.kafka_front import KafkaFront, Mischief
from tests.faults.proxy import Link
from tests.prove.client import Habits, Pace
from tests.prove.fleet import Fleet
from tests.prove.fleet_nemesis import Nemesis, Plan
from tests.prove.ground import secret_from
from tests.prove.history import Faulted, History, Typed
from tests.prove.proof import Proof, run
from tests.prove.report import figures
from tests.prove.trial import Result, Trial

ORDERS: Final = 24
"""With two parties of two devices each: 96 clients."""
TALKER: Final = Habits(every_s=0.8, burst_most=5, floods=0.1)
EDITOR: Final = Habits(every_s=0.8, burst_most=5, floods=0.1, edits=0.2, deletes=0.1, marks=1)
"""Few edits: SecantusDB looks through a whole order for each."""
PACE: Final = Pace(answer=30.0)
"""An attempt may queue for 5 s behind look-ups, be looked up in a store that takes as long, and
then fly for 8 s; on a machine that runs everything at once each takes longer."""

WHOLE: Final = Plan(
    seconds=240,
    gateways=25,
    archivers=10,
    kafka_kills=3,
    kafka_pauses=3,
    store=5,
    signals=6,
    jams=5,
    swallowed=1_000,
)
QUICK: Final = Plan(
    seconds=30,
    gateways=3,
    archivers=2,
    kafka_kills=1,
    kafka_pauses=1,
    store=1,
    signals=2,
    jams=1,
    swallowed=100,
)
CLUSTER: Final = Plan(seconds=90, gateways=3, archivers=2, kafka_kills=5, jams=2, swallowed=300)
"""For three brokers: each is the leader of some partitions, so every kill is one of leaders."""


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    return await carry_out(WHOLE if scale >= 1 else QUICK, folder, seed)


async def prove_cluster(folder: Path, seed: str, scale: float) -> Proof:
    """Leaders are killed among three brokers."""
    return await carry_out(CLUSTER, folder, seed, brokers=3)


async def carry_out(plan: Plan, folder: Path, seed: str, *, brokers: int = 1) -> Proof:
    """Start everything, break it as planned, and check what came of it."""
    # What our own log says of a broker that is away is no news here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    dice = random.Random(seed)
    async with Stack(folder / "engines", brokers=brokers, given={}, say=_say) as stack:
        address = urlsplit(stack.environment["ORDER_CHAT_LOG_URL"])
        ports = [int(host.rpartition(":")[2]) for host in address.netloc.split(",")]
        async with KafkaFront(ports, dice) as front:
            through = address._replace(netloc=front.address).geturl()
            fleet = Fleet(
                folder / "fleet",
                secret_from(seed),
                {**stack.environment, "ORDER_CHAT_LOG_URL": through},
                seen_by_us={"ORDER_CHAT_LOG_URL": address.geturl()},
                say=_say,
            )

            async def break_(_: Fleet, links: Mapping[str, Link], history: History) -> None:
                nemesis = Nemesis(fleet, stack.engines, front.mischief, links, history, dice)
                await nemesis.run(plan)

            trial = Trial(fleet, ORDERS, seed, (TALKER, EDITOR), PACE)
            try:
                result = await trial.run(break_)
            finally:
                await asyncio.to_thread(trial.history.save, folder / "history.jsonl")
    return _proof(result, front.mischief)


def _proof(result: Result, mischief: Mischief) -> Proof:
    records = list(result.history)
    typed = [record.at for record in records if isinstance(record, Typed)]
    rate = len(typed) / (typed[-1] - typed[0])
    faults = Counter(f"{r.kind} of {r.part}" for r in records if isinstance(r, Faulted))
    done = ", ".join(f"{times} × {what}" for what, times in sorted(faults.items()))
    found = Counter(violation.check for violation in result.violations)
    return Proof(
        "P1, P2, P3, P7: a fleet loses, doubles and reorders nothing, whatever dies",
        f"{done}; of {mischief.stored:,} produce answers {mischief.swallowed:,} swallowed, "
        f"{mischief.falsified} falsified",
        f"{len(typed):,} written, {rate:.0f} a second, {result.copies:,} void copies in the log; "
        f"{figures(result)}; "
        f"the same again after {result.converged_s:.1f} s",
        [f"{check} × {times}" for check, times in found.items()]
        + [f"{one.check}: {one.who}: {one.what}" for one in result.violations],
    )


def main(arguments: Sequence[str]) -> int:
    """Prove it; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove.fleet_trial", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="less of everything")
    which.add_argument("--cluster", action="store_true", help="kill leaders among three brokers")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    given = parser.parse_args(arguments)
    _say(f"seed {given.seed}")
    prove_it = prove_cluster if given.cluster else prove
    return run(lambda folder: prove_it(folder, given.seed, 0.1 if given.quick else 1.0))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
