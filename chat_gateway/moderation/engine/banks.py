"""Bank accounts and wallets: IBAN by its check digits, the others by their words or their shape."""

import re
from collections.abc import Iterator
from typing import Final

from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text

_DIGIT: Final = re.compile(r"\d")
_IBAN: Final = re.compile(r"(?<![^\W_])[a-z]{2}[ .\-]?\d[ .\-]?\d(?:[ .\-]{0,2}[a-z0-9]){11,30}+")
_WALLET: Final = re.compile(
    r"(?<![^\W_])(?:0x[0-9a-f]{40}|bc1(?:\s?[ac-hj-np-z02-9]){25,62}+|bc1[qp][ac-hj-np-z02-9]{8,60}+|[13][a-z0-9]{25,34}+|t[a-z0-9]{33}|[48][a-z0-9]{94})(?![^\W_])"
)
_BEGUN: Final = re.compile(
    r"(?<![^\W_])0x(?=[a-f]*\d)[0-9a-f]{8,39}+(?: [0-9a-f]{6,38}+)*+(?![^\W_])"
)
"""What may be a wallet's first part, where one is spoken of."""
_BASE58: Final = re.compile(r"(?<![^\W_])[1-9a-z]{32,44}(?![^\W_])")
"""What is a wallet's address on other chains, where one is spoken of."""
_SPELLED_OUT: Final = frozenset({"0x", "bc"})
_LENGTHS: Final = (
    "no15 be16 dk18 fi18 fo18 gl18 nl18 mk19 si19 at20 ba20 ee20 kz20 lt20 lu20 xk20 ch21 hr21 li21"
    " lv21 bg22 bh22 cr22 de22 gb22 ge22 ie22 me22 rs22 va22 ae23 gi23 il23 iq23 om23 tl23 ad24"
    " cz24 es24 md24 pk24 ro24 sa24 se24 sk24 tn24 vg24 ly25 pt25 st25 is26 tr26 bi27 fr27 gr27"
    " it27 mc27 mr27 sm27 al28 az28 by28 cy28 do28 gt28 hu28 lb28 ni28 pl28 sv28 br29 eg29 ps29"
    " qa29 ua29 jo30 kw30 mu30 mt31 sc31 lc32 ru33"
)
_IBAN_CHARS: Final = {one[:2]: int(one[2:]) for one in _LENGTHS.split()}
"""By country: the number of an order after "es" or "it" is none, whatever its check digits."""
_IBAN_DIGITS_MIN: Final = 10
"""With fewer, one sentence in a hundred that has a number in it would be one."""
_SURE: Final = 16
"""With so many and the length of its country it is one, if with a slip of the pen."""
_CARD: Final = re.compile(r"(?<!\d)[3-6]\d{3}[ \-.]?(?:\d{4}[ \-.]?){2}\d{4}(?![ \-.]?\d)")
_CASHTAG: Final = re.compile(r"(?<![\w$])\$[a-z][a-z0-9_\-]{2,30}")
_UPI: Final = re.compile(r"(?<![^\W_])[\w.\-]{3,40}@[a-z]{2,20}(?![\w.@])")
"""Names of those who are paid: $anna, anna@okbank. They are such where a service is named."""
_ACCOUNT: Final = re.compile(r"\d(?:[ \-/.]?\d){5,17}+")


class Banks:
    """The detector of accounts."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._account = vocabulary.mask("account")
        self._purse = vocabulary.mask("purse") | vocabulary.mask("pay_me")

    def __call__(self, text: Text) -> Iterator[tuple[int, int]]:
        """Each account's part of the text."""
        plain = text.plain
        enough = len(_DIGIT.findall(plain)) >= _IBAN_DIGITS_MIN
        for match in _IBAN.finditer(plain) if enough else ():
            if end := _iban_end(match):
                yield match.start(), end
        for match in _WALLET.finditer(plain):
            if match.group()[:2] in _SPELLED_OUT or _has_both_cases(text, *match.span()):
                yield match.span()
        for match in _CARD.finditer(plain) if enough else ():
            if _luhn("".join(filter(str.isdigit, match.group()))):
                yield match.span()
        if text.read.has & self._purse:
            for sign, named in (("$", _CASHTAG), ("@", _UPI)):
                if sign in plain:
                    yield from (match.span() for match in named.finditer(plain))
        if text.read.has & self._account:
            for match in _BEGUN.finditer(plain):
                first, _ = text.words_in(*match.span())
                if text.read.near(self._account, first - 4, first):
                    yield match.span()
            for match in _BASE58.finditer(plain):
                first, _ = text.words_in(*match.span())
                if text.read.near(self._account, first - 4, first) and _has_both_cases(
                    text, *match.span()
                ):
                    yield match.span()
            for match in _ACCOUNT.finditer(plain):
                first, end = text.words_in(*match.span())
                if text.read.near(self._account, first - 4, first):
                    yield match.span()


def _iban_end(match: re.Match[str]) -> int:
    """Where an IBAN that begins here ends, by its check digits; 0 if none does."""
    written, digits = "", 0
    chars = _IBAN_CHARS.get(match.group()[:2])
    for place in range(match.start(), match.end()):
        character = match.string[place]
        if not character.isalnum():
            continue
        written += character
        digits += character.isdigit()
        if len(written) == chars and (
            (digits >= _SURE and written[10:].isdigit())
            or (digits >= _IBAN_DIGITS_MIN and _checks(written))
        ):
            following = match.string[place + 1 : place + 2]
            if not following.isalnum():
                return place + 1
    return 0


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(d - 9 * (d > 9) for d in doubled)) % 10 == 0


def _checks(written: str) -> bool:
    moved = written[4:] + written[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _has_both_cases(text: Text, start: int, end: int) -> bool:
    """Wallets in base 58 have; the numbers of parcels and the sums of files have not."""
    written = text.original[slice(*text.normalised.original(start, end))]
    return (
        written != written.lower()
        and written != written.upper()
        and bool(re.search(r"\d", written))
    )
