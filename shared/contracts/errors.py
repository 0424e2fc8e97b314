"""The catalogues of error codes and websocket close codes."""

import re
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

import msgspec


class ErrorCode(StrEnum):
    """Why something was not done. `CATALOGUE` says whether trying again can help."""

    INVALID = "invalid"
    TOO_LARGE = "too_large"
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 (a code, no secret)
    NOT_FOUND = "not_found"
    NOT_JOINED = "not_joined"
    FORBIDDEN = "forbidden"
    READ_ONLY = "read_only"
    CONFLICT = "conflict"
    CONTACT_DETAILS = "contact_details"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    INTERNAL = "internal"


class ErrorInfo(NamedTuple):
    """What a code means to its receiver."""

    retry: bool
    """Whether the same request may succeed later."""
    http: int
    """The HTTP status that carries it."""
    message: str
    """A sentence fit for a user, used where nothing more exact can be said."""


CATALOGUE: Final[dict[ErrorCode, ErrorInfo]] = {
    ErrorCode.INVALID: ErrorInfo(False, 400, "The request is malformed."),
    ErrorCode.TOO_LARGE: ErrorInfo(False, 413, "This is larger than allowed."),
    ErrorCode.UNAUTHENTICATED: ErrorInfo(False, 401, "The token is missing or not valid."),
    ErrorCode.TOKEN_EXPIRED: ErrorInfo(True, 401, "The token has expired; send a fresh one."),
    ErrorCode.NOT_FOUND: ErrorInfo(False, 404, "It does not exist, or is not yours to see."),
    ErrorCode.NOT_JOINED: ErrorInfo(True, 409, "Join the order first."),
    ErrorCode.FORBIDDEN: ErrorInfo(False, 403, "You may not do this."),
    ErrorCode.READ_ONLY: ErrorInfo(False, 409, "This is closed for changes now."),
    ErrorCode.CONFLICT: ErrorInfo(False, 409, "This id was already used for something else."),
    ErrorCode.CONTACT_DETAILS: ErrorInfo(
        False, 403, "Contact details cannot be shared in this order. Remove them and send again."
    ),
    ErrorCode.RATE_LIMITED: ErrorInfo(True, 429, "Too many requests; wait a moment."),
    ErrorCode.BUSY: ErrorInfo(True, 503, "An earlier request is not settled yet; try again."),
    ErrorCode.UNAVAILABLE: ErrorInfo(True, 503, "This cannot be served now; try again."),
    ErrorCode.UNKNOWN: ErrorInfo(True, 504, "The outcome is not known; send the same id again."),
    ErrorCode.INTERNAL: ErrorInfo(True, 500, "Something went wrong on our side; try again."),
}


class CloseCode(IntEnum):
    """Close codes of the websocket; the comment says what a client does."""

    PROTOCOL_ERROR = 1002  # fix the client
    UNSUPPORTED_DATA = 1003  # binary frames are not taken
    INVALID_DATA = 1007  # text was not UTF-8
    POLICY_VIOLATION = 1008  # too many malformed frames
    TOO_BIG = 1009  # a frame over `limits.frame_bytes`
    INTERNAL_ERROR = 1011  # reconnect with back-off
    SERVICE_RESTART = 1012  # reconnect after the time `goodbye` named
    TOKEN = 4001  # stop until a new token is at hand
    ACCESS = 4003  # stop
    TOO_SLOW = 4008  # reconnect with back-off and resume
    TOO_MANY_CONNECTIONS = 4009  # close another tab first
    FLOODING = 4029  # reconnect with back-off


_PATH: Final = re.compile(r" - at `(\$[\w.\[\]]*)`$")


def explain(error: Exception, what: str) -> str:
    """Why *what* (a frame, a body) could not be decoded, and where, without quoting what was sent.

    *error* is what msgspec raised. The text may be shown to whoever sent it, and logged.
    """
    if not isinstance(error, msgspec.ValidationError):
        return f"The {what} is not JSON that can be read."
    text = str(error)
    if text.startswith("Object contains unknown field"):
        return "Unknown field."  # its name is the sender's
    # The value may hold anything, a path's marks too: only the end of the text is the library's.
    path = _PATH.search(text)
    reason = text[: path.start()] if path else text
    if reason.startswith("Invalid"):  # "Invalid value 'x'", "Invalid enum value 'x'"
        reason = "Not one of the allowed values"
    return f"{reason} at {path[1]}." if path else f"{reason}."
