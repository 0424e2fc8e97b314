"""All promises that have a proof of their own, each run in a process of its own.

So none finds the memory, the tasks and the open files of another. Those that compare latencies come
first, when the machine is still cool and nothing else runs on it.
"""

import asyncio
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.prove import (
    archive,
    canaries,
    clocks,
    exhaustion,
    files_beside_chat,
    fleet_trial,
    gaps,
    isolation,
    large_files,
    leaks,
    long_history,
    outages,
    restart,
    resume,
    revocation,
    slow_readers,
    widget_cuts,
)
from tests.prove.proof import Proof, Prove
from tests.prove.report import excerpt

RESTARTS: Final = 20
DEADLINE_S: Final = 1_200.0
"""Longer than any of them takes."""


async def _restart(folder: Path, seed: str, scale: float) -> Proof:
    times = max(2, round(RESTARTS * scale))
    figures = await restart.restart_often(folder / "trial", times, seed)
    violations = [] if figures.kept else [figures.line(), *excerpt(figures.violations)]
    return Proof(
        "a restart loses nothing and keeps nobody waiting",
        f"{times} × SIGTERM under load",
        figures.line(),
        violations,
    )


PROMISES: Final[Mapping[str, Prove]] = {
    "exhaustion": exhaustion.prove,
    "slow_readers": slow_readers.prove,
    "files_beside_chat": files_beside_chat.prove,
    "files_beside_chat_minio": files_beside_chat.prove_on_minio,
    "long_history": long_history.prove,
    "restart": _restart,
    "gaps": gaps.prove,
    "resume": resume.prove,
    "revocation": revocation.prove,
    "isolation": isolation.prove,
    "leaks": leaks.prove,
    "clocks": clocks.prove,
    "canaries": canaries.prove,
    "fleet_trial": fleet_trial.prove,
    "fleet_cluster": fleet_trial.prove_cluster,
    "outages": outages.prove,
    "archive": archive.prove,
    "large_files": large_files.prove,
    "large_files_minio": large_files.prove_on_minio,
    "widget_cuts": widget_cuts.prove,
}
"""By the name of the module: `python -m tests.prove.NAME` proves one alone,
`python -m tests.prove.fleet_trial --cluster` the cluster, and `large_files --minio` and
`files_beside_chat --minio` files on MinIO."""


def prove_apart(name: str, folder: Path, seed: str, scale: float) -> Proof:
    """Prove one promise in a process of its own. One that fails is a promise not proved. Blocks."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        try:
            return process.submit(_prove, name, folder, seed, scale).result(DEADLINE_S)
        except Exception as error:
            return Proof(name, "tried", "it failed", [f"{type(error).__name__}: {error}"])
        finally:
            # Whoever sits in an endless loop hears of nothing else.
            for child in multiprocessing.active_children():
                child.kill()


def _prove(name: str, folder: Path, seed: str, scale: float) -> Proof:
    folder.mkdir(parents=True)

    async def prove() -> Proof:
        return await PROMISES[name](folder, seed, scale)

    return asyncio.run(prove())
