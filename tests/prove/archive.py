"""`python -m tests.prove.archive`: an archiver far behind, and a store made again (P6, P24).

On real engines the archivers are stopped while ten thousand messages are written. A gateway that
starts then must answer joins and pages with all of them. Then two archivers write the same
partitions at once, without knowing of each other, and in the end the store is dropped and made anew
from the log: all three times it must hold the same.
"""

import asyncio
import hashlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import bson
from pymongo import MongoClient

from chat_gateway.archiver.archiver import Archiver
from deploy.stack import Stack
from shared.contracts import frames
from shared.contracts.ids import OrderId, Seq, UserId
from shared.store import open_store
from tests.prove.fleet import Fleet
from tests.prove.ground import Ground, ground_at, secret_from
from tests.prove.history import now
from tests.prove.line import Line, Refused, open_line
from tests.prove.proof import Proof, main
from tests.prove.truth import EPOCH

EVENTS: Final = 10_000
ORDERS: Final = 8
AT_ONCE: Final = 200
"""Messages of one party that may be under way."""
PATIENCE_S: Final = 60.0
"""So long a join may be told to come again."""
REBUILD_S: Final = 300.0
COLLECTIONS: Final = ("timeline", "conversations", "watermarks")


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    async with Stack(folder / "engines", given={}) as stack:
        fleet = Fleet(folder / "fleet", secret_from(seed), stack.environment)
        try:
            await fleet.start()
            return await _prove(fleet, stack.environment, round(EVENTS * scale / ORDERS))
        finally:
            await fleet.kill()


async def _prove(fleet: Fleet, engines: Mapping[str, str], each: int) -> Proof:
    violations: list[str] = []
    (archiver,) = fleet.archivers
    async with ground_at(fleet.orders_url, fleet.secret.encode()) as orders:
        await archiver.stop()
        order_ids = [OrderId(f"order-{number}") for number in range(1, ORDERS + 1)]
        for order_id in order_ids:
            await orders.put(order_id, {_party(order_id): "creator"})
        first, fresh = fleet.gateways
        await asyncio.gather(*(_write(first.url, orders, one, each) for one in order_ids))
        # One that followed nothing so far has only the log to answer from.
        await fresh.stop()
        await fresh.start(until="/healthz")
        began = now()
        for order_id in order_ids:
            violations += await _read(fresh.url, orders, order_id, each)
        joined_s = now() - began

    store = await open_store(engines["ORDER_CHAT_STORE_URL"], Path())
    try:
        began = now()
        async with fleet.log() as log:
            unknown = Archiver(log, store, epoch=EPOCH)
            await asyncio.gather(fleet.revive(archiver), unknown.run_to(await log.ends()))
        await fleet.archived()
        archived_s = now() - began
    finally:
        await store.close()
    await archiver.stop()
    written_twice = await asyncio.to_thread(_digest, engines["ORDER_CHAT_STORE_URL"])
    began = now()
    await archiver.once("--rebuild", within_s=REBUILD_S)
    rebuilt_s = now() - began
    rebuilt = await asyncio.to_thread(_digest, engines["ORDER_CHAT_STORE_URL"])
    if written_twice != rebuilt:
        violations.append("the store that was made anew differs from what two archivers wrote")
    return Proof(
        "P6, P24: complete without the archive, which can be made again",
        f"{each * ORDERS:,} messages with no archiver; then two at once; then `--rebuild`",
        f"{ORDERS} orders read whole in {joined_s:.1f} s by a gateway that had followed nothing; "
        f"archived twice at once in {archived_s:.1f} s, made anew in {rebuilt_s:.1f} s: "
        f"{'identical' if written_twice == rebuilt else 'different'}",
        violations,
    )


async def _write(url: str, orders: Ground, order_id: OrderId, messages: int) -> None:
    """Write so many messages, and see each stand."""
    async with _line(url, orders, order_id) as line:
        await line.join(order_id)
        sent = seen = 0
        while seen < messages:
            while sent < messages and sent - seen < AT_ONCE:
                sent += 1
                await line.post(order_id, f"message {sent}")
            await line.next(frames.MessageShown)
            seen += 1


async def _read(url: str, orders: Ground, order_id: OrderId, messages: int) -> list[str]:
    """Join and page back to the first message; what was wrong with what came."""
    async with _line(url, orders, order_id) as line:
        joined = await _join(line, order_id)
        numbers = _numbers(joined.events)
        complete = joined.complete
        before: Seq | None = joined.events[0].seq if joined.events else None
        while not complete:
            await line.say(frames.History(ref=1, order_id=order_id, before=before, limit=100))
            page = await line.next(frames.Page)
            numbers = _numbers(page.events) + numbers
            complete, before = page.complete, page.events[0].seq if page.events else before
    if joined.n != messages or numbers != list(range(1, messages + 1)):
        return [f"{order_id}: {len(numbers)} messages of {messages} came, n was {joined.n}"]
    return []


async def _join(line: Line, order_id: OrderId) -> frames.Joined:
    """Join, as often as one is told to come again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await line.join(order_id, limit=100)
            except Refused as refused:
                if not refused.frame.retry:
                    raise
                await asyncio.sleep((refused.frame.retry_after_ms or 500) / 1_000)


def _line(url: str, orders: Ground, order_id: OrderId) -> AbstractAsyncContextManager[Line]:
    chat = f"{url.replace('http', 'ws', 1)}/v1/chat"
    return open_line(chat, orders.token(_party(order_id)))


def _party(order_id: OrderId) -> UserId:
    return UserId(f"creator-of-{order_id}")


def _numbers(events: Sequence[frames.EventShown]) -> list[int]:
    return [event.n for event in events if isinstance(event, frames.MessageShown)]


def _digest(url: str) -> str:
    """Of every document the archiver wrote. Blocks."""
    digest = hashlib.sha256()
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    with client:
        database = client[urlsplit(url).path.strip("/")]
        for name in COLLECTIONS:
            documents = sorted(database[name].find(), key=lambda document: str(document["_id"]))
            for document in documents:
                digest.update(bson.encode(document))
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main("archive", prove, sys.argv[1:]))
