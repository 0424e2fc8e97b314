"""The service as a process: settings, start, refusals, end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from order_service.__main__ import main
from order_service.app import running, serve
from order_service.policy import DEFAULT
from order_service.settings import Settings
from shared.log.sqlite import SqliteLog
from shared.settings import BadSetting
from tests.order_service.world import BODY, SECRET, bearer

KAFKA = {"ORDER_CHAT_LOG_URL": "kafka://host:9092"}


def test_an_empty_environment_is_enough() -> None:
    """Every setting has a default that works as is; an empty variable is one not set."""
    settings = Settings.read({"ORDER_CHAT_PORT": "", "ORDER_CHAT_JWT_SECRET": ""}, Path("data"))

    assert settings == Settings()
    assert settings.load_policy() is DEFAULT


def test_settings_come_from_the_environment() -> None:
    """Each variable sets its field."""
    settings = Settings.read(
        {
            "ORDER_CHAT_HOST": "::1",
            "ORDER_CHAT_PORT": "0",
            "ORDER_CHAT_LOG_URL": "kafka://host:9092",
            "ORDER_CHAT_STORE_URL": "sqlite:///other.db",
            "ORDER_CHAT_JWT_SECRET": "s",
            "ORDER_CHAT_JWKS_URL": "https://x.example/keys",
            "ORDER_CHAT_POLICY_FILE": "policy.json",
        },
        Path("here"),
    )

    assert settings == Settings(
        data=Path("here"),
        host="::1",
        port=0,
        log_url="kafka://host:9092",
        store_url="sqlite:///other.db",
        jwt_secret="s",
        jwks_url="https://x.example/keys",
        policy_file=Path("policy.json"),
    )


def test_settings_do_not_show_their_secrets() -> None:
    """A traceback or a log line may hold them."""
    assert "canary" not in repr(Settings(jwt_secret="canary", log_url="canary"))


@pytest.mark.parametrize("port", ["x", "-1", "65536", "8081.0", "²"])
def test_a_port_is_a_number(port: str) -> None:
    """The variable that is wrong is named."""
    with pytest.raises(BadSetting, match="ORDER_CHAT_PORT"):
        Settings.read({"ORDER_CHAT_PORT": port}, Path("data"))


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "ORDER_CHAT_LOG_URL: the embedded log serves one process"),
        ({"ORDER_CHAT_LOG_URL": "amqp://host"}, "ORDER_CHAT_LOG_URL: the scheme 'amqp'"),
        ({"ORDER_CHAT_PORT": "x"}, "ORDER_CHAT_PORT must be"),
        (KAFKA | {"ORDER_CHAT_POLICY_FILE": "/nowhere/p.json"}, "No such file"),
    ],
)
def test_a_start_that_cannot_work_is_refused_in_a_line(
    tmp_path: Path, environment: dict[str, str], complaint: str
) -> None:
    """The operator reads which setting it is; there is no traceback."""
    with pytest.raises(SystemExit) as refused:
        main(["--data", str(tmp_path)], environment)

    assert str(refused.value).startswith("order_service: ")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_refuses_the_embedded_log(tmp_path: Path) -> None:
    """`python -m order_service` beside a gateway would announce to nobody."""
    done = subprocess.run(
        [sys.executable, "-m", "order_service", "--data", str(tmp_path)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("order_service: ORDER_CHAT_LOG_URL")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, free_port: int) -> None:
    """Over a real socket, from the settings to the end."""
    settings = Settings(data=tmp_path, port=free_port, jwt_secret=SECRET.decode())
    serving = asyncio.create_task(serve(settings))
    transport = httpx.AsyncHTTPTransport(retries=10)  # connections, while it starts
    base_url = f"http://127.0.0.1:{free_port}"
    async with httpx.AsyncClient(transport=transport, base_url=base_url, timeout=10) as client:
        answer = await client.put("/v1/orders/o1", json=BODY, headers=bearer())
        ready = await client.get("/readyz")
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        await serving

    assert (answer.status_code, ready.status_code) == (201, 200)


async def test_it_runs_inside_another_process(tmp_path: Path, log: SqliteLog) -> None:
    """A gateway in the same process calls it directly, and adds its parts to its own."""
    async with running(Settings(data=tmp_path), DEFAULT, log) as orders:
        assert await orders.service.access(BODY["title"], "anna") is None
        for ping in orders.parts.values():
            await ping()

    assert set(orders.parts) == {"orders", "outbox"}
