"""The token endpoints that are there to be copied: the chat takes what they sign."""

import asyncio
import importlib.util
import os
import shutil
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from shared.tokens import SecretVerifier
from tests.docs.pages import DOCS
from tests.docs.ports import answers, free_port

TOKENS: Final = DOCS / "examples" / "token"
SECRET: Final = "what the shop and the chat share, long enough"
ANNA: Final = 'anna "7"/8'
"""A user whose id every encoder has to treat with care."""
SIGNED_IN: Final = {"Cookie": "session=of-anna"}
NODE, PHP = shutil.which("node"), shutil.which("php")
START_S: Final = 20.0

NODE_SHOP: Final = """
import { createServer } from "node:http";
import { tokenEndpoint } from "%s";
const anna = ({ headers }) => (headers.cookie === "session=of-anna" ? %r : null);
const answer = tokenEndpoint(process.env.ORDER_CHAT_JWT_SECRET, anna);
createServer(answer).listen(%d, "127.0.0.1");
"""
PHP_SHOP: Final = """<?php
if (($_SERVER['HTTP_COOKIE'] ?? '') === 'session=of-anna') {
    session_start();
    $_SESSION['user_id'] = %r;
}
require %r;
"""


async def test_the_python_endpoint_says_who_is_signed_in() -> None:
    """The chat takes its token for the user of the session, and nobody else gets one."""
    spec = importlib.util.spec_from_file_location("chat_token", TOKENS / "python" / "chat_token.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    def signed_in_user(request: Request) -> str | None:
        return ANNA if request.headers.get("Cookie") == SIGNED_IN["Cookie"] else None

    shop = Starlette(routes=[example.token_route(SECRET, signed_in_user)])
    transport = httpx.ASGITransport(shop)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        await assert_endpoint(http)


@pytest.mark.skipif(NODE is None, reason="node is not installed: its token endpoint was not run")
async def test_the_node_endpoint_says_who_is_signed_in(tmp_path: Path) -> None:
    """The chat takes its token for the user of the session, and nobody else gets one."""
    shop, port = tmp_path / "shop.mjs", free_port()
    shop.write_text(NODE_SHOP % (TOKENS / "node" / "chat-token.mjs", ANNA, port))

    async with serving([str(NODE), str(shop)], port) as http:
        await assert_endpoint(http)


@pytest.mark.skipif(PHP is None, reason="php is not installed: its token endpoint was not run")
async def test_the_php_endpoint_says_who_is_signed_in(tmp_path: Path) -> None:
    """The chat takes its token for the user of the session, and nobody else gets one."""
    shop, port = tmp_path / "shop.php", free_port()
    shop.write_text(PHP_SHOP % (ANNA, str(TOKENS / "php" / "chat-token.php")))

    sessions = f"session.save_path={tmp_path}"
    async with serving(
        [str(PHP), "-d", sessions, "-S", f"127.0.0.1:{port}", str(shop)], port
    ) as http:
        await assert_endpoint(http)


async def assert_endpoint(http: httpx.AsyncClient) -> None:
    """It signs for who is signed in and for nobody else, and no cache may keep the answer."""
    answer = await http.get("/chat-token", headers=SIGNED_IN)
    identity = await SecretVerifier(SECRET.encode()).verify(answer.json()["token"])

    assert identity.user_id == ANNA
    assert identity.roles == {"user"}
    assert 0 < identity.expires_at - time.time() <= 900
    assert "no-store" in answer.headers["Cache-Control"]
    http.cookies.clear()  # PHP gave its own
    assert (await http.get("/chat-token")).status_code == 401


@asynccontextmanager
async def serving(command: Sequence[str], port: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that runs for as long."""
    environment = {**os.environ, "ORDER_CHAT_JWT_SECRET": SECRET}
    server = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        deadline = time.monotonic() + START_S
        while not answers(port):
            assert server.returncode is None
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield http
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), START_S)
