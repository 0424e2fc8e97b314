"""The routes of the attachment service.

A stranger to an order, an order or attachment that is not there, an id that can be none and what
the token does not cover are answered alike, byte for byte.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from attachment_service.bodies import (
    BODY_BYTES_MAX,
    AttachmentView,
    CheckingAttachment,
    ReadyAttachment,
    RejectedAttachment,
    ReserveBody,
    absolute_link,
    outcome_of,
    read_wanted,
    view_of,
)
from attachment_service.model import State
from attachment_service.ports import (
    Caller,
    MessagesUnavailable,
    TooQuick,
    UploadsUnavailable,
)
from attachment_service.service import (
    Attachments,
    Busy,
    Incomplete,
    Link,
    MayNotAttach,
    NoSuchAttachment,
    OnlyParticipants,
)
from shared.blobs.port import BlobsUnavailable
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import is_attachment_id
from shared.http import (
    HEALTHZ,
    READYZ,
    HttpError,
    authenticate,
    json_response,
    read_body,
)
from shared.openapi import make_openapi
from shared.operations import Operation
from shared.order_client import OrdersUnavailable
from shared.rates import Buckets
from shared.tokens import Verifier

RATE_PER_S: Final = 20
BURST: Final = 200
"""Requests of one user: a page of fifty pictures is opened at once, each with its thumbnail."""

RESERVE: Final = Operation(
    name="reserve",
    method="POST",
    path="/v1/attachments",
    summary="Announce a file, and get forms to post it with.",
    description="For participants who may attach files to the order now. The file goes from the "
    "browser to the object store: post each form as it is, its fields first, then the file or its "
    "part as `file`. A form works for five minutes; look at the attachment for new ones.",
    body=ReserveBody,
    answers={201: AttachmentView},
    errors=(
        ErrorCode.NOT_FOUND,
        ErrorCode.FORBIDDEN,
        ErrorCode.READ_ONLY,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
    ),
)
LOOK: Final = Operation(
    name="attachment",
    method="GET",
    path="/v1/attachments/{attachment_id}",
    summary="How an own upload stands, with new forms for what has not come.",
    description="To go on after a reload or a cut: parts that are `stored` need not be sent again.",
    answers={200: AttachmentView},
    errors=(ErrorCode.NOT_FOUND, ErrorCode.RATE_LIMITED),
)
COMPLETE: Final = Operation(
    name="complete",
    method="POST",
    path="/v1/attachments/{attachment_id}/complete",
    summary="Have a file checked that has come whole, and get what a message carries it by.",
    description="As often as you like: what is checked already is answered at once, with a new "
    "grant. 409: some of it has not come. 422: it did not pass, and never will.",
    answers={200: ReadyAttachment, 202: CheckingAttachment, 422: RejectedAttachment},
    errors=(
        ErrorCode.NOT_FOUND,
        ErrorCode.CONFLICT,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
    ),
)
CONTENT: Final = Operation(
    name="content",
    method="GET",
    path="/v1/attachments/{attachment_id}/content",
    summary="A link to a file, for a minute.",
    description="For whoever may read a standing message that carries it, and for its uploader "
    "before it is sent. With `Accept: application/json` the link is in the body, else it is "
    "redirected to.",
    answers={200: Link},
    redirects=True,
    errors=(ErrorCode.NOT_FOUND, ErrorCode.RATE_LIMITED),
)
THUMBNAIL: Final = Operation(
    name="thumbnail",
    method="GET",
    path="/v1/attachments/{attachment_id}/thumbnail",
    summary="A link to a small WebP of an image or of a PDF's first page, for a minute.",
    description="As the file itself; not found where there is none.",
    answers={200: Link},
    redirects=True,
    errors=(ErrorCode.NOT_FOUND, ErrorCode.RATE_LIMITED),
)
OPERATIONS: Final[Sequence[Operation]] = (RESERVE, LOOK, COMPLETE, CONTENT, THUMBNAIL)

_PRIVATE: Final = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}


def make_document() -> dict[str, Any]:
    """The attachment service's OpenAPI."""
    return make_openapi(
        "Order Chat: attachment service",
        "Files of messages: straight to the object store, inspected before anyone sees them.",
        (*OPERATIONS, HEALTHZ, READYZ),
    )


class AttachmentRoutes:
    """The routes over the use cases. *verifier* tells who calls."""

    def __init__(
        self, attachments: Attachments, verifier: Verifier, *, file_bytes_max: int, rates: bool
    ) -> None:
        self._attachments = attachments
        self._verifier = verifier
        self._file_bytes_max = file_bytes_max
        self._buckets: Buckets[str] | None = Buckets(RATE_PER_S, BURST) if rates else None

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root of an application with `shared.http.EXCEPTION_HANDLERS`."""
        return [
            RESERVE.route(self._served(self.reserve)),
            LOOK.route(self._served(self.look)),
            COMPLETE.route(self._served(self.complete)),
            CONTENT.route(self._served(self.content)),
            THUMBNAIL.route(self._served(self.thumbnail)),
        ]

    async def reserve(self, request: Request, caller: Caller) -> Response:
        """See `RESERVE`."""
        wanted = read_wanted(await read_body(request, BODY_BYTES_MAX), self._file_bytes_max)
        standing = await self._attachments.reserve(caller, wanted)
        forms = self._attachments.forms(standing)
        return json_response(view_of(standing, forms, _base(request)), 201)

    async def look(self, request: Request, caller: Caller) -> Response:
        """See `LOOK`."""
        standing = await self._attachments.look(caller, _id(request))
        forms = self._attachments.forms(standing)
        return json_response(view_of(standing, forms, _base(request)))

    async def complete(self, request: Request, caller: Caller) -> Response:
        """See `COMPLETE`."""
        upload = await self._attachments.complete(caller, _id(request))
        grant = await self._attachments.grant(upload) if upload.state is State.READY else None
        status = {State.READY: 200, State.REJECTED: 422}.get(upload.state, 202)
        return json_response(outcome_of(upload, grant), status)

    async def content(self, request: Request, caller: Caller) -> Response:
        """See `CONTENT`."""
        return await self._open(request, caller, thumbnail=False)

    async def thumbnail(self, request: Request, caller: Caller) -> Response:
        """See `THUMBNAIL`."""
        return await self._open(request, caller, thumbnail=True)

    async def _open(self, request: Request, caller: Caller, *, thumbnail: bool) -> Response:
        found = await self._attachments.open(caller, _id(request), thumbnail=thumbnail)
        link = absolute_link(found, _base(request))
        if "application/json" in request.headers.get("accept", ""):
            response = json_response(link)
        else:
            response = Response(status_code=307, headers={"Location": link.url})
        response.headers.update(_PRIVATE)
        return response

    def _served(
        self, endpoint: Callable[[Request, Caller], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The same for a caller who is known and not too quick, its errors as they are answered."""

        async def serve(request: Request) -> Response:
            identity = await authenticate(request, self._verifier)
            if self._buckets is not None:
                wait_s = self._buckets.take(identity.user_id, 1, time.monotonic())
                if wait_s:
                    raise HttpError(ErrorCode.RATE_LIMITED, retry_after_s=wait_s)
            token = request.headers["Authorization"].partition(" ")[2].strip()
            with _errors():
                return await endpoint(request, Caller(identity, token))

        return serve


def _id(request: Request) -> str:
    """The attachment of the path. One that can be none is simply not there."""
    text: str = request.path_params["attachment_id"]
    if not is_attachment_id(text):
        raise NoSuchAttachment
    return text.lower()


def _base(request: Request) -> str:
    """Where the caller reached us, for what lies behind the same door. It tells the caller alone
    what the caller said, so a forged `Host` misleads nobody else."""
    return f"{request.url.scheme}://{request.url.netloc}"


@contextmanager
def _errors() -> Iterator[None]:
    """What can go wrong in the use cases, as the caller is told of it."""
    try:
        yield
    except NoSuchAttachment:
        raise HttpError(ErrorCode.NOT_FOUND) from None
    except OnlyParticipants:
        raise HttpError(
            ErrorCode.FORBIDDEN, "Only participants of an order attach files."
        ) from None
    except MayNotAttach:
        raise HttpError(
            ErrorCode.READ_ONLY, "No files can be attached in this order now."
        ) from None
    except Incomplete as error:
        raise HttpError(ErrorCode.CONFLICT, str(error)) from None
    except Busy:
        raise HttpError(
            ErrorCode.BUSY, "Too many files are under way; wait until some are there."
        ) from None
    except TooQuick as error:
        raise HttpError(ErrorCode.RATE_LIMITED, retry_after_s=error.retry_after_s) from None
    except (UploadsUnavailable, OrdersUnavailable, MessagesUnavailable, BlobsUnavailable):
        raise HttpError(ErrorCode.UNAVAILABLE) from None
