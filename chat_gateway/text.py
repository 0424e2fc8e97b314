"""What a message's text may be. Text is data: nothing here knows of markup."""

import re
import unicodedata
from typing import Final

from shared.contracts.errors import ErrorCode
from shared.contracts.frames import Limits

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters (category Cc) but newline and tab."""

COMBINING_MAX: Final = 100
"""Combining marks in a row. Real text has a handful, Unicode's stream-safe text at most 30; the
time that normalising takes grows with the square of such a run."""


class TextRefused(ValueError):
    """A text that is not taken: `invalid` or `too_large`, with words for its writer."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def clean_text(text: str, limits: Limits, *, may_be_empty: bool = False) -> str:
    """The text in NFC. Raises `TextRefused`.

    1 to `text_chars` code points and at most `text_bytes` bytes of UTF-8, counted after NFC.
    """
    # No code point is made of more than four others: what is longer by more cannot shrink enough.
    if len(text) > 4 * limits.text_chars:
        raise TextRefused(
            ErrorCode.TOO_LARGE, f"A message has at most {limits.text_chars} characters."
        )
    if not text.isascii():
        _refuse_piles(text)
        text = unicodedata.normalize("NFC", text)
    if not text and not may_be_empty:
        raise TextRefused(ErrorCode.INVALID, "A message needs a text or an attachment.")
    if len(text) > limits.text_chars:
        raise TextRefused(
            ErrorCode.TOO_LARGE, f"A message has at most {limits.text_chars} characters."
        )
    if len(text) * 4 > limits.text_bytes and len(text.encode()) > limits.text_bytes:
        raise TextRefused(ErrorCode.TOO_LARGE, f"A message has at most {limits.text_bytes} bytes.")
    if not text.isprintable() and _CONTROL.search(text):
        raise TextRefused(
            ErrorCode.INVALID, "A text has no control characters but newline and tab."
        )
    return text


def _refuse_piles(text: str) -> None:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > COMBINING_MAX:
            raise TextRefused(ErrorCode.INVALID, "Too many combining marks stand in a row.")
