"""What the embedded adapters share: where a database file lies, who may open it, and its thread.

SQLite calls block, so each connection lives in a thread of its own and the event loop only waits.
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar, cast
from urllib.parse import unquote, urlsplit

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for another connection's write to end."""

WAITING_CALLS_MAX: Final = 1_000
"""More calls than this waiting for one thread mean that it does not keep up."""

CLOSE_TIMEOUT_S: Final = 30.0

CALL_S_MAX: Final = 10.0
"""How long a call of `Tables` may take; longer than a write waits for another writer."""

Answer = TypeVar("Answer")


class InUse(RuntimeError):
    """The database belongs to somebody else at the moment."""


class CommitFailed(Exception):
    """COMMIT failed: undone for this process, but it may be there again after a crash."""


def database_path(url: str, data: Path) -> Path:
    """The file that `sqlite:///NAME` means: relative to the folder *data*, unless absolute."""
    parts = urlsplit(url)
    name = unquote(parts.path).removeprefix("/")
    if not name or parts.netloc or parts.query or parts.fragment:
        raise ValueError("a SQLite address looks like sqlite:///name.db, without host and options")
    return data / name


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at *path*, made if it is new, for durable, explicit transactions."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode anything less than FULL may lose the last commits when the power fails.
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make what happens inside one durable write, or none if it raises.

    Raises `CommitFailed` where that cannot be told; after any other error nothing was written.
    """
    # IMMEDIATE: a transaction that reads first could otherwise find a newer write in its way.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        _roll_back(connection)
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        # When the disk is full the commit mark was not written; after other errors it may be in
        # the file, though not synced, and recovery would honour it.
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise
        raise CommitFailed(str(error)) from error


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite ends it by itself when the disk is full or faulty
        connection.execute("ROLLBACK")


# A lock belongs to the process, so who holds which file is known process-wide.
_held: dict[Path, tuple[int, int]] = {}
_held_guard: Final = threading.Lock()


class Lock:
    """Keeps a database file to this process, by a lock file beside it.

    Several parts of one process may hold it together, unless one of them wants it *alone*.
    Raises `InUse`. The folder is made if it is not there.
    """

    def __init__(self, database: Path, *, alone: bool) -> None:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = database.with_name(f"{database.name}.lock").resolve()
        with _held_guard:
            if self._path not in _held:
                _held[self._path] = _lock_file(self._path), 0
            elif alone:
                raise InUse(f"{database.name} in {database.parent} is open already")
            descriptor, holders = _held[self._path]
            _held[self._path] = descriptor, holders + 1

    def release(self) -> None:
        """Give it back; the last holder lets other processes in."""
        with _held_guard:
            descriptor, holders = _held.pop(self._path)
            if holders > 1:
                _held[self._path] = descriptor, holders - 1
            else:
                os.close(descriptor)


def _lock_file(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InUse(f"the folder {path.parent} is in use by another process") from None
    return descriptor


class Worker:
    """One connection, and the one thread that uses it, for calls one after the other."""

    connection: sqlite3.Connection
    """For use in calls only."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._unsettled = 0
        self._closed = False
        # A daemon: what is not acknowledged yet need not keep the process from ending.
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @classmethod
    async def open(cls, name: str, path: Path) -> "Worker":
        """Start the thread and connect it to the database at *path*. Raises `OSError`."""
        worker = cls(name)
        try:
            worker.connection = await worker.run(lambda: connect(path), BUSY_TIMEOUT_S * 2)
        except BaseException as error:
            worker._calls.put(None)
            if isinstance(error, sqlite3.Error):
                raise OSError(f"{path} cannot be opened: {error}") from error
            raise
        return worker

    async def run(self, call: Callable[[], Answer], timeout_s: float | None) -> Answer:
        """What *call* answers or raises.

        Raises `TimeoutError` after *timeout_s*, while the call may still go on, and at once if too
        many wait already. Null: for calls whose callers have a deadline themselves. Raises
        `ConnectionError` once closed.
        """
        if self._closed:
            raise ConnectionError("the database is closed")
        if self._unsettled >= WAITING_CALLS_MAX:
            raise TimeoutError("too many calls wait for the database")
        async with asyncio.timeout(timeout_s):
            return await self._hand_over(call)

    async def close(self) -> None:
        """Let the calls handed over end, then close the connection and end the thread."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._hand_over(self.connection.close)
        finally:
            self._calls.put(None)

    def _hand_over(self, call: Callable[[], Answer]) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = self._loop.create_future()

        def settle(value: Answer | None, error: BaseException | None) -> None:
            self._unsettled -= 1
            if answer.done():  # its caller gave up
                return
            if error is None:
                answer.set_result(cast(Answer, value))
            else:
                answer.set_exception(error)

        def make_call() -> None:
            value, error = None, None
            try:
                value = call()
            except BaseException as raised:  # its caller's to handle, whatever it is
                error = raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(settle, value, error)

        self._unsettled += 1
        self._calls.put(make_call)
        return answer

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # keep nothing alive while waiting for the next one


class Tables:
    """A service's own tables in a file that others of the same process have open too.

    Whatever may pass is raised as the exception its port names.
    """

    def __init__(
        self, worker: Worker, resources: AsyncExitStack, unavailable: type[Exception]
    ) -> None:
        self._worker = worker
        self._resources = resources
        self._unavailable = unavailable

    @classmethod
    async def open(
        cls, name: str, path: Path, schema: str, unavailable: type[Exception]
    ) -> "Tables":
        """Open the database at *path*, made if it is new, and make the tables of *schema* if they
        are not there. Close them. Raises `InUse` if another process has the file."""
        async with AsyncExitStack() as resources:
            lock = await asyncio.to_thread(partial(Lock, path, alone=False))
            resources.callback(lock.release)
            worker = await Worker.open(name, path)
            resources.push_async_callback(worker.close)
            await worker.run(lambda: worker.connection.executescript(schema), CALL_S_MAX)
            return cls(worker, resources.pop_all(), unavailable)

    async def call(self, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """What *act* answers. Raises the port's exception, and what is wrong with *act*."""
        try:
            return await self._worker.run(lambda: act(self._worker.connection), CALL_S_MAX)
        except (sqlite3.OperationalError, CommitFailed, TimeoutError, ConnectionError) as error:
            raise self._unavailable(type(error).__name__) from error

    async def close(self) -> None:
        """Let go of the file."""
        await self._resources.aclose()
