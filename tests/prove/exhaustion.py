"""`python -m tests.prove.exhaustion`: many who say nothing, and some who take their time.

1,000 websockets of 20 addresses that never say who they are, and 100 clients that send a request
byte by byte, all within a few seconds, while two people go on talking. Prints how long each kind
was borne, how fast `/healthz` answered meanwhile, and how much later than before the two heard each
other. Ends with 1 if a promise was broken.
"""

import asyncio
import math
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from shared.contracts import frames
from shared.contracts.errors import CloseCode
from shared.contracts.ids import ClientId, OrderId, UserId
from shared.server import spare_what_stays
from shared.tokens import mint
from tests.prove.server import Server

ORDER_ID: Final = OrderId("o-1")
WRITER, READER = UserId("anna"), UserId("ben")

IDLE: Final = 1_000
PER_ADDRESS: Final = 50
LORIS: Final = 100
OPENED_PER_S: Final = 250
"""All idle ones stand before the first is closed."""
CALM_S: Final = 15.0
MESSAGES_PER_S: Final = 40
PATIENCE_S: Final = 30.0

IDLE_S_MAX: Final = 5.0 + 1.0
LORIS_S_MAX: Final = 10.0 + 1.0
HEALTH_S_MAX: Final = 1.0
SLOWER_MAX: Final = 1.5

HANDSHAKE: Final = (
    b"GET /v1/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SLOW_HEAD: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100
SLOW_BODY: Final = b"PUT /v1/orders/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


class Borne(msgspec.Struct, frozen=True):
    """For how many seconds each hostile connection was borne."""

    idle: list[float]
    loris: list[float]


class Figures(msgspec.Struct, frozen=True):
    """What came of it; all times in seconds."""

    borne: Borne
    healthz_s: float
    calm_p99_s: float
    attacked_p99_s: float

    @property
    def ratio(self) -> float:
        """How many times as late under attack."""
        return self.attacked_p99_s / self.calm_p99_s

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return (
            len(self.borne.idle) == IDLE
            and len(self.borne.loris) == LORIS
            and max(self.borne.idle) <= IDLE_S_MAX
            and max(self.borne.loris) <= LORIS_S_MAX
            and self.healthz_s <= HEALTH_S_MAX
            and self.ratio <= SLOWER_MAX
        )

    def line(self) -> str:
        """All of it in a line."""
        return (
            f"{len(self.borne.idle):,} silent sockets closed after at most "
            f"{max(self.borne.idle):.1f} s, {len(self.borne.loris)} slow requests after at most "
            f"{max(self.borne.loris):.1f} s, /healthz within {self.healthz_s * 1000:.0f} ms, "
            f"a message's p99 {self.attacked_p99_s * 1000:.1f} ms against "
            f"{self.calm_p99_s * 1000:.1f} ms before: {self.ratio:.2f} times"
        )


# The attackers, in a process of their own.


def attack(port: int) -> Borne:
    """Attack a server of this machine; returns when all connections are gone."""
    return asyncio.run(_attack(port))


async def _attack(port: int) -> Borne:
    loris = [asyncio.create_task(_take_time(port, number)) for number in range(LORIS)]
    idle = []
    for number in range(IDLE):
        idle.append(asyncio.create_task(_stay_silent(port, number)))
        await asyncio.sleep(1 / OPENED_PER_S)
    return Borne(await _ended(idle), await _ended(loris))


async def _ended(tasks: Sequence[asyncio.Task[float]]) -> list[float]:
    """The times of those that ended as they should."""
    times = await asyncio.gather(*tasks, return_exceptions=True)
    return [seconds for seconds in times if isinstance(seconds, float)]


async def _stay_silent(port: int, number: int) -> float:
    """How long after the handshake a silent websocket is told to go, with the right code."""
    address = f"127.0.1.{1 + number // PER_ADDRESS}"
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        try:
            writer.write(HANDSHAKE)
            answer = await reader.readuntil(b"\r\n\r\n")
            began = time.monotonic()
            assert answer.startswith(b"HTTP/1.1 101 ")
            close = await reader.readexactly(4)
            assert int.from_bytes(close[2:], "big") == CloseCode.TOKEN
            return time.monotonic() - began
        finally:
            writer.transport.abort()


async def _take_time(port: int, number: int) -> float:
    """How long after its beginning a request that never ends is cut off."""
    address = f"127.0.2.{1 + number // PER_ADDRESS}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    began = time.monotonic()
    writer.write((SLOW_HEAD, SLOW_BODY)[number % 2])

    async def drip() -> None:
        while True:
            writer.write(b"a")
            await asyncio.sleep(0.5)

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await reader.read(4_096):
                pass
    except ConnectionError:
        pass  # cut with a byte of ours unread
    finally:
        dripping.cancel()
        writer.transport.abort()
    return time.monotonic() - began


# The two people, and whoever looks after the server.


class Pair:
    """Two people in one order, on a connection each."""

    def __init__(self, writer: ClientConnection, reader: ClientConnection) -> None:
        self._writer = writer
        self._reader = reader
        self._n = 0

    async def p99_s(self, until: Callable[[], bool]) -> float:
        """Talk until then; what a hundredth of the messages exceeded on their way."""
        times: list[float] = []
        while not until():
            times.append(await self._say())
            await asyncio.sleep(max(0.0, 1 / MESSAGES_PER_S - times[-1]))
        times.sort()
        return times[math.ceil(len(times) * 0.99) - 1]

    async def _say(self) -> float:
        id_ = ClientId(str(uuid4()))
        frame = frames.Send(ref=1, order_id=ORDER_ID, id=id_, text="Still there?", seen=self._n)
        began = time.monotonic()
        await self._writer.send(frames.encode_frame(frame), text=True)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                heard = frames.decode_server_frame(await self._reader.recv(decode=False))
                if isinstance(heard, frames.MessageShown) and heard.client_id == id_:
                    self._n = heard.n
                    return time.monotonic() - began

    async def listen(self) -> None:
        """Take what the writer is sent; nothing of it is of interest."""
        async for _ in self._writer:
            pass


async def _place(url: str, secret: str) -> None:
    """Put the order the two people talk in."""
    token = mint(secret.encode(), "shop", roles=["service"], now=time.time())
    parties = [
        {"user_id": WRITER, "role": "creator", "name": "Anna"},
        {"user_id": READER, "role": "advertiser", "name": "Ben"},
    ]
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        answer = await http.put(
            f"{url}/v1/orders/{ORDER_ID}",
            json={"title": "A film", "participants": parties},
            headers={"Authorization": f"Bearer {token}"},
        )
    answer.raise_for_status()


async def _join(url: str, secret: str, user_id: UserId) -> ClientConnection:
    token = mint(secret.encode(), user_id, ttl_s=600, now=time.time())
    socket = await connect(url.replace("http", "ws", 1) + "/v1/chat", compression=None)
    for frame in (frames.Hello(token=token), frames.Join(ref=1, order_id=ORDER_ID, limit=1)):
        await socket.send(frames.encode_frame(frame), text=True)
    async with asyncio.timeout(PATIENCE_S):
        while not isinstance(
            frames.decode_server_frame(await socket.recv(decode=False)), frames.Joined
        ):
            pass
    return socket


async def _slowest_health(url: str, until: Callable[[], bool]) -> float:
    """The longest time an answer of `/healthz` took."""
    slowest = 0.0
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        while not until():
            began = time.monotonic()
            # A connection of its own each time, as from a load balancer that starts anew.
            answer = await http.get(f"{url}/healthz", headers={"Connection": "close"})
            answer.raise_for_status()
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.1)
    return slowest


async def prove(folder: Path) -> Figures:
    """Run it once on a fresh server."""
    secret = secrets.token_hex(32)
    server = Server(folder, secret, {"ORDER_CHAT_RATE_LIMITS": "on"})
    await server.start()
    async with AsyncExitStack() as ends:
        ends.push_async_callback(server.stop)
        pool = ends.enter_context(ProcessPoolExecutor(1))
        await _place(server.url, secret)
        sockets = [await _join(server.url, secret, who) for who in (WRITER, READER)]
        for socket in sockets:
            ends.push_async_callback(socket.close)
        pair = Pair(*sockets)
        listening = asyncio.create_task(pair.listen())
        ends.push_async_callback(_stop, listening)
        spare_what_stays()  # our own pauses would count as the server's
        calm_until = time.monotonic() + CALM_S
        calm, _ = await _measure(pair, server.url, lambda: time.monotonic() > calm_until)
        attacking = asyncio.get_running_loop().run_in_executor(pool, attack, server.port)
        attacked, slowest = await _measure(pair, server.url, attacking.done)
        return Figures(await attacking, slowest, calm, attacked)


async def _measure(pair: Pair, url: str, until: Callable[[], bool]) -> tuple[float, float]:
    """The pair's p99 and the slowest `/healthz`; both all the time, as one costs the other."""
    return await asyncio.gather(pair.p99_s(until), _slowest_health(url, until))


async def _stop(task: Awaitable[None]) -> None:
    task = asyncio.ensure_future(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def main() -> int:
    """Prove it; the answer is the exit code."""
    with tempfile.TemporaryDirectory(prefix="order-chat-exhaustion-") as folder:
        figures = asyncio.run(prove(Path(folder)))
    print(figures.line())
    return 0 if figures.kept else 1


if __name__ == "__main__":
    sys.exit(main())
