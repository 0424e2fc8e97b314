"""What the tests of the order service build: the service over real engines, and its callers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from order_service.adapters import open_orders
from order_service.app import Running, create_app
from order_service.policy import DEFAULT, Policy
from order_service.ports import OrderStore
from order_service.relay import Relay
from order_service.service import OrderService
from shared.contracts.errors import ErrorCode
from shared.contracts.events import OrderChanged, Participant, decode_event
from shared.contracts.ids import OrderId, UserId
from shared.contracts.topics import EMBEDDED_PARTITIONS
from shared.log.port import Draft, Log, NotAppended, OutcomeUnknown, Reader, Record, Share
from shared.log.sqlite import SqliteLog
from shared.risk import Risk
from shared.tokens import Role, SecretVerifier, mint

SECRET = b"a secret of the tests, long enough to sign with"
ORDER = OrderId("o1")
ANNA = Participant(UserId("anna"), "creator", "Anna")
BEN = Participant(UserId("ben"), "advertiser", "Ben")
PARTIES = (ANNA, BEN)
BODY: dict[str, Any] = {
    "title": "A logo",
    "participants": [
        {"user_id": "anna", "role": "creator", "name": "Anna"},
        {"user_id": "ben", "role": "advertiser", "name": "Ben"},
    ],
}


class Shop(NamedTuple):
    """The service, its store, and a client for its routes whose caller is a service."""

    service: OrderService
    orders: OrderStore
    relay: Relay
    client: httpx.AsyncClient


@asynccontextmanager
async def open_shop(
    data: Path,
    log: Log,
    *,
    store_url: str = "sqlite:///store.db",
    policy: Policy = DEFAULT,
    answer_s_max: float = 20.0,
    try_s_max: float = 5.0,
    relaying: bool = True,
) -> AsyncIterator[Shop]:
    """A service over a log; with the deadlines given, and without its relay if asked.

    Callers wait longer than in earnest, so that a busy machine fails no test.
    """
    async with AsyncExitStack() as resources:
        orders = await open_orders(store_url, data)
        resources.push_async_callback(orders.close)
        relay = Relay(orders, log, try_s_max=try_s_max, first_pause_s=0.01)
        service = OrderService(orders, relay, policy, answer_s_max=answer_s_max)
        await service.announce_policy()
        if relaying:
            await resources.enter_async_context(relay.running())
        parts = {"orders": orders.ping, "outbox": relay.ping}
        app = create_app(Running(service, parts), log, SecretVerifier(SECRET))
        client = await resources.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://orders", headers=bearer()
            )
        )
        yield Shop(service, orders, relay, client)


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]
"""`open_shop` for a test's own store; the same one each time."""


@asynccontextmanager
async def open_log(data: Path) -> AsyncIterator[SqliteLog]:
    """The embedded log."""
    log = await SqliteLog.open(data / "log.db", partitions=EMBEDDED_PARTITIONS)
    try:
        yield log
    finally:
        await log.close()


def bearer(
    user_id: str = "shop",
    *,
    roles: Sequence[Role] = ("service",),
    orders: Sequence[str] | None = None,
    age_s: float = 0,
) -> Mapping[str, str]:
    """The header of a caller whose token, good for an hour, was made so long ago."""
    token = mint(SECRET, user_id, roles=roles, orders=orders, now=time.time() - age_s)
    return {"Authorization": f"Bearer {token}"}


async def events_in(log: Log) -> list[OrderChanged]:
    """All events of the log, by partition."""
    ends = await log.ends()
    reader = log.reader()
    events = []
    for partition, end in enumerate(ends):
        reader.follow(partition, 0)
        got = 0
        while got < end:
            fetched = await reader.fetch(max_wait_s=5, max_records=1_000)
            for record in fetched[partition]:
                got += 1
                event = decode_event(record.key, record.type, record.version, record.value)
                assert isinstance(event, OrderChanged)
                events.append(event)
        reader.unfollow(partition)
    await reader.close()
    return events


def assert_refused(answer: httpx.Response, code: ErrorCode, status: int, text: str = "") -> None:
    """The answer is an error of this code and status whose message holds *text*."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert text in error["message"]
    assert set(error) == {"code", "message"}


class TroubledLog:
    """A real log whose appends fail as told: injects faults, and nothing else.

    *troubles* are used up one by one: "refused" appends nothing and says so, "lost" appends and
    does not say so, "hangs" appends nothing and never answers. "down" hangs for ever. After them
    all is well.
    """

    def __init__(self, log: SqliteLog, *troubles: str) -> None:
        self._log = log
        self.troubles = list(troubles)
        self.tries = 0

    @property
    def partitions(self) -> int:
        return self._log.partitions

    async def append(self, partition: int, drafts: Sequence[Draft]) -> int:
        self.tries += 1
        trouble = self.troubles[0] if self.troubles else None
        if trouble != "down" and self.troubles:
            self.troubles.pop(0)
        if trouble in ("down", "hangs"):
            await asyncio.Event().wait()
        if trouble == "refused":
            raise NotAppended("as told")
        offset = await self._log.append(partition, drafts)
        if trouble == "lost":
            raise OutcomeUnknown("as told")
        return offset

    async def ends(self) -> Sequence[int]:
        return await self._log.ends()

    async def time_before(self, partition: int, offset: int) -> int | None:
        return await self._log.time_before(partition, offset)

    async def offset_at(self, partition: int, at: int) -> int:
        return await self._log.offset_at(partition, at)

    def reader(self) -> Reader:
        return self._log.reader()

    async def share(self, group: str) -> Share:
        return await self._log.share(group)

    async def risks(self) -> Sequence[Risk]:
        return await self._log.risks()

    async def dead_letter(self, record: Record, error: str) -> None:
        await self._log.dead_letter(record, error)

    async def ping(self) -> None:
        if self.troubles:
            raise OSError("as told")

    async def close(self) -> None:
        await self._log.close()
