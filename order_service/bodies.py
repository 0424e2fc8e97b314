"""What callers may send in a query or a body, and what it means once it is checked."""

import unicodedata
from collections.abc import Collection, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from order_service.model import Status
from shared.contracts.errors import ErrorCode
from shared.contracts.events import Participant
from shared.contracts.ids import SERVICE_PREFIX, OrderIdField, UserIdField
from shared.http import HttpError, decode_body

BODY_BYTES_MAX: Final = 65_536
"""Leaves room for what is added on the way to a record (`topics.RECORD_BYTES_MAX`): NFC makes text
up to three times as long in UTF-8, `may` adds some kilobytes."""
TEXT_CHARS_MAX: Final = 200
PARTICIPANTS_MAX: Final = 100
QUESTIONS_MAX: Final = 200
"""On access, in one body: what the store answers at once within a few milliseconds. It must not
become less than any caller's (`shared.order_client`)."""
QUESTIONS_BYTES_MAX: Final = 131_072
"""Has room for all of them with the longest ids, each character of these escaped by a backslash."""

_OVERRIDES: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Invisible characters that turn the direction of what follows. A name or title stands in lines of
other people's making, which it must not turn round; letters bring their own direction."""

_Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
_Link = Annotated[str, Meta(pattern=r"^https?://[!-~]+$(?!\n)", max_length=2_048)]


class FindQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whose orders."""

    participant: UserIdField


class AccessQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whose access."""

    user_id: UserIdField


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose access to what."""

    order_id: OrderIdField
    user_id: UserIdField


class AccessBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that asks about access."""

    questions: Annotated[tuple[Question, ...], Meta(min_length=1, max_length=QUESTIONS_MAX)]


class Party(msgspec.Struct, forbid_unknown_fields=True):
    """A participant, as sent. `avatar_url` is an http or https address, percent-encoded."""

    user_id: UserIdField
    role: str
    name: _Text
    avatar_url: _Link | None = None


class OrderBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a PUT."""

    title: _Text
    participants: Annotated[tuple[Party, ...], Meta(min_length=1, max_length=PARTICIPANTS_MAX)]


class StatusBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a PATCH."""

    status: Status


_ORDER: Final = msgspec.json.Decoder(OrderBody)
_STATUS: Final = msgspec.json.Decoder(StatusBody)
_ACCESS: Final = msgspec.json.Decoder(AccessBody)


def read_order(body: bytes, roles: Collection[str]) -> tuple[str, tuple[Participant, ...]]:
    """Title and parties of a PUT's body, texts in NFC and of plain direction. Raises `HttpError`.

    A role must be one of *roles*: in any other a participant could not even read.
    """
    sent = decode_body(_ORDER, body)
    title = _text(sent.title, "$.title")
    participants = []
    taken = set()
    for index, party in enumerate(sent.participants):
        where = f"$.participants[{index}]"
        if party.user_id in taken:
            raise _invalid("This user is named twice", f"{where}.user_id")
        if party.user_id.startswith(SERVICE_PREFIX):
            raise _invalid("A service cannot be a participant", f"{where}.user_id")
        if party.role not in roles:
            known = ", ".join(sorted(roles))
            raise _invalid(f"Not a role of the policy ({known})", f"{where}.role")
        taken.add(party.user_id)
        name = _text(party.name, f"{where}.name")
        participants.append(Participant(party.user_id, party.role, name, party.avatar_url))
    return title, tuple(participants)


def read_status(body: bytes) -> Status:
    """The status of a PATCH's body. Raises `HttpError`."""
    return decode_body(_STATUS, body).status


def read_questions(body: bytes) -> Sequence[Question]:
    """What a POST's body asks about access. Raises `HttpError`."""
    return decode_body(_ACCESS, body).questions


def _text(sent: str, where: str) -> str:
    text = unicodedata.normalize("NFC", sent).translate(_OVERRIDES)
    if not text:
        raise _invalid("Nothing that can be seen", where)
    if len(text) > TEXT_CHARS_MAX:
        raise _invalid(f"More than {TEXT_CHARS_MAX} characters after NFC", where)
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise _invalid("A control character", where)
    return text


def _invalid(what: str, where: str) -> HttpError:
    return HttpError(ErrorCode.INVALID, f"{what} at {where}.")
