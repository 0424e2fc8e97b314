"""The labelled corpus: what one sender says in an order, and whether it leads out of the market.

`python -m tests.moderation.corpus dev` prints the development half as JSON lines, `held-out` the
other one, `later` and `lessons` what other authors wrote while there were rules already. Rules are
written against the development half and the later cases, and one learns from the lessons as well;
the held-out half is run once a release, and nobody reads it to mend a rule. Otherwise the figures
would tell how well the rules know these sentences, and nothing about the ones that users write.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

FILE: Final = Path(__file__).parent / "corpus.jsonl"
LATER: Final = Path(__file__).parent / "later.jsonl"
LESSONS: Final = Path(__file__).parent / "lessons.jsonl"

PARTS: Final = ("dev", "held-out", "later", "lessons")

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file.

    An evasion's last message, alone or with those before it, gives or asks for a way to be in touch
    outside the marketplace, or talks of paying there. An innocent does nothing of that kind,
    however much it looks like it. What two moderators could label differently is not here.
    """

    lang: Text
    label: Literal["evasion", "innocent"]
    kind: Text
    messages: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=5)]

    @property
    def held_out(self) -> bool:
        """Its half: by its text, so that nobody chooses, and a new case moves no other."""
        return hashlib.sha256(msgspec.json.encode(self.messages)).digest()[0] % 2 == 0


_decoder: Final = msgspec.json.Decoder(Case)


def load() -> Sequence[Case]:
    """All cases that are divided into halves, in the file's order."""
    return _decoder.decode_lines(FILE.read_bytes())


def select(part: str) -> Sequence[Case]:
    """The cases of `dev`, `held-out`, `later` or `lessons`."""
    if part in ("later", "lessons"):
        return _decoder.decode_lines((LATER if part == "later" else LESSONS).read_bytes())
    return [case for case in load() if case.held_out == (part == "held-out")]


def main(arguments: Sequence[str]) -> None:
    """Print one part, line by line as in its file."""
    parser = argparse.ArgumentParser(prog="python -m tests.moderation.corpus")
    parser.add_argument("part", choices=PARTS)
    cases = select(parser.parse_args(arguments).part)
    sys.stdout.buffer.write(msgspec.json.Encoder().encode_lines(cases))


if __name__ == "__main__":
    main(sys.argv[1:])
