"""The archiver as a process of its own, on the embedded engines."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.chat_gateway.archive import place_in, story

START_S = 20.0


@contextmanager
def process(data: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-m", "chat_gateway.archiver", "--data", str(data)],
        env={**os.environ, "ORDER_CHAT_PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        transport = httpx.HTTPTransport(retries=8)  # backs off, 0.5 s doubled, while it starts
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=START_S
        ) as client:
            yield started, client
    finally:
        started.kill()
        started.communicate(timeout=5)


def test_it_tells_how_it_is_and_ends_when_told(tmp_path: Path) -> None:
    """Ready with all its parts, its figures served, and 0 after SIGTERM."""
    with process(tmp_path) as (archiver, client):
        ready = client.get("/readyz").json()
        page = client.get("/metrics").text
        archiver.send_signal(signal.SIGTERM)
        ended = archiver.wait(START_S)

    parts = ("log", "store", "signals", "archiver")
    assert ready["parts"] == dict.fromkeys(parts, "ok")
    assert "order_chat_archiver_held_partitions 8.0" in page
    assert ended == 0


async def test_it_ends_when_it_cannot_go_on(tmp_path: Path) -> None:
    """Whoever watches the process starts it again; one that hangs on would be taken for alive."""
    async with place_in(tmp_path) as place:  # two partitions, where eight are wanted
        await place.append(*story())

    with process(tmp_path) as (archiver, _):
        _, told = archiver.communicate(timeout=START_S)

    assert archiver.returncode == 1
    assert "partitions" in told.splitlines()[-1]
    assert "Traceback" not in told


@pytest.mark.parametrize("switch", ["perhaps", "1"])
def test_a_wrong_setting_is_named(tmp_path: Path, switch: str) -> None:
    """One line, the variable, not its value."""
    done = subprocess.run(
        [sys.executable, "-m", "chat_gateway.archiver", "--data", str(tmp_path)],
        env={**os.environ, "ORDER_CHAT_DEV": switch},
        capture_output=True,
        text=True,
        timeout=START_S,
    )

    assert (done.returncode, done.stderr) == (1, "archiver: ORDER_CHAT_DEV must be on or off\n")
