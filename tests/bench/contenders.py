"""Who is measured, each alone on the machine with what stands behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from deploy.engines.cache import cache_folder
from deploy.engines.engine import Place
from tests.bench.peers.centrifugo import Centrifugo
from tests.bench.peers.channels import Channels
from tests.bench.peers.peer import Peer
from tests.bench.peers.plain import Plain
from tests.bench.peers.server import PeersRedis
from tests.bench.peers.socketio import SocketIo

ON_REDIS: Final[dict[str, Callable[[Place, PeersRedis], Peer]]] = {
    "socketio": SocketIo,
    "centrifugo": Centrifugo,
    "channels": lambda place, redis: Channels(place, redis, "pubsub.RedisPubSubChannelLayer"),
    "channels-queue": lambda place, redis: Channels(place, redis, "core.RedisChannelLayer"),
}


@asynccontextmanager
async def running(which: str, folder: Path, say: Callable[[str], None]) -> AsyncIterator[Peer]:
    """A peer that others made, by its short name; ended afterwards. Raises `Unavailable`."""
    place = Place(cache_folder(), folder, say)
    async with AsyncExitStack() as resources:
        if which == "plain":
            peer: Peer = Plain(place)
        else:
            redis = PeersRedis("redis", place)
            await redis.obtain()
            resources.push_async_callback(redis.stop)
            await redis.start()
            peer = ON_REDIS[which](place, redis)
        resources.push_async_callback(peer.stop)
        await peer.start()
        yield peer
