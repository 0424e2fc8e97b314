"""The routes of moderators: verdicts, the queue of reports, and what was sealed.

What a moderator does is an event of the order, written as a message is: once for each id, whoever
repeats it. Moderators and the programs that moderate are not paced: they follow how fast people
write.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chat_gateway.attempt import Attempt
from chat_gateway.bodies import BODY_BYTES_MAX
from chat_gateway.counts import Counts, counting
from chat_gateway.failures import code_of
from chat_gateway.lane import Uncertain
from chat_gateway.moderator_bodies import (
    OpenedOriginal,
    OriginalBody,
    RedactBody,
    ReportsPage,
    ReportsQuery,
    ReviewBody,
    VerdictBody,
    WrittenReview,
    WrittenVerdict,
    read_original,
    read_redact,
    read_review,
    read_verdict,
    reports_of,
)
from chat_gateway.seam import NotFound, Unavailable
from chat_gateway.visits import ANSWER_DEADLINE_S, NO_EVENTS, Visits
from chat_gateway.writer import Refused, Writer, Written
from shared.contracts.errors import ErrorCode
from shared.contracts.frames import Limits
from shared.contracts.ids import UUID_PATTERN, MessageId, OrderId
from shared.http import HttpError, authenticate, json_response, read_body, read_query
from shared.operations import Operation
from shared.seal import CannotOpen, Seal
from shared.store.port import Reading, StoreUnavailable
from shared.timeline import show
from shared.tokens import Identity, Verifier

_WRITING: Final = (
    ErrorCode.NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.CONFLICT,
    ErrorCode.BUSY,
    ErrorCode.UNKNOWN,
)
_ONCE: Final = "For moderators. The same `id` again writes nothing: 201 the first time, then 200. "
_AGAIN: Final = "After 503, 504 or no answer at all, send the same `id` again."

VERDICT: Final = Operation(
    name="verdict",
    method="POST",
    path="/v1/orders/{order_id}/verdicts",
    summary="Take a message from the parties or give it back, flag it, mute a party, close.",
    description=_ONCE + "409: the id was used for something else, or a message to be restored is "
    "not gone or changed meanwhile. " + _AGAIN,
    body=VerdictBody,
    answers={200: WrittenVerdict, 201: WrittenVerdict},
    errors=_WRITING,
)
REDACT: Final = Operation(
    name="redact",
    method="POST",
    path="/v1/orders/{order_id}/messages/{message_id}/redact",
    summary="Take a message's text and files from the parties.",
    description=_ONCE + _AGAIN,
    body=RedactBody,
    answers={200: WrittenVerdict, 201: WrittenVerdict},
    errors=_WRITING,
)
ORIGINAL: Final = Operation(
    name="original",
    method="POST",
    path="/v1/orders/{order_id}/messages/{message_id}/original",
    summary="Open what its writer sent, of a message or an edit with something masked.",
    description=_ONCE + "That it was opened, by whom and why, is in the log before it is answered. "
    "404: nothing was masked, or what was sent is not kept.",
    body=OriginalBody,
    answers={200: OpenedOriginal, 201: OpenedOriginal},
    errors=_WRITING,
)
REVIEW: Final = Operation(
    name="review",
    method="POST",
    path="/v1/orders/{order_id}/reports/{report_id}/review",
    summary="Take up a report or a flag, give it on, or settle it.",
    description=_ONCE + _AGAIN,
    body=ReviewBody,
    answers={200: WrittenReview, 201: WrittenReview},
    errors=_WRITING,
)
REPORTS: Final = Operation(
    name="reports",
    method="GET",
    path="/v1/moderation/reports",
    summary="Reports and flags of all orders, the oldest first.",
    description="For moderators whose token is not narrowed to some orders. It is about a second "
    "behind what was written.",
    query=ReportsQuery,
    answers={200: ReportsPage},
    errors=(ErrorCode.FORBIDDEN,),
)
OPERATIONS: Final[Sequence[Operation]] = (VERDICT, REDACT, ORIGINAL, REVIEW, REPORTS)

_UUID: Final = re.compile(UUID_PATTERN)
_FOR_MODERATORS: Final = "Only moderators may do this."
_NOT_KEPT: Final = "Nothing was masked here, or what was sent is not kept."


class ModeratorRoutes:
    """The routes over one gateway. *verifier* tells who calls."""

    def __init__(
        self,
        visits: Visits,
        writer: Writer,
        store: Reading,
        verifier: Verifier,
        limits: Limits,
        seal: Seal | None,
        counts: Counts,
    ) -> None:
        self._visits = visits
        self._writer = writer
        self._store = store
        self._verifier = verifier
        self._limits = limits
        self._seal = seal
        self._counts = counts

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root of an application with `shared.http.EXCEPTION_HANDLERS`."""
        endpoints = (
            (VERDICT, self.verdict),
            (REDACT, self.redact),
            (ORIGINAL, self.original),
            (REVIEW, self.review),
            (REPORTS, self.reports),
        )
        return [
            operation.route(counting(self._counts, endpoint)) for operation, endpoint in endpoints
        ]

    async def verdict(self, request: Request) -> Response:
        """See `VERDICT`."""
        caller = await self._moderator(request)
        body = await read_body(request, BODY_BYTES_MAX)
        return await self._answer(
            caller, read_verdict(body, order_id_of(request), caller, self._limits)
        )

    async def redact(self, request: Request) -> Response:
        """See `REDACT`."""
        caller = await self._moderator(request)
        body = await read_body(request, BODY_BYTES_MAX)
        target = request.path_params["message_id"]
        attempt = read_redact(body, order_id_of(request), MessageId(target), caller, self._limits)
        return await self._answer(caller, attempt, target)

    async def review(self, request: Request) -> Response:
        """See `REVIEW`."""
        caller = await self._moderator(request)
        body = await read_body(request, BODY_BYTES_MAX)
        target = request.path_params["report_id"]
        attempt = read_review(body, order_id_of(request), MessageId(target), caller, self._limits)
        return await self._answer(caller, attempt, target)

    async def original(self, request: Request) -> Response:
        """See `ORIGINAL`."""
        caller = await self._moderator(request)
        body = await read_body(request, BODY_BYTES_MAX)
        target = request.path_params["message_id"]
        order_id = order_id_of(request)
        attempt = read_original(body, order_id, MessageId(target), caller, self._limits)
        text = await self._open(caller, order_id, _uuid(target))
        written = await self._write(caller, attempt)
        answer = {"text": text, "event": show(written.entry, moderator=True)}
        return json_response(answer, 201 if written.new else 200)

    async def reports(self, request: Request) -> Response:
        """See `REPORTS`."""
        caller = await self._moderator(request)
        if caller.orders is not None:
            raise HttpError(ErrorCode.FORBIDDEN, "This token is for some orders alone.")
        query = read_query(request, ReportsQuery)
        place, limit = query.place(), min(query.limit, self._limits.page)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                entries = await self._store.cases(
                    state=query.state,
                    assignee=query.assignee or None,
                    after=place,
                    limit=limit + 1,
                )
        except (StoreUnavailable, TimeoutError):
            raise HttpError(ErrorCode.UNAVAILABLE) from None
        return json_response(reports_of(entries, limit))

    async def _moderator(self, request: Request) -> Identity:
        caller = await authenticate(request, self._verifier)
        if "moderator" not in caller.roles:
            raise HttpError(ErrorCode.FORBIDDEN, _FOR_MODERATORS)
        return caller

    async def _open(self, caller: Identity, order_id: OrderId, id_: MessageId) -> str:
        """What was sent, where something was masked. Raises `HttpError`."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await self._visits.open(caller, order_id, NO_EVENTS)
                entry = await self._visits.look_up(order_id, id_)
            if isinstance(entry, Uncertain):
                raise Unavailable
            if entry is None:
                raise NotFound
        except Exception as error:
            raise HttpError(code_of(error)) from None
        sealed = getattr(entry.event, "sealed", None)
        if sealed is None or self._seal is None or not entry.stands:
            raise HttpError(ErrorCode.NOT_FOUND, _NOT_KEPT)
        try:
            return self._seal.open(id_, sealed)
        except CannotOpen:
            raise HttpError(ErrorCode.NOT_FOUND, _NOT_KEPT) from None

    async def _answer(
        self, caller: Identity, attempt: Attempt, target: str | None = None
    ) -> Response:
        if target is not None:
            _uuid(target)
        written = await self._write(caller, attempt)
        event = show(written.entry, moderator=True)
        return json_response({"event": event}, 201 if written.new else 200)

    async def _write(self, caller: Identity, attempt: Attempt) -> Written:
        outcome = await self._writer.write(caller, attempt)
        if isinstance(outcome, Refused):
            raise HttpError(outcome.code, outcome.message)
        return outcome


def order_id_of(request: Request) -> OrderId:
    """The order of the path; whether it can be one is found out where all others are not found."""
    return OrderId(request.path_params["order_id"])


def _uuid(text: str) -> MessageId:
    """An id of the path, once it is known that the body is in order. Raises `HttpError`."""
    if not _UUID.search(text):
        raise HttpError(ErrorCode.NOT_FOUND)
    return MessageId(text)
