"""Groups of digits, and what they look like without the words around them."""

import re
from typing import Final

from chat_gateway.moderation.engine.series import Group, counts_up
from chat_gateway.moderation.engine.text import Text

LOOKS_WRITTEN: Final = re.compile(
    r"\(\d{3}\)[ .\-]?\d{3}[ .\-]?\d{4}|\d{3}\)[ .\-]?\d{3}[ .\-]\d{4}|\d{3}([.\- ])\d{3}\1\d{4}"
    r"|1[ .\-]\d{3}[ .\-]\d{3}[ .\-]\d{4}"
    r"|\d{3}-\d{4}|\d{2}-\d{4}-\d{4}"
    r"|0\d([./\-])\d{2}(?:\2\d{2}){3}"
    r"|5\d{2} (?!\d00)\d{3} (?!\d00)\d{3}"
    r"|[6-9]\d{2} \d{3} \d{3}|[6-9]\d{2}([ .\-])\d{2}(?:\3\d{2}){2}"
    r"|[6-9]\d{2} \d{3} \d{4}|\d{2} \d{4,5}[ \-]\d{4}"
    r"|\d{2} 9 ?\d{4}[ \-]?\d{2} ?\d{2}|(?:55 )?\d{2} 9[. ]?\d{4}-\d{4}"
    r"|0\d{2,4}[./]\d{2,3}\.\d{2,3}(?:\.\d{2,3})?|0\.\d{3}\.\d{3}\.\d{2}\.\d{2}"
    r"|8([.\-])\d{3}\4\d{3}\4\d{2}\4\d{2}|3\d{2}[./]\d{3}\.\d{2}\.\d{2}|3[2-9]\d[/\-]\d{6,7}"
    r"|0\d{3}-\d{7}|\(\d{2}\) 9?\d{4}-\d{4}|(?<=(?<!\w)al )(?!19|20)\d{4}-\d{4}"
    r"|\d{2} \d{3}-\d{2}-\d{2}|1[38]00 \d{3} \d{3}|[67]\d{2}-\d{3}-\d{3}|[6-9]\d{4} \d{5}"
    r"|\(0\)\d{2,4} \d{3,4} \d{3,4}"
)
"""As people of one country or another write them: numbers without any context."""

NO_NUMBER: Final = re.compile(
    r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}"  # a date
    r"|\d{1,2}:\d{2}(?::\d{2})*(?:\s?-\s?\d{1,2}:\d{2}(?::\d{2})*)?"  # times
    r"|[1-9]\d{0,2}(?:[.,'\s]\d{3})*(?:[.,]\d{1,2})?"  # thousands
    r"|\d{2,5}\s?[x×*/\-]\s?\d{2,5}(?:\s?[x×]\s?\d{2,5})?"  # dimensions, years, spans
    r"|\d{1,3}(?:\.\d{1,3}){1,3}"  # versions
    r"|\d{1,4}, (?:\d{5}|\d{4}-\d{3}|\d{2}-\d{3})"  # a house and its postal code
    r"|(?:[01]\d|2[0-3])[0-5]\d (?:and|to|til|till|until|und|bis|y|a|et|e) (?:[01]\d|2[0-3])[0-5]\d"
)
"""What is none unless somebody is called under it."""

CODE: Final = re.compile(r"(?:\d+[a-z]{1,3}\d+|[a-z]{1,2}\d+|\d[a-z])[ \-]")
"""The first part of a parcel's number: 1Z 999 AA1, 7H29 0034."""

OF_CODE: Final = re.compile(r"[a-z]-\Z")
"""What a number is the end of: DE-49-1512-3345."""

DECIMAL: Final = re.compile(r"(?<![\d.,])\d{1,3}[.,]\d{1,2}(?![\d.,])")
"""One of them is enough to tell that things are counted or measured."""

DECIMALS: Final = re.compile(r"(?:\d\.\d{1,3}, ?){2,}\d\.\d{1,3}")

SPACED: Final = re.compile(r"[\d ]+")

_TIMES: Final = re.compile(r".*\d:\d.*|(?:\d{1,2}[./]\d{1,2}[./]?\s*)+", re.DOTALL)
_DATE: Final = re.compile(
    r"(?<!\d)(?<!\d[./\-])(?:0?[1-9]|[12]\d|3[01])[./\-](?:0?[1-9]|[12]\d|3[01])"
    r"(?:[./\-](?:20)?[2-3]\d)?(?!\d)(?![./\-]\d)"
)
_ONE_BY_ONE: Final = re.compile(r"\d(?:[./]\d){7,}|\d[./]\d[./]\d(?:[./ ]\d){6,}")
_AREAS: Final = re.compile(r"\d{5}(?:, ?\d{5})*(?:,|,? (?:and|or|und|oder|y|et|e|o|i)) ?\d{5}")
_SIZE: Final = re.compile(r"\d\s?[x×]\s?\d")
_DIGIT: Final = re.compile(r"\d")
_IN_PARTS: Final = re.compile(r"\d{1,5}(?: \d{2,5}){2,5}")
_IN_PIECES: Final = re.compile(r"\d{1,4}(?: \d{1,4}){3,}")
_IN_SPAIN: Final = re.compile(r"[6-9]\d{2}(?: \d{2}){3}")
_IN_AMERICA: Final = [3, 3, 4]
_LETTER_IN_IT: Final = re.compile(r"[oi]\d|\do")
_THEN: Final = re.compile(
    r"\b(?:then|dann|luego|despues|depois|poi|puis|potem|termina|cerras|acaba|ends|schluss)\b"
)
_DISGUISED_MIN: Final = 8
_COUNT: Final = "01234567890"


def is_list(run: list[Group], written: str) -> bool:
    """Whether these are postal codes, or prices by number of things: one 250, two 430."""
    if len(run) >= 4 and len(run) % 2 == 0:
        things, prices = run[::2], [int(group.digits) for group in run[1::2]]
        if all(group.spelled == 1 and len(group.digits) == 1 for group in things):
            return not any(group.spelled for group in run[1::2]) and not any(
                price % 10 or not price for price in prices
            )
    if len(run) < 3 or "," not in written:
        return False
    prices = [int(group.digits) for group in run if not group.spelled]
    priced = 1 < len(prices) < len(run) and all(price and price % 10 == 0 for price in prices)
    return priced or bool(_AREAS.fullmatch(written))


def is_said_in_groups(run: list[Group], written: str) -> bool:
    """Whether these groups of digits are a telephone number by their lengths and values."""
    grouped = " ".join(group.digits for group in run)
    lengths = [len(group.digits) for group in run]
    if lengths == _IN_AMERICA or _IN_SPAIN.fullmatch(grouped):  # "917, then 555, then 0176"
        return True
    if set(lengths) != {4} and _IN_PARTS.fullmatch(grouped) and 9 <= sum(lengths) <= 13:
        # A list of numbers has commas, and none of them begins with a zero.
        if any(group.digits[0] == "0" for group in run):
            return True
        if written == grouped and _is_uneven([int(group.digits) for group in run]):
            return True
    # As many things as 01 or 055 there never are.
    in_pieces = _IN_PIECES.fullmatch(written) and 9 <= sum(lengths) <= 11
    if in_pieces and lengths.count(1) > 1 and max(lengths) > 3:
        return True
    zeros = any(group.digits[0] == "0" and len(group.digits) > 1 for group in run[1:])
    if zeros and 9 <= sum(lengths) <= 11 and len(run) > 3 and "," not in written:
        return True
    if 9 <= sum(lengths) <= 12 and len(_THEN.findall(written)) > 1:
        return len(set(lengths)) > 1 and sum(int(group.digits) % 5 != 0 for group in run) > 1
    return set(lengths) <= {1, 2} and (
        len(run) >= 7 or (set(lengths) == {2} and sum(lengths) >= 10)
    )


def is_whole(run: list[Group], written: str) -> bool:
    """Whether no list is so written: a zero first and much behind it, or digit by digit."""
    lengths = [len(group.digits) for group in run]
    if "," in written:
        return False
    if set(lengths) == {1}:
        return 9 <= len(run) <= 11
    return run[0].digits[0] == "0" and 10 <= sum(lengths) <= 11 and max(lengths) > 2


def is_disguised(text: Text, run: list[Group]) -> bool:
    """Whether digits are written as no price or number of an order is: ６5️⃣⑤, 34O 7I8."""
    digits = "".join(group.digits for group in run)
    if len(digits) < _DISGUISED_MIN or digits in _COUNT or counts_up(run):
        return False
    hidden, lettered = 0, 0
    for group in run:
        original = text.original[slice(*text.normalised.original(group.start, group.end))]
        hidden += sum(not character.isascii() for character in original)
        lettered += bool(_LETTER_IN_IT.search(text.plain, group.start, group.end))
    return hidden * 2 > len(digits) or lettered > 1


def is_time_or_date(written: str) -> bool:
    """Whether these are times or dates, one or more."""
    if _ONE_BY_ONE.fullmatch(written):
        return False
    return bool(_TIMES.fullmatch(written)) or not _DIGIT.search(_DATE.sub("", written))


def is_size(written: str) -> bool:
    """Whether these are sizes: 2560 x 1440."""
    return bool(_SIZE.search(written))


def _is_uneven(values: list[int]) -> bool:
    """Prices and sizes mostly are round, and numbers of things rise."""
    return values != sorted(values) and sum(value % 5 != 0 for value in values) > 1
