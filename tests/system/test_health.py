"""What a load balancer is told, part by part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from deploy.standalone import System, running
from shared.contracts.ids import OrderId
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from tests.system.conftest import serving
from tests.system.figures import until
from tests.system.wire import wire

SOON_S = 5.0
"""The archiver reads by itself, a little later than the gateway perhaps."""
FILM = OrderId("film-2041")
PARTS = {
    "log",
    "store",
    "signals",
    "orders",
    "outbox",
    "partitions",
    "archive",
    "uploads",
    "blobs",
    "archiver",
    "serving",
}


@asynccontextmanager
async def asking(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks the system without a socket between."""
    transport = httpx.ASGITransport(system.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        yield http


async def down(http: httpx.AsyncClient) -> set[str]:
    """The parts that are out of order; the status says whether there are any."""
    answer = await http.get("/readyz")
    parts = answer.json()["parts"]
    names = {name for name, state in parts.items() if state != "ok"}
    assert parts.keys() == PARTS
    assert answer.status_code == (503 if names else 200)
    return names


async def test_a_system_at_work_is_ready(tmp_path: Path) -> None:
    """Every part by its name."""
    async with serving(tmp_path) as demo, httpx.AsyncClient(base_url=demo.url) as http:
        await until(demo, lambda now: now["order_chat_archiver_behind_records"] == 0)

        assert await down(http) == set()


async def test_one_that_shuts_down_is_alive_and_not_ready(tmp_path: Path) -> None:
    """From the first moment of the farewell on."""
    async with running(tmp_path, {"ORDER_CHAT_DRAIN_S": "0"}) as system, asking(system) as http:
        await system.farewell.say()

        assert "serving" in await down(http)
        assert (await http.get("/healthz")).status_code == 200


async def test_a_stopped_partition_is_named(tmp_path: Path) -> None:
    """In the archiver, and in the gateway once somebody needs it; the lag shows too."""
    log = await SqliteLog.open(
        tmp_path / "log.db", partitions=EMBEDDED_PARTITIONS, clock=lambda: 1_760_000_000_000
    )
    future = Draft(FILM, "message", 999, b"{}")
    await log.append(partition_of(FILM, EMBEDDED_PARTITIONS), [future])
    await log.close()
    async with serving(tmp_path) as demo, httpx.AsyncClient(base_url=demo.url) as http:
        async with wire(demo, "anna") as anna:
            await anna.say({"op": "join", "ref": 1, "order_id": FILM, "after": None})
            await anna.raw()

        stopped = {"partitions", "archiver", "archive"}
        async with asyncio.timeout(SOON_S):
            while await down(http) != stopped:  # noqa: ASYNC110 (parts tell nobody)
                await asyncio.sleep(0.02)
