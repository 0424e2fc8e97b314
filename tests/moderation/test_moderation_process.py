"""The moderation consumer as a process of its own: what it says of itself, and how it ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.http import error_response
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from tests.moderation.said import ORDER, RULES, WHOLE, id_of, say

START_S = 30.0
SECRET = "a secret of at least thirty-two bytes"


def command(data: Path, *more: str) -> Sequence[str]:
    return [
        *(sys.executable, "-m", "chat_gateway.moderation"),
        *("--data", str(data), "--rules", str(RULES), *more),
    ]


def environment(gateway_url: str, port: int = 0) -> Mapping[str, str]:
    return {
        **os.environ,
        "ORDER_CHAT_PORT": str(port),
        "ORDER_CHAT_GATEWAY_URL": gateway_url,
        "ORDER_CHAT_JWT_SECRET": SECRET,
    }


def ended(data: Path, *more: str, gateway_url: str = "") -> subprocess.CompletedProcess[str]:
    """One that ends by itself."""
    return subprocess.run(
        command(data, *more),
        env=environment(gateway_url),
        capture_output=True,
        text=True,
        timeout=START_S,
    )


@contextmanager
def process(data: Path, gateway_url: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        command(data), env=environment(gateway_url, port), stderr=subprocess.PIPE, text=True
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


async def write(data: Path, *events: log.Event) -> None:
    """Make the log that a consumer finds."""
    engine = await SqliteLog.open(data / "log.db", partitions=EMBEDDED_PARTITIONS)
    for event in events:
        draft = Draft(ORDER, log.TYPES[type(event)], log.VERSION, log.encode_event(event))
        await engine.append(partition_of(ORDER, EMBEDDED_PARTITIONS), [draft])
    await engine.close()


@asynccontextmanager
async def refusing(code: ErrorCode) -> AsyncIterator[str]:
    """The address of a gateway that refuses everything."""
    answer = error_response(code, "no")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {answer.status_code} No\r\nContent-Length: {len(answer.body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + bytes(answer.body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


HELD: Final = "order_chat_moderation_held_partitions 8.0"


def test_it_tells_how_it_is_and_ends_when_told(tmp_path: Path) -> None:
    """Which part is down, its figures, and 0 after SIGTERM."""
    with process(tmp_path, "http://127.0.0.1:9") as (moderation, client):
        ready = client.get("/readyz")
        give_up_at = time.monotonic() + START_S
        while HELD not in (page := client.get("/metrics").text):  # asked for at its own pace
            assert time.monotonic() < give_up_at, page
            time.sleep(0.05)
        moderation.send_signal(signal.SIGTERM)
        code = moderation.wait(START_S)

    parts = {"log": "ok", "gateway": "down", "moderation": "ok"}
    assert (ready.status_code, ready.json()["parts"]) == (503, parts)
    assert 'order_chat_moderation_verdicts_total{action="redact",rule="contact.lagoon"} 0.0' in page
    assert code == 0


async def test_a_wrong_token_ends_it_with_a_line(tmp_path: Path) -> None:
    """At once, with status 1."""
    await write(tmp_path, say(1, WHOLE))

    async with refusing(ErrorCode.FORBIDDEN) as gateway_url:
        done = await asyncio.to_thread(ended, tmp_path, gateway_url=gateway_url)

    line = "moderation: the gateway does not take its token as a moderator's: forbidden"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, line)


async def test_shadow_prints_a_line_for_each_verdict(tmp_path: Path) -> None:
    """On standard output, and the table on standard error; no gateway is needed."""
    await write(tmp_path, say(1, WHOLE), say(2, WHOLE))

    done = await asyncio.to_thread(ended, tmp_path, "--shadow")
    since = await asyncio.to_thread(ended, tmp_path, "--shadow", "--since", "2999-01-01")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message_id"] for line in lines] == [id_of(1), id_of(2)]
    assert done.stderr.splitlines()[-1].split() == ["contact.pigeon", "2", "0", "0"]
    assert (done.returncode, since.returncode, since.stdout) == (0, 0, "")


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ((), 1, "moderation: set ORDER_CHAT_GATEWAY_URL"),
        (("--rules", "nowhere.json"), 1, "moderation: nowhere.json"),
        (("--since", "2026-11-01"), 2, "--since goes with --shadow"),
        (("--shadow", "--since", "yesterday"), 2, "argument --since"),
        (("--shadow", "--rewind"), 2, "not allowed with"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, more: Sequence[str], code: int, told: str
) -> None:
    """The last one, without a traceback."""
    done = ended(tmp_path, *more)

    assert done.returncode == code
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
