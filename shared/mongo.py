"""The one place where a MongoDB client is made, asked, and understood when it fails.

Motor, which this product runs on, is superseded by PyMongo's own `AsyncMongoClient`. Moving there
changes this file alone: adapters know a `Collection` of it and what `Mongo` offers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pymongo
from bson.errors import BSONError
from bson.timestamp import Timestamp
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.operations import InsertOne, UpdateMany, UpdateOne

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Client = AsyncIOMotorClient[Document]
Sort = Mapping[str, Literal[1, -1]]
Session = AsyncIOMotorClientSession
Write = InsertOne[Document] | UpdateOne | UpdateMany

CALLS_MAX: Final = 20
"""Calls under way at a time, each with a connection of its own."""
WRITES_MAX: Final = 250
"""Writes in one call: few enough for its deadline, many enough that to wait for a majority is the
smaller part of it."""
TURN_TIMEOUT_S: Final = 1.0
"""How long a call waits until one of those has ended."""
SLACK_S: Final = 0.5
"""What a call may take beyond the driver's own deadline, for threads that do not get to run."""
CLOSE_TIMEOUT_S: Final = 3.0

OPTIONS: Final[Mapping[str, Any]] = {
    "appName": "order-chat",
    # What fewer have is taken back by a failover, what is in no journal by a loss of power.
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "readPreference": "primary",
    # Safe, because every write of ours is guarded by what is stored.
    "retryWrites": True,
    "retryReads": True,
    # One deadline for a call with all its retries; the others are parts of it.
    "timeoutMS": 3_000,
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 2_000,
    "waitQueueTimeoutMS": 1_000,
    "maxPoolSize": CALLS_MAX,
    "minPoolSize": 2,
    "maxIdleTimeMS": 300_000,
}
"""What a client is made with; an address may say otherwise, and `risks` look at what came of it."""

DUPLICATE: Final = 11_000
_PASSING: Final = frozenset(
    {
        *(6, 7, 89, 202, 9001),  # a node cannot be reached
        *(91, 189, 10058, 10107, 11600, 11602, 13435, 13436),  # the primary is another, or goes
        *(24, 43, 46, 50, 112, 175, 237, 262, 11601),  # took too long, or somebody else's turn
        *(64, 100, 133, 134, 246),  # no majority, or none yet
        *(18, 391, 14031),  # passwords and disks: an operator mends them, we wait
    }
)
"""Codes of servers that may answer otherwise next time."""

T = TypeVar("T")


class Refused(RuntimeError):
    """The server, or the driver, does not take what it was asked: a mistake, ours or in what is
    stored. Says codes alone, because texts of the driver quote documents."""


class Mongo:
    """A client of one database. Whatever may pass is raised as the exception its port names."""

    def __init__(self, client: Client, unavailable: type[Exception]) -> None:
        self.client = client
        self._database = client.get_default_database()
        self._unavailable = unavailable
        timeout_s: float | None = client.delegate.options.timeout
        self._timeout_s: float = timeout_s or OPTIONS["timeoutMS"] / 1_000
        self._turns = asyncio.Semaphore(CALLS_MAX)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._seen: Timestamp | None = None
        """When the newest answer is of, by the servers' own clock."""
        self._closed = False

    @classmethod
    async def open(cls, url: str, unavailable: type[Exception]) -> "Mongo":
        """A client for the database that *url* names; connects when it is first asked.

        Calls raise *unavailable*, with one line of text, if they may be repeated. Raises
        `ValueError` if the address is none.
        """
        said = {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
        options = {name: value for name, value in OPTIONS.items() if name.lower() not in said}
        loop = asyncio.get_running_loop()
        try:
            # In a thread: some addresses are looked up in the DNS, some options name files.
            client: Client = await asyncio.to_thread(
                lambda: AsyncIOMotorClient(url, io_loop=loop, **options)
            )
            return cls(client, unavailable)
        except (PyMongoError, ValueError, TypeError):
            # Not the driver's text: it quotes what it did not understand, perhaps a password.
            raise ValueError(
                "a MongoDB address looks like mongodb://user:password@host:27017/database, "
                "its parts percent-encoded"
            ) from None

    def collection(self, name: str) -> Collection:
        """A collection of the database."""
        return self._database[name]

    async def run(self, call: Callable[[], Awaitable[T]], *, timeout_s: float | None = None) -> T:
        """The answer to a *call* of the client, by the deadline of the client or *timeout_s*.

        Raises the port's exception for what may be repeated; `DuplicateKeyError` and
        `BulkWriteError` as they come, because callers provoke them; `Refused` for everything else
        the driver raises. A caller that gives up leaves the call to its own end.
        """
        await self._take_turn()
        running = asyncio.create_task(_call(call, timeout_s))
        self._under_way.add(running)
        running.add_done_callback(self._end)
        # `wait` cancels nothing, neither at its timeout nor when it is cancelled itself: a call
        # that is cancelled costs its connection, and many at once a storm of new ones.
        await asyncio.wait([running], timeout=(timeout_s or self._timeout_s) + SLACK_S)
        if not running.done():
            raise self._unavailable("MongoDB did not answer in time")
        try:
            return running.result()
        except (DuplicateKeyError, BulkWriteError):
            raise
        except ConnectionFailure as error:
            raise self._unavailable(f"MongoDB cannot be reached: {type(error).__name__}") from error
        except (PyMongoError, BSONError) as error:
            raise self._told(error) from None

    async def run_after(
        self, call: Callable[[Session], Awaitable[T]], *, timeout_s: float | None = None
    ) -> T:
        """The same, seeing no less than any answer before did: a primary just elected may not know
        yet how much a majority has, and a read from there would go back in time."""

        async def follow() -> T:
            # Motor's own way to a session takes a thread for what does not wait.
            with self.client.delegate.start_session(causal_consistency=True) as session:
                if self._seen is not None:
                    session.advance_operation_time(self._seen)
                try:
                    return await call(Session(session, self.client))
                finally:
                    seen = session.operation_time
                    if seen is not None and (self._seen is None or seen > self._seen):
                        self._seen = seen

        return await self.run(follow, timeout_s=timeout_s)

    async def find(
        self,
        collection: Collection,
        where: Document,
        fields: Document | None = None,
        *,
        sort: Sort | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """The documents that are so, of each these *fields* or all, at most *limit*."""
        if limit == 0:  # to the server it would be no limit
            return []
        return await self.run_after(
            lambda session: collection.find(
                where,
                fields,
                sort=sort,
                limit=limit or 0,
                batch_size=limit or 0,
                session=session,
            ).to_list(limit)
        )

    async def write_all(self, collection: Collection, writes: Sequence[Write]) -> list[int]:
        """Make every one of *writes*, in no order; answer which broke a unique index, rising.

        Raises as `run` does; `Refused` only after all others were made.
        """
        duplicates: list[int] = []
        refusals: list[Refused] = []
        for start in range(0, len(writes), WRITES_MAX):
            some = writes[start : start + WRITES_MAX]
            try:
                duplicates += [start + index for index in await self._write(collection, some)]
            except Refused as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return duplicates

    async def _write(self, collection: Collection, writes: Sequence[Write]) -> list[int]:
        try:
            await self.run_after(
                lambda session: collection.bulk_write(writes, ordered=False, session=session)
            )
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            others = {each["code"] for each in failed if each["code"] != DUPLICATE}
            if others - _PASSING:
                raise Refused(f"MongoDB refused writes: code {_listed(others)}") from None
            if others or error.details["writeConcernErrors"]:
                raise self._unavailable(f"MongoDB: not all is stored: {_listed(others)}") from None
            return sorted(each["index"] for each in failed)
        return []

    async def ping(self) -> None:
        """Raise the port's exception if the primary cannot be reached now."""
        await self.run(lambda: self.client.admin.command("ping"))

    async def close(self) -> None:
        """Let what was begun end, each by its deadline, then close all connections."""
        if self._closed:
            return
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._timeout_s + SLACK_S)
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with pymongo.timeout(CLOSE_TIMEOUT_S):  # it says goodbye to the server
            self.client.close()

    def _told(self, error: Exception) -> Exception:
        """What *error* says, in codes: its text may quote documents."""
        if not isinstance(error, OperationFailure):
            passing = self._closed or getattr(error, "timeout", False)
            told = type(error).__name__
        else:
            passing = (
                error.timeout
                or error.code in _PASSING
                or isinstance(error, WriteConcernError)
                or error.has_error_label("RetryableWriteError")
            )
            name = (error.details or {}).get("codeName", type(error).__name__)
            told = f"{name}, code {error.code}"
        return self._unavailable(f"MongoDB: {told}") if passing else Refused(f"MongoDB: {told}")

    async def _take_turn(self) -> None:
        if self._closed:
            raise self._unavailable("MongoDB: the client is closed")
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turns.acquire()
        except TimeoutError:
            raise self._unavailable("MongoDB: too many calls wait for an answer") from None

    def _end(self, running: asyncio.Future[Any]) -> None:
        self._under_way.discard(running)
        self._turns.release()
        if not running.cancelled():
            running.exception()  # taken note of, even where nobody waits for it any more


async def _call(call: Callable[[], Awaitable[T]], timeout_s: float | None) -> T:
    with pymongo.timeout(timeout_s) if timeout_s is not None else nullcontext():
        return await call()


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(codes))) or "no majority has it"
