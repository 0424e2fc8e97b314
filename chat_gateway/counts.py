"""What one gateway told those who asked, on websockets and by HTTP, counted."""

from collections import Counter
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from chat_gateway.seam import Opened
from shared.contracts.errors import ErrorCode
from shared.http import HttpError
from shared.operations import Endpoint

JoinPath = Literal["tail", "store", "reset", "unavailable"]
"""How a join was answered: from memory alone; with the store's help; by starting over; not now."""


class Counts:
    """Plain numbers since the start, raised where the thing happens."""

    def __init__(self) -> None:
        self.connections = 0
        self.joins: Counter[JoinPath] = Counter()
        self.refused: Counter[ErrorCode] = Counter()
        self.unknown = 0

    def not_done(self, code: ErrorCode) -> None:
        """A request is answered with this code."""
        if code is ErrorCode.UNKNOWN:
            self.unknown += 1
        else:
            self.refused[code] += 1

    def joined(self, opened: Opened) -> None:
        """A join is being answered, or a question by HTTP that takes its way."""
        if opened.answer.reset:
            self.joins["reset"] += 1
        else:
            self.joins["store" if opened.from_store else "tail"] += 1

    def not_joined(self, code: ErrorCode) -> None:
        """A join failed; why it was refused counts elsewhere."""
        if code is ErrorCode.UNAVAILABLE:
            self.joins["unavailable"] += 1


def counting(counts: Counts, endpoint: Endpoint) -> Endpoint:
    """The same route, its refusals counted."""

    async def counted(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HttpError as error:
            counts.not_done(error.code)
            raise

    return counted
