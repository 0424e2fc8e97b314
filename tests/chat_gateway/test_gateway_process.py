"""A gateway as a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
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
SEVERAL = {
    "ORDER_CHAT_PROCESSES": "2",
    "ORDER_CHAT_PROCESS_PORT": "0",
    "ORDER_CHAT_PORT": "0",
    "ORDER_CHAT_LOG_URL": "kafka://127.0.0.1:9",
    "ORDER_CHAT_STORE_URL": "mongodb://127.0.0.1:9/order_chat",
    "ORDER_CHAT_SIGNALS_URL": "redis://127.0.0.1:9/0",
    "ORDER_CHAT_ORDERS_URL": "http://127.0.0.1:9",
    "ORDER_CHAT_JWT_SECRET": SECRET,
}
START_S = 20.0


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


def test_several_are_refused_what_one_is(tmp_path: Path) -> None:
    """Before anything is started."""
    one = _told(tmp_path, {"ORDER_CHAT_PROCESSES": "1", "ORDER_CHAT_SIGNALS_URL": "memory://"})
    several = _told(tmp_path, {"ORDER_CHAT_SIGNALS_URL": "memory://"})

    assert several == one
    assert several.startswith("chat_gateway: ORDER_CHAT_SIGNALS_URL: ")


def test_several_do_not_start_without_a_token_for_the_order_service(tmp_path: Path) -> None:
    """The same line as of one."""
    none = {"ORDER_CHAT_JWT_SECRET": "", "ORDER_CHAT_JWKS_URL": "http://127.0.0.1:9"}

    assert _told(tmp_path, none) == _told(tmp_path, {**none, "ORDER_CHAT_PROCESSES": "1"})


@pytest.mark.parametrize("reuse", [0, 1], ids=["alone", "by several"])
def test_a_port_in_use_is_said_in_a_line(tmp_path: Path, reuse: int) -> None:
    """Whether or not whoever has it would share it with us."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        told = _told(tmp_path, {"ORDER_CHAT_PORT": f"{port}"})

    assert told == f"chat_gateway: port {port} of ORDER_CHAT_HOST: Address already in use\n"


def test_what_stops_the_start_of_several_is_said_once(tmp_path: Path) -> None:
    """By the first of them; the second is not started."""
    told = _told(tmp_path, {"ORDER_CHAT_LOG_URL": "carrier-pigeon://loft"})

    assert told == _told(
        tmp_path, {"ORDER_CHAT_LOG_URL": "carrier-pigeon://loft", "ORDER_CHAT_PROCESSES": "1"}
    )


def _told(data: Path, environment: Mapping[str, str]) -> str:
    """What a start says that ends with 1."""
    done = subprocess.run(
        [sys.executable, "-m", "chat_gateway", "--data", str(data)],
        env={**os.environ, **SEVERAL, **environment},
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


async def _answer(client: httpx.AsyncClient, path: str) -> httpx.Response:
    async with asyncio.timeout(10):
        while True:
            try:
                return await client.get(path)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
