"""ClamAV's daemon, by its own protocol: a file is streamed to it in chunks, and it says one line.

clamd calls clean what it did not look into: files and archives over its own limits, unless it has
`AlertExceedsMax yes`, and encrypted ones, unless it has `AlertEncrypted yes`. The first must be set
(`risks` finds out); the second is for the operator to say.

On sockets rather than streams: clamd ends a connection as soon as it has heard enough, and a stream
that fails to write throws away what was said to it.
"""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from attachment_service.ports import ScannerUnavailable
from attachment_service.verdicts import Reason, Rejected
from shared.risk import Risk

EXAMPLE: Final = "ORDER_CHAT_CLAMD_URL looks like tcp://host:3310 or unix:///run/clamav/clamd.ctl"
CONNECT_S: Final = 5.0
PING_S: Final = 5.0
SEND_S: Final = 60.0
"""For each chunk; clamd writes it to a file of its own."""
ANSWER_S: Final = 180.0
"""clamd gives up after 120 s (`MaxScanTime`), and then says so."""

_CHUNK_BYTES: Final = 256 << 10
_ANSWER_BYTES_MAX: Final = 4096
_PORT: Final = 3310

_CLEAN: Final = b"stream: OK"
_TOO_LARGE: Final = b"INSTREAM size limit exceeded. ERROR"
_NOT_LOOKED_INTO: Final = (
    b"stream: Heuristics.Limits.Exceeded",
    b"stream: Heuristics.Encrypted",
)
"""Said to be found, of what was not looked into."""
_MACHINE: Final = b"stream: Can't "
"""Begins what went wrong with clamd's memory and files, not with ours."""


ALERTS_NOT: Final = (
    "clamd's AlertExceedsMax is no; it must be yes: "
    "what is too large to be scanned would pass as clean"
)


class Address(NamedTuple):
    """Where clamd listens: a host and a port, or the path of a socket."""

    host: str
    port: int
    path: str


def read_address(url: str) -> Address:
    """The address in *url*; raise `ValueError`, which repeats nothing of it, if there is none."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(EXAMPLE)
    if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
        return Address("", 0, parts.path)
    try:
        port = parts.port if parts.port is not None else _PORT
    except ValueError as error:
        raise ValueError(EXAMPLE) from error
    if parts.scheme != "tcp" or not parts.hostname or not port or parts.path not in ("", "/"):
        raise ValueError(EXAMPLE)
    return Address(parts.hostname, port, "")


class Clamd:
    """Scans with a clamd. Opens a connection for each file."""

    def __init__(
        self, address: Address, *, send_s: float = SEND_S, answer_s: float = ANSWER_S
    ) -> None:
        self._address = address
        self._send_s = send_s
        self._answer_s = answer_s

    async def scan(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        """As `Scanner.scan`."""
        _judge(await self._ask(size, pieces))

    async def ping(self) -> None:
        """As `Scanner.ping`."""
        async with self._connected() as sock:
            await self._sent(sock, b"zPING\0")
            try:
                async with asyncio.timeout(PING_S):
                    said = await _hear(sock)
            except TimeoutError as error:
                raise ScannerUnavailable from error
        if said != b"PONG":
            raise ScannerUnavailable

    async def risks(self) -> Sequence[Risk]:
        """As `Scanner.risks`, found out by trying."""
        deep = _too_deep()
        if (await self._ask(len(deep), _pieces(deep))).startswith(_NOT_LOOKED_INTO):
            return []
        return [Risk(ALERTS_NOT)]

    async def _ask(self, size: int, pieces: AsyncIterator[bytes]) -> bytes:
        """What clamd says of a file. It may say so before it has all of it, and then hears no more:
        so we listen while we send. It cannot call clean what it has not heard to its end."""
        async with self._connected() as sock:
            sending = asyncio.create_task(self._send(sock, size, pieces))
            hearing = asyncio.create_task(_hear(sock))
            try:
                await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
                whole = sending.done() and sending.result()
                if not hearing.done():
                    whole = await sending
                    await asyncio.wait({hearing}, timeout=self._answer_s)
                if not hearing.done() or (hearing.result() == _CLEAN and not whole):
                    raise ScannerUnavailable
                return hearing.result()
            finally:
                sending.cancel()
                hearing.cancel()
                await asyncio.gather(sending, hearing, return_exceptions=True)

    async def _send(self, sock: socket.socket, size: int, pieces: AsyncIterator[bytes]) -> bool:
        """Send the file; tell whether clamd took the whole of it."""
        left = size
        if not await self._sent(sock, b"zINSTREAM\0"):
            return False
        async for piece in pieces:
            left -= len(piece)
            for start in range(0, len(piece), _CHUNK_BYTES):
                chunk = piece[start : start + _CHUNK_BYTES]
                if not await self._sent(sock, struct.pack(">I", len(chunk)) + chunk):
                    return False
        if left != 0:
            raise ScannerUnavailable  # it would be an opinion on something else
        return await self._sent(sock, struct.pack(">I", 0))

    async def _sent(self, sock: socket.socket, data: bytes) -> bool:
        """Send; tell whether clamd still listens. If not, it has said why."""
        try:
            async with asyncio.timeout(self._send_s):
                await asyncio.get_running_loop().sock_sendall(sock, data)
        except TimeoutError as error:
            raise ScannerUnavailable from error
        except OSError:
            return False
        return True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[socket.socket]:
        try:
            async with asyncio.timeout(CONNECT_S):
                sock = await _connect(self._address)
        except OSError as error:
            raise ScannerUnavailable from error
        with sock:
            yield sock


async def _connect(address: Address) -> socket.socket:
    """A connection to the first of its addresses that takes one."""
    loop = asyncio.get_running_loop()
    places: list[tuple[int, Any]] = [(socket.AF_UNIX, address.path)]
    if not address.path:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        places = [(family, place) for family, _, _, _, place in found]
    error = OSError("no address")
    for family, place in places:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, place)
        except OSError as refused:
            sock.close()
            error = refused
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise error


async def _hear(sock: socket.socket) -> bytes:
    """One answer, whole: it ends with NUL. Raises `ScannerUnavailable` for one that is cut off."""
    said = b""
    while not said.endswith(b"\0"):
        try:
            more = await asyncio.get_running_loop().sock_recv(sock, _ANSWER_BYTES_MAX)
        except OSError as error:
            raise ScannerUnavailable from error
        if not more or len(said) + len(more) > _ANSWER_BYTES_MAX:
            raise ScannerUnavailable
        said += more
    return said[:-1]


def _judge(said: bytes) -> None:
    """Return for exactly one answer: all others are not clean."""
    if said == _CLEAN:
        return
    if said == _TOO_LARGE or said.startswith(_NOT_LOOKED_INTO):
        raise Rejected(Reason.UNSCANNABLE)
    if said.startswith(b"stream: ") and said.endswith(b" FOUND"):
        raise Rejected(Reason.INFECTED)
    if said.startswith(b"stream: ") and said.endswith(b" ERROR") and not said.startswith(_MACHINE):
        raise Rejected(Reason.UNSCANNABLE)
    raise ScannerUnavailable


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _too_deep() -> bytes:
    """Archives in archives, more than the 100 that clamd can be set to look into at most."""
    data = b""
    for _ in range(110):
        data = gzip.compress(data, mtime=0)
    return data
