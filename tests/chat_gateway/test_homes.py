"""Connections go where their order is at home, if they can, and stay where they are if not."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest
import uvloop

from chat_gateway.direct_handshake import take_in
from chat_gateway.homes import AT_ONCE, FEW, HEAD_BYTES, Homes, Loads, home_of, order_named
from shared.contracts.ids import OrderId
from shared.contracts.topics import partition_of
from tests.chat_gateway.echo import (
    HANDSHAKE,
    PATIENCE_S,
    TEXT,
    RawClient,
    Running,
    frame,
    raw_client,
    running,
)

COUNT, PARTITIONS = 2, 16
"""Of processes; what is here called one is as good, for it knows no more of its sibling."""


def order_at(home: int) -> str:
    """One that is at home there."""
    orders = (OrderId(f"order-{n}") for n in range(100))
    return next(order for order in orders if home_of(order, COUNT, PARTITIONS) == home)


def head(order: str) -> bytes:
    """A handshake that names it."""
    return f"GET /v1/chat?order={order} HTTP/1.1\r\nHost: chat\r\n\r\n".encode()


@pytest.mark.parametrize("partitions", [1, 4, 16, 64])
def test_orders_are_spread_evenly(partitions: int) -> None:
    """By their names alone, so that every process says the same."""
    homes = Counter(home_of(OrderId(f"order-{n}"), 4, partitions) for n in range(4_000))

    assert set(homes) == {1, 2, 3, 4}
    assert min(homes.values()) > 900


def test_orders_of_a_partition_are_at_home_together() -> None:
    """So no process reads what another one writes."""
    homes: dict[int, set[int]] = {}
    for number in range(1_000):
        order = OrderId(f"order-{number}")
        homes.setdefault(partition_of(order, 16), set()).add(home_of(order, 3, 16))

    assert [len(of_partition) for of_partition in homes.values()] == [1] * 16


@pytest.mark.parametrize(
    ("target", "order"),
    [
        ("/v1/chat?order=film-2041", "film-2041"),
        ("/v1/chat?order=a%2Fb%20c&x=1", "a/b c"),
        ("/v1/chat?x=1&order=o&order=p", "o"),
        ("/v1/chat?order=%FF%FE", "\ufffd\ufffd"),
        ("/v1/chat", None),
        ("/v1/chat?", None),
        ("/v1/chat?order=", None),
        ("/v1/chat?orders=o", None),
        ("/v1/chat?" + "&".join(["x=1"] * 50) + "&order=o", None),
        ("//[?order=o", None),
        ("", None),
    ],
)
def test_the_order_that_a_handshake_names(target: str, order: str | None) -> None:
    """Whatever stands there, nothing but a place depends on it."""
    assert order_named(f"GET {target} HTTP/1.1\r\n\r\n".encode("latin-1")) == order


def test_a_load_is_seen_by_all_and_bounded(tmp_path: Path) -> None:
    """Nobody is given much more than the average has."""
    mine, theirs = Loads(tmp_path / "loads", 4), Loads(tmp_path / "loads", 4)
    for number in (1, 2, 3):
        mine.put(number, 1_000)

    theirs.put(4, 1_000 + FEW)
    assert mine.has_room(4)
    theirs.put(4, 2_000)
    assert not mine.has_room(4)
    assert mine.has_room(1)
    mine.close()
    theirs.close()


class Sibling:
    """A process's homes, and what came to them."""

    def __init__(self, folder: Path, number: int) -> None:
        self.homes = Homes(folder, number, COUNT)
        self.came: asyncio.Queue[tuple[socket.socket, bytes]] = asyncio.Queue()

    async def begin(self) -> None:
        await self.homes.begin(
            lambda connection, head: self.came.put_nowait((connection, head)), PARTITIONS
        )

    @property
    def passed_on(self) -> float:
        """As its figures have it."""
        passed, _ = self.homes.collect()
        return passed.samples[0].value


@asynccontextmanager
async def siblings(folder: Path) -> AsyncIterator[tuple[Sibling, Sibling]]:
    """Both there."""
    pair = Sibling(folder, 1), Sibling(folder, 2)
    for one in pair:
        await one.begin()
    try:
        yield pair
    finally:
        for one in pair:
            one.homes.close()


@contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A process's end and the client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


async def test_a_connection_goes_home_with_what_was_read_of_it(tmp_path: Path) -> None:
    """The very socket: the client notices nothing."""
    async with siblings(tmp_path) as (first, second):
        with connection() as (ours, theirs):
            assert first.homes.pass_on(ours.fileno(), head(order_at(2)))
            ours.close()
            came, read = await second.came.get()

            with came:
                came.sendall(b"from home")
                assert theirs.recv(100) == b"from home"
            assert read == head(order_at(2))
            assert first.passed_on == 1


async def test_nothing_is_passed_on_that_is_at_home_or_names_nothing(tmp_path: Path) -> None:
    """It is served where it is."""
    async with siblings(tmp_path) as (first, _):
        with connection() as (ours, _):
            assert not first.homes.pass_on(ours.fileno(), head(order_at(1)))
            assert not first.homes.pass_on(ours.fileno(), b"GET /v1/chat HTTP/1.1\r\n\r\n")
            assert not first.homes.pass_on(ours.fileno(), head("x" * 10_000))
        assert first.passed_on == 0


async def test_a_home_that_has_its_share_gets_no_more(tmp_path: Path) -> None:
    """Who names one order a thousand times fills no process."""
    async with siblings(tmp_path) as (first, second):
        second.homes.count(10_000)
        with connection() as (ours, _):
            assert not first.homes.pass_on(ours.fileno(), head(order_at(2)))


async def test_a_home_that_is_away_is_tried_again(tmp_path: Path) -> None:
    """What comes meanwhile is served here; a new process under its number is found."""
    first, second = Sibling(tmp_path, 1), Sibling(tmp_path, 2)
    await first.begin()
    with connection() as (ours, _):
        assert not first.homes.pass_on(ours.fileno(), head(order_at(2)))
        await second.begin()
        assert first.homes.pass_on(ours.fileno(), head(order_at(2)))
        (await second.came.get())[0].close()
        second.homes.close()
        assert not first.homes.pass_on(ours.fileno(), head(order_at(2)))

        second = Sibling(tmp_path, 2)
        await second.begin()
        assert first.homes.pass_on(ours.fileno(), head(order_at(2)))
        (await second.came.get())[0].close()
    second.homes.close()
    first.homes.close()


async def test_a_home_that_does_not_listen_fills_up_and_no_further(tmp_path: Path) -> None:
    """A process that stands still is given what fits into a socket's buffer, and then nothing."""
    async with siblings(tmp_path) as (first, second):
        with connection() as (ours, _):
            long = head(order_at(2)).ljust(10_000)
            given = 0
            while first.homes.pass_on(ours.fileno(), long):  # the loop does not turn meanwhile
                given += 1
                assert given < 1_000
            assert given > 0

            for _ in range(given):
                (await second.came.get())[0].close()
            assert first.homes.pass_on(ours.fileno(), long)


async def test_many_come_through(tmp_path: Path) -> None:
    """More than are taken at once, each with its own handshake."""
    async with siblings(tmp_path) as (first, second):
        with connection() as (ours, _):
            sent = [head(order_at(2)) + f"{n}".encode() for n in range(2 * AT_ONCE)]
            for one in sent:
                assert first.homes.pass_on(ours.fileno(), one)
            came = []
            for _ in sent:
                taken, read = await second.came.get()
                taken.close()
                came.append(read)

    assert came == sent
    assert max(map(len, sent)) < HEAD_BYTES


@asynccontextmanager
async def two_servers(folder: Path) -> AsyncIterator[tuple[Running, Running]]:
    """Each with its echo, at a port of its own; each takes in what the other passes on."""
    homes = Homes(folder, 1, COUNT), Homes(folder, 2, COUNT)
    async with running(homes=homes[0]) as first, running(homes=homes[1]) as second:
        for one, at in zip(homes, (first, second), strict=True):
            await one.begin(partial(take_in, at.server), PARTITIONS)
        try:
            yield first, second
        finally:
            for one in homes:
                one.close()


async def test_a_websocket_is_served_at_home(tmp_path: Path) -> None:
    """Handshake and frames: as if the client had come there by itself."""
    async with two_servers(tmp_path) as (first, second):
        for at in (first, second):
            order = order_at(1 if at is first else 2)
            async with raw_client(first.port, f"/?order={order}") as client:
                client.send(frame(b"a frame"))

                assert client.answer.startswith(b"HTTP/1.1 101 ")
                assert await client.frame() == (TEXT, b"a frame")
                assert at.receiver.heard == [b"a frame"]

        assert [len(at.receivers) for at in (first, second)] == [1, 1]


async def test_what_ends_there_ends_for_the_client(tmp_path: Path) -> None:
    """And nothing is left of it where it came in."""
    async with two_servers(tmp_path) as (first, second):
        async with raw_client(first.port, f"/?order={order_at(2)}") as client:
            async with asyncio.timeout(PATIENCE_S):
                while first.server.server_state.connections:  # noqa: ASYNC110 (a set of uvicorn's)
                    await asyncio.sleep(0)
            second.receiver.socket.close(4000)

            assert await client.close_code() == 4000
        await asyncio.wait_for(second.receiver.gone.wait(), PATIENCE_S)


def test_a_client_that_hastens_is_heard_in_full() -> None:
    """What it sent behind the handshake is read before anybody has accepted, by uvloop's loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hasten())


async def hasten() -> None:
    """Two frames are there before the handshake is begun."""
    async with running() as server:
        with socket.create_server(("127.0.0.1", 0)) as door:
            client = RawClient(*await asyncio.open_connection(*door.getsockname()))
            client.send(frame(b"hasty") + frame(b"and more"))
            connection, _ = door.accept()
        take_in(server.server, connection, HANDSHAKE.format(path="/", more="").encode())
        await client.reader.readuntil(b"\r\n\r\n")

        assert await client.frame() == (TEXT, b"hasty")
        assert await client.frame() == (TEXT, b"and more")
        client.writer.close()


async def test_a_server_that_ends_takes_nobody_in(tmp_path: Path) -> None:
    """The client sees the end at once, and comes back elsewhere."""
    async with running() as server:
        server.server.should_exit = True
        with connection() as (ours, theirs):
            take_in(server.server, ours.dup(), b"")
            ours.close()

            assert theirs.recv(1) == b""
