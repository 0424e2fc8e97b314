"""Everything that can be tried on an order."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq

REF: Final = 1
CLIENT_ID: Final = ClientId(str(UUID(int=7)))
FILE: Final = {"filename": "a.pdf", "content_type": "application/pdf", "size": 3}


class Operation(NamedTuple):
    """One thing to try on an order: a frame, or an HTTP request."""

    name: str
    frame: frames.ClientFrame | None = None
    method: str = ""
    path: str = ""
    body: Mapping[str, object] | None = None


def operations(order_id: OrderId) -> list[Operation]:
    """Everything there is, aimed at one order."""
    id_ = CLIENT_ID
    target = MessageId(str(UUID(int=8)))
    orders = f"/v1/orders/{order_id}"
    text = {"id": id_, "text": "Hi!"}
    return [
        Operation("join", frames.Join(ref=REF, order_id=order_id)),
        Operation("join from nothing", frames.Join(ref=REF, order_id=order_id, after=Seq(0))),
        Operation(
            "join from somewhere", frames.Join(ref=REF, order_id=order_id, after=Seq(1 << 44))
        ),
        Operation("history", frames.History(ref=REF, order_id=order_id)),
        Operation("replay", frames.History(ref=REF, order_id=order_id, after=Seq(0))),
        Operation("send", frames.Send(ref=REF, order_id=order_id, id=id_, text="Hi!")),
        Operation(
            "send again", frames.Send(ref=REF, order_id=order_id, id=id_, text="Hi!", retry=True)
        ),
        Operation(
            "edit", frames.Edit(ref=REF, order_id=order_id, id=id_, target=target, text="Ho!")
        ),
        Operation("delete", frames.Delete(ref=REF, order_id=order_id, id=id_, target=target)),
        Operation("read", frames.Read(order_id=order_id, up_to=Seq(1 << 44))),
        Operation("typing", frames.Type(order_id=order_id, what="text")),
        Operation(
            "report",
            frames.Report(ref=REF, order_id=order_id, id=id_, target=target, reason="spam"),
        ),
        Operation("leave", frames.Leave(ref=REF, order_id=order_id)),
        Operation("GET messages", None, "GET", f"{orders}/messages"),
        Operation("GET replay", None, "GET", f"{orders}/messages?after=0"),
        Operation("GET attachment", None, "GET", f"{orders}/attachments/{target}"),
        Operation(
            "POST attachment", None, "POST", "/v1/attachments", {"order_id": order_id, **FILE}
        ),
        Operation("POST message", None, "POST", f"{orders}/messages", text),
        Operation(
            "POST redact",
            None,
            "POST",
            f"{orders}/messages/{target}/redact",
            {"id": id_, "reason": "none"},
        ),
        Operation("GET order", None, "GET", orders),
        Operation("PATCH order", None, "PATCH", orders, {"status": "completed"}),
        Operation("GET access", None, "GET", f"{orders}/access?user_id=owner-0"),
        Operation(
            "POST access",
            None,
            "POST",
            "/v1/access",
            {"questions": [{"order_id": order_id, "user_id": "owner-0"}]},
        ),
    ]
