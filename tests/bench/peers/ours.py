"""Order Chat: the fleet on real engines, and how a connection speaks to its gateways."""

import asyncio
import platform
import re
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from importlib import metadata
from pathlib import Path
from typing import Final

import httpx

from deploy import topics
from deploy.stack import Stack
from shared.contracts import frames
from shared.contracts.ids import OrderId, Seq, UserId
from tests.bench.load.line import Address
from tests.bench.load.talk import Party, Talk, TalkFailed
from tests.prove.fleet import Fleet
from tests.prove.ground import Ground, ground_at, secret_from
from tests.prove.process import Process

PUTS_AT_ONCE: Final = 16
LISTENING_S: Final = 30.0
LOG: Final = "ORDER_CHAT_LOG_URL"
ENGINES: Final = {"kafka": "kafka-1", "redis": "redis", "mongo": "mongo"}
"""What the gateway's work costs elsewhere; how the stack calls them."""
LIBRARIES: Final = ("uvicorn", "uvloop", "aiokafka")
ROLES: Final = ("creator", "advertiser")
JOINS_MAX: Final = 6
"""So often a connection asks to join, where it is told that it may ask again."""


class OurTalk:
    """Websocket `/v1/chat`: one order on each connection, which its address names."""

    notes = True

    def __init__(self, party: Party, after: Seq | None = None, seen: int = 0) -> None:
        self.target = f"/v1/chat?order={party.order}"
        self.joined = False
        self._party = party
        self._joins = 0
        self._head = after
        self._seen = seen
        # An id must be new, and shaped like a UUID; what else it is costs time.
        prefix = secrets.token_hex(8)
        self._id = f"{prefix[:8]}-{prefix[8:12]}-4{prefix[13:]}-8000-".encode()
        self._said = 0
        self._before_id = f'{{"op":"send","ref":1,"order_id":"{party.order}","id":"'.encode()

    def begin(self) -> Sequence[bytes]:
        """Hello and join at once: the one need not be answered before the other."""
        return [frames.encode_frame(frames.Hello(token=self._party.token)), self._join()]

    def control(self, payload: bytes) -> Sequence[bytes]:
        """Take an answer or a sign of life. Raises `TalkFailed` for a refusal or a goodbye."""
        match frames.decode_server_frame(payload):
            case frames.Joined() as joined:
                self._head, self._seen = joined.head, joined.n
                self.joined = True
            case frames.Refused(retry=True) if not self.joined and self._joins < JOINS_MAX:
                return [self._join()]
            case frames.Refused() | frames.Unknown() | frames.Goodbye() | frames.Left():
                raise TalkFailed(payload.decode())
            case frames.OrderShown() | frames.ReadShown() as shown:
                self._head = shown.seq
            case _:
                pass
        return ()

    def heard(self, payload: bytes) -> None:
        """Keep the event's number and position."""
        self._seen = _number(payload, b'"n":')
        self._head = Seq(_number(payload, b'"seq":'))

    def say(self, text: str) -> bytes:
        """A send under a new id, by somebody who has read all that came."""
        self._said += 1
        return b'%b%b%012x","text":"%b","seen":%d}' % (
            self._before_id,
            self._id,
            self._said,
            text.encode(),
            self._seen,
        )

    def again(self) -> "OurTalk":
        """Joins with the position of the last event that came."""
        return OurTalk(self._party, self._head, self._seen)

    def _join(self) -> bytes:
        self._joins += 1
        order_id = OrderId(self._party.order)
        return frames.encode_frame(
            frames.Join(ref=1, order_id=order_id, after=self._head, limit=50)
        )


class OrderChat:
    """The gateways, the order service, and real engines behind them."""

    name = "order chat"

    def __init__(
        self,
        folder: Path,
        *,
        gateways: int = 1,
        processes: int = 1,
        archivers: int = 1,
        partitions: int | None = None,
    ) -> None:
        """*gateways*: each at a port of its own. *processes*: of each, at its one port.
        *archivers*: 0 leaves the log unarchived until `archive`. *partitions*: of the log, if not
        as many as by default."""
        self._stack = Stack(folder / "engines", given={})
        self._folder = folder
        self._gateways = gateways
        self._processes = processes
        self._archiving = archivers > 0
        self._archivers = max(1, archivers)
        self._partitions = partitions
        self._fleet: Fleet | None = None
        self._ground: Ground | None = None
        self._resources = AsyncExitStack()

    @property
    def version(self) -> str:
        """What it stands on; of ours there is but one version."""
        libraries = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
        engines = [self._stack.engines[name].version for name in ENGINES.values()]
        return ", ".join([f"Python {platform.python_version()}", *libraries, *engines])

    @property
    def fleet(self) -> Fleet:
        """Our processes; once started."""
        assert self._fleet is not None
        return self._fleet

    @property
    def addresses(self) -> Sequence[Address]:
        """Of all gateways."""
        return [("127.0.0.1", process.port) for process in self.fleet.gateways]

    @property
    def address(self) -> Address:
        """Of the first gateway."""
        return self.addresses[0]

    @property
    def pids(self) -> Mapping[str, Sequence[int]]:
        """All gateways as "server", the archivers that run, and the engines."""
        engines = {name: [self._stack.engines[key].pid] for name, key in ENGINES.items()}
        archivers = [process.pid for process in self.fleet.archivers if process.alive]
        return {
            "server": [
                pid
                for process in self.fleet.gateways
                for pid in (process.pid, *_children(process.pid))
            ],
            "orders": [self.fleet.orders.pid],
            **({"archiver": archivers} if archivers else {}),
            **engines,
        }

    async def start(self) -> None:
        """Start engines, order service, gateways, and archivers if any are wanted now."""
        await self._resources.enter_async_context(self._stack)
        secret = secret_from("bench")
        self._fleet = fleet = Fleet(
            self._folder / "fleet",
            secret,
            await self._environment(),
            gateways=self._gateways,
            archivers=self._archivers,
        )
        self._resources.push_async_callback(fleet.kill)
        await fleet.orders.start()
        async with asyncio.TaskGroup() as starting:
            for process in fleet.gateways:
                starting.create_task(self._start_gateway(process))
        if self._archiving:
            await self.archive()
        self._ground = await self._resources.enter_async_context(
            ground_at(fleet.orders_url, secret.encode())
        )

    async def _start_gateway(self, process: Process) -> None:
        """Start one, and wait until all its processes listen: who comes first gets everybody."""
        await process.start()
        async with asyncio.timeout(LISTENING_S):
            while _listening(process.port) < self._processes:  # noqa: ASYNC110 (looked at)
                await asyncio.sleep(0.05)

    async def archive(self) -> None:
        """Start the archivers that were left out."""
        async with asyncio.TaskGroup() as starting:
            for process in self.fleet.archivers:
                starting.create_task(process.start())

    async def rest(self) -> None:
        """Stop the archivers; the log is then left unarchived again."""
        for process in self.fleet.archivers:
            await process.stop()

    async def metrics(self, name: str) -> Mapping[str, float]:
        """The figures of that name at the first gateway, by their label's value; "" without one."""
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{self.fleet.gateways[0].url}/metrics", timeout=30)
        found = re.findall(rf'^{name}(?:{{\w+="(\w+)"}})? (\S+)$', answer.text, re.MULTILINE)
        return {label: float(value) for label, value in found}

    async def stop(self) -> None:
        """End all at once; what was not archived stays so."""
        await self._resources.aclose()

    def party(self, number: int, *, members: int = 2, series: str = "bench") -> Party:
        """Connection *number* of orders that have so many members, with a token for it."""
        assert self._ground is not None
        user = f"{series}-{number}"
        order = f"{series}-{number // members}"
        return Party(number, order, user, self._ground.token(user))

    async def prepare(self, parties: Sequence[Party]) -> None:
        """Make their orders."""
        assert self._ground is not None
        ground, slots = self._ground, asyncio.Semaphore(PUTS_AT_ONCE)
        orders: defaultdict[str, list[str]] = defaultdict(list)
        for party in parties:
            orders[party.order].append(party.user)

        async def put(order: str, users: Sequence[str]) -> None:
            roles = {UserId(user): ROLES[at % len(ROLES)] for at, user in enumerate(users)}
            async with slots:
                try:
                    await ground.put(OrderId(order), roles)
                except httpx.TransportError:
                    # An idle connection may be closed just when it is used again.
                    await ground.put(OrderId(order), roles)

        async with asyncio.TaskGroup() as making:
            for order, users in orders.items():
                making.create_task(put(order, users))

    def talk(self, party: Party) -> Talk:
        """Joins the party's order."""
        return OurTalk(party)

    async def _environment(self) -> Mapping[str, str]:
        """The engines' settings; with a log of our own if it has another number of partitions."""
        settings = {
            **self._stack.environment,
            "ORDER_CHAT_PROCESSES": str(self._processes),
            "ORDER_CHAT_PROCESS_PORT": "0",
        }
        if self._partitions is not None:
            url = f"{settings[LOG]}/bench?partitions={self._partitions}"
            await topics.make(topics.wish(url, dev=True))
            settings[LOG] = url
        return settings


def _listening(port: int) -> int:
    """How many sockets of this machine listen at a port."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for each in sockets if each[1].endswith(f":{port:04X}") and each[3] == "0A")


def _children(pid: int) -> Sequence[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _number(payload: bytes, name: bytes) -> int:
    start = payload.index(name) + len(name)
    return int(payload[start : payload.index(b",", start)])
