"""What the rules are worth: recall and precision on one half of the corpus.

`python -m tests.moderation.worth dev` while rules are written; `held-out` once a release. It prints
numbers alone, so that running the held-out half teaches nobody its sentences.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence

from chat_gateway.moderation.check import hit
from chat_gateway.moderation.rules import Rules, load
from tests.moderation.corpus import Case
from tests.moderation.corpus import load as load_corpus


def worth(cases: Iterable[Case], rules: Rules) -> list[tuple[str, int, int, int, int]]:
    """By language, and of all: evasions, those found, innocents, those that were hit."""
    lines: dict[str, list[int]] = {}
    for case in cases:
        found = hit(case.messages, rules) is not None
        for name in (case.lang, "all"):
            counts = lines.setdefault(name, [0, 0, 0, 0])
            at = 0 if case.label == "evasion" else 2
            counts[at] += 1
            counts[at + 1] += found
    return [(name, *counts) for name, counts in sorted(lines.items(), key=_largest_last)]


def _largest_last(line: tuple[str, list[int]]) -> tuple[int, str]:
    return sum(line[1]), line[0]


def main(arguments: Sequence[str]) -> None:
    """Print a table, and recall and precision of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.moderation.worth")
    parser.add_argument("half", choices=["dev", "held-out"])
    held_out = parser.parse_args(arguments).half == "held-out"
    lines = worth((case for case in load_corpus() if case.held_out == held_out), load())
    for name, evasions, found, innocents, hits in lines:
        print(
            f"{name:8} evasions {found:4} of {evasions:4}   innocents hit {hits:3} of {innocents:4}"
        )
    _, evasions, found, _, hits = lines[-1]
    print(f"recall {found / evasions:.3f}   precision {found / (found + hits):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
