"""What a failure on our side is to whoever asked."""

import logging
from typing import Final

from chat_gateway.seam import Forbidden, NotFound, Unavailable
from shared.contracts.errors import ErrorCode
from shared.order_client import OrdersUnavailable

logger = logging.getLogger("order_chat.gateway")

_FAILURES: Final[tuple[tuple[type[Exception], ErrorCode], ...]] = (
    (NotFound, ErrorCode.NOT_FOUND),
    (Forbidden, ErrorCode.FORBIDDEN),
    (Unavailable, ErrorCode.UNAVAILABLE),
    (OrdersUnavailable, ErrorCode.UNAVAILABLE),
    (TimeoutError, ErrorCode.UNAVAILABLE),
)


def code_of(error: Exception) -> ErrorCode:
    """The code of a failure; what nobody expected is logged, and `internal`."""
    for kind, code in _FAILURES:
        if isinstance(error, kind):
            return code
    logger.error("an answer failed", exc_info=error)
    return ErrorCode.INTERNAL
