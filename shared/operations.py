"""What an HTTP route takes and answers, said once: routes and OpenAPI are both made of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.contracts.errors import CATALOGUE, ErrorCode

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path."""

    name: str
    """Unique in its service."""
    method: str
    path: str
    """With `{order_id}` and others of `shared.openapi.PATH_PARAMETERS` where these stand."""
    summary: str
    description: str = ""
    query: type[msgspec.Struct] | None = None
    """The Struct its query is read into (`shared.http.read_query`)."""
    body: type[msgspec.Struct] | None = None
    """The Struct its JSON body is decoded into."""
    answers: Mapping[int, type[Any]]
    """What is answered in JSON, by status, errors aside."""
    redirects: bool = False
    """Whether it may be answered with 307 and the header `Location` alone."""
    errors: tuple[ErrorCode, ...] = ()
    """The codes it may be refused with, beside those that `errors_of` adds."""
    token: bool = True
    """Whether a bearer token must be sent."""

    def route(self, endpoint: Endpoint) -> Route:
        """The route that serves it."""
        return Route(self.path, endpoint, methods=[self.method])


def errors_of(operation: Operation) -> Mapping[int, tuple[ErrorCode, ...]]:
    """Every code that an operation may be refused with, by HTTP status."""
    codes = set(operation.errors)
    if operation.token:
        codes |= {ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED, ErrorCode.UNAVAILABLE}
    if operation.query is not None or operation.body is not None:
        codes.add(ErrorCode.INVALID)
    if operation.body is not None:
        codes.add(ErrorCode.TOO_LARGE)
    by_status: dict[int, tuple[ErrorCode, ...]] = {}
    for code in ErrorCode:
        if code in codes:
            status = CATALOGUE[code].http
            by_status[status] = (*by_status.get(status, ()), code)
    return dict(sorted(by_status.items()))
