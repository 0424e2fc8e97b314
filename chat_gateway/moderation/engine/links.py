"""Links that lead to a way of contact. Links to work, drafts and shops are left alone."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

_SCHEMES: Final = re.compile(
    r"(?<![^\W_])(?:mailto|tel|sms|skype|live|whatsapp|tg|viber|signal):[^\s]{3,}+"
)
_CHUNK: Final = re.compile(r"\S++")
_SCHEME: Final = re.compile(r"\W*(?:https?://)?(?:www\.)?")
_HOST: Final = re.compile(r"[a-z0-9\-.]{4,100}")
_PROFILE: Final = re.compile(r"/(?:in/)?@?[\w.\-]{3,60}/?(?:\?.*)?")
_BETWEEN: Final = re.compile(r"[/?#.\-_]")
_APART: Final = re.compile(r"\s\.|\s/|\w,\w")
_AT_PLACE: Final = r"\s(?:the|an?|this|that|each|every|its|[:\d])"
"""What makes a dot of "the red dot at the collar"."""
_FAR: Final = 7
_THERE: Final = frozenset(["there", "dort", "ahi", "alli", "orada", "tam", "там", "uzerinden"])


class Links:
    """The detector of links."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        def hosts(name: str) -> frozenset[str]:
            return frozenset(term.replace(" ", ".") for term in vocabulary.terms(name))

        self._contact = hosts("contact_host")
        self._undotted = [host for host in self._contact if "." not in host]
        self._profile = hosts("profile_host")
        self._work = hosts("work_host")
        self._tlds = frozenset((*vocabulary.terms("tld"), *vocabulary.terms("link_tld")))
        self._tld = vocabulary.mask("tld")
        self._pages = frozenset(vocabulary.terms("contact_page"))
        self._booking = vocabulary.mask("booking_page")
        self._bookings = frozenset(vocabulary.terms("booking_page"))
        self._mine = vocabulary.mask("my_own")
        self._site = vocabulary.mask("site")
        self._reach = vocabulary.mask("reach") | vocabulary.mask("contact_noun")
        self._form = vocabulary.mask("form")
        self._contact_word = vocabulary.mask("contact_page")
        self._verify = vocabulary.mask("verify")
        self._rates = vocabulary.mask("rates")
        self._direct = vocabulary.mask("direct") | vocabulary.mask("without")
        self._ours = vocabulary.mask("our")
        self._me = vocabulary.mask("me")
        self._no_name = frozenset(vocabulary.terms("before_at"))
        dot = "|".join(map(re.escape, vocabulary.terms("dot")))
        tld, plain_tld = ("|".join(vocabulary.terms(name)) for name in ("tld", "tld_plain"))
        spaced = "|".join(sorted(host.replace(".", r"\s?[.,]\s?") for host in self._contact))
        self._host_apart = re.compile(rf"(?<![^\W_])(?:{spaced})\s?/\s?[\w.\-+]{{2,60}}")
        slash = "|".join(vocabulary.terms("slash"))
        slash = rf"\s?[(\[{{]?\s?(?:/|{slash})\s?[)\]}}]?\s?[\w.\-]{{2,60}}"
        said = rf"(?:\s?[(\[{{*_]\s?(?:{dot}|\.)\s?[)\]}}*_]\s?|\s(?:{dot})\s)"
        self._dot_said = re.compile(said)
        named = "|".join(sorted(host.replace(".", said) for host in self._contact))
        self._host_said = re.compile(rf"(?<![^\W_])(?:{named})\b(?:{slash})?")
        # "point de" and "punto es" are ordinary words, so not all ends do after a bare word.
        self._spelled = re.compile(
            r"(?<![^\W_])([a-z0-9\-]{3,40})"
            rf"(?:\s?[(\[{{*_]\s?(?:{dot}|\.)\s?[)\]}}*_]\s?(?:{tld})|[(\[]\.[)\]][a-z]{{2,14}}"
            rf"|\s(?:{dot})\s(?:{tld}){slash}"
            rf"|\s(?:{dot})\s(?:{plain_tld})|\s(?:dot|punkt)\s(?:de|at(?!{_AT_PLACE})|me)|\s\.\s?(?:com|net|org|io))\b"
            rf"(?:{slash})?"
        )
        self._may_spell = re.compile(rf"[(\[{{*_]|\s(?:{dot}|dot|punkt|\.)")
        """What each way of it has; mostly there is none, and a look at each word is saved."""

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each such link's part of the text."""
        plain = text.plain
        if ":" in plain:
            yield from (match.span() for match in _SCHEMES.finditer(plain))
        named = text.read.has & self._tld or "(.)" in plain or "[.]" in plain
        if named and self._may_spell.search(plain):
            for match in self._spelled.finditer(plain):
                if match[1] not in self._no_name:
                    yield match.span()
            if self._dot_said.search(plain):
                yield from (match.span() for match in self._host_said.finditer(plain))
        if "/" in plain and _APART.search(plain):
            yield from (match.span() for match in self._host_apart.finditer(plain))
        if "." in plain:
            for chunk in _CHUNK.finditer(plain):
                if "." in chunk.group() and self._leads(text, chunk):
                    yield chunk.span()

    def _leads(self, text: Text, chunk: re.Match[str]) -> bool:
        written = chunk.group().rstrip(".,;:!?)\"'")
        if not ("." in written or "-" in written or any(map(written.count, self._undotted))):
            return False  # most chunks with a dot just end a sentence
        scheme = _SCHEME.match(written)
        host = _HOST.match(written, scheme.end() if scheme else 0)
        if host is None:
            return False
        path = written[host.end() :]
        labels = host.group().strip(".").split(".")
        names = {".".join(labels), ".".join(labels[-2:])}
        names |= {name.replace("-", ".") for name in names}
        if names & self._contact:
            return True
        if len(labels) < 2 or labels[-1] not in self._tlds or path.startswith("@"):
            return False
        if names & self._profile:
            return bool(_PROFILE.fullmatch(path))
        if self._pages.intersection(_BETWEEN.split(path)):
            return True
        if names & self._work:
            return False
        if self._bookings.intersection(_BETWEEN.split(path)):
            return True
        first, end = text.words_in(*chunk.span())
        near = text.read.near
        if near(self._mine, first - 5, first) and near(self._site, first - 5, end + 4):
            return True
        around = first - _FAR, end + _FAR
        if near(self._rates, *around) and near(self._mine | self._direct | self._me, *around):
            return True
        if near(self._reach | self._booking, *around) and any(
            word.text in _THERE for word in text.read.words[end : end + _FAR]
        ):
            return True
        if near(self._verify, *around):
            return True
        if near(self._form, *around) and near(self._contact_word | self._ours, *around):
            return True
        if not near(self._me | self._mine, *around):
            return False
        # The Turkish "at" means to send; before a domain it is English.
        return near(self._contact_word, *around) or any(
            mask & self._reach and word.text != "at"
            for word, mask in zip(
                text.read.words[max(0, around[0]) : around[1]],
                text.read.masks[max(0, around[0]) : around[1]],
                strict=True,
            )
        )
