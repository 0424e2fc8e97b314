"""How one connection speaks to one kind of server, and what all of them say."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

TEXT_CHARS: Final = 80


class Party(NamedTuple):
    """Who is at the other end of a connection, and in which order it takes part."""

    number: int
    """Counted from 0; those of one order stand next to each other."""
    order: str
    user: str
    token: str


class TalkFailed(Exception):
    """The server said something that voids the whole measurement: the connection is given up."""


class Talk(Protocol):
    """What one connection says and understands. It does no I/O, and every call must be cheap."""

    target: str
    """Of the handshake's request, such as `/v1/chat`."""
    joined: bool
    """The opening is over: from now on messages may be said, and are heard."""
    notes: bool
    """Whether `heard` wants to see what was delivered."""

    def begin(self) -> Sequence[bytes]:
        """What to send right after the handshake, each a text frame."""
        ...

    def control(self, payload: bytes) -> Sequence[bytes]:
        """Take a frame without a message, or one of the opening; the answer, each a text frame.

        Raises `TalkFailed`.
        """
        ...

    def heard(self, payload: bytes) -> None:
        """Take a frame with one message or more, after the opening; called only if `notes`."""
        ...

    def say(self, text: str) -> bytes:
        """The text frame that says *text* in the order; `text` stands unescaped in any JSON."""
        ...

    def again(self) -> "Talk":
        """For the connection that comes after this one was lost: it resumes where this one was,
        if the server can do that."""
        ...


MARK: Final = b"!S:"
"""A message's text is `!S:IIIIII:NNNNNNNN!`, which connection said it and its how manieth of that
connection it is, and then "x" until it is long enough."""
SENDER: Final = slice(len(MARK), len(MARK) + 6)
SERIAL: Final = slice(SENDER.stop + 1, SENDER.stop + 9)
_END: Final = "!".ljust(TEXT_CHARS - SERIAL.stop, "x")


def text_of(sender: int, serial: int) -> str:
    """What connection *sender* says as its message number *serial*."""
    return f"!S:{sender:06}:{serial:08}{_END}"
