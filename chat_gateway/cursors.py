"""Places in lists, as clients carry them from page to page: given out here, and nothing else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.contracts.ids import SAFE_INTEGER, OrderId, Seq, is_order_id
from shared.store.port import CasePlace, InboxPlace


class ForgedCursor(ValueError):
    """A cursor that was not given out like this."""


def inbox_cursor(place: InboxPlace) -> str:
    """A place in the Messages area."""
    return _encode(f"{place.updated_at}.{place.order_id}")


def inbox_place(cursor: str) -> InboxPlace:
    """The place an inbox's cursor names. Raises `ForgedCursor`."""
    updated_at, order_id = _parts(cursor, 2)
    place = InboxPlace(_number(updated_at), _order_id(order_id))
    if inbox_cursor(place) != cursor:  # base64 and numbers can be written in several ways
        raise ForgedCursor
    return place


def case_cursor(place: CasePlace) -> str:
    """A place in the moderators' queue."""
    return _encode(f"{place.at}.{place.seq}.{place.order_id}")


def case_place(cursor: str) -> CasePlace:
    """The place a queue's cursor names. Raises `ForgedCursor`."""
    at, seq, order_id = _parts(cursor, 3)
    place = CasePlace(_number(at), _order_id(order_id), Seq(_number(seq)))
    if case_cursor(place) != cursor:
        raise ForgedCursor
    return place


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parts(cursor: str, count: int) -> list[str]:
    """What stood between the dots; the last part may have dots of its own."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = urlsafe_b64decode(padded.encode("ascii")).decode().split(".", count - 1)
    except ValueError as error:
        raise ForgedCursor from error
    if len(parts) != count:
        raise ForgedCursor
    return parts


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= SAFE_INTEGER):
        raise ForgedCursor
    return int(text)


def _order_id(text: str) -> OrderId:
    if not is_order_id(text):
        raise ForgedCursor
    return OrderId(text)
