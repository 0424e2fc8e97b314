"""Several processes on one port, on real engines: a gateway each, and one to whoever connects."""

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidMessage

from chat_gateway.homes import home_of
from shared.contracts import frames
from shared.contracts.ids import OrderId, Seq, UserId
from tests.prove.fleet import Fleet
from tests.prove.ground import Ground, ground_at, secret_from
from tests.prove.line import Line, open_line
from tests.system.engines import PARTITIONS, connected

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]

ANNA, BEN = UserId("anna"), UserId("ben")
FILM = OrderId("film-2041")
CONNECTIONS = 40
PATIENCE_S = 30.0


class Child(NamedTuple):
    """One of the processes, as the supervisor's log tells of it."""

    pid: int
    port: int

    @property
    def chat_url(self) -> str:
        """The chat at this process alone."""
        return f"ws://127.0.0.1:{self.port}/v1/chat"


class Several:
    """A fleet with two processes on its one gateway's port."""

    def __init__(self, fleet: Fleet, log: Path, ground: Ground) -> None:
        self.gateway = fleet.gateways[0]
        self.ground = ground
        self._log = log

    @property
    def chat_url(self) -> str:
        """The chat at the port they share."""
        return f"{self.gateway.url.replace('http', 'ws', 1)}/v1/chat"

    async def children(self, number: int, count: int = 1) -> Sequence[Child]:
        """All that listened under a number, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await asyncio.to_thread(self._listened, number)
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)

    def _listened(self, number: int) -> Sequence[Child]:
        records = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [
            Child(record["pid"], record["port"])
            for record in records
            if record["event"] == "a process listens" and record["number"] == number
        ]


@asynccontextmanager
async def several(folder: Path) -> AsyncIterator[Several]:
    """Running, with both processes listening and one order made."""
    folder.mkdir()
    async with connected() as engines, AsyncExitStack() as resources:
        settings = {**engines, "ORDER_CHAT_PROCESSES": "2", "ORDER_CHAT_PROCESS_PORT": "0"}
        fleet = Fleet(folder, secret_from("several"), settings, gateways=1)
        resources.push_async_callback(fleet.kill)
        await fleet.start()
        ground = await resources.enter_async_context(
            ground_at(fleet.orders_url, fleet.secret.encode())
        )
        await ground.put(FILM, {ANNA: "creator", BEN: "advertiser"})
        running = Several(fleet, folder / "gateway-1.log", ground)
        await running.children(1)
        await running.children(2)
        yield running


async def test_connections_are_spread_and_counted_where_they_are(tmp_path: Path) -> None:
    """Each process's figures are its own, at its own port."""
    async with several(tmp_path / "fleet") as running, AsyncExitStack() as lines:
        for _ in range(CONNECTIONS):
            token = running.ground.token(ANNA)
            await lines.enter_async_context(open_line(running.chat_url, token))

        counts = [await _sessions((await running.children(number))[0]) for number in (1, 2)]

    assert sum(counts) == CONNECTIONS
    assert min(counts) >= 5  # fewer once in a million times


async def test_parties_at_two_processes_talk_and_see_each_other(tmp_path: Path) -> None:
    """Neither can tell where the other one is."""
    async with several(tmp_path / "fleet") as running:
        (first,), (second,) = await running.children(1), await running.children(2)
        async with (
            open_line(first.chat_url, running.ground.token(ANNA)) as anna,
            open_line(second.chat_url, running.ground.token(BEN)) as ben,
        ):
            await anna.join(FILM)
            await ben.join(FILM)
            while (seen := await anna.next(frames.Presence)).user_id != BEN:
                pass  # she is told of herself, too
            await anna.tell(FILM, "to the other process")
            heard = await ben.next(frames.MessageShown)

    assert seen.online
    assert heard.text == "to the other process"


async def test_parties_that_name_their_order_meet_at_one_process(tmp_path: Path) -> None:
    """Whichever the kernel gave them to; there each of their records is folded, and only there."""
    orders = [OrderId(f"film-{n}") for n in range(12)]
    async with several(tmp_path / "fleet") as running, AsyncExitStack() as lines:
        for order_id in orders:
            await running.ground.put(order_id, {ANNA: "creator", BEN: "advertiser"})
            url = f"{running.chat_url}?order={order_id}"
            pair = [
                await lines.enter_async_context(open_line(url, running.ground.token(who)))
                for who in (ANNA, BEN)
            ]
            for line in pair:
                await line.join(order_id)
            told = await pair[0].tell(order_id, "all of us here")
            while (await pair[1].next(frames.MessageShown)).id != told.id:
                pass
        children = [(await running.children(number))[0] for number in (1, 2)]
        counts = [await _sessions(child) for child in children]
        folded = [await _figure(child, "order_chat_events_folded_total") for child in children]
        passed = [await _figure(child, "order_chat_passed_on_total") for child in children]
        taken = [await _figure(child, "order_chat_taken_in_total") for child in children]

    homes = Counter(home_of(order_id, 2, PARTITIONS) for order_id in orders)
    assert counts == [2 * homes[1], 2 * homes[2]]
    assert folded == [homes[1], homes[2]]  # each order's one message
    assert passed == taken[::-1]
    assert sum(passed) > 0  # never once in 16 million times


async def test_a_killed_process_comes_back_and_nothing_is_lost(tmp_path: Path) -> None:
    """Its clients go on at once at the other one, which noticed nothing."""
    async with several(tmp_path / "fleet") as running:
        (first,), (second,) = await running.children(1), await running.children(2)
        anna_s, ben_s = running.ground.token(ANNA), running.ground.token(BEN)
        async with open_line(second.chat_url, ben_s) as ben:
            await ben.join(FILM)
            said: list[str] = []
            async with open_line(first.chat_url, anna_s) as anna:
                await anna.join(FILM)
                killing = asyncio.get_running_loop().call_later(
                    1.0, os.kill, first.pid, signal.SIGKILL
                )
                with pytest.raises(ConnectionClosed):
                    await _talk(anna, said)
                assert killing.when() <= asyncio.get_running_loop().time()
            async with _opened_again(running.chat_url, anna_s) as anna:
                await anna.join(FILM)
                said.append((await anna.tell(FILM, "again")).text)
            again = (await running.children(1, count=2))[-1]
            async with open_line(again.chat_url, anna_s) as anna:
                read = await _texts(anna)
            heard = [(await ben.next(frames.MessageShown)).text for _ in read]

    # What she was sending as it died may stand too: she was told nothing of it.
    assert [text for text in read if text in said] == said
    assert len(read) - len(said) in (0, 1)
    assert heard == read


async def test_an_end_is_told_to_the_clients_of_all(tmp_path: Path) -> None:
    """By each process to its own; then the program ends with 0."""
    async with several(tmp_path / "fleet") as running, AsyncExitStack() as lines:
        opened = await _one_at_each(running, lines)

        _, *ends = await asyncio.gather(running.gateway.stop(), *map(_end, opened))

    assert ends == [("restart", 1012)] * 2


async def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    """They see that it is gone, and end as if it had told them; the port is free for the next."""
    async with several(tmp_path / "fleet") as running, AsyncExitStack() as lines:
        opened = await _one_at_each(running, lines)
        pids = [(await running.children(number))[0].pid for number in (1, 2)]

        await running.gateway.kill()
        ends = await asyncio.gather(*map(_end, opened))

        async with asyncio.timeout(PATIENCE_S):
            while any(map(_runs, pids)):  # noqa: ASYNC110 (they are nobody's children)
                await asyncio.sleep(0.05)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", running.gateway.port)) != 0
        await running.gateway.start()
        await running.gateway.stop()

    assert ends == [("restart", 1012)] * 2


@asynccontextmanager
async def _opened_again(url: str, token: str) -> AsyncIterator[Line]:
    """A connection as a client opens it that lost one: tried again if it comes to naught.

    The kernel closes what a killed process held in the order it was opened, backwards. So clients
    know of the end before its listener is closed, and who is back at once may be given to that one.
    """
    async with AsyncExitStack() as resources:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(InvalidMessage, ConnectionResetError):
                    line = await resources.enter_async_context(open_line(url, token))
                    break
                await asyncio.sleep(0.05)
        yield line


async def _one_at_each(running: Several, lines: AsyncExitStack) -> Sequence[Line]:
    children = [(await running.children(number))[0] for number in (1, 2)]
    token = running.ground.token(ANNA)
    return [await lines.enter_async_context(open_line(one.chat_url, token)) for one in children]


async def _talk(line: Line, said: list[str]) -> None:
    """Write until the connection ends, and note what was acknowledged."""
    while True:
        said.append((await line.tell(FILM, f"{len(said)}")).text)


async def _end(line: Line) -> tuple[str, int | None]:
    """The word of farewell, and the close code."""
    return (await line.next(frames.Goodbye)).code, await line.end()


async def _texts(line: Line) -> Sequence[str]:
    """Everything that was said, from the beginning."""
    events = (await line.join(FILM, Seq(0))).events
    return [event.text for event in events if isinstance(event, frames.MessageShown)]


async def _sessions(child: Child) -> int:
    """How many connections are open at that process."""
    return await _figure(child, "order_chat_sessions", state="open")


async def _figure(child: Child, name: str, **labels: str) -> int:
    """One of a process's own figures."""
    async with httpx.AsyncClient() as http:
        page = (await http.get(f"http://127.0.0.1:{child.port}/metrics")).text
    (value,) = (
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )
    return int(value)


def _runs(pid: int) -> bool:
    """Whether it does anything still; whoever took it over may not have looked at its end yet."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
