"""`python -m tests.bench`: what a message costs here and elsewhere, all of it in one run.

    python -m tests.bench [--quick] [--only KIND,…] [--peers NAME,…] [--runs 3] [--write]
    python -m tests.bench --redraw

One server after the other is alone on the machine with what stands behind it, does the same work,
and is ended. A full run takes some 25 minutes and writes docs/benchmarks.md, its plots, and its
figures as JSON; what is cut short by an option prints its tables, and writes them with `--write`.
`--redraw` writes page and plots from the JSON, and measures nothing.
"""

import argparse
import asyncio
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from tests.bench import page
from tests.bench.campaign import Campaign
from tests.bench.figures import Results
from tests.bench.plan import FULL, KINDS, NAMES, QUICK
from tests.bench.report import report

PROG: Final = "python -m tests.bench"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 1 if something of ours could not be measured."""
    options = _parser().parse_args(arguments)
    if options.redraw:
        page.write(Results.load(page.JSON))
        return 0
    plan = QUICK if options.quick else FULL
    if options.runs is not None:
        plan = msgspec.structs.replace(plan, runs=options.runs)
    results = Results(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        command=" ".join([PROG, *arguments]),
        machine=_machine(),
    )
    part = bool(options.quick or options.only or options.peers or options.runs)
    write = options.write or not part
    if write:
        import tests.bench.plots  # noqa: F401 (what is missing is missed now, not in the end)
    with (
        tempfile.TemporaryDirectory(prefix="order-chat-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        campaign = Campaign(Path(folder), plan, results)
        runner.run(campaign.run(options.peers or list(NAMES), frozenset(options.only or KINDS)))
    if write:
        results.save(page.JSON)
        page.write(results)
    else:
        print(report(results))
    return 1 if campaign.failed else 0


def _machine() -> str:
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="some seconds of everything")
    parser.add_argument("--only", type=_Some(KINDS), help=f"some of {', '.join(KINDS)}")
    parser.add_argument("--peers", type=_Some(list(NAMES)), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--runs", type=int, help="of each kind of work")
    parser.add_argument("--write", action="store_true", help="write the page in any case")
    parser.add_argument("--redraw", action="store_true", help="from what was measured last")
    return parser


class _Some:
    """A comma list of names, for the command line."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> Sequence[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in self._known]
        if unknown:
            raise argparse.ArgumentTypeError(f"nobody knows {', '.join(unknown)}")
        return [name for name in self._known if name in names]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
