"""The corpus is large and varied enough to measure rules by; its halves share nothing."""

import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.moderation.corpus import FILE, LATER, Case, load, select

CASES_MIN = 300
OF_EACH_LABEL_MIN = 120
"""In each half: fewer, and one case more or less would move a figure by a whole per cent."""
OF_EACH_LANGUAGE_MIN = 50


def essence(case: Case) -> str:
    """What is left of a case when case, white space and the digits' values are taken away."""
    messages = [" ".join(message.casefold().split()) for message in case.messages]
    return re.sub(r"\d", "0", "\n".join(messages))


def bare(case: Case) -> str:
    """What is left of that when signs are taken away, too."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", essence(case))).strip()


def printed(half: str) -> Sequence[Case]:
    command = [sys.executable, "-m", "tests.moderation.corpus", half]
    output = subprocess.run(command, cwd=FILE.parents[2], capture_output=True, check=True).stdout
    return msgspec.json.Decoder(Case).decode_lines(output)


@pytest.mark.parametrize("file", [FILE, LATER], ids=["corpus", "later"])
def test_every_line_is_a_case_written_in_one_way(file: Path) -> None:
    """Each line has the fields and nothing more, compact and unescaped, so it can be searched."""
    lines = file.read_bytes().splitlines()

    decoded = [msgspec.json.decode(line, type=Case) for line in lines]

    assert [msgspec.json.encode(case) for case in decoded] == lines


def test_there_are_many_cases() -> None:
    """As many as were promised before the first rule was written."""
    assert len(load()) >= CASES_MIN


@pytest.mark.parametrize("lang", ["en", "de", "es"])
@pytest.mark.parametrize("label", ["evasion", "innocent"])
def test_a_language_has_enough_of_each_label(label: str, lang: str) -> None:
    """A rule that knows English alone cannot look good."""
    found = [case for case in load() if (case.label, case.lang) == (label, lang)]

    assert len(found) >= OF_EACH_LANGUAGE_MIN


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("label", ["evasion", "innocent"])
def test_each_half_has_enough_of_each_label(label: str, held_out: bool) -> None:
    """Recall and precision mean something in both halves."""
    found = [case for case in load() if (case.label, case.held_out) == (label, held_out)]

    assert len(found) >= OF_EACH_LABEL_MIN


def test_no_case_is_there_twice() -> None:
    """Not in other letters, spaces or digits either: a copy would count one sentence double."""
    essences = Counter(essence(case) for case in load())
    assert {essence(case) for case in select("later")}.isdisjoint(
        essence(case) for case in select("held-out")
    )

    assert [text for text, count in essences.items() if count > 1] == []


def test_nothing_is_learned_from_what_is_held_out() -> None:
    """Not even by chance: some cases are so short that two authors write the same."""
    held_out = {bare(case) for case in select("held-out")} - {""}

    assert not [case for case in select("lessons") if bare(case) in held_out]


def test_the_command_prints_each_case_in_one_half() -> None:
    """What rules are written by and what they are measured by are the whole, and apart."""
    dev, held_out = printed("dev"), printed("held-out")

    assert [case for case in load() if not case.held_out] == dev
    assert [case for case in load() if case.held_out] == held_out


def test_a_case_s_half_depends_on_its_messages_alone() -> None:
    """A label mended or a kind renamed moves no case to where its author has read it."""
    one = Case(lang="de", label="evasion", kind="phrase", messages=("grüß dich",))
    same = Case(lang="en", label="innocent", kind="ask", messages=("grüß dich",))
    other = Case(lang="de", label="evasion", kind="phrase", messages=("grüß dich", "ja"))

    halves = [case.held_out for case in (one, same, other)]

    assert halves == [True, True, False]
