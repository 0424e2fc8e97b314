"""What a proof stands on: a system at an address, and a marketplace that signs and makes orders."""

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from shared.contracts.ids import OrderId, UserId
from shared.tokens import Role, mint
from tests.prove.server import Server


class Ground:
    """A system as a marketplace and its users see it."""

    def __init__(self, url: str, secret: bytes, http: httpx.AsyncClient) -> None:
        self.url = url
        self.secret = secret
        self.http = http
        """Calls with a service's token."""

    @property
    def chat_url(self) -> str:
        """The address of the websocket."""
        return self.url.replace("http", "ws", 1) + "/v1/chat"

    def token(
        self,
        user_id: str,
        *,
        role: Role = "user",
        orders: list[str] | None = None,
        ttl_s: float = 7_200,
    ) -> str:
        """A token the system takes."""
        return mint(self.secret, user_id, roles=[role], orders=orders, ttl_s=ttl_s, now=time.time())

    async def put(self, order_id: OrderId, parties: Mapping[UserId, str]) -> None:
        """Make an order, or change who takes part: by user, the role."""
        participants = [
            {"user_id": user_id, "role": role, "name": user_id} for user_id, role in parties.items()
        ]
        body = {"title": f"Order {order_id}", "participants": participants}
        answer = await self.http.put(f"{self.url}/v1/orders/{order_id}", json=body)
        answer.raise_for_status()


@asynccontextmanager
async def ground_at(url: str, secret: bytes) -> AsyncIterator[Ground]:
    """The ground at an address where a system is served."""
    token = mint(secret, "prove", roles=["service"], ttl_s=7_200, now=time.time())
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        yield Ground(url, secret, http)


@asynccontextmanager
async def own_process(
    folder: Path, seed: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Ground, Server]]:
    """A standalone system in a process of its own; ended in good order. Raises `ServerFailed`."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = secret_from(seed)
    server = Server(folder, secret, environment)
    try:
        await server.start()
        async with ground_at(server.url, secret.encode()) as ground:
            yield ground, server
        await server.stop()
    finally:
        await server.kill()


def secret_from(seed: str) -> str:
    """The secret tokens are signed with."""
    return random.Random(seed).randbytes(32).hex()
