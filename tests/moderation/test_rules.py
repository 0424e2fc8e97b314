"""The rules' file: what it must be, and that it tells of every change by a version."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_gateway.moderation.engine.find import find
from chat_gateway.moderation.engine.rules import BadRules, Rules, load
from tests.moderation.rules_digests import FILE, stand

RULE: dict[str, Any] = {
    "id": "payment.barter",
    "version": 1,
    "family": "payment",
    "action": "flag",
    "patterns": ["{swap} ..2 goats|goat"],
}


def own(tmp_path: Path, *rules: dict[str, Any], lists: object = None) -> Rules:
    """A marketplace's own rules."""
    file = {"version": 7, "rules": rules, "lists": lists or {"swap": {"en": "swap, barter*"}}}
    path = tmp_path / "own.json"
    path.write_bytes(msgspec.json.encode(file))
    return load(path)


def test_the_packaged_rules_say_what_they_are() -> None:
    """Each has an id of its own, of its family, and a version."""
    rules = [compiled.rule for compiled in load().compiled]

    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.id.startswith(f"{rule.family}.") and rule.version >= 1 for rule in rules)


def test_a_rule_does_not_change_without_its_version() -> None:
    """Verdicts name both. After a change: raise the version, and write the digests anew by
    `python -m tests.moderation.rules_digests`."""
    now = stand()

    assert now == msgspec.json.decode(FILE.read_bytes())


def test_a_marketplace_has_its_own_rules(tmp_path: Path) -> None:
    """Words, beginnings of words, lists, gaps and choices."""
    rules = own(tmp_path, RULE)

    found = find(["shall we be bartering two old goats?"], rules)

    assert [(finding.rule.id, finding.spans[0].start) for finding in found] == [
        ("payment.barter", 12)
    ]
    assert rules.version == 7


@pytest.mark.parametrize(
    ("excuse", "text", "hit"),
    [
        ({"unless": ["never"]}, "we never swap goats", False),
        ({"unless": ["never"]}, "never mind, swap goats", True),
        ({"unless_near": ["never"]}, "never, swap goats", False),
        ({"unless_near": ["never"]}, "Never. swap goats", True),
    ],
)
def test_an_excuse_is_one_in_its_clause_or_sentence(
    tmp_path: Path, excuse: dict[str, Any], text: str, hit: bool
) -> None:
    """And not beyond."""
    rules = own(tmp_path, RULE | excuse)

    assert bool(find([text], rules)) is hit


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("goats for a swap", True),
        ("a swap of old goats", True),
        ("a swap. And goats", False),
        ("a swap " + "of " * 9 + "goats", True),
        ("a swap " + "of " * 10 + "goats", False),
        ("goats", False),
    ],
)
def test_rows_may_stand_in_any_order(tmp_path: Path, text: str, hit: bool) -> None:
    """In one sentence, with up to nine words between them."""
    rules = own(tmp_path, RULE | {"patterns": ["{swap} & goats|goat"]})

    assert bool(find([text], rules)) is hit


def test_what_is_hollow_excuses_nothing(tmp_path: Path) -> None:
    """Its words do elsewhere."""
    path = tmp_path / "hollow.json"
    rule = RULE | {"unless": ["not|why"]}
    file = {"version": 1, "rules": [rule], "lists": {"swap": {"": "swap"}}, "hollow": ["why not"]}
    path.write_bytes(msgspec.json.encode(file))
    rules = load(path)

    hits = [bool(find([text], rules)) for text in ("why not swap goats", "why swap goats")]

    assert hits == [True, False]


def test_what_shows_something_new_at_each_look_is_masked_as_a_whole(tmp_path: Path) -> None:
    """After four looks; what is masked ends a sentence, so that another goat stands at its end."""
    rules = own(tmp_path, RULE | {"patterns": ["goat $"]})

    [three], [four] = (find([" ".join(["goat"] * count)], rules) for count in (3, 4))

    assert [(span.start, span.end) for span in three.spans] == [(0, 4), (5, 9), (10, 14)]
    assert (0, 19) in [(span.start, span.end) for span in four.spans]


def test_a_rule_may_keep_to_single_messages(tmp_path: Path) -> None:
    """What several say together is then none of its business."""
    messages = ["swap", "goats"]

    assert find(messages, own(tmp_path, RULE))
    assert not find(messages, own(tmp_path, RULE | {"across": False}))


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"patterns": ["{sheep} ..2 goat"]}, "there is no list 'sheep'"),
        ({"patterns": ["go(at"]}, "'go(at' is no word, list, gap, ^ or $"),
        ({"patterns": ["..3 $"]}, "needs no word at all"),
        ({"patterns": ["go*"]}, "'go*' is too short a beginning"),
        ({"patterns": []}, "it needs patterns or a detector"),
        ({"patterns": [], "detector": "nose"}, "there is no detector 'nose'"),
        ({"detector": "phone"}, "there is no list '0'"),
        ({"version": 0}, "it needs an id, and a version of 1 or more"),
        ({"unless": ["{wool}"]}, "there is no list 'wool'"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(
    tmp_path: Path, wrong: dict[str, Any], fault: str
) -> None:
    """With its file, when that is read, and not when a text comes."""
    with pytest.raises(BadRules) as refused:
        own(tmp_path, RULE | wrong)

    assert str(refused.value).startswith(f"{tmp_path / 'own.json'}: rule 'payment.barter': ")
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "lists", "fault"),
    [
        ([RULE, RULE], None, "it stands there twice"),
        ([RULE | {"action": "shout"}], None, "Invalid enum value 'shout'"),
        ([RULE | {"pattern": "x"}], None, "unknown field `pattern`"),
        ([RULE], {"swap": {"en": "a-b"}}, "lists: 'a-b' is no row of words"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, rules: list[dict[str, Any]], lists: object, fault: str
) -> None:
    """With what is wrong in it."""
    with pytest.raises(BadRules) as refused:
        own(tmp_path, *rules, lists=lists)

    assert str(refused.value).startswith(f"{tmp_path / 'own.json'}: ")
    assert fault in str(refused.value)


def test_hollow_patterns_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """As a rule's."""
    file = {"version": 1, "rules": [], "lists": {}, "hollow": ["{wool}"]}
    path = tmp_path / "hollow.json"
    path.write_bytes(msgspec.json.encode(file))

    with pytest.raises(BadRules, match="hollow: there is no list 'wool'"):
        load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As any other fault."""
    with pytest.raises(BadRules, match=r"none\.json"):
        load(tmp_path / "none.json")
