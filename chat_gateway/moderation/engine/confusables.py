"""Characters that stand for others where texts are disguised. Unicode's own NFKC knows the rest."""

from typing import Final

LOOKS_LIKE: Final = str.maketrans(
    # Cyrillic, Greek, Armenian: small letters that pass for Latin ones, in this order.
    "авекмнорстухіїјѕԁԛԝһӏгпьз" + "αβγεηικμνορτυχω" + "օսհոցա",
    "abekmhopctyxiijsdqwhlrnb3" + "abyenikuvoptuxw" + "ouhnga",
)
"""One letter for one. Applied to words that hold Latin letters too: words of Russian stay."""


def _letters(first: str) -> dict[str, str]:
    """Twenty-six letters of an alphabet that NFKC leaves as it is, from *first* on."""
    return {chr(ord(first) + n): chr(ord("a") + n) for n in range(26)}


STANDS_FOR: Final[dict[str, str]] = {
    **_letters("🅐"),
    **_letters("🅰"),
    **_letters("🇦"),
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)),
    **dict(zip("❶❷❸❹❺❻❼❽❾➊➋➌➍➎➏➐➑➒", "123456789" * 2, strict=True)),
    "⓿": "0",
    **dict.fromkeys("ıɩ", "i"),
    **dict.fromkeys("łŁɫ", "l"),
    **dict.fromkeys("øØ", "o"),
    **dict.fromkeys("đĐɖ", "d"),
    "ɑ": "a",
    "ɡ": "g",
    **dict.fromkeys("’‘ʼ´`", "'"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("。．․·∙⋅", "."),
    "＠": "@",
    **dict.fromkeys("📞📱📲☎✆", " phone "),
    **dict.fromkeys("📧✉📩📨", " email "),
    "👻": " snapchat ",
    "✈": " plane ",
    "⭕": "o",
}
