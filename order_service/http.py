"""The routes of the order service. Who calls is always a service: the marketplace, a gateway."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_service.bodies import BODY_BYTES_MAX, read_order, read_status
from order_service.model import IllegalTransition
from order_service.ports import OrdersUnavailable
from order_service.service import Busy, NoSuchOrder, OrderService, Unpublished
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import USER_ID_PATTERN, OrderId, is_order_id
from shared.http import HttpError, authenticate, json_response, read_body
from shared.tokens import Identity, Verifier


class OrderRoutes:
    """The routes over the use cases. *verifier* tells who calls."""

    def __init__(self, service: OrderService, verifier: Verifier) -> None:
        self._service = service
        self._verifier = verifier

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root of an application with `shared.http.EXCEPTION_HANDLERS`."""
        return [
            Route("/v1/orders", self.find, methods=["GET"]),
            Route("/v1/orders/{order_id}", self.get, methods=["GET"]),
            Route("/v1/orders/{order_id}", self.put, methods=["PUT"]),
            Route("/v1/orders/{order_id}", self.patch, methods=["PATCH"]),
            Route("/v1/orders/{order_id}/access", self.access, methods=["GET"]),
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
        participant = _user_id(request, "participant")
        with _errors():
            found = await self._service.of_participant(participant)
        covered = tuple(order for order in found.orders if caller.covers(order.order_id))
        return json_response(msgspec.structs.replace(found, orders=covered))

    async def access(self, request: Request) -> Response:
        """What somebody is to an order. Strangers and orders that are not there look the same."""
        order_id = _order_id(request, await self._caller(request))
        user_id = _user_id(request, "user_id")
        with _errors():
            access = await self._service.access(order_id, user_id)
        if access is None:
            raise HttpError(ErrorCode.NOT_FOUND)
        return json_response(access)

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


_USER_ID: Final = re.compile(USER_ID_PATTERN)


def _user_id(request: Request, parameter: str) -> str:
    """The user a query parameter names. Named twice it is refused: readers might pick either."""
    given = request.query_params.getlist(parameter)
    if len(given) != 1 or not _USER_ID.search(given[0]):
        raise HttpError(
            ErrorCode.INVALID, f"The query must name one user, once: {parameter}=<user id>."
        )
    return given[0]


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
