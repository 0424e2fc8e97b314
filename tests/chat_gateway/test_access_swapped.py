"""An order service whose answers come late or out of order is believed about nobody else (21)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import httpx
import msgspec
import pytest

from chat_gateway.access import AccessCache
from chat_gateway.seam import Access
from shared import order_client as module
from shared.contracts.ids import OrderId, UserId
from shared.order_client import HttpOrders, OrdersUnavailable, Part
from tests.chat_gateway.world import turns
from tests.shared.story import ANNA, BEN, ORDER

FOREIGN: Final = OrderId("another-order")
YES: Final = msgspec.json.encode(
    {"answers": [{"order_id": ORDER, "user_id": ANNA, "role": "creator", "version": 3}]}
)
NO: Final = msgspec.json.encode({"answers": [None]})
PATIENCE_S: Final = 5.0

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request with this body on its connection, when and how it likes."""


def reply(status: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


@asynccontextmanager
async def over(answer: Answer) -> AsyncIterator[HttpOrders]:
    """Asks a server that answers so, over one connection at a time and kept alive."""
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)
                assert length is not None
                body = await reader.readexactly(int(length[1]))
                await answer(body.decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def token() -> str:
        return "service-token"

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield HttpOrders(client, token)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)


async def test_a_late_answer_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The yes that comes after its deadline does not answer the next question."""
    monkeypatch.setattr(module, "DEADLINE_S", 0.2)
    given_up = asyncio.Event()
    late: list[str] = []

    async def answer(asked: str, writer: asyncio.StreamWriter) -> None:
        if str(ORDER) in asked:
            await asyncio.wait_for(given_up.wait(), PATIENCE_S)
            late.append(asked)
            writer.write(reply(200, YES))
        else:
            writer.write(reply(200, NO))
        await writer.drain()

    async with over(answer) as orders:
        with pytest.raises(OrdersUnavailable):
            await orders.access(ORDER, ANNA)
        given_up.set()
        await asyncio.sleep(0.05)

        assert await orders.access(FOREIGN, ANNA) is None
    assert late


async def test_an_answer_behind_the_answer_is_nobody_elses() -> None:
    """Two for one question: the second is taken for the next one's, and believed by nobody."""

    async def answer(asked: str, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, YES) * 2 if str(ORDER) in asked else reply(200, NO))
        await writer.drain()

    async with over(answer) as orders:
        assert await orders.access(ORDER, ANNA) == Part("creator", 3)
        await asyncio.sleep(0.05)

        with pytest.raises(OrdersUnavailable):
            await orders.access(FOREIGN, ANNA)


@pytest.mark.parametrize("where", ["/v1/access?of={}", "//evil.example/"])
async def test_an_answer_that_points_elsewhere_is_none(where: str) -> None:
    """A redirect is not followed: what stands there is an answer to another question."""

    async def answer(asked: str, writer: asyncio.StreamWriter) -> None:
        if str(ORDER) in asked:
            writer.write(reply(200, YES))
        else:
            place = where.format(ORDER).encode()
            writer.write(b"HTTP/1.1 307 x\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % place)
        await writer.drain()

    async with over(answer) as orders:
        with pytest.raises(OrdersUnavailable):
            await orders.access(FOREIGN, ANNA)


class Held:
    """An order service that answers in the order the test likes."""

    def __init__(self) -> None:
        self.asked: dict[tuple[OrderId, UserId], asyncio.Future[Part | None]] = {}

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        self.asked[order_id, user_id] = asyncio.get_running_loop().create_future()
        return await self.asked[order_id, user_id]

    async def ping(self) -> None:
        return


async def test_answers_out_of_order_are_remembered_for_whom_they_are() -> None:
    """Order and user are the key, both of the question."""
    orders = Held()
    cache = AccessCache(orders, lambda: 0.0)
    questions = [(ORDER, ANNA), (FOREIGN, ANNA), (ORDER, BEN)]
    asking = [asyncio.create_task(cache.ask(*question)) for question in questions]
    await turns()
    orders.asked[ORDER, BEN].set_result(Part("advertiser", 1))
    orders.asked[FOREIGN, ANNA].set_result(None)
    orders.asked[ORDER, ANNA].set_result(Part("creator", 2))
    first = await asyncio.gather(*asking)

    again = [await cache.ask(*question) for question in questions]

    assert first == [Access("creator", 2, True), None, Access("advertiser", 1, True)]
    assert again == [Access("creator", 2, False), None, Access("advertiser", 1, False)]
