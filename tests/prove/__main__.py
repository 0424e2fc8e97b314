"""`python -m tests.prove`: kill and cut, check, try every other promise, and write the tables into
the README.

`--quick` does a tenth of it and leaves the README alone. Ends with 1 if a promise was broken; the
histories, outputs and data of the trials are kept then.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.faults.proxy import Link
from tests.prove.ground import secret_from
from tests.prove.history import History
from tests.prove.nemesis import cut_often, kill_often
from tests.prove.promises import PROMISES, prove_apart
from tests.prove.proof import Proof
from tests.prove.report import Row, check_marks, excerpt, figures, table, write_into
from tests.prove.server import Server
from tests.prove.trial import Break, Result, Trial

README: Final = Path(__file__).parents[2] / "README.md"
ORDERS: Final = 6


def main(arguments: Sequence[str]) -> int:
    """Prove what *arguments* ask for; the answer is the exit code."""
    given = _parser().parse_args(arguments)
    if not given.quick:
        check_marks(README)  # before ten minutes of work, not after
    kills, cuts = (10, 30) if given.quick else (100, 300)
    folder = Path(tempfile.mkdtemp(prefix="order-chat-prove-"))
    print(f"seed {given.seed}, folder {folder}", flush=True)
    rows = asyncio.run(_prove(kills, cuts, folder, given.seed))
    proofs = _prove_promises(folder, given.seed, 0.1 if given.quick else 1.0)
    text = table(rows, proofs, given.seed)
    print(text)
    if any(row.result.violations for row in rows) or any(proof.violations for proof in proofs):
        print(f"\nbroken promises; everything is kept in {folder}", file=sys.stderr)
        return 1
    if not given.quick:
        write_into(README, text)
    shutil.rmtree(folder)
    return 0


async def _prove(kills: int, cuts: int, folder: Path, seed: str) -> list[Row]:
    dice = random.Random(seed)

    async def kill(server: Server, _: Mapping[str, Link], history: History) -> None:
        await kill_often(server, kills, history, dice)

    async def cut(_: Server, links: Mapping[str, Link], history: History) -> None:
        await cut_often(links, cuts, history, dice)

    return [
        Row(
            "what was shown outlives the process",
            kills,
            "`kill -9` under load, restarted on the same data",
            await _run(folder / "kills", f"{seed} kills", kill),
        ),
        Row(
            "what was shown outlives the connection",
            cuts,
            "cuts of a client's link under load: RST, FIN, black holes, stalls, 1-byte slices, "
            "within a frame",
            await _run(folder / "cuts", f"{seed} cuts", cut),
        ),
    ]


def _prove_promises(folder: Path, seed: str, scale: float) -> list[Proof]:
    proofs = []
    for name in PROMISES:
        proof = prove_apart(name, folder / name, seed, scale)
        proofs.append(proof)
        for line in (proof.line(), *proof.excerpt()):
            print(f"{name}: {line}", flush=True)
    return proofs


async def _run(folder: Path, seed: str, break_: Break[Server]) -> Result:
    trial = Trial(Server(folder, secret_from(seed)), ORDERS, seed)
    try:
        result = await trial.run(break_)
    finally:
        await asyncio.to_thread(trial.history.save, folder / "history.jsonl")
    print(f"{folder.name}: {figures(result)}", flush=True)
    for line in excerpt(result.violations):
        print(f"{folder.name}: {line}", flush=True)
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
