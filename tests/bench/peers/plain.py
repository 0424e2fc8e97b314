"""Starlette on uvicorn with rooms in memory: what a Python gateway costs that keeps nothing."""

import json
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from deploy.engines.engine import HOST, Place
from tests.bench.load.talk import Party, TalkFailed
from tests.bench.peers.server import Server

PACKAGES: Final = ("starlette", "uvicorn", "websockets", "uvloop", "httptools", "msgspec")

UVICORN: Final = [
    *("--http", "httptools", "--loop", "uvloop", "--ws", "websockets-sansio"),
    *("--ws-per-message-deflate", "false", "--no-access-log", "--log-level", "warning"),
    *("--lifespan", "off", "--host", HOST),
]
"""The fastest there is of each; Channels runs on the same."""


class PlainTalk:
    """JSON objects told apart by `op`: how both peers in Python are spoken to."""

    target = "/chat"
    notes = False

    def __init__(self, party: Party) -> None:
        self.joined = False
        self._party = party
        self._said_before = f'{{"op":"send","order":"{party.order}","text":"'

    def begin(self) -> Sequence[bytes]:
        """Join at once."""
        join = {"op": "join", "order": self._party.order, "user": self._party.user}
        return [json.dumps(join).encode()]

    def control(self, payload: bytes) -> Sequence[bytes]:
        """See that the server let us in."""
        if payload == b'{"op":"joined"}':
            self.joined = True
        elif not payload.startswith(b'{"op":"message"'):  # others may talk while we come back
            raise TalkFailed(f"the server says {payload[:200]!r}")
        return []

    def heard(self, payload: bytes) -> None:
        """Nothing to note: a message has no number."""

    def say(self, text: str) -> bytes:
        """A message for all members."""
        return f'{self._said_before}{text}"}}'.encode()

    def again(self) -> "PlainTalk":
        """From the start: what was missed is gone."""
        return PlainTalk(self._party)


class Plain(Server):
    """One process of Python, with the packages we stand on ourselves."""

    def __init__(self, place: Place) -> None:
        super().__init__("starlette + uvicorn", place, {})

    async def obtain(self) -> None:
        """Nothing: we have it all."""

    @property
    def version(self) -> str:
        """Its packages and Python."""
        packages = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
        return f"{packages}, Python {platform.python_version()}"

    def command(self) -> Sequence[str]:
        """The server on its port."""
        where = ["--port", str(self.port), "--app-dir", str(Path(__file__).parent)]
        return [sys.executable, "-m", "uvicorn", *UVICORN, *where, "plain_app:app"]

    def talk(self, party: Party) -> PlainTalk:
        """How this party speaks to it."""
        return PlainTalk(party)
