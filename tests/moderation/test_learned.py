"""What the learned rule adds up, and where; and that its weights are of the cases that we have."""

import math
from itertools import islice, product

import msgspec
import pytest

from chat_gateway.contact import unforgiving
from chat_gateway.moderation.engine.find import find
from chat_gateway.moderation.engine.learned import (
    CHUNK_CHARS,
    Learned,
    Weights,
    chunks,
    features,
    packaged,
    score,
)
from chat_gateway.moderation.engine.normalise import BLOT, MASK
from chat_gateway.moderation.engine.text import read
from tests.moderation.cases_digest import digest
from tests.moderation.packaged import RULES

TELLING = Weights("", -100, 0, {"outside": 2_000, "we meet": 500, "fine": -800})


def found(text: str, weights: Weights = TELLING) -> list[str]:
    """The parts of a text that are found."""
    read_text = read(text, RULES.vocabulary)
    parts = Learned(RULES.vocabulary, weights)(read_text)
    return [read_text.plain[start:end].strip() for start, end in parts]


def test_features_are_words_in_a_row_and_their_pieces() -> None:
    """A piece begins or ends with a space where its word does."""
    assert features("no fee!") == {
        *("no", "fee", "!", "no fee", "fee !", "no fee !"),
        *(" no", "no ", " no ", " fe", "fee", "ee ", " fee", "fee ", " fee ", " ! "),
        "no _ !",
    }


def test_features_are_pairs_of_words_that_stand_apart() -> None:
    """With one to three others between them."""
    pairs = {one for one in features("a b c d e f") if " _ " in one}

    assert pairs == {
        *("a _ c", "b _ d", "c _ e", "d _ f"),
        *("a _ d", "b _ e", "c _ f"),
        *("a _ e", "b _ f"),
    }


def test_all_digits_are_one() -> None:
    """What a number looks like counts, not which it is."""
    assert features("0176 555") == features("0499 123")


@pytest.mark.parametrize("sign", [BLOT, MASK])
def test_what_is_masked_counts_for_nothing(sign: str) -> None:
    """So masking all of a text leaves nothing to find."""
    assert features(sign * 7) == set()
    assert features(f"meet {sign * 3} there") == features("meet there")


def test_a_score_is_a_sum_that_length_does_not_raise() -> None:
    """Over the root of how many features there are, known or not."""
    assert score("outside", TELLING) == -100 + 2_000 / math.sqrt(len(features("outside")))
    assert score("", TELLING) == -100


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("we meet outside", ["we meet outside"]),
        ("we MEET Outsіde", ["we meet outside"]),
        ("fine, we stay inside", []),
        ("", []),
    ],
    ids=["telling", "in disguise", "not telling", "empty"],
)
def test_what_scores_more_than_the_threshold_is_found(text: str, parts: list[str]) -> None:
    """As a whole, since nobody can say which word did it."""
    assert found(text) == parts


def test_much_other_text_hides_nothing() -> None:
    """A long text is looked at in rows of sentences as long as the cases are."""
    names = ("".join(letters) for letters in product("bdfkl", "aeiou", "mnrst", "aeiou"))
    around = [f"The scene with {name} needs more light." for name in islice(names, 200)]

    rows = found(" ".join([*around, "We meet outside.", *around]))

    assert len(rows) == 1
    assert "we meet outside" in rows[0]


@pytest.mark.parametrize(
    "text",
    ["", "one", "one. two! three?\n", "a sentence of words. " * 40, "word " * 200, "." * 900],
)
def test_rows_of_sentences_are_the_whole_text(text: str) -> None:
    """Nothing is left out, and only a sentence that is longer makes a longer row."""
    rows = list(chunks(text))

    assert "".join(text[start:end] for start, end in rows) == text
    assert all(
        end - start <= CHUNK_CHARS or "." not in text[start : end - 1].strip(".")
        for start, end in rows
    )


FLAGGED = "can we settle the rest directly, without the site and its fee?"


@pytest.mark.parametrize(("unless_below", "flagged"), [(None, True), (0, True), (99_999, False)])
def test_a_rule_may_leave_alone_what_reads_as_innocent(
    unless_below: int | None, flagged: bool
) -> None:
    """The words of a rule stand in many a sentence that means no harm."""
    compiled = tuple(
        msgspec.structs.replace(
            one, rule=msgspec.structs.replace(one.rule, unless_below=unless_below)
        )
        for one in RULES.compiled
        if one.rule.id == "payment.off_platform"
    )

    found = find([FLAGGED], msgspec.structs.replace(RULES, compiled=compiled))

    assert bool(found) is flagged


def test_no_rule_that_finds_a_detail_leaves_it_alone() -> None:
    """Else whoever wrote enough around it would get it through. Only what looks like a telephone
    number, and is called none, may be something else that such a text is about."""
    taking = [
        one.rule for one in RULES.compiled if one.rule.action == "redact" and one.rule.detector
    ]

    assert len(taking) >= 5
    assert [rule.id for rule in taking if rule.unless_below is not None] == ["contact.number"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0660 4419 273", {"contact.number"}),
        ("the exporter stops with error code -2147024784 on every laptop", set()),
        ("it crashed, so phone me: 0660 4419 273, every laptop is here", {"contact.phone"}),
        ("error on every laptop, +43 660 4419 273", {"contact.phone"}),
    ],
)
def test_a_number_that_nothing_calls_by_may_be_another(text: str, found: set[str]) -> None:
    """What looks like a telephone's is left alone where all around it reads as innocent; what is
    called one, or says so itself, never."""
    rules = {finding.rule.id for finding in find([text], RULES)}

    assert rules & {"contact.phone", "contact.number"} == found


def test_a_gateway_takes_every_number() -> None:
    """Before a text is appended, nothing is left alone for how it reads."""
    text = "roll no 0093 4471 82 is of the fabric, width 140, colour sand, thanks"

    found = [{f.rule.id for f in find([text], rules)} for rules in (RULES, unforgiving(RULES))]

    assert found == [set(), {"contact.number"}]


def test_the_weights_are_of_the_cases_that_we_have() -> None:
    """After a change of the cases: `python -m tests.moderation.learn`, and a new version."""
    assert packaged().cases == digest()
