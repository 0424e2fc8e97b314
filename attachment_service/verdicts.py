"""Why a file is not taken. Whoever sent it is told; nothing here quotes what is in it."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """What is wrong with a file. `SENTENCES` says it to the person who sent it."""

    SIZE = "size"
    CHECKSUM = "checksum"
    TYPE = "type"
    IMAGE = "image"
    TOO_MANY_PIXELS = "too_many_pixels"
    INFECTED = "infected"
    UNSCANNABLE = "unscannable"
    UNINSPECTABLE = "uninspectable"
    EXPIRED = "expired"


SENTENCES: Final[dict[Reason, str]] = {
    Reason.SIZE: "The file is not of the size announced, or larger than its type may be.",
    Reason.CHECKSUM: "The file is not the one that was announced: its checksum differs.",
    Reason.TYPE: "The file is not of the type it claims to be.",
    Reason.IMAGE: "The image is damaged and cannot be read.",
    Reason.TOO_MANY_PIXELS: "The image has more pixels or more frames than can be taken.",
    Reason.INFECTED: "The virus scanner found something harmful in the file.",
    Reason.UNSCANNABLE: "The virus scanner cannot look into the file.",
    Reason.UNINSPECTABLE: "The file could not be looked at safely.",
    Reason.EXPIRED: "The file was not sent in time, and is gone; attach it again.",
}


class Rejected(Exception):
    """A file that will never be taken; the same bytes would be refused again."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(SENTENCES[reason])
        self.reason = reason
