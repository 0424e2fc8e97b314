"""E-mail addresses, with at and dot in any spelling."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.names import is_file, name_like
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

_LOCAL_MAX: Final = 80
_OPEN: Final = r"[(\[{<|*_~/\\\-\"']"
_SHUT: Final = r"[)\]}>|*_~/\\\-\"']"
_WRITTEN: Final = re.compile(r"[a-z0-9\-]{1,60}(?:\.[a-z0-9\-]{1,60}){0,4}\.[a-z]{2,20}\b")
"""A domain as it should be."""
_NO_DOMAIN: Final = (
    "the|an?|this|that|these|my|your|our|his|her|first|second|last|every|each|no|one|polka|red|blue"
    "|green|black|white|yellow|der|die|das|dem|diesem|el|la|este|ese|un|un[ao]"
)
"""What a dot that is none may stand behind: "at the dot plotted", "at polka dot dresses"."""
_OR_SO: Final = re.compile(r"(?:or|and|oder|und|ou|et|o|y|e)\s")
"""What signs are listed with: "no @ or .com in here"."""
_SOME_POINT: Final = re.compile(r"\s(?:point|period)\s(?:in|is|it|me|no|be|us|at|de|to|so)\Z")
"""At some point in …: words where "point" is the French dot."""
_APART: Final = re.compile(r"(?<![^\W_])[^\W_](?:[^a-z0-9@\n]{1,3}[a-z0-9@](?![^\W_])){7,}+")
"""Characters with something between any two of them: "a n n a @", "a.n.n.a.@"."""
_MADE_UP: Final = re.compile(r"(?:example|beispiel|ejemplo|exemple|exemplo|esempio)\.[a-z]{2,3}\b")
"""What stands in forms and mock-ups."""
_COMPANY: Final = re.compile(r".*\.ai")
"""What ends as a drawing's file does."""
_SCALED: Final = re.compile(r"(?:.*@)?(?:\d+(?:\.\d+)?[xk]|a\d|\d+(?=\.ai\b))\.[a-z0-9]{2,10}")
"""The end of a file's name: icon@2x.png, sky@4k.exr, poster@a2.afdesign."""
_TURNED: Final = re.compile(r"[\w.\-]{2,40}+@[\w.\-]{2,40}+")
"""What may be one where it is said that it is to be read backwards."""
_BETWEEN: Final = re.compile(r"[^a-z0-9@]")
_ODD: Final = re.compile(r"[\d._+]")
_DOT_IN_IT: Final = re.compile(r"dot|pun[kt]t?|ponto|point")
_GLUED_LOCAL: Final = re.compile(r"(?<![\w.])[\w.\-]{2,40}\Z")
_BESIDE_A_PLACE: Final = frozenset({"bei", "chez", "et", "att"})
_BESIDE: Final = 6
_LAST: Final = re.compile(r"[.!?] ")
"""Between what a sentence ends with and the local part."""
_SIGN: Final = re.compile(
    r"[\w.\-]{2,40}\s?[^\w\s\x00-\x7f]\s?[a-z0-9\-]{2,40}\s?[^\w\s,;:!?/\-]\s?[a-z]{2,12}\b"
)
_SIGN_IS: Final = re.compile(
    r"\b(?:is|ist|es|est|means|for|statt|instead of) (?:(?:the|das|el|la) |l')?"
    r"(?:at|arroba|chiocciola|arobase|klammeraffe)\b"
)
"""What some sign between two parts is said to stand for."""


class Emails:
    """The detector of e-mail addresses."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        at, dot = _any(vocabulary.terms("at")), _any(vocabulary.terms("dot"))
        tld, plain_tld = _any(vocabulary.terms("tld")), _any(vocabulary.terms("tld_plain"))
        provider = _any(vocabulary.terms("mail_provider"), r"[\s.*_~/\-]?")
        hyphen = rf"(?:{_any(vocabulary.terms('hyphen'))})"
        signs = rf"(?:{dot}|{hyphen})"
        mark = rf"(?:,?\s{signs},?\s|\s?{_OPEN}\s?(?:{dot}|d\so\st|\.)\s?{_SHUT}\s?|\s?\.\s?)"
        self._at = re.compile(
            rf"\s?{_OPEN}\s?(?:{at}|a\st|@)\s?{_SHUT}\s?|\s?[(\[{{]a[)\]}}]\s?|,\s?(?:{at}),\s?"
            rf"|(?P<sign>\s?@{{1,3}}\s?)|(?P<word>\s(?:{at})\s)"
        )
        self._provider = re.compile(rf"[\"']?(?:{provider})\b(?:(?:{mark}|\s|,\s?)(?:{tld})\b)?")
        self._domain = re.compile(
            rf"[a-z0-9\-]{{2,40}}(?:{mark}[a-z0-9\-]{{2,40}}){{0,2}}?(?P<mark>{mark})(?:{tld})\b"
            rf"|[a-z0-9]{{2,20}}(?:-[a-z0-9]{{2,20}}){{1,3}}\s(?:{plain_tld})\b"
            rf"|[a-z0-9\-]{{2,40}},(?:{plain_tld})\b"
            r"|[a-z0-9\-]{3,40}\s(?:co\suk|co\snz|co\sza|co\sin|com\s(?:au|br|mx|ar|tr|pl))\b"
            rf"|(?!(?:{_NO_DOMAIN})\b)[a-z0-9\-]{{2,40}}(?:\s{hyphen}\s[a-z0-9\-]{{2,40}})?"
            rf"(?P<said>\s?{_OPEN}\s?(?:{dot}|\.)\s?{_SHUT}\s?"
            r"|\s(?:dot|punkt|punto|kropka)\s)[a-z]{3,14}\b"
        )
        self._local = re.compile(rf"[\w.+\-]{{1,64}}(?:{mark}[\w+\-]{{1,64}}){{0,3}}[\"']?\Z")
        self._bare = re.compile(
            rf"(?<![^\W_])(?:{provider})(?:{mark}(?:{tld})|,?\s(?:{plain_tld}|de|es|it))\b"
        )
        self._backwards = re.compile(
            rf"(?<![^\W_])(?:{'|'.join(end[::-1] for end in vocabulary.terms('tld_plain'))})"
            r"\s?\.\s?[a-z0-9\-]{2,40}\s?@\s?[\w.]{2,40}+"
        )
        compact = _any(vocabulary.terms("mail_provider"), r"[.\-]?")
        self._glued = re.compile(
            rf"(?:at|aet|arroba|chiocciola|arobase)(?:{compact})"
            rf"(?:dot|punkt|punto|ponto|point|\.)(?:{tld})\b"
        )
        joined = _any(vocabulary.terms("mail_provider"), "")
        self._whole = re.compile(rf"[a-z0-9]@(?:{joined}|[a-z0-9]{{2,40}}?(?:{tld})\Z)")
        self._providers = vocabulary.mask("mail_provider")
        self._reversed = vocabulary.mask("reversed")
        self._promo = vocabulary.mask("promo")
        self._mail_noun = vocabulary.mask("mail") | vocabulary.mask("mailbox")
        self._mail = self._mail_noun | vocabulary.mask("reach")
        self._common = frozenset(vocabulary.terms("before_at"))

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each address's part of the text."""
        plain = text.plain
        over = 0
        for at in self._at.finditer(plain):
            if found := self._address(text, at):
                yield found
                over = found[1]
        for glued in self._glued.finditer(plain) if _DOT_IN_IT.search(plain) else ():
            local = _GLUED_LOCAL.search(plain[max(0, glued.start() - _LOCAL_MAX) : glued.start()])
            if local:
                yield glued.start() - len(local[0]), glued.end()
        if "@" in plain:
            for run in _APART.finditer(plain):
                if self._whole.search(_BETWEEN.sub("", run.group())):
                    yield run.span()
            turned = _TURNED if text.read.has & self._reversed else self._backwards
            for match in turned.finditer(plain):
                if not (_SCALED.fullmatch(match.group()) or is_file(match.group())):
                    yield match.span()
        if not plain.isascii() and _SIGN_IS.search(plain):
            yield from (match.span() for match in _SIGN.finditer(plain))
        if not text.read.has & self._providers:
            return
        for bare in self._bare.finditer(plain):
            if bare.end() > over:
                word = text.word_at(bare.start())
                yield (text.read.words[word - 1].start if word else bare.start()), bare.end()
        yield from self._beside_provider(text)

    def _address(self, text: Text, at: re.Match[str]) -> tuple[int, int] | None:
        plain = text.plain
        provider = self._provider.match(plain, at.end())
        written = _WRITTEN.match(plain, at.end()) if at["sign"] else None
        domain = None if provider or written else self._domain.match(plain, at.end())
        end = provider or written or domain
        if end is None:
            return None
        first = max(0, at.start() - _LOCAL_MAX)
        local = self._local.search(plain[first : at.start()])
        if local is None:
            return None
        found = first + local.start(), end.end()
        if provider:
            return found
        if at.group().startswith(" ") and at.group().endswith("@"):  # "mention @acme.official"
            return None
        if written:
            name = written.group()
            if _SCALED.fullmatch(name) or _MADE_UP.match(name):
                return None
            if is_file(name) and not _COMPANY.fullmatch(name):
                return None
            return found
        if domain is None or at["word"] is None:
            return None if domain and _OR_SO.match(domain.group()) else found
        if plain.startswith("/", domain.end()):  # "20 % off with CODE20 at acme.com/anna"
            return None
        if domain["said"] and at.group().strip() in _BESIDE_A_PLACE:
            return None
        # "at" between plain words is mostly English: "have a look at acme.com".
        if _LAST.split(local[0])[-1] in self._common:
            return None
        word = text.word_at(at.start() + 1)
        if text.read.near(self._promo, word - 3, word):  # "code ANNA20 at acme.com"
            return None
        if _SOME_POINT.search(domain.group()):
            return None
        certain = (domain["mark"] or " ").strip() != "." or _ODD.search(local[0])
        near = text.read.near(self._mail, word - 6, word)
        near |= text.read.near(self._mail_noun, word - 12, word)
        return found if certain or near else None

    def _beside_provider(self, text: Text) -> Iterator[tuple[int, int]]:
        """A user's name beside a provider's: "googlemail, before it anna.k"."""
        words = text.read.words
        for number, mask in enumerate(text.read.masks):
            if mask & self._providers:
                for other in range(max(0, number - _BESIDE), min(len(words), number + _BESIDE + 1)):
                    if other != number and (span := name_like(text, words[other])):
                        yield min(span[0], words[number].start), max(span[1], words[number].end)


def _any(terms: list[str], between: str = r"\s") -> str:
    rows = (between.join(map(re.escape, term.split())) for term in terms)
    return "|".join(sorted(rows, key=len, reverse=True))
