"""Rooms on Django Channels: `PEER_LAYER` says which of its Redis layers, `PEER_REDIS_URL` where.

It runs in a venv of its own.
"""
# mypy: disable-error-code="import-not-found, import-untyped, misc"

import json
import os
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path


def layer(kind: str, redis_url: str) -> dict[str, Any]:
    """The layer's settings."""
    where: dict[str, Any] = {"hosts": [redis_url]}
    if kind == "core.RedisChannelLayer":
        # One queue in Redis serves all connections of a process, and what is over its capacity,
        # by default 100 messages, is dropped without a word: nothing may be, here.
        where["capacity"] = 1_000_000
    return {"default": {"BACKEND": f"channels_redis.{kind}", "CONFIG": where}}


class Chat(AsyncWebsocketConsumer):
    """One connection. The text is encoded once for all members, by whoever says it."""

    def __init__(self) -> None:
        super().__init__()
        self.user = ""
        self.orders = set[str]()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take what the client says."""
        said = json.loads(text_data or "")
        order = said["order"]
        if said["op"] == "join":
            self.user = said["user"]
            self.orders.add(order)
            await self.channel_layer.group_add(order, self.channel_name)
            await self.send(text_data='{"op":"joined"}')
        elif order in self.orders:
            message = {"op": "message", "order": order, "by": self.user, "text": said["text"]}
            heard = json.dumps(message, separators=(",", ":"))
            await self.channel_layer.group_send(order, {"type": "chat.message", "heard": heard})

    async def chat_message(self, event: dict[str, str]) -> None:
        """Take what the layer brings for this member."""
        await self.send(text_data=event["heard"])

    async def disconnect(self, code: int) -> None:
        """Leave all orders."""
        for order in self.orders:
            await self.channel_layer.group_discard(order, self.channel_name)


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    CHANNEL_LAYERS=layer(os.environ["PEER_LAYER"], os.environ["PEER_REDIS_URL"]),
)
django.setup()
application = ProtocolTypeRouter({"websocket": URLRouter([path("chat", Chat.as_asgi())])})
