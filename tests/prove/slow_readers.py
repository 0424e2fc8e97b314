"""`python -m tests.prove.slow_readers`: whoever does not read harms nobody else (P13).

2,000 clients, of which 400 have one of ten busy orders open, in which 200 messages a second are
said; then 200 of these 400 stop reading. Their sockets look like ones on an Ethernet: small
segments, a receive buffer of 4 KiB. On the loopback as it is, the kernel alone would take megabytes
for a client that reads nothing.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec
from websockets.exceptions import ConnectionClosed

from shared.contracts.ids import OrderId, UserId
from tests.prove.background import background
from tests.prove.ground import Ground, own_process
from tests.prove.history import now
from tests.prove.line import Line, open_line
from tests.prove.memory import Memory
from tests.prove.proof import Proof, main

BUSY: Final = 10
"""Orders in which much is said."""
READERS: Final = 20
"""In each of them; as many again will stop reading."""
OTHERS: Final = 1_600
PER_ORDER: Final = 10
BUSY_RATE_S: Final = 20
"""In each."""
CALM_RATE_S: Final = 0.1
PADDING: Final = "x" * 4_000
"""So that what waits for a slow reader is soon as much as may."""

BEFORE_S: Final = 12.0
AFTER_S: Final = 20.0
CLOSED_S: Final = 15.0
SEGMENT: Final = 1_448
ESTABLISHED: Final = "01"
"""In `/proc/net/tcp`."""
RECEIVE_BUFFER: Final = 4_096

RATIO_MAX: Final = 1.2
NOISE_S: Final = 0.010
"""A ratio says nothing of differences below this: two cores do all of it, both sides."""
PEAK_MIB: Final = 1.0
"""For each client that stopped."""
LEFT_MIB: Final = 0.25
"""For each, so much may be left once they are gone: a heap gives little back, and uses it again."""


class _Said(msgspec.Struct):
    op: str
    text: str = ""
    order_id: OrderId = OrderId("")
    n: int = 0


class Watch:
    """How long messages are under way to those who read."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.said = 0
        """Messages of busy orders that their writers saw."""
        self.lost: list[str] = []
        """Readers whose connection ended."""

    def p99(self) -> float:
        """Seconds, of what came since the last call."""
        times, self.times = sorted(self.times), []
        return times[int(len(times) * 0.99)] if times else 0.0

    async def read(self, name: str, line: Line, *, counts: bool = False) -> None:
        """Read until cancelled. *counts*: what comes is counted as said."""
        try:
            while True:
                frame = msgspec.json.decode(await line.websocket.recv(decode=False), type=_Said)
                if frame.op == "event" and frame.text:
                    self.said += counts
                    line.seen[frame.order_id] = frame.n
                    self.times.append(now() - float(frame.text.split(" ", 1)[0]))
        except ConnectionClosed:
            self.lost.append(name)


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module. There are fewer of all at a smaller scale; it takes nearly as long."""
    busy, others = max(2, round(BUSY * scale)), round(OTHERS * scale)
    slow = busy * READERS
    async with own_process(folder, seed) as (ground, server), AsyncExitStack() as lines:
        watch, memory = Watch(), Memory(server.pid)
        async with background() as start:
            calm = await _fill_other_orders(ground, lines, watch, start, others)
            stopping, writers = [], {}
            for number in range(busy):
                order_id = OrderId(f"busy-{number}")
                writers[order_id], slowly = await _fill_busy_order(
                    ground, lines, watch, start, order_id
                )
                stopping += slowly
            start(memory.watch())
            for rate_s, those in ((BUSY_RATE_S, writers), (CALM_RATE_S, calm)):
                for place, (order_id, line) in enumerate(those.items()):
                    start(_write(line, order_id, rate_s, place / len(those)))
            await asyncio.sleep(BEFORE_S / 3)  # warm-up
            warm_at = now()
            watch.p99()
            await asyncio.sleep(BEFORE_S)
            before = watch.p99()
            stopped_at, said = now(), watch.said
            closed = await _stop_reading(stopping, server.port, stopped_at)
            during = watch.p99()
            gone_at, said = now(), watch.said - said
            await asyncio.sleep(AFTER_S)
            ended_at = now()
    rate_s = said / (gone_at - stopped_at)
    if rate_s < busy * BUSY_RATE_S * 0.8:
        raise RuntimeError(f"only {rate_s:.0f} messages/s came about: this proves nothing")
    # Whatever is said is kept in memory for a while, so the size grows while anybody writes.
    growth = memory.growth(warm_at, stopped_at)
    base = memory.most(warm_at, stopped_at)
    peak = memory.most(stopped_at, gone_at) - base - growth * (gone_at - stopped_at)
    left = memory.last() - base - growth * (ended_at - stopped_at)
    violations = [f"reader {name} was cut off" for name in watch.lost]
    late = [wait for wait in closed if wait is None or wait > CLOSED_S]
    violations += [f"a client that reads nothing was still there after {CLOSED_S} s"] * len(late)
    if during > max(before * RATIO_MAX, before + NOISE_S):
        violations.append(f"the others' p99 went from {before:.4f} s to {during:.4f} s")
    if peak > PEAK_MIB * slow:
        violations.append(f"{peak:.1f} MiB more at the peak")
    if left > LEFT_MIB * slow:
        violations.append(f"{left:.1f} MiB more {AFTER_S:.0f} s after the last was closed")
    times = [wait for wait in closed if wait is not None]
    return Proof(
        "P13: slow readers are alone with it",
        f"{slow} of {others + 2 * slow:,} clients stopped reading, "
        f"in {busy} orders with {rate_s:.0f} messages/s together",
        f"{len(times)} cut off after {min(times, default=0):.1f} to {max(times, default=0):.1f} s; "
        f"the others' p99 {1_000 * before:.1f} ms before, {1_000 * during:.1f} ms meanwhile "
        f"(× {during / before if before else 0:.2f}); server {base:.0f} MiB, "
        f"{peak:+.1f} MiB at the peak, {left:+.1f} MiB {AFTER_S:.0f} s later, "
        f"beyond {growth * 60:.1f} MiB a minute for what was said",
        violations,
    )


async def _fill_other_orders(
    ground: Ground, lines: AsyncExitStack, watch: Watch, start: Callable[..., None], others: int
) -> dict[OrderId, Line]:
    """Orders in which little is said; the first line of each, to write on."""
    writers: dict[OrderId, Line] = {}
    for number in range(others // PER_ORDER):
        order_id = OrderId(f"calm-{number}")
        users = [UserId(f"{order_id}-creator"), UserId(f"{order_id}-advertiser")]
        await ground.put(order_id, dict(zip(users, ("creator", "advertiser"), strict=True)))
        for place in range(PER_ORDER):
            user_id = users[place % 2]
            line = await lines.enter_async_context(
                open_line(ground.chat_url, ground.token(user_id))
            )
            await line.join(order_id)
            writers.setdefault(order_id, line)
            start(watch.read(f"{order_id} {place}", line))
    return writers


async def _fill_busy_order(
    ground: Ground,
    lines: AsyncExitStack,
    watch: Watch,
    start: Callable[..., None],
    order_id: OrderId,
) -> tuple[Line, list[Line]]:
    """The line to write on, and those that will stop reading."""
    creator, advertiser = UserId(f"{order_id}-creator"), UserId(f"{order_id}-advertiser")
    await ground.put(order_id, {creator: "creator", advertiser: "advertiser"})
    writer = await lines.enter_async_context(open_line(ground.chat_url, ground.token(creator)))
    await writer.join(order_id)
    start(watch.read(f"{order_id} writer", writer, counts=True))
    token = ground.token(advertiser)
    for place in range(READERS - 1):
        line = await lines.enter_async_context(open_line(ground.chat_url, token))
        await line.join(order_id)
        start(watch.read(f"{order_id} {place}", line))
    stopping = []
    for _ in range(READERS):
        narrow = await _narrow_socket(ground.url)
        line = await lines.enter_async_context(open_line(ground.chat_url, token, through=narrow))
        await line.join(order_id)
        start(Watch().read("stops", line))
        stopping.append(line)
    return writer, stopping


async def _narrow_socket(url: str) -> socket.socket:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    narrow.setblocking(False)
    port = int(url.rpartition(":")[2])
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
    return narrow


async def _write(line: Line, order_id: OrderId, rate_s: float, phase: float) -> None:
    """Say something so many times a second until cancelled; the text begins with the time. Not
    all begin at once: *phase* is a part of the time between two."""
    due = now() + phase / rate_s
    while True:
        due += 1 / rate_s
        await asyncio.sleep(max(0.0, due - now()))
        await line.say(line.message(order_id, f"{now()} {PADDING}"))


async def _stop_reading(lines: list[Line], server_port: int, since: float) -> list[float | None]:
    """Read nothing more on *lines*; after how many seconds the server had given each up, null: not
    in time.

    It is the server's end that tells: its kernel goes on offering what was sent for a while, so the
    client hears nothing yet.
    """
    ports = set()
    for line in lines:
        transport = line.websocket.transport
        transport.pause_reading()
        ports.add(transport.get_extra_info("sockname")[1])
    closed: dict[int, float] = {}
    while len(closed) < len(lines) and now() - since < CLOSED_S + 5:
        still = await asyncio.to_thread(_established, server_port)
        closed |= {port: now() - since for port in ports - still - closed.keys()}
        await asyncio.sleep(0.1)
    for line in lines:
        line.websocket.transport.abort()
    return [*closed.values(), *[None] * (len(lines) - len(closed))]


def _established(server_port: int) -> set[int]:
    """The clients' ports of all connections that a server's end has open. Blocks."""
    ports = set()
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state = row.split()[:4]
        if state == ESTABLISHED and int(local.rpartition(":")[2], 16) == server_port:
            ports.add(int(remote.rpartition(":")[2], 16))
    return ports


if __name__ == "__main__":
    sys.exit(main("slow_readers", prove, sys.argv[1:]))
