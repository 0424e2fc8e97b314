"""Centrifugo with its Redis engine, one process of Go; a channel without a history.

A publication goes to Redis and from there to the members, at most once. Its licence is Apache 2.0;
it is built from its module and runs as a program of its own.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.engine import HOST, Place, Unavailable
from deploy.engines.redis import Redis
from deploy.engines.tool import output_of, tool
from tests.bench.load.talk import Party, TalkFailed
from tests.bench.peers.install import GO_ADVICE, go_program
from tests.bench.peers.server import Server

PINS: Final = Path(__file__).with_name("centrifugo.module")

CONNECT: Final = b'{"id":1,"connect":{}}'
SUBSCRIBED: Final = b'{"id":2,"subscribe":'


class CentrifugoTalk:
    """Its JSON protocol: a command and its reply have the same id; lines share a frame."""

    target = "/connection/websocket"
    notes = False

    def __init__(self, party: Party) -> None:
        self.joined = False
        self._party = party
        self._channel = f"order:{party.order}"
        self._last_id = 2
        by = json.dumps(party.user)
        self._said_after_id = (
            f',"publish":{{"channel":"{self._channel}","data":{{"by":{by},"text":"'
        )

    def begin(self) -> Sequence[bytes]:
        """Connect without a token, as nobody in particular."""
        return [CONNECT]

    def control(self, payload: bytes) -> Sequence[bytes]:
        """Answer a ping; in the opening, subscribe to the order; see that nothing is refused."""
        answers = []
        for line in payload.split(b"\n"):
            if line == b"{}":
                answers.append(b"{}")
            elif line.startswith(b'{"id":1,"connect":'):
                subscribe = {"id": 2, "subscribe": {"channel": self._channel}}
                answers.append(json.dumps(subscribe).encode())
            elif line.startswith(SUBSCRIBED):
                self.joined = True
            elif b'"error":' in line or b'"disconnect":' in line:
                raise TalkFailed(f"Centrifugo says {line[:200]!r}")
        return answers

    def heard(self, payload: bytes) -> None:
        """Nothing to note: without a history a publication has no offset."""

    def say(self, text: str) -> bytes:
        """A publication; the reply to it says no more than that Redis took it."""
        self._last_id += 1
        return f'{{"id":{self._last_id}{self._said_after_id}{text}"}}}}}}'.encode()

    def again(self) -> "CentrifugoTalk":
        """From the start: without a history there is nothing to recover."""
        return CentrifugoTalk(self._party)


class Centrifugo(Server):
    """Client publications into channels they are subscribed to; uncompressed, silent."""

    def __init__(self, place: Place, redis: Redis) -> None:
        super().__init__("centrifugo + redis", place, {"redis": redis})
        self._redis = redis
        self._program = Path()
        self._version = ""

    async def obtain(self) -> None:
        """Build it unless the cache has it, and write its settings."""
        self._program = await go_program("centrifugo", PINS, self.place)
        go = await asyncio.to_thread(tool, "go", GO_ADVICE)
        said = await output_of([go, "version", "-m", str(self._program)])
        self._version = f"{_built_of(said)}, {self._redis.version}"
        await asyncio.to_thread(self._configure)

    @property
    def version(self) -> str:
        """What was built, by which Go, and what stands behind."""
        return self._version

    def command(self) -> Sequence[str]:
        """The server, told by its file."""
        return [str(self._program), "--config", "config.json"]

    def talk(self, party: Party) -> CentrifugoTalk:
        """How this party speaks to it."""
        return CentrifugoTalk(party)

    def _configure(self) -> None:
        settings = {
            "http_server": {"address": HOST, "port": self.port},
            "client": {
                "allow_anonymous_connect_without_token": True,
                "allowed_origins": [],
                # A ping may share a frame with messages, which the generator does not take apart:
                # it answers those that come alone, and the server does not insist on the others.
                "pong_timeout": "-1s",
            },
            "channel": {
                "namespaces": [
                    {
                        "name": "order",
                        "allow_subscribe_for_client": True,
                        "allow_subscribe_for_anonymous": True,
                        "allow_publish_for_subscriber": True,
                        "allow_publish_for_anonymous": True,
                    }
                ]
            },
            "engine": {"type": "redis", "redis": {"address": [self._redis.url]}},
            "log": {"level": "error"},
            "usage_stats": {"disabled": True},  # else it reports to its makers
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.json").write_text(json.dumps(settings, indent=2))


def _built_of(said: str) -> str:
    """What `go version -m` tells, in a few words."""
    go = re.search(r": go(\S+)", said)
    module = re.search(r"^\tmod\t\S+\tv(\S+)", said, re.MULTILINE)
    if go is None or module is None:
        raise Unavailable(f"`go version -m` names no module: {said[:200]!r}.")
    return f"Centrifugo {module[1]}, Go {go[1]}"
