"""The rules: which there are, and how they are read from their file."""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, Literal

import msgspec

from chat_gateway.moderation.engine.banks import Banks
from chat_gateway.moderation.engine.emails import Emails
from chat_gateway.moderation.engine.handles import Handles
from chat_gateway.moderation.engine.learned import Learned, packaged
from chat_gateway.moderation.engine.links import Links
from chat_gateway.moderation.engine.phones import Phones
from chat_gateway.moderation.engine.phrases import BadPattern, Pattern, Vocabulary
from chat_gateway.moderation.engine.text import Detector

PACKAGED: Final = Path(__file__).with_name("rules.json")

DETECTORS: Final[Mapping[str, Callable[[Vocabulary], Detector]]] = {
    "bank": Banks,
    "email": Emails,
    "handle": Handles,
    "learned": Learned,
    "link": Links,
    "number": partial(Phones, bare=True),
    "phone": Phones,
}


class BadRules(ValueError):
    """A rules' file that cannot be used: names the file, the rule where there is one, the fault."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as its file has it. What it finds, any pattern or the detector finds."""

    id: str
    version: int
    family: Literal["contact", "payment"]
    action: Literal["redact", "flag"]
    patterns: tuple[str, ...] = ()
    """In the language of `phrases.py`."""
    detector: str | None = None
    """What finds in code; by its name in `DETECTORS`."""
    unless: tuple[str, ...] = ()
    """Patterns that excuse what was found in the same clause: "never share …"."""
    unless_near: tuple[str, ...] = ()
    """Patterns that excuse what was found in the same sentence."""
    unless_led_by: tuple[str, ...] = ()
    """Patterns that excuse what was found if the message before has one, numbers alone passed over:
    "parcel no", "60152", "093847110"."""
    unless_below: int | None = None
    """A text whose `likeness` is lower, however it came by the words, is left alone. Not for rules
    that find a detail, and nowhere before a message is appended: who writes around a detail what
    innocents write would get it through."""
    unless_quoted: bool = False
    """What stands in quotation marks is somebody else's: "he wrote “add me on Signal”". Nowhere
    before a message is appended either."""
    across: bool = True
    """Whether it may be found in the pieces of several short messages put together."""


class Compiled(msgspec.Struct, frozen=True):
    """A rule that can be looked for."""

    rule: Rule
    patterns: Mapping[int, Pattern]
    """By their bits, in the file's order."""
    bits: int
    """All of those."""
    detector: Detector | None
    unless: tuple[Pattern, ...]
    unless_near: tuple[Pattern, ...]
    unless_led_by: tuple[Pattern, ...]


class Rules(msgspec.Struct, frozen=True):
    """All rules of a file, in its order."""

    version: int
    compiled: tuple[Compiled, ...]
    vocabulary: Vocabulary
    hollow: tuple[Pattern, ...]
    """What excuses nothing, whatever its words: "why don't we …"."""


class RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: its version, the rules, and the lists of words that they speak of."""

    version: int
    rules: tuple[Rule, ...]
    lists: dict[str, dict[str, str]]
    """By name and language: words and phrases between commas. "" is of all languages."""
    hollow: tuple[str, ...] = ()
    """Patterns of what excuses nothing, whatever its words: "why don't we …"."""

    def phrases(self, name: str) -> list[str]:
        """A list's words and phrases."""
        languages = ", ".join(self.lists[name].values()).split(",")
        return [phrase for term in languages if (phrase := term.strip())]


def load(path: Path | None = None) -> Rules:
    """The rules of a file, or those that come with the package. Raises `BadRules`."""
    path = path or PACKAGED
    try:
        file = msgspec.json.decode(path.read_bytes(), type=RulesFile)
    except (OSError, msgspec.DecodeError) as error:  # an unfit value is a DecodeError too
        raise BadRules(f"{path}: {error}") from error
    try:
        vocabulary = Vocabulary({name: file.phrases(name) for name in file.lists})
    except BadPattern as error:
        raise BadRules(f"{path}: lists: {error}") from error
    return _compile(file, vocabulary, path)


@lru_cache(maxsize=2)
def load_once(path: Path | None) -> Rules:
    """The rules of a file, read once by a process: compiling them takes a moment, and several parts
    need them. Raises `BadRules`."""
    return load(path)


def digests(path: Path = PACKAGED) -> dict[str, str]:
    """For each rule what its content comes to, its version apart; all lists come under `lists`."""
    file = msgspec.json.decode(path.read_bytes(), type=RulesFile)
    contents: dict[str, object] = {}
    for rule in file.rules:
        content = msgspec.structs.replace(rule, version=0)
        weighed = rule.detector == "learned" or rule.unless_below is not None
        contents[rule.id] = [content, packaged()] if weighed else content
    contents["lists"] = [file.lists, file.hollow]
    return {
        name: hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]
        for name, content in contents.items()
    }


def _compile(file: RulesFile, vocabulary: Vocabulary, path: Path) -> Rules:
    seen: set[str] = set()
    try:
        for source in file.hollow:
            vocabulary.learn(source)
    except BadPattern as error:
        raise BadRules(f"{path}: hollow: {error}") from error
    for rule in file.rules:
        try:
            if rule.id in seen:
                raise BadPattern("it stands there twice")
            seen.add(rule.id)
            if not rule.id or rule.version < 1:
                raise BadPattern("it needs an id, and a version of 1 or more")
            if not rule.patterns and rule.detector is None:
                raise BadPattern("it needs patterns or a detector")
            if rule.detector is not None and rule.detector not in DETECTORS:
                raise BadPattern(f"there is no detector {rule.detector!r}")
            for source in (*rule.patterns, *rule.unless, *rule.unless_near, *rule.unless_led_by):
                vocabulary.learn(source)
        except BadPattern as error:
            raise BadRules(f"{path}: rule {rule.id!r}: {error}") from error
    try:
        vocabulary.settle()
    except BadPattern as error:
        raise BadRules(f"{path}: lists: {error}") from error
    compiled = []
    for rule in file.rules:
        try:
            patterns = {one.bit: one for one in map(vocabulary.compile, rule.patterns)}
            compiled.append(
                Compiled(
                    rule,
                    patterns,
                    sum(patterns),
                    DETECTORS[rule.detector](vocabulary) if rule.detector else None,
                    tuple(map(vocabulary.compile, rule.unless)),
                    tuple(map(vocabulary.compile, rule.unless_near)),
                    tuple(map(vocabulary.compile, rule.unless_led_by)),
                )
            )
        except BadPattern as error:
            raise BadRules(f"{path}: rule {rule.id!r}: {error}") from error
    try:
        hollow = tuple(map(vocabulary.compile, file.hollow))
    except BadPattern as error:
        raise BadRules(f"{path}: hollow: {error}") from error
    return Rules(file.version, tuple(compiled), vocabulary, hollow)
