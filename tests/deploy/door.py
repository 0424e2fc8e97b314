"""The real proxy with the project's own files, before servers of a test."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.deploy.proxy_routes import PROXY
from tests.docs.ports import free_port

START_S: Final = 10.0
STOP_S: Final = 10.0
ANSWER_S: Final = 10.0
POLL_S: Final = 0.02
HEAD_BYTES_MAX: Final = 1 << 18


NOBODY: Final = 1
"""A port of this machine where nobody listens."""


class Answer(NamedTuple):
    """What came back: the status and, as JSON, the body."""

    status: int
    body: Any


class Behind(NamedTuple):
    """The ports of this machine where the servers behind the proxy listen."""

    gateways: Sequence[int] = (NOBODY,)
    order_service: int = NOBODY
    attachment_service: int = NOBODY
    object_store: int = NOBODY


class Door(NamedTuple):
    """The ports of the proxy itself."""

    chat: int
    files: int


@asynccontextmanager
async def door(folder: Path, behind: Behind, *, prefix: str = "order-chat") -> AsyncIterator[Door]:
    """Run nginx in *folder* before servers of this machine; *prefix* is that of the buckets."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed: Debian's package nginx-light is enough")
    opened = Door(free_port(), free_port())
    _write(folder, opened, behind, prefix)
    process = await asyncio.create_subprocess_exec(
        *[program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"],
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = asyncio.ensure_future(process.stderr.read())
    try:
        await _listening(opened.chat, process)
        yield opened
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(STOP_S):
            await process.wait()
            print((await said).decode())


def _write(folder: Path, opened: Door, behind: Behind, prefix: str) -> None:
    """The project's files, with ports and folders of the test in them, and nothing else changed."""
    (folder / "tmp").mkdir()
    texts = {file.name: file.read_text() for file in PROXY.glob("*.conf")}
    _replace(texts, "nginx.conf", "listen 8080", f"listen 127.0.0.1:{opened.chat}")
    _replace(texts, "nginx.conf", "listen 9000", f"listen 127.0.0.1:{opened.files}")
    _replace(texts, "nginx.conf", "/tmp/", f"{folder}/tmp/")
    _replace(texts, "files.conf", "/order-chat-", f"/{prefix}-")
    servers = {
        "order-service:8081": behind.order_service,
        "attachment-service:8082": behind.attachment_service,
        "silo:9000": behind.object_store,
    }
    servers |= {f"gateway-{n}:8080": port for n, port in enumerate(behind.gateways, 1)}
    for name, port in servers.items():
        _replace(texts, "upstreams.conf", name, f"127.0.0.1:{port}")
    texts["upstreams.conf"] = re.sub(r".*gateway-\d:8080.*\n", "", texts["upstreams.conf"])
    for name, text in texts.items():
        (folder / name).write_text(text)


def _replace(texts: dict[str, str], file: str, old: str, new: str) -> None:
    assert old in texts[file], f"{file} has no {old}"
    texts[file] = texts[file].replace(old, new)


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(POLL_S)
            else:
                writer.close()
                return
    raise AssertionError("nginx ended at once; what it said is below")


@asynccontextmanager
async def echo(name: str) -> AsyncIterator[int]:
    """A server that answers who it is and what it was asked; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = json.dumps({"name": name, "head": head}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=HEAD_BYTES_MAX)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, request: str, *headers: str, body: bytes = b"") -> Answer:
    """Send a request exactly as it is written (`GET /path`), and read the answer."""
    lines = [f"{request} HTTP/1.1", "Host: chat.example", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    async with asyncio.timeout(ANSWER_S):
        answer = await reader.read()
    writer.close()
    head, _, text = answer.partition(b"\r\n\r\n")
    is_json = text.startswith(b"{")
    return Answer(int(head.split()[1]), json.loads(text) if is_json else None)
