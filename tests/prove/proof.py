"""One promise tried: what was done, what came of it, and what was wrong. And its command line."""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

EXAMPLES: Final = 5

Prove = Callable[[Path, str, float], Awaitable["Proof"]]
"""Proves one promise in a folder of its own, from a seed, at a scale: 1 is the form of `make
prove`, 0.1 a tenth of it. What is wrong with the system is in the answer; what is wrong with the
proof itself raises."""


class Proof(msgspec.Struct, frozen=True):
    """A row of the table."""

    promise: str
    done: str
    """What was done, with how often."""
    figures: str
    """What came of it."""
    violations: Sequence[str] = ()
    """What was wrong, a line each; the promise was kept if there is none."""

    def line(self) -> str:
        """All of it in a line."""
        end = f"{len(self.violations)} VIOLATIONS" if self.violations else "0 violations"
        return f"{self.promise}: {self.done}: {self.figures}; {end}"

    def excerpt(self) -> list[str]:
        """The first violations."""
        return list(self.violations[:EXAMPLES])


def main(name: str, prove: Prove, arguments: Sequence[str]) -> int:
    """Prove one promise alone, as `python -m tests.prove.NAME`; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.prove.{name}")
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything random here")
    given = parser.parse_args(arguments)
    return run(lambda folder: prove(folder, given.seed, 0.1 if given.quick else 1.0))


def run(prove: Callable[[Path], Awaitable[Proof]]) -> int:
    """Prove it, print the line, and answer 1 if the promise was broken; its data is kept then."""
    folder = Path(tempfile.mkdtemp(prefix="order-chat-prove-"))

    async def prove_in_folder() -> Proof:
        return await prove(folder)

    proof = asyncio.run(prove_in_folder())
    print(proof.line())
    if proof.violations:
        for line in proof.excerpt():
            print(line, file=sys.stderr)
        print(f"everything is kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0
