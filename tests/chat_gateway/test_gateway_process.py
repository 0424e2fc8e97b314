"""A gateway as a process of its own."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from chat_gateway.__main__ import refuse_embedded, serve
from chat_gateway.settings import Settings
from shared.settings import BadSetting

ENGINES = Settings(
    log_url="kafka://k:9092",
    store_url="mongodb://m/order_chat",
    signals_url="redis://r:6379/0",
    orders_url="http://orders:8081",
)
SECRET = "0123456789abcdef0123456789abcdef"


def test_engines_that_others_can_reach_are_taken() -> None:
    """Nothing to complain about."""
    refuse_embedded(ENGINES)


@pytest.mark.parametrize(
    ("variable", "embedded"),
    [
        ("ORDER_CHAT_LOG_URL", Settings(store_url="m://", signals_url="r://", orders_url="h://")),
        ("ORDER_CHAT_STORE_URL", Settings(log_url="k://", signals_url="r://", orders_url="h://")),
        ("ORDER_CHAT_SIGNALS_URL", Settings(log_url="k://", store_url="m://", orders_url="h://")),
        ("ORDER_CHAT_ORDERS_URL", Settings(log_url="k://", store_url="m://", signals_url="r://")),
    ],
)
def test_what_serves_one_process_is_refused_by_name(variable: str, embedded: Settings) -> None:
    """Two gateways over an embedded engine would each have a truth of their own."""
    with pytest.raises(BadSetting, match=variable):
        refuse_embedded(embedded)


async def test_it_serves_until_it_is_ended(tmp_path: Path) -> None:
    """The whole graph stands, and falls in order: engines, order service by HTTP, routes.

    The engines are the embedded ones, for want of others; `main` would refuse them.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(
        data=tmp_path, port=port, orders_url="http://127.0.0.1:9", jwt_secret=SECRET, drain_s=0
    )
    serving = asyncio.create_task(serve(settings))

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        ready = await _answer(client, "/readyz")

    assert ready.json()["parts"] | {"orders": "down", "log": "ok"} == ready.json()["parts"]
    os.kill(os.getpid(), signal.SIGTERM)  # the server takes it, as it would in a process of its own
    async with asyncio.timeout(20):
        await serving


async def _answer(client: httpx.AsyncClient, path: str) -> httpx.Response:
    async with asyncio.timeout(10):
        while True:
            try:
                return await client.get(path)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
