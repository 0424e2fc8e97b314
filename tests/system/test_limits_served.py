"""Rates, caps and admission on the running system (attacks 12, 29, 30 and 42)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from chat_gateway.limits import SILENT_PER_ADDRESS
from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import NOTHING, ClientId, OrderId
from tests.system.conftest import Demo, Serve
from tests.system.wire import Wire, token_of, wire

FILM: Final = OrderId("film-2041")
MESSAGES: Final = 1_000
QUICK: Final = frames.Limits(messages_per_s=1_000, messages_burst=100)
"""The burst is small and the rest soon over, so that a test need not wait for it."""
CHUNK: Final = 20


class Writer:
    """A device in an order; it numbers what it saw, so that nothing has to be looked up."""

    def __init__(self, client: Wire, n: int) -> None:
        self.wire = client
        self._seen = n

    async def send(self, text: str, id_: ClientId | None = None) -> ClientId:
        """Say something, perhaps again."""
        frame = frames.Send(
            ref=9, order_id=FILM, id=id_ or ClientId(str(uuid4())), text=text, seen=self._seen
        )
        await self.wire.say(frame)
        return frame.id

    async def refusals(self, *waiting: ClientId) -> dict[ClientId, frames.Refused]:
        """Wait until each of these has its outcome; give those that were refused for now."""
        left = set(waiting)
        refused: dict[ClientId, frames.Refused] = {}
        while left:
            frame = frames.decode_server_frame(await self.wire.raw())
            match frame:
                case frames.MessageShown(client_id=id_, n=n):
                    self._seen = n
                    left.discard(ClientId(id_))
                case frames.Refused(id=str(id_)):
                    refused[ClientId(id_)] = frame
                    left.discard(ClientId(id_))
                case _:
                    pass
        return refused

    async def write(self, texts: list[str]) -> list[frames.Refused]:
        """Say all at once, as an outbox does after a reconnect; heed what is refused until all
        stand. Gives what was refused."""
        waiting = {await self.send(text): text for text in texts}
        refused = await self.refusals(*waiting)
        told = list(refused.values())
        waiting = {id_: text for id_, text in waiting.items() if id_ in refused}
        while waiting:
            await asyncio.sleep(sum(map(wait_s, refused.values())))
            chunk = list(waiting)[:CHUNK]
            for id_ in chunk:
                await self.send(waiting[id_], id_)
            refused = await self.refusals(*chunk)
            told += refused.values()
            for id_ in chunk:
                if id_ not in refused:
                    del waiting[id_]
        return told


def wait_s(refused: frames.Refused) -> float:
    """How long to wait for the rate; what is busy waits for an earlier one."""
    if refused.code is not ErrorCode.RATE_LIMITED:
        return 0.0
    return (refused.retry_after_ms or 0) / 1000


@asynccontextmanager
async def joined(demo: Demo, user_id: str) -> AsyncIterator[Writer]:
    async with wire(demo, user_id) as client:
        await client.say(frames.Join(ref=1, order_id=FILM))
        yield Writer(client, (await client.next(frames.Joined)).n)


async def heard(writer: Writer, count: int) -> list[str]:
    """The texts of so many messages, in the order they came."""
    return [(await writer.wire.next(frames.MessageShown)).text for _ in range(count)]


# Floods (attack 29).


async def test_a_flood_on_one_connection_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    """What is beyond the rate is refused with the time to wait; heeded, all stand in order."""
    texts = [f"flood {number}" for number in range(MESSAGES)]
    async with (
        serve(tmp_path, limits=QUICK) as demo,
        joined(demo, "anna") as anna,
        joined(demo, "ben") as ben,
    ):
        hearing = asyncio.create_task(heard(ben, MESSAGES))
        refused = await anna.write(texts)

        assert await hearing == texts
        assert len(refused) > MESSAGES / 10
        assert {answer.code for answer in refused} <= {ErrorCode.RATE_LIMITED, ErrorCode.BUSY}
        assert all(answer.retry and answer.retry_after_ms for answer in refused)


async def test_a_flood_on_many_connections_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    """They count together; each keeps its own order."""
    async with (
        serve(tmp_path, limits=QUICK) as demo,
        joined(demo, "ben") as ben,
        AsyncExitStack() as open_,
    ):
        annas = [await open_.enter_async_context(joined(demo, "anna")) for _ in range(20)]
        hearing = asyncio.create_task(heard(ben, MESSAGES))
        refused = await asyncio.gather(
            *(
                anna.write([f"{who} {number}" for number in range(MESSAGES // 20)])
                for who, anna in enumerate(annas)
            )
        )
        came = [tuple(map(int, text.split())) for text in await hearing]

    assert sorted(came) == sorted(set(came))
    for who in range(20):
        assert [number for by, number in came if by == who] == list(range(MESSAGES // 20))
    assert sum(map(len, refused)) > MESSAGES / 10


async def test_who_does_not_heed_is_closed(serve: Serve, tmp_path: Path) -> None:
    """Each refusal says how long to wait; a thousand later the connection is closed with 4029."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for number in range(1_600):
            await anna.send(f"flood {number}")
        code, came = await anna.wire.end()

    answers = [frames.decode_server_frame(frame) for frame in came]
    refused = [answer for answer in answers if isinstance(answer, frames.Refused)]
    assert code == CloseCode.FLOODING
    assert len(refused) > 900
    assert all(answer.retry and answer.retry_after_ms for answer in refused)


async def test_others_go_on_while_one_floods(serve: Serve, tmp_path: Path) -> None:
    """Not refused, and not kept waiting."""
    async with (
        serve(tmp_path) as demo,
        joined(demo, "anna") as anna,
        joined(demo, "ben") as ben,
    ):

        async def flood() -> None:
            for number in range(900):
                await anna.send(f"flood {number}")

        flooding = asyncio.create_task(flood())
        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            assert not await ben.refusals(await ben.send(f"calm {number}"))
            slowest = max(slowest, time.monotonic() - began)
        await flooding

    assert slowest < 2


async def test_a_flood_of_joins_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """Some eighty are looked at, the rest is told when to come."""
    async with serve(tmp_path) as demo, wire(demo, "anna") as anna:
        for ref in range(900):
            await anna.say(frames.Join(ref=ref, order_id=FILM, after=NOTHING))
        refused = []
        for _ in range(900):
            answer = frames.decode_server_frame(await anna.raw())
            if isinstance(answer, frames.Refused):
                refused.append(answer)

    assert len(refused) > 700
    assert {answer.code for answer in refused} <= {ErrorCode.RATE_LIMITED, ErrorCode.BUSY}
    assert all(answer.retry_after_ms for answer in refused)


async def test_a_flood_of_typing_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """Though nothing of it is written."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for _ in range(1_000):
            await anna.wire.say(frames.Type(order_id=FILM, what="text"))

        assert (await anna.wire.next(frames.Refused)).code is ErrorCode.RATE_LIMITED


@pytest.mark.parametrize("limit", [10**9, 2**53 - 1])
async def test_a_page_is_never_larger_than_a_page(serve: Serve, tmp_path: Path, limit: int) -> None:
    """Whatever was asked for."""
    limits = frames.Limits(page=3)
    async with serve(tmp_path, limits=limits) as demo, wire(demo, "anna") as anna:
        await anna.say(frames.Join(ref=1, order_id=FILM, limit=limit))
        answered = await anna.next(frames.Joined)
        await anna.say(frames.History(ref=2, order_id=FILM, limit=limit))

        assert len(answered.events) == 3
        assert len((await anna.next(frames.Page)).events) == 3


async def test_rates_and_caps_can_be_lifted(serve: Serve, tmp_path: Path) -> None:
    """For load tests."""
    async with (
        serve(tmp_path, {"ORDER_CHAT_RATE_LIMITS": "off"}) as demo,
        AsyncExitStack() as open_,
    ):
        for _ in range(SILENT_PER_ADDRESS + 1):
            await open_.enter_async_context(connected(demo))
        for _ in range(frames.Limits().sockets_per_user):
            await open_.enter_async_context(wire(demo, "anna"))
        anna = await open_.enter_async_context(joined(demo, "anna"))
        texts = [f"load {number}" for number in range(MESSAGES)]

        assert await anna.write(texts) == []


# Connections (attacks 12 and 30).


@asynccontextmanager
async def connected(
    demo: Demo, address: str = "127.0.0.1", **headers: str
) -> AsyncIterator[ClientConnection]:
    """A connection from an address of this machine, which says nothing."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(
        demo.chat_url, compression=None, local_addr=(address, 0), additional_headers=more
    ) as socket:
        yield socket


async def test_a_user_has_so_many_connections(serve: Serve, tmp_path: Path) -> None:
    """The next is closed with 4009, and has room once another has gone."""
    async with serve(tmp_path) as demo, AsyncExitStack() as open_:
        first = await open_.enter_async_context(AsyncExitStack())
        await first.enter_async_context(wire(demo, "anna"))
        for _ in range(frames.Limits().sockets_per_user - 1):
            await open_.enter_async_context(wire(demo, "anna"))
        async with connected(demo) as socket:
            await Wire(socket).say(frames.Hello(token=await token_of(demo, "anna")))
            assert await Wire(socket).end() == (CloseCode.TOO_MANY_CONNECTIONS, [])

        await first.aclose()
        async with wire(demo, "anna"), wire(demo, "ben"):
            pass


async def test_connections_that_come_and_go_leave_nothing_behind(
    serve: Serve, tmp_path: Path
) -> None:
    """Neither a user's place nor an address's, however they end."""
    async with serve(tmp_path) as demo:
        for _ in range(4):
            async with AsyncExitStack() as open_:
                for _ in range(15):
                    await open_.enter_async_context(wire(demo, "anna"))
                for number in range(40):
                    socket = await open_.enter_async_context(connected(demo))
                    if number % 2:
                        socket.transport.abort()


async def test_an_address_has_so_many_silent_connections(serve: Serve, tmp_path: Path) -> None:
    """The next is told 503 and when to come; one who speaks makes room; others are let in."""
    async with serve(tmp_path) as demo, AsyncExitStack() as open_:
        sockets = [
            await open_.enter_async_context(connected(demo)) for _ in range(SILENT_PER_ADDRESS)
        ]
        with pytest.raises(InvalidStatus) as refused:
            await open_.enter_async_context(connected(demo))
        await open_.enter_async_context(connected(demo, "127.0.0.2"))

        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "5"
        await Wire(sockets[0]).say(frames.Hello(token=await token_of(demo, "anna")))
        await Wire(sockets[0]).next(frames.Welcome)
        await open_.enter_async_context(connected(demo))


# Whose word on an address is taken (attack 42).


async def test_nobody_is_believed_who_names_another_address(serve: Serve, tmp_path: Path) -> None:
    """The address is the peer's, even where it is this machine's."""
    async with serve(tmp_path) as demo, AsyncExitStack() as open_:
        for number in range(SILENT_PER_ADDRESS):
            spoofed = connected(demo, X_Forwarded_For=f"198.51.100.{number}")
            await open_.enter_async_context(spoofed)

        with pytest.raises(InvalidStatus):
            await open_.enter_async_context(connected(demo, X_Forwarded_For="203.0.113.1"))


async def test_a_trusted_proxy_says_whose_connection_it_is(serve: Serve, tmp_path: Path) -> None:
    """Of what it passes on, only what it added itself counts: the last address of them all."""
    async with (
        serve(tmp_path, {"ORDER_CHAT_TRUSTED_PROXIES": "127.0.0.1"}) as demo,
        AsyncExitStack() as open_,
    ):
        for number in range(SILENT_PER_ADDRESS):
            spoofed = connected(demo, X_Forwarded_For=f"203.0.113.{number}, 198.51.100.7")
            await open_.enter_async_context(spoofed)

        with pytest.raises(InvalidStatus):
            await open_.enter_async_context(connected(demo, X_Forwarded_For="198.51.100.7"))
        await open_.enter_async_context(connected(demo, X_Forwarded_For="198.51.100.8"))
