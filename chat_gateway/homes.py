"""Which of several processes the connections of an order meet at, and how one gets there.

Every process reads the whole log, so any of them can serve anybody. But two parties of an order at
two processes have each of its records folded and encoded twice. So a client may name its order in
the address of its handshake, and the process that the kernel gave the connection to passes it on to
the one where that order is at home: the socket, and the handshake as it was read (`SCM_RIGHTS`).
All orders of a partition are at home in one process, so that the others need not read it.

Nothing depends on it. A connection that cannot be passed on, now or ever, is served where it is;
what it joins later need not be at home there. Nobody can fill one process by naming its orders:
none is given more than its share (after "Consistent hashing with bounded loads", Mirrokni, Thorup
and Zadimoghaddam, 2016).

| name | kind | meaning |
|---|---|---|
| `order_chat_passed_on_total` | counter | handshakes given to another process of the same port |
| `order_chat_taken_in_total` | counter | handshakes that came from another process |
"""

import asyncio
import mmap
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contracts.ids import OrderId, is_order_id
from shared.contracts.topics import partition_of

PARAMETER: Final = "order"
SHARE: Final = 1.25
"""A home is given connections while it has at most so many times the average."""
FEW: Final = 64
"""And while it has no more than so many beyond that: few are nobody's burden."""
HEAD_BYTES: Final = 65_536
"""A handshake as it was read; servers of ours take less."""
AT_ONCE: Final = 64
"""Taken from one sibling before the loop turns to others."""
BACKLOG: Final = 64
"""Of siblings; there are at most as many."""
COUNTER_BYTES: Final = 8

Arrived = Callable[[socket.socket, bytes], None]
"""Takes over a connection, and the handshake that was read of it."""


def home_of(order: OrderId, count: int, partitions: int) -> int:
    """The number, from 1 on, of the one of so many processes where the order is at home, if the log
    has so many partitions. Where these are fewer than the processes, none would have all of one."""
    spread = partition_of(order, partitions) if partitions >= count else crc32(order.encode())
    return spread % count + 1


def order_named(head: bytes) -> str | None:
    """The order that a handshake names in its first line: `GET /v1/chat?order=film-2041 HTTP/1.1`.

    It decides nothing but a place, so it may be any text.
    """
    _, _, rest = head.partition(b" ")
    target, _, _ = rest.partition(b" ")
    try:
        query = urlsplit(target.decode("latin-1")).query
        return parse_qs(query, max_num_fields=8)[PARAMETER][0]
    except (KeyError, ValueError):
        return None


class Loads:
    """How many connections each process has, in a file that all of them map.

    Each writes its own figure alone, eight bytes at once, and may read those of others that are
    old: of one that has ended above all, which is of no account, since nothing reaches it.
    """

    def __init__(self, file: Path, count: int) -> None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, count * COUNTER_BYTES)
            self._map = mmap.mmap(descriptor, count * COUNTER_BYTES)
        finally:
            os.close(descriptor)
        self._figures = memoryview(self._map).cast("Q")

    def put(self, number: int, connections: int) -> None:
        """Say how many the process of that number has."""
        self._figures[number - 1] = connections

    def has_room(self, number: int) -> bool:
        """Whether that process has not much more than its share."""
        average = sum(self._figures) / len(self._figures)
        return self._figures[number - 1] <= average * SHARE + FEW

    def close(self) -> None:
        """Unmap the file."""
        self._figures.release()
        self._map.close()


class Homes(Collector):
    """The way from one process to its siblings, and from them.

    *folder*: the same for all of them, and nobody else's.
    """

    def __init__(self, folder: Path, number: int, count: int) -> None:
        self._passed_on = 0
        self._taken_in = 0
        self._folder = folder
        self._number = number
        self._count = count
        self._loads = Loads(folder / "loads", count)
        self._loads.put(number, 0)
        self._ways: dict[int, socket.socket] = {}
        """To siblings, once something was passed on to them."""
        self._entrances: list[socket.socket] = []
        """Where siblings come in: first where they ask to, then one for each."""
        self._arrived: Arrived | None = None
        self._partitions = 1

    async def begin(self, arrived: Arrived, partitions: int) -> None:
        """Take what siblings pass on; *partitions*: of the log. Raises `OSError`."""
        self._arrived = arrived
        self._partitions = partitions
        self._watch(await asyncio.to_thread(self._open_door), self._let_in)

    def close(self) -> None:
        """Take nothing more, and pass nothing on."""
        loop = asyncio.get_running_loop()
        for entrance in self._entrances:
            loop.remove_reader(entrance)
            entrance.close()
        for way in self._ways.values():
            way.close()
        self._entrances.clear()
        self._ways.clear()
        self._loads.close()

    def count(self, connections: int) -> None:
        """Tell siblings how many connections there are here now."""
        self._loads.put(self._number, connections)

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        passed, taken = self._passed_on, self._taken_in
        yield CounterMetricFamily("order_chat_passed_on", "Given to another process.", passed)
        yield CounterMetricFamily("order_chat_taken_in", "Come from another process.", taken)

    def pass_on(self, connection: int, head: bytes) -> bool:
        """Give a connection of that descriptor away, if it belongs elsewhere and can go there.

        If so it is in other hands, and to be closed here, not shut down.
        """
        order = order_named(head)
        if order is None or not is_order_id(order):
            return False
        home = home_of(OrderId(order), self._count, self._partitions)
        if home == self._number or not self._loads.has_room(home):
            return False
        gone = self._give(home, connection, head)
        self._passed_on += gone
        return gone

    def _open_door(self) -> socket.socket:
        own = self._folder / str(self._number)
        own.unlink(missing_ok=True)  # of the process before
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            door.bind(str(own))
            door.listen(BACKLOG)
        except OSError:
            door.close()
            raise
        return door

    def _give(self, home: int, connection: int, head: bytes) -> bool:
        try:
            way = self._ways.get(home) or self._open_way(home)
            socket.send_fds(way, [head], [connection])
        except BlockingIOError:
            return False  # it is busy
        except OSError:
            if (dead := self._ways.pop(home, None)) is not None:
                dead.close()
            return False  # it is not there, or another one is by now: the next one will get there
        return True

    def _open_way(self, home: int) -> socket.socket:
        way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        way.setblocking(False)
        try:
            way.connect(str(self._folder / str(home)))
        except OSError:
            way.close()
            raise
        self._ways[home] = way
        return way

    def _watch(self, entrance: socket.socket, come: Callable[[socket.socket], None]) -> None:
        entrance.setblocking(False)
        self._entrances.append(entrance)
        asyncio.get_running_loop().add_reader(entrance, come, entrance)

    def _let_in(self, door: socket.socket) -> None:
        with suppress(BlockingIOError):
            sibling, _ = door.accept()
            self._watch(sibling, self._take)

    def _take(self, sibling: socket.socket) -> None:
        assert self._arrived is not None
        for _ in range(AT_ONCE):
            try:
                head, connections, _, _ = socket.recv_fds(sibling, HEAD_BYTES, 1)
            except BlockingIOError:
                return
            except OSError:
                head, connections = b"", []
            if not head:
                self._see_off(sibling)
                return
            for connection in connections:
                self._taken_in += 1
                self._arrived(socket.socket(fileno=connection), head)

    def _see_off(self, sibling: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sibling)
        self._entrances.remove(sibling)
        sibling.close()
