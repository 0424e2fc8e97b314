"""The marketplace's pages: an index, an order's page with the chat on its right, and its controls;
and the desk of those who moderate.

Pages carry no script or style of their own, and the policy they are sent with allows none.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.demo.story import ANNA, COMMISSIONS, DESK, LOOKBOOK, MOIRA, NAMES, Commission
from deploy.demo.visit import Visit
from order_service.model import TRANSITIONS, IllegalTransition, Order, Status
from order_service.ports import OrdersUnavailable
from order_service.service import Busy, OrderService, Unpublished
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.contracts.ids import OrderId, UserId
from shared.tokens import Role

_HERE: Final = Path(__file__).parent
_BODY_BYTES_MAX: Final = 1_024

_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_MOVES: Final[Mapping[tuple[Status, Status], str]] = {
    (Status.PENDING, Status.IN_PROGRESS): "Accept order",
    (Status.DELIVERED, Status.IN_PROGRESS): "Request revision",
    (Status.DISPUTED, Status.IN_PROGRESS): "Settle: work goes on",
    (Status.DISPUTED, Status.COMPLETED): "Settle: complete",
    (Status.DISPUTED, Status.CANCELLED): "Settle: cancel",
}
"""What a change is called where its target alone does not say it."""

_TARGETS: Final[Mapping[Status, str]] = {
    Status.DELIVERED: "Deliver",
    Status.COMPLETED: "Complete",
    Status.DECLINED: "Decline",
    Status.CANCELLED: "Cancel order",
    Status.DISPUTED: "Open dispute",
}

Mint = Callable[[UserId, Role], str]
"""Makes a token in the name of a user."""


class StatusChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change of status."""

    status: Status


class DemoPages:
    """The pages over the order service's use cases and something that mints tokens.

    *files_origin* is where a browser posts files to and has pictures from, if not from here.
    """

    def __init__(self, orders: OrderService, mint: Mint, files_origin: str = "") -> None:
        self._orders = orders
        self._mint = mint
        self._headers = _SECURITY | {"Content-Security-Policy": _policy(files_origin)}

    def routes(self) -> Sequence[BaseRoute]:
        """All routes, under `/demo`."""
        return [
            Route("/demo", self.show_index),
            Route("/demo/token", self.give_token),
            Route("/demo/messages", self.show_messages),
            Route("/demo/moderation", self.show_moderation),
            Route("/demo/orders/{order_id}", self.show_order),
            Route("/demo/orders/{order_id}/status", self.change_status, methods=["POST"]),
            # The folder is ours: looking whether it is there would only block the event loop.
            Mount("/demo/static", StaticFiles(directory=_HERE / "static", check_dir=False)),
        ]

    async def show_index(self, request: Request) -> Response:
        """The three orders, and how to open them as either party."""
        visit = Visit.of(request)._replace(user_id=None)
        found = [order for id_ in COMMISSIONS if (order := await self._find(id_))]
        fields = {
            "cards": "".join(_card(order, visit) for order in found),
            "inboxes": "".join(_inbox_link(user_id, visit) for user_id in NAMES),
            "moderation": visit.link("/demo/moderation"),
            "choices": visit.choices("/demo"),
            "stranger": visit._replace(user_id=ANNA).link(f"/demo/orders/{LOOKBOOK.order_id}"),
        }
        return await self._page("index.html", visit, fields)

    async def show_messages(self, request: Request) -> Response:
        """All conversations of one of the demo's users; `order` names the one that is open."""
        visit = Visit.of(request)
        if visit.user_id is None:
            return await self._missing(visit)
        opened = request.query_params.get("order")
        fields = {
            "user_name": escape(NAMES[visit.user_id]),
            "chat": visit.chat,
            "order_url": visit.link("/demo/orders/{order_id}"),
            "open": f' order-id="{opened}"' if opened in COMMISSIONS else "",
        }
        return await self._page("messages.html", visit, fields)

    async def show_moderation(self, request: Request) -> Response:
        """The desk of the demo's moderator: what was reported, and the conversations it is in."""
        visit = Visit.of(request)._replace(user_id=None)
        found = [order for id_ in COMMISSIONS if (order := await self._find(id_))]
        fields = {
            "page": visit._replace(lang="en").page,  # it speaks no other language
            "user_name": escape(DESK[MOIRA]),
            "user_id": MOIRA,
            "token_url": escape(f"/demo/token?as={MOIRA}"),
            "names": _data({**NAMES, **DESK}),
            "titles": _data({order.order_id: order.title for order in found}),
        }
        return await self._page("moderation.html", visit, fields)

    async def show_order(self, request: Request) -> Response:
        """An order's page as one of the demo's users sees it."""
        visit = Visit.of(request)
        order = await self._find(request.path_params["order_id"])
        if order is None or visit.user_id is None:
            return await self._missing(visit)
        fields = _order_fields(order) | {
            "user_name": escape(NAMES[visit.user_id]),
            "chat": visit.chat,
            "messages": visit.link("/demo/messages"),
        }
        return await self._page("order.html", visit, fields)

    async def give_token(self, request: Request) -> Response:
        """A token of one of the demo's users; a real marketplace looks at its session instead."""
        user_id = UserId(request.query_params.get("as", ""))
        if user_id == MOIRA:
            return _json({"token": self._mint(user_id, "moderator")})
        if user_id not in NAMES:
            return _refuse(ErrorCode.NOT_FOUND)
        return _json({"token": self._mint(user_id, "user")})

    async def change_status(self, request: Request) -> Response:
        """Play the marketplace: bring an order into another status."""
        # Another site's page cannot send this type without being asked first.
        if request.headers.get("content-type") != "application/json":
            return _refuse(ErrorCode.INVALID)
        body = await _read_body(request)
        if body is None:
            return _refuse(ErrorCode.TOO_LARGE)
        try:
            change = msgspec.json.decode(body, type=StatusChange)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _refuse(ErrorCode.INVALID)
        found = await self._find(request.path_params["order_id"])
        if found is None:
            return _refuse(ErrorCode.NOT_FOUND)
        try:
            order = await self._orders.move(found.order_id, change.status)
        except IllegalTransition as error:
            return _refuse(ErrorCode.CONFLICT, str(error))
        except (Unpublished, Busy, OrdersUnavailable):
            return _refuse(ErrorCode.UNAVAILABLE)
        return _json({"status": order.status})

    async def _find(self, order_id: str) -> Order | None:
        """An order of the demo; null for every other."""
        return await self._orders.get(OrderId(order_id)) if order_id in COMMISSIONS else None

    async def _missing(self, visit: Visit) -> Response:
        return await self._page("missing.html", visit, {}, status=404)

    async def _page(
        self, name: str, visit: Visit, fields: Mapping[str, str], status: int = 200
    ) -> Response:
        """A template with its fields filled in; they must be escaped already."""
        template = await asyncio.to_thread((_HERE / "templates" / name).read_text, encoding="utf-8")
        everywhere = {"page": visit.page, "home": visit._replace(user_id=None).link("/demo")}
        page = Template(template).substitute(everywhere | dict(fields))
        return HTMLResponse(page, status, headers=self._headers)


def _policy(files_origin: str) -> str:
    """What a page may load: ours, files, and pictures of files (`blob:`) that are being sent."""
    files_from = f"'self' {files_origin}".rstrip()
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {files_from} blob:; connect-src {files_from}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _json(answer: Mapping[str, object], status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    body = msgspec.json.encode(answer)
    return Response(body, status, headers=headers, media_type="application/json")


def _refuse(code: ErrorCode, message: str | None = None) -> Response:
    info = CATALOGUE[code]
    return _json({"error": {"code": code, "message": message or info.message}}, info.http)


def _data(value: object) -> str:
    """What a page's script is told, ready for an attribute."""
    return escape(msgspec.json.encode(value).decode())


async def _read_body(request: Request) -> bytes | None:
    """The body; null if it is larger than any that could be meant."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES_MAX:
            return None
    return body


def _card(order: Order, visit: Visit) -> str:
    """An order in the index, with a link for each of its parties."""
    commission = COMMISSIONS[order.order_id]
    path = f"/demo/orders/{order.order_id}"
    links = "".join(
        f'<a class="button" href="{visit._replace(user_id=party.user_id).link(path)}">'
        f"Open as {escape(party.name.split()[0])}<small>{escape(party.role)}</small></a>"
        for party in order.participants
    )
    return (
        f'<li class="card"><div class="card-top"><h2>{escape(order.title)}</h2>{_chip(order)}</div>'
        f'<p class="muted">{escape(_first_sentence(commission.brief))}</p>'
        f'<p class="card-facts"><span>{escape(commission.price)}</span>'
        f"<span>{escape(_names(order))}</span></p>"
        f'<div class="card-links">{links}</div></li>'
    )


def _inbox_link(user_id: UserId, visit: Visit) -> str:
    href = visit._replace(user_id=user_id).link("/demo/messages")
    return f'<a class="button" href="{href}">Messages of {escape(NAMES[user_id].split()[0])}</a>'


def _order_fields(order: Order) -> dict[str, str]:
    commission = COMMISSIONS[order.order_id]
    fields = {
        "order_id": order.order_id,
        "title": order.title,
        "status": order.status,
        "brief": commission.brief,
        "price": commission.price,
        "due": commission.due,
        "parties": _names(order),
    }
    return {key: escape(value) for key, value in fields.items()} | {
        "chip": _chip(order),
        "deliverables": _deliverables(commission),
        "moves": _moves(),
    }


def _names(order: Order) -> str:
    return ", ".join(party.name for party in order.participants)


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].split(": ")[0].rstrip(".") + "."


def _chip(order: Order) -> str:
    name = order.status.replace("_", " ").capitalize()
    return f'<span class="chip" data-status="{order.status}">{name}</span>'


def _deliverables(commission: Commission) -> str:
    return "".join(f"<li>{escape(item)}</li>" for item in commission.deliverables)


def _moves() -> str:
    """A button for every way from every status; the page shows those of the current one."""
    return "".join(
        f'<button type="button" class="button" hidden data-from="{origin}" data-to="{target}">'
        f"{escape(_MOVES.get((origin, target)) or _TARGETS[target])}</button>"
        for origin, targets in TRANSITIONS.items()
        for target in Status
        if target in targets
    )
