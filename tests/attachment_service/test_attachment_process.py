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

from attachment_service.__main__ import main
from attachment_service.app import serve
from attachment_service.settings import Settings
from shared.settings import BadSetting
from tests.attachment_service.world import SECRET

NEIGHBOURS = {
    "ORDER_CHAT_ORDERS_URL": "http://127.0.0.1:1",
    "ORDER_CHAT_GATEWAY_URL": "http://127.0.0.1:1",
    "ORDER_CHAT_JWT_SECRET": SECRET.decode(),
}


def test_settings_come_from_the_environment() -> None:
    """Each variable sets its field; an empty one is one not set."""
    settings = Settings.read(
        {
            "ORDER_CHAT_HOST": "::1",
            "ORDER_CHAT_PORT": "0",
            "ORDER_CHAT_STORE_URL": "mongodb://host/chat",
            "ORDER_CHAT_BLOBS_URL": "minio://k:s@host:9000/chat",
            "ORDER_CHAT_BLOBS_PUBLIC_URL": "https://files.example",
            "ORDER_CHAT_ORDERS_URL": "http://orders:8081",
            "ORDER_CHAT_GATEWAY_URL": "http://gateway:8080",
            "ORDER_CHAT_JWT_SECRET": "",
            "ORDER_CHAT_JWKS_URL": "https://x.example/keys",
            "ORDER_CHAT_GRANT_SECRET": "g",
            "ORDER_CHAT_SERVICE_TOKEN_FILE": "token",
            "ORDER_CHAT_CLAMD_URL": "tcp://clamd:3310",
            "ORDER_CHAT_SCAN_COMMAND": "scan",
            "ORDER_CHAT_MAX_FILE_BYTES": "5368709120",
            "ORDER_CHAT_ORIGINS": "https://a.example, https://b.example",
            "ORDER_CHAT_TRUSTED_PROXIES": "10.0.0.1",
            "ORDER_CHAT_RATE_LIMITS": "off",
            "ORDER_CHAT_DEV": "on",
        },
        Path("here"),
    )

    assert settings == Settings(
        data=Path("here"),
        host="::1",
        port=0,
        store_url="mongodb://host/chat",
        blobs_url="minio://k:s@host:9000/chat",
        blobs_public_url="https://files.example",
        orders_url="http://orders:8081",
        gateway_url="http://gateway:8080",
        jwks_url="https://x.example/keys",
        grant_secret="g",
        service_token_file=Path("token"),
        clamd_url="tcp://clamd:3310",
        scan_command="scan",
        max_file_bytes=5 << 30,
        origins=frozenset({"https://a.example", "https://b.example"}),
        trusted_proxies=frozenset({"10.0.0.1"}),
        rate_limits=False,
        dev=True,
    )


def test_settings_do_not_show_their_secrets() -> None:
    """A traceback or a log line may hold them."""
    settings = Settings(jwt_secret="canary", grant_secret="canary", blobs_url="canary")

    assert "canary" not in repr(settings)


@pytest.mark.parametrize("size", ["0", "-1", "5368709121", "5G", ""])
def test_a_file_has_one_byte_to_five_gibibytes(size: str) -> None:
    """More cannot be copied inside an object store; an empty variable is one not set."""
    if size == "":
        read = Settings.read({"ORDER_CHAT_MAX_FILE_BYTES": size}, Path("data"))
        assert read.max_file_bytes == 100 << 20
        return
    with pytest.raises(BadSetting, match="ORDER_CHAT_MAX_FILE_BYTES"):
        Settings.read({"ORDER_CHAT_MAX_FILE_BYTES": size}, Path("data"))


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "ORDER_CHAT_ORDERS_URL: name the service's address"),
        ({"ORDER_CHAT_ORDERS_URL": "http://orders:8081"}, "ORDER_CHAT_GATEWAY_URL: name"),
        (NEIGHBOURS | {"ORDER_CHAT_STORE_URL": "x://y"}, "ORDER_CHAT_STORE_URL: the scheme 'x'"),
        (NEIGHBOURS | {"ORDER_CHAT_BLOBS_URL": "s3://y"}, "ORDER_CHAT_BLOBS_URL: the scheme 's3'"),
        (NEIGHBOURS | {"ORDER_CHAT_CLAMD_URL": "http://clamd"}, "ORDER_CHAT_CLAMD_URL"),
        (NEIGHBOURS | {"ORDER_CHAT_GRANT_SECRET": "short"}, "the grant secret has 5 bytes"),
        (
            NEIGHBOURS
            | {"ORDER_CHAT_JWT_SECRET": "", "ORDER_CHAT_JWKS_URL": "https://x.example/keys"},
            "set ORDER_CHAT_SERVICE_TOKEN_FILE",
        ),
        (
            NEIGHBOURS
            | {
                "ORDER_CHAT_JWT_SECRET": "",
                "ORDER_CHAT_JWKS_URL": "https://x.example/keys",
                "ORDER_CHAT_SERVICE_TOKEN_FILE": "token",
            },
            "set ORDER_CHAT_GRANT_SECRET",
        ),
    ],
)
def test_a_start_that_cannot_work_is_refused_in_a_line(
    tmp_path: Path, environment: dict[str, str], complaint: str
) -> None:
    """The operator reads which setting it is; there is no traceback."""
    with pytest.raises(SystemExit) as refused:
        main(["--data", str(tmp_path)], environment)

    assert str(refused.value).startswith("attachment_service: ")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_refuses_to_stand_alone(tmp_path: Path) -> None:
    """`python -m attachment_service` without neighbours could let nobody in."""
    done = subprocess.run(
        [sys.executable, "-m", "attachment_service", "--data", str(tmp_path)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("attachment_service: ORDER_CHAT_ORDERS_URL")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, free_port: int) -> None:
    """Over a real socket, from the settings to the end; neighbours that are away are named."""
    settings = Settings.read({**NEIGHBOURS, "ORDER_CHAT_PORT": str(free_port)}, tmp_path)
    serving = asyncio.create_task(serve(settings))
    transport = httpx.AsyncHTTPTransport(retries=10)  # connections, while it starts
    base_url = f"http://127.0.0.1:{free_port}"
    async with httpx.AsyncClient(transport=transport, base_url=base_url, timeout=10) as client:
        refused = await client.post("/v1/attachments")
        ready = await client.get("/readyz")
        figures = await client.get("/metrics")
        document = await client.get("/openapi.json")
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        await serving

    assert refused.status_code == 401
    assert (ready.status_code, ready.json()["parts"]) == (
        503,
        {"uploads": "ok", "blobs": "ok", "orders": "down", "messages": "down"},
    )
    assert "order_chat_attachments_reserved_total 0.0" in figures.text
    assert "/v1/attachments/{attachment_id}/complete" in document.json()["paths"]
