"""Django Channels with channels_redis, one process of uvicorn, which costs less than its daphne.

It has two layers. The default one queues in Redis, and drops what is over its capacity or older
than a minute; the other one publishes, and what nobody hears is gone. Neither keeps a history.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from deploy.engines.engine import Place
from deploy.engines.redis import Redis
from deploy.engines.tool import output_of
from tests.bench.load.talk import Party
from tests.bench.peers.install import venv
from tests.bench.peers.plain import UVICORN, PlainTalk
from tests.bench.peers.server import Server

APP: Final = Path(__file__).parent / "channels_app"
PINS: Final = APP / "requirements.txt"
PACKAGES: Final = ("channels", "channels_redis", "Django", "redis", "uvicorn", "uvloop")
ASK: Final = (
    "import sys, platform; from importlib.metadata import version; "
    "print(*(f'{name} {version(name)}' for name in sys.argv[1:]), "
    "f'Python {platform.python_version()}', sep=', ')"
)

Layer = Literal["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"]
NAMES: Final[Mapping[Layer, str]] = {
    "core.RedisChannelLayer": "django channels + redis",
    "pubsub.RedisPubSubChannelLayer": "django channels + redis pubsub",
}


class Channels(Server):
    """One process of Python, without a database and without sessions."""

    def __init__(self, place: Place, redis: Redis, layer: Layer) -> None:
        super().__init__(NAMES[layer], place, {"redis": redis})
        self._layer = layer
        self._redis = redis
        self._python = Path()
        self._version = ""

    async def obtain(self) -> None:
        """Install it unless the cache has it, and ask its packages for their versions."""
        self._python = await venv("channels", PINS, self.place)
        said = await output_of([str(self._python), "-c", ASK, *PACKAGES])
        self._version = f"{said.strip()}, {self._redis.version}"

    @property
    def version(self) -> str:
        """Its packages, Python and what stands behind."""
        return self._version

    def command(self) -> Sequence[str]:
        """The server on its port."""
        where = ["--port", str(self.port), "--app-dir", str(APP)]
        return [str(self._python), "-m", "uvicorn", *UVICORN, *where, "asgi:application"]

    def environment(self) -> Mapping[str, str]:
        """What its settings are made of."""
        return {"PEER_LAYER": self._layer, "PEER_REDIS_URL": self._redis.url}

    def talk(self, party: Party) -> PlainTalk:
        """How this party speaks to it."""
        return PlainTalk(party)
