"""`python -m deploy.stack` as a process: known to others while it runs, and gone without a rest."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.connected

GIVEN: Final = ("ORDER_CHAT_LOG_URL", "ORDER_CHAT_STORE_URL", "ORDER_CHAT_BLOBS_URL")
"""Redis alone is started here: it is up at once, and the rest goes the same way."""
DEADLINE_S: Final = 30.0


def environment(folder: Path) -> Mapping[str, str]:
    """Settings under which all files of a stack lie in *folder*."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    places = {"XDG_CACHE_HOME": str(folder), "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    given = dict.fromkeys(GIVEN, "given://elsewhere")
    return {**os.environ, **given, "ORDER_CHAT_SIGNALS_URL": "", **places}


@contextmanager
def foreground(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A stack that is up."""
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.stack"],
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Up.") for line in process.stdout), "it did not come up"
            yield process
        finally:
            process.kill()


def redis_port(folder: Path) -> int:
    """Where Redis listens, by what `env` exports in a process of its own."""
    asked = subprocess.run(
        [sys.executable, "-m", "deploy.stack", "env"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    lines = dict(line.removeprefix("export ").split("=", 1) for line in asked.stdout.splitlines())
    return urlsplit(lines["ORDER_CHAT_SIGNALS_URL"]).port or 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def files(folder: Path) -> list[Path]:
    """What lies about of stacks: their settings and temporary folders."""
    return [*(folder / "order-chat" / "running").iterdir(), *(folder / "tmp").iterdir()]


def test_another_process_learns_where_the_engines_are(tmp_path: Path) -> None:
    """`env` exports an address at which somebody listens."""
    with foreground(tmp_path):
        port = redis_port(tmp_path)

        assert listens(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Told to end, a stack ends well, and with it its engines, settings and temporary data."""
    with foreground(tmp_path) as process:
        port = redis_port(tmp_path)

        process.send_signal(number)
        code = process.wait(DEADLINE_S)

    assert (code, listens(port), files(tmp_path)) == (0, False, [])


def test_a_killed_stack_takes_its_engines_along(tmp_path: Path) -> None:
    """Not even a SIGKILL leaves servers behind."""
    with foreground(tmp_path) as process:
        port = redis_port(tmp_path)

        process.kill()
        process.wait(DEADLINE_S)

    assert_silent_soon(port)


def test_given_data_stays(tmp_path: Path) -> None:
    """With `--data` the engines' files lie there, and stay."""
    command = [sys.executable, "-m", "deploy.stack", "--data", str(tmp_path / "data"), "run", "--"]

    subprocess.run([*command, "true"], env=environment(tmp_path), timeout=DEADLINE_S, check=True)

    assert list((tmp_path / "data" / "redis").glob("appendonlydir/*.aof"))


def assert_silent_soon(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while listens(port):
        assert time.monotonic() < deadline, "somebody still listens"
        time.sleep(0.05)
