"""The routes of the order service. Who calls is always a service: the marketplace, a gateway."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_service.bodies import (
    BODY_BYTES_MAX,
    QUESTIONS_BYTES_MAX,
    AccessBody,
    AccessQuery,
    FindQuery,
    OrderBody,
    StatusBody,
    read_order,
    read_questions,
    read_status,
)
from order_service.model import IllegalTransition, Order
from order_service.ports import OrdersUnavailable
from order_service.service import (
    Access,
    AccessList,
    Busy,
    NoSuchOrder,
    OrderList,
    OrderService,
    Unpublished,
)
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, is_order_id
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
from shared.tokens import Identity, Verifier

FIND: Final = Operation(
    name="find_orders",
    method="GET",
    path="/v1/orders",
    summary="The orders somebody takes part in, of those that the token covers.",
    query=FindQuery,
    answers={200: OrderList},
    errors=(ErrorCode.FORBIDDEN,),
)
GET: Final = Operation(
    name="get_order",
    method="GET",
    path="/v1/orders/{order_id}",
    summary="An order.",
    answers={200: Order},
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)
PUT: Final = Operation(
    name="put_order",
    method="PUT",
    path="/v1/orders/{order_id}",
    summary="Make an order, or give it another title or other participants.",
    description="Answers once the order's chat knows it: 201 if it is new, else 200. Never sets "
    "the status: a new order is `pending`. The same body again changes nothing. 503: it is stored "
    "and will be announced later.",
    body=OrderBody,
    answers={200: Order, 201: Order},
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)
PATCH: Final = Operation(
    name="move_order",
    method="PATCH",
    path="/v1/orders/{order_id}",
    summary="Bring an order into another status.",
    description="Answers once the order's chat knows it. The same status again changes nothing; "
    "one that cannot follow is a `conflict`. 503: it is stored and will be announced later.",
    body=StatusBody,
    answers={200: Order},
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)
ACCESS: Final = Operation(
    name="access",
    method="GET",
    path="/v1/orders/{order_id}/access",
    summary="What somebody is to an order; 404 for strangers.",
    query=AccessQuery,
    answers={200: Access},
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)
ASK: Final = Operation(
    name="accesses",
    method="POST",
    path="/v1/access",
    summary="What each of these users is to an order; null for strangers.",
    description="An answer for each question, in their order: what `access` answers, or null where "
    "it would answer 404.",
    body=AccessBody,
    answers={200: AccessList},
    errors=(ErrorCode.FORBIDDEN,),
)
OPERATIONS: Final[Sequence[Operation]] = (FIND, GET, PUT, PATCH, ACCESS, ASK)


def make_document() -> dict[str, Any]:
    """The order service's OpenAPI."""
    return make_openapi(
        "Order Chat: order service",
        "An order's status and parties, as its chat knows them. All callers are services.",
        (*OPERATIONS, HEALTHZ, READYZ),
    )


class OrderRoutes:
    """The routes over the use cases. *verifier* tells who calls."""

    def __init__(self, service: OrderService, verifier: Verifier) -> None:
        self._service = service
        self._verifier = verifier

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root of an application with `shared.http.EXCEPTION_HANDLERS`."""
        return [
            FIND.route(self.find),
            GET.route(self.get),
            PUT.route(self.put),
            PATCH.route(self.patch),
            ACCESS.route(self.access),
            ASK.route(self.ask),
        ]

    async def put(self, request: Request) -> Response:
        """Make or describe an order: 201 with the order, or 200 if it was there."""
        caller = await self._caller(request)
        if not is_order_id(request.path_params["order_id"]):
            raise HttpError(ErrorCode.INVALID, "The order id in the path is not one we can take.")
        order_id = _order_id(request, caller)
        body = await read_body(request, BODY_BYTES_MAX)
        title, participants = read_order(body, self._service.roles)
        with _errors():
            order, created = await self._service.put(order_id, title, participants)
        return json_response(order, 201 if created else 200)

    async def patch(self, request: Request) -> Response:
        """Bring an order into another status: 200 with the order."""
        order_id = _order_id(request, await self._caller(request))
        status = read_status(await read_body(request, BODY_BYTES_MAX))
        with _errors():
            return json_response(await self._service.move(order_id, status))

    async def get(self, request: Request) -> Response:
        """An order."""
        order_id = _order_id(request, await self._caller(request))
        with _errors():
            order = await self._service.get(order_id)
        if order is None:
            raise HttpError(ErrorCode.NOT_FOUND)
        return json_response(order)

    async def find(self, request: Request) -> Response:
        """The orders somebody takes part in, of those the caller's token covers."""
        caller = await self._caller(request)
        participant = read_query(request, FindQuery).participant
        with _errors():
            found = await self._service.of_participant(participant)
        covered = tuple(order for order in found.orders if caller.covers(order.order_id))
        return json_response(msgspec.structs.replace(found, orders=covered))

    async def access(self, request: Request) -> Response:
        """What somebody is to an order. Strangers and orders that are not there look the same."""
        order_id = _order_id(request, await self._caller(request))
        user_id = read_query(request, AccessQuery).user_id
        with _errors():
            access = await self._service.access(order_id, user_id)
        if access is None:
            raise HttpError(ErrorCode.NOT_FOUND)
        return json_response(access)

    async def ask(self, request: Request) -> Response:
        """What somebody is to an order, for many at once. Null for orders the token does not
        cover, too."""
        caller = await self._caller(request)
        questions = read_questions(await read_body(request, QUESTIONS_BYTES_MAX))
        with _errors():
            found = await self._service.accesses([(q.order_id, q.user_id) for q in questions])
        answers = (each if each and caller.covers(each.order_id) else None for each in found)
        return json_response(AccessList(tuple(answers)))

    async def _caller(self, request: Request) -> Identity:
        caller = await authenticate(request, self._verifier)
        if "service" not in caller.roles:
            raise HttpError(ErrorCode.FORBIDDEN, "Only a token with the role service may do this.")
        return caller


def _order_id(request: Request, caller: Identity) -> OrderId:
    """The order of the path. One that cannot exist, or is not the caller's, is simply not there."""
    text: str = request.path_params["order_id"]
    if not is_order_id(text) or not caller.covers(text):
        raise HttpError(ErrorCode.NOT_FOUND)
    return OrderId(text)


@contextmanager
def _errors() -> Iterator[None]:
    """What can go wrong in the use cases, as the caller is told of it."""
    try:
        yield
    except NoSuchOrder:
        raise HttpError(ErrorCode.NOT_FOUND) from None
    except IllegalTransition as error:
        raise HttpError(ErrorCode.CONFLICT, str(error)) from None
    except Unpublished:
        raise HttpError(
            ErrorCode.UNAVAILABLE,
            "The change is stored and will be announced later; ask again to wait for that.",
        ) from None
    except (Busy, OrdersUnavailable):
        raise HttpError(ErrorCode.UNAVAILABLE) from None
