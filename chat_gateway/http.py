"""The routes of the gateway: messages, read and written without a websocket, files, and the inbox.

Whatever is asked of an order takes the way of a join. A stranger to an order, an order that is not
there, an id that can be none and an order that the token does not cover are answered alike, byte
for byte, by whatever route; so what was sent is checked before it is looked for.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chat_gateway.attempt import Attempt
from chat_gateway.bodies import (
    BODY_BYTES_MAX,
    CarriedFile,
    InboxPage,
    InboxQuery,
    MessageBody,
    MessagesPage,
    MessagesQuery,
    WrittenMessage,
    inbox_of,
    page_of,
    read_message,
)
from chat_gateway.counts import Counts, counting
from chat_gateway.failures import code_of
from chat_gateway.inbox import Inbox
from chat_gateway.inbox_lines import Viewer
from chat_gateway.limits import JOIN_COST, Rates
from chat_gateway.looks import Looks
from chat_gateway.moderator_http import OPERATIONS as MODERATION
from chat_gateway.moderator_http import order_id_of
from chat_gateway.visits import ANSWER_DEADLINE_S
from chat_gateway.widget_http import OPERATIONS as WIDGET
from chat_gateway.writer import Refused, Writer
from shared.contracts.errors import ErrorCode
from shared.contracts.frames import Limits
from shared.grants import Grants
from shared.http import (
    HEALTHZ,
    READYZ,
    HttpError,
    authenticate,
    json_response,
    read_body,
    read_query,
)
from shared.openapi import make_openapi
from shared.operations import Operation
from shared.timeline import show
from shared.tokens import Identity, Verifier

MESSAGES: Final = Operation(
    name="messages",
    method="GET",
    path="/v1/orders/{order_id}/messages",
    summary="An order's messages, as a join would answer them now.",
    description="For participants, moderators and services. "
    "Neither `before` nor `after`: the newest `limit` messages and order changes. `before`: the "
    "page below it. `after`: everything above it, oldest first; where that is more than 500 events "
    "or 200 KiB, or does not connect, the newest page with `reset`.",
    query=MessagesQuery,
    answers={200: MessagesPage},
    errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.RATE_LIMITED),
)
SEND: Final = Operation(
    name="send",
    method="POST",
    path="/v1/orders/{order_id}/messages",
    summary="Say something in an order.",
    description="For participants and services. The same `id` again writes nothing: 201 the first "
    "time, then 200. After 503, 504 or no answer at all, send the same `id` again.",
    body=MessageBody,
    answers={200: WrittenMessage, 201: WrittenMessage},
    errors=(
        ErrorCode.NOT_FOUND,
        ErrorCode.FORBIDDEN,
        ErrorCode.READ_ONLY,
        ErrorCode.CONFLICT,
        ErrorCode.CONTACT_DETAILS,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
        ErrorCode.UNKNOWN,
    ),
)
CARRIER: Final = Operation(
    name="carrier",
    method="GET",
    path="/v1/orders/{order_id}/attachments/{attachment_id}",
    summary="The newest standing message that carries a file.",
    description="For participants, moderators and services. A message that was deleted or redacted "
    "counts for moderators and services alone. 404 if no message of the order carries the file.",
    answers={200: CarriedFile},
    errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.RATE_LIMITED),
)
INBOX: Final = Operation(
    name="inbox",
    method="GET",
    path="/v1/inbox",
    summary="The caller's conversations, the newest first, and what is unread in them.",
    query=InboxQuery,
    answers={200: InboxPage},
    errors=(ErrorCode.RATE_LIMITED,),
)
OPERATIONS: Final[Sequence[Operation]] = (MESSAGES, SEND, CARRIER, INBOX)


def make_document() -> dict[str, Any]:
    """The gateway's OpenAPI."""
    return make_openapi(
        "Order Chat: gateway",
        "An order's messages by HTTP. The live side is a websocket: see AsyncAPI.",
        (*OPERATIONS, *MODERATION, *WIDGET, HEALTHZ, READYZ),
    )


class ChatRoutes:
    """The routes over one gateway. *verifier* tells who calls."""

    def __init__(
        self,
        looks: Looks,
        writer: Writer,
        inbox: Inbox,
        verifier: Verifier,
        limits: Limits,
        rates: Rates,
        grants: Grants | None,
        counts: Counts,
    ) -> None:
        self._looks = looks
        self._writer = writer
        self._inbox = inbox
        self._verifier = verifier
        self._limits = limits
        self._rates = rates
        self._grants = grants
        self._counts = counts

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root of an application with `shared.http.EXCEPTION_HANDLERS`."""
        return [
            MESSAGES.route(counting(self._counts, self.messages)),
            SEND.route(counting(self._counts, self.send)),
            CARRIER.route(counting(self._counts, self.carrier)),
            INBOX.route(counting(self._counts, self.inbox)),
        ]

    async def messages(self, request: Request) -> Response:
        """See `MESSAGES`."""
        caller = await authenticate(request, self._verifier)
        _pace(caller, self._rates.frames.take(caller.user_id, JOIN_COST, time.monotonic()))
        query = read_query(request, MessagesQuery).query(self._limits.page)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                opened = await self._looks.open(caller, order_id_of(request), query)
        except Exception as error:
            code = code_of(error)
            self._counts.not_joined(code)
            raise HttpError(code) from None
        self._counts.joined(opened)
        return json_response(page_of(opened))

    async def inbox(self, request: Request) -> Response:
        """See `INBOX`."""
        caller = await authenticate(request, self._verifier)
        _pace(caller, self._rates.frames.take(caller.user_id, JOIN_COST, time.monotonic()))
        query = read_query(request, InboxQuery)
        place, limit = query.place(), min(query.limit, self._limits.page)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                listing = await self._inbox.read(Viewer.of(caller), place, limit)
        except Exception as error:
            raise HttpError(code_of(error)) from None
        return json_response(inbox_of(listing))

    async def send(self, request: Request) -> Response:
        """See `SEND`."""
        caller = await authenticate(request, self._verifier)
        if "moderator" in caller.roles:
            raise HttpError(ErrorCode.FORBIDDEN, "Moderators do not write here.")
        body = await read_body(request, BODY_BYTES_MAX)
        attempt = read_message(body, order_id_of(request), caller, self._limits, self._grants)
        return await self._write(caller, attempt)

    async def carrier(self, request: Request) -> Response:
        """See `CARRIER`. It costs one frame: a page of thumbnails asks for many."""
        caller = await authenticate(request, self._verifier)
        _pace(caller, self._rates.frames.take(caller.user_id, 1, time.monotonic()))
        attachment_id: str = request.path_params["attachment_id"]
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                entry = await self._looks.carrier(caller, order_id_of(request), attachment_id)
        except Exception as error:
            raise HttpError(code_of(error)) from None
        if entry is None or entry.id is None:
            raise HttpError(ErrorCode.NOT_FOUND)
        return json_response(CarriedFile(attachment_id, entry.id))

    async def _write(self, caller: Identity, attempt: Attempt) -> Response:
        _pace(caller, self._rates.messages.take(caller.user_id, 1, time.monotonic()))
        outcome = await self._writer.write(caller, attempt)
        if isinstance(outcome, Refused):
            raise HttpError(outcome.code, outcome.message)
        event = show(outcome.entry)
        return json_response({"event": event}, 201 if outcome.new else 200)


def _pace(caller: Identity, wait_s: float) -> None:
    """Refuse who is too quick. A service speaks for the whole marketplace, and is trusted."""
    if wait_s and "service" not in caller.roles:
        raise HttpError(ErrorCode.RATE_LIMITED, retry_after_s=wait_s)
