"""What the rules are worth: recall and precision on one half of the corpus.

`python -m tests.moderation.worth dev` while rules are written; `held-out` once a release. It prints
numbers alone, so that running the held-out half teaches nobody its sentences.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat_gateway.moderation.check import hit
from chat_gateway.moderation.rules import Rules, load
from tests.moderation.corpus import Case
from tests.moderation.corpus import load as load_corpus


class Worth(NamedTuple):
    """What was found in the cases of one language, or in all."""

    evasions: int = 0
    found: int = 0
    innocents: int = 0
    hit: int = 0

    def counting(self, case: Case, *, found: bool) -> "Worth":
        """With one more case."""
        if case.label == "evasion":
            return self._replace(evasions=self.evasions + 1, found=self.found + found)
        return self._replace(innocents=self.innocents + 1, hit=self.hit + found)


def worth(cases: Iterable[Case], rules: Rules) -> dict[str, Worth]:
    """By language, and of all together, which stands last."""
    counts: dict[str, Worth] = {}
    every = Worth()
    for case in cases:
        found = hit(case.messages, rules) is not None
        counts[case.lang] = counts.get(case.lang, Worth()).counting(case, found=found)
        every = every.counting(case, found=found)
    return {**dict(sorted(counts.items())), "all": every}


def main(arguments: Sequence[str]) -> None:
    """Print a table, and recall and precision of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.moderation.worth")
    parser.add_argument("half", choices=["dev", "held-out"])
    held_out = parser.parse_args(arguments).half == "held-out"
    counts = worth((case for case in load_corpus() if case.held_out == held_out), load())
    for name, one in counts.items():
        print(
            f"{name:8} evasions found {one.found:4} of {one.evasions:4}   "
            f"innocents hit {one.hit:3} of {one.innocents:4}"
        )
    every = counts["all"]
    recall, precision = every.found / every.evasions, every.found / (every.found + every.hit)
    print(f"recall {recall:.3f}   precision {precision:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
