"""Rooms in one process, on Starlette alone: nothing is kept, and nobody else hears of it."""

from collections import defaultdict
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

rooms: Final = defaultdict[str, set[WebSocket]](set)


class Join(msgspec.Struct, tag_field="op", tag="join"):
    """Take part in an order's talk from now on."""

    order: str
    user: str


class Send(msgspec.Struct, tag_field="op", tag="send"):
    """Say something to all who take part."""

    order: str
    text: str


class Message(msgspec.Struct, tag_field="op", tag="message"):
    """What each of them hears."""

    order: str
    by: str
    text: str


JOINED: Final = '{"op":"joined"}'
decode: Final = msgspec.json.Decoder(Join | Send).decode
encode: Final = msgspec.json.Encoder().encode


async def chat(websocket: WebSocket) -> None:
    """One connection, until it ends."""
    await websocket.accept()
    user, orders = "", set[str]()
    try:
        while True:
            match decode(await websocket.receive_text()):
                case Join(order=order, user=user):
                    orders.add(order)
                    rooms[order].add(websocket)
                    await websocket.send_text(JOINED)
                case Send(order=order, text=text) if order in orders:
                    heard = encode(Message(order, user, text)).decode()
                    for member in tuple(rooms[order]):
                        await member.send_text(heard)
    except WebSocketDisconnect:
        pass
    finally:
        for order in orders:
            rooms[order].discard(websocket)


app = Starlette(routes=[WebSocketRoute("/chat", chat)])
