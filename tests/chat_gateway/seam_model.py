"""The model test of the join seam: random interleavings of all that can happen around a join.

`python -m tests.chat_gateway.seam_model --joins 100000 --seed 1` prints what happened in them. A
violation names the seed of its world: `run(seed)` plays it again.
"""

import argparse
import sys
import time
from collections import Counter

from tests.chat_gateway.seam_trial import Trial
from tests.chat_gateway.seam_truth import Violation


def run(seed: int) -> Counter[str]:
    """One world; what happened in it. Raises `Violation`, with the seed as a note."""
    trial = Trial(seed)
    try:
        trial.run()
    except Exception as error:
        error.add_note(f"the world of seed {seed}, after {dict(trial.counts)}")
        raise
    return trial.counts


def run_joins(joins: int, first_seed: int) -> Counter[str]:
    """As many worlds as it takes."""
    counts: Counter[str] = Counter()
    while counts["joins"] < joins:
        counts += run(first_seed + counts["worlds"])
        counts["worlds"] += 1
    return counts


def main() -> None:
    """Run the number asked for and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.chat_gateway.seam_model")
    parser.add_argument("--joins", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        counts = run_joins(arguments.joins, arguments.seed)
    except Violation as violation:
        sys.exit(f"violation: {violation} {violation.__notes__}")
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"{told}, 0 violations in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
