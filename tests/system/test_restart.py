"""The end of a process in good order: SIGTERM while people write, then the start of the next."""

import asyncio
import secrets
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from deploy.standalone import AWAY_S
from shared.contracts import frames
from shared.contracts.errors import CloseCode
from tests.prove.restart import PATIENCE_S, restart_often
from tests.prove.server import Server
from tests.system.wire import Wire

DRAIN_S = 1
BUSY_S = 1.0


@pytest.mark.timeout(180)
async def test_nothing_is_lost_and_nobody_waits_longer_than_told(tmp_path: Path) -> None:
    """40 clients at work, two restarts (`python -m tests.prove.restart` does twenty)."""
    # What is timed here is 40 clients on this loop, which its debug mode makes many times slower.
    asyncio.get_running_loop().set_debug(False)
    figures = await restart_often(
        tmp_path / "trial", 2, secrets.token_hex(4), {"ORDER_CHAT_DRAIN_S": str(DRAIN_S)}
    )

    assert (figures.lost, figures.twice, figures.other, figures.untold) == (0, 0, 0, 0), figures
    # The next process may start late beside other tests; `tests.prove.restart` holds all to
    # `PATIENCE_S`.
    late_s = max(0.0, figures.back_s - AWAY_S)
    assert figures.over_s <= PATIENCE_S + late_s + BUSY_S, figures
    assert figures.stop_s <= DRAIN_S + 10


async def test_the_end_takes_nobody_new_and_tells_who_is_there(tmp_path: Path) -> None:
    """While one client is still being seen off, no other gets in; the exit code is 0."""
    server = Server(tmp_path, "s" * 32, {"ORDER_CHAT_DRAIN_S": "50"})
    await server.start()
    try:
        async with connect(server.url.replace("http", "ws") + "/v1/chat", proxy=None) as socket:
            stopping = asyncio.create_task(server.stop())
            told = await Wire(socket).next(frames.Goodbye)
            refused = await _is_refused(server)
            closed = await _close_code(socket)
        await stopping
    finally:
        await server.kill()

    assert told.code == "restart"
    assert 3_000 <= told.reconnect_after_ms <= 53_000
    assert refused
    assert closed == CloseCode.SERVICE_RESTART


async def _is_refused(server: Server) -> bool:
    async with httpx.AsyncClient() as http:
        try:
            await http.get(f"{server.url}/healthz")
        except httpx.ConnectError:
            return True
    return False


async def _close_code(socket: ClientConnection) -> int | None:
    await socket.wait_closed()
    return socket.close_code
