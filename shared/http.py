"""What our HTTP routes have in common: error bodies, bearer tokens, bounded and strict bodies,
strict queries, other origins, health.

Every error is `{"error":{"code","message"}}` with a code of the catalogue. A handler raises
`HttpError`; `EXCEPTION_HANDLERS` turns it, and whatever else goes wrong, into that body.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Literal, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler, Message, Send

from shared.contracts.errors import CATALOGUE, ErrorCode, explain
from shared.operations import Operation
from shared.tokens import BadToken, ExpiredToken, Identity, KeysUnavailable, Verifier

BODY_S_MAX: Final = 10.0
"""How long a request's body may take to arrive."""
PING_S_MAX: Final = 2.0
"""How long a part may take to say that it is well."""
RETRY_AFTER_S: Final = 1.0
"""What the header `Retry-After` says where trying again can help and nothing better is known."""

T = TypeVar("T")


class HttpError(Exception):
    """A request that is answered with an error. *message* must quote nothing that was sent."""

    def __init__(
        self, code: ErrorCode, message: str | None = None, *, retry_after_s: float = RETRY_AFTER_S
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or CATALOGUE[code].message
        self.retry_after_s = retry_after_s


class Problem(msgspec.Struct):
    """Why a request was not done, and a sentence on it."""

    code: ErrorCode
    message: str


class ErrorBody(msgspec.Struct):
    """The body of every answer that is an error."""

    error: Problem


def json_response(content: object, status: int = 200) -> Response:
    """An answer of JSON. *content* is anything msgspec encodes."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def error_response(
    code: ErrorCode,
    message: str,
    status: int | None = None,
    *,
    retry_after_s: float = RETRY_AFTER_S,
) -> Response:
    """An error as its body and status; the status is the catalogue's unless given."""
    response = json_response(ErrorBody(Problem(code, message)), status or CATALOGUE[code].http)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    elif response.status_code in (429, 503, 504):
        response.headers["Retry-After"] = str(math.ceil(retry_after_s))
    return response


async def authenticate(connection: HTTPConnection, verifier: Verifier) -> Identity:
    """Who sent a request, by its header `Authorization: Bearer`. Raises `HttpError`."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise HttpError(
            ErrorCode.UNAUTHENTICATED, "The header Authorization must be: Bearer, a space, a token."
        )
    try:
        return await verifier.verify(token.strip())
    except ExpiredToken:
        raise HttpError(ErrorCode.TOKEN_EXPIRED) from None
    except BadToken as error:
        raise HttpError(ErrorCode.UNAUTHENTICATED, str(error)) from None
    except KeysUnavailable:
        raise HttpError(ErrorCode.UNAVAILABLE) from None


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, which must arrive in `BODY_S_MAX` seconds. Raises `HttpError`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > bytes_max:
                    raise HttpError(
                        ErrorCode.TOO_LARGE, f"The body has more than {bytes_max} bytes."
                    )
    except TimeoutError:
        raise HttpError(ErrorCode.INVALID, "The body did not arrive in time.") from None
    except ClientDisconnect:
        raise HttpError(ErrorCode.INVALID, "The body did not arrive.") from None
    return bytes(body)


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What a body says. Raises `HttpError` with the path of the field that is wrong."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise HttpError(ErrorCode.INVALID, explain(error, "body")) from None


def read_query(request: Request, type_: type[T]) -> T:
    """The query as a Struct. Raises `HttpError` with the name of the parameter that is wrong.

    Named twice a parameter is refused: readers might pick either.
    """
    given = request.query_params.multi_items()
    sent = dict(given)
    if len(sent) < len(given):
        raise HttpError(ErrorCode.INVALID, "The query names a parameter twice.")
    try:
        return msgspec.convert(sent, type_, strict=False)
    except msgspec.ValidationError as error:
        raise HttpError(ErrorCode.INVALID, explain(error, "query")) from None


def cors(origins: Collection[str]) -> Sequence[Middleware]:
    """For `starlette.applications.Starlette(middleware=…)`: pages of these origins may ask us.

    No cookie and no other credential of a browser's own is ever accepted. An answer that says
    itself who may read it is left as it is.
    """
    return [
        Middleware(
            _Cors,
            allow_origins=sorted(origins),
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )
    ]


class _Cors(CORSMiddleware):
    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        started = message["type"] == "http.response.start"
        if started and "access-control-allow-origin" in Headers(raw=message["headers"]):
            await send(message)  # of our own saying, and alike for every origin that asks
        else:
            await super().send(message, send, request_headers)


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)
    return error_response(error.code, error.message, retry_after_s=error.retry_after_s)


async def _answer_no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:  # in the same words as for what a route does not find
        return error_response(ErrorCode.NOT_FOUND, CATALOGUE[ErrorCode.NOT_FOUND].message)
    response = error_response(ErrorCode.INVALID, error.detail, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _answer_surprise(request: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer, and so the server logs it.
    return error_response(ErrorCode.INTERNAL, CATALOGUE[ErrorCode.INTERNAL].message)


EXCEPTION_HANDLERS: Final[Mapping[type[Exception], ExceptionHandler]] = {
    HttpError: _answer_error,
    HTTPException: _answer_no_route,
    Exception: _answer_surprise,
}
"""For `starlette.applications.Starlette(exception_handlers=…)`."""

Ping = Callable[[], Awaitable[None]]
"""Raises if a part of the service is out of order now."""


class Alive(msgspec.Struct):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct):
    """Each part by its name."""

    parts: dict[str, Literal["ok", "down"]]


HEALTHZ: Final = Operation(
    name="healthz",
    method="GET",
    path="/healthz",
    summary="Whether the process is alive.",
    answers={200: Alive},
    token=False,
)
READYZ: Final = Operation(
    name="readyz",
    method="GET",
    path="/readyz",
    summary="Whether each part is in order; 503 if one is not.",
    answers={200: Readiness, 503: Readiness},
    token=False,
)


def health_routes(parts: Mapping[str, Ping]) -> Sequence[Route]:
    """`/healthz`: the process is alive. `/readyz`: each part by its name, 503 if one is down."""

    async def healthz(_: Request) -> Response:
        return json_response(Alive())

    async def readyz(_: Request) -> Response:
        answers = await asyncio.gather(*(_is_up(ping) for ping in parts.values()))
        readiness = Readiness(
            {name: "ok" if up else "down" for name, up in zip(parts, answers, strict=True)}
        )
        return json_response(readiness, 200 if all(answers) else 503)

    return [HEALTHZ.route(healthz), READYZ.route(readyz)]


async def _is_up(ping: Ping) -> bool:
    try:
        async with asyncio.timeout(PING_S_MAX):
            await ping()
    except Exception:  # whatever it is, the part is down
        return False
    return True
