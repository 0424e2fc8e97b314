"""Whose connections are let in, on the running system (attacks 12, 30 and 42)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from chat_gateway.admission import Caps
from shared.contracts import frames
from shared.contracts.errors import CloseCode
from tests.system.conftest import Demo, Serve
from tests.system.wire import Wire, token_of, wire

SILENT_PER_ADDRESS: Final = Caps().silent_per_address


@asynccontextmanager
async def connected(
    demo: Demo, address: str = "127.0.0.1", *, forwarded: Sequence[str] = ()
) -> AsyncIterator[ClientConnection]:
    """A connection from an address of this machine, which says nothing but who it is *forwarded*
    for, a header line each."""
    more = [("X-Forwarded-For", value) for value in forwarded]
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
        assert 5 <= int(refused.value.response.headers["Retry-After"]) <= 15
        await Wire(sockets[0]).say(frames.Hello(token=await token_of(demo, "anna")))
        await Wire(sockets[0]).next(frames.Welcome)
        await open_.enter_async_context(connected(demo))


# Whose word on an address is taken (attack 42).


async def test_nobody_is_believed_who_names_another_address(serve: Serve, tmp_path: Path) -> None:
    """The address is the peer's, even where it is this machine's."""
    async with serve(tmp_path) as demo, AsyncExitStack() as open_:
        for number in range(SILENT_PER_ADDRESS):
            spoofed = connected(demo, forwarded=[f"198.51.100.{number}"])
            await open_.enter_async_context(spoofed)

        with pytest.raises(InvalidStatus):
            await open_.enter_async_context(connected(demo, forwarded=["203.0.113.1"]))


async def test_a_trusted_proxy_says_whose_connection_it_is(serve: Serve, tmp_path: Path) -> None:
    """Of what it passes on, only what it added itself counts: the last address of them all, be
    they in one line or in several."""
    async with (
        serve(tmp_path, {"ORDER_CHAT_TRUSTED_PROXIES": "127.0.0.1"}) as demo,
        AsyncExitStack() as open_,
    ):
        for number in range(SILENT_PER_ADDRESS):
            ends = [f"203.0.113.{number}", "198.51.100.7"]
            lines = ends if number % 2 else [", ".join(ends)]
            await open_.enter_async_context(connected(demo, forwarded=lines))

        with pytest.raises(InvalidStatus):
            await open_.enter_async_context(connected(demo, forwarded=["198.51.100.7"]))
        await open_.enter_async_context(connected(demo, forwarded=["198.51.100.8"]))
