"""What the rules are worth: recall and precision on one part of the corpus.

`python -m tests.moderation.worth dev` and `later` while rules are written; `held-out` once a
release. It prints
numbers alone, so that running the held-out half teaches nobody its sentences.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat_gateway.moderation.check import hit
from chat_gateway.moderation.engine.rules import Rules, load
from tests.moderation.corpus import PARTS, Case, select


class Worth(NamedTuple):
    """What was found in the cases of one language, or in all."""

    evasions: int = 0
    found: int = 0
    innocents: int = 0
    hit: int = 0

    @property
    def recall(self) -> float:
        """How much of what should be found is."""
        return self.found / self.evasions

    @property
    def precision(self) -> float:
        """How much of what is found should be."""
        return self.found / (self.found + self.hit)

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
    parser.add_argument("part", choices=PARTS)
    counts = worth(select(parser.parse_args(arguments).part), load())
    for name, one in counts.items():
        print(
            f"{name:8} evasions found {one.found:4} of {one.evasions:4}   "
            f"innocents hit {one.hit:3} of {one.innocents:4}"
        )
    every = counts["all"]
    print(f"recall {every.recall:.3f}   precision {every.precision:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
