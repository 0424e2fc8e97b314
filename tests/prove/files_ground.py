"""Where files go in a proof: to one process with a folder, or to services on MinIO."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.stack import Stack
from tests.prove.fleet import Fleet
from tests.prove.ground import Ground, ground_at, own_process, secret_from
from tests.prove.process import Process


class FilesGround(NamedTuple):
    """A system that takes files."""

    orders: Ground
    """Makes orders and tokens."""
    gateway_url: str
    files_url: str
    """The attachment service's."""
    pid: int
    """Its process."""
    store: str
    """In words."""


Grounds = Callable[[Path, str], AbstractAsyncContextManager[FilesGround]]
"""Makes one in a folder, from a seed."""


@asynccontextmanager
async def one_process(folder: Path, seed: str) -> AsyncIterator[FilesGround]:
    """Everything in one process, files in its folder."""
    async with own_process(folder, seed) as (ground, server):
        yield FilesGround(ground, server.url, server.url, server.pid, "a folder, in one process")


@asynccontextmanager
async def on_minio(folder: Path, seed: str) -> AsyncIterator[FilesGround]:
    """Each service a process of its own on real engines, files in MinIO."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = secret_from(seed)
    async with Stack(folder / "engines", given={}) as stack:
        fleet = Fleet(folder, secret, stack.environment, gateways=1)
        try:
            await fleet.start()
            settings = {
                **stack.environment,
                "ORDER_CHAT_RATE_LIMITS": "off",
                "ORDER_CHAT_JWT_SECRET": secret,
                "ORDER_CHAT_ORDERS_URL": fleet.orders.url,
                "ORDER_CHAT_GATEWAY_URL": fleet.gateways[0].url,
            }
            files = Process("attachments", "attachment_service", folder, settings)
            try:
                await files.start()
                async with ground_at(fleet.orders_url, secret.encode()) as orders:
                    yield FilesGround(orders, fleet.gateways[0].url, files.url, files.pid, "MinIO")
                await files.stop()
            finally:
                await files.kill()
            await fleet.stop()
        finally:
            await fleet.kill()
