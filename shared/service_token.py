"""The token a service shows to another: from a file that is replaced in time, or of its own making.

Tokens live a day at most, services longer: so it is asked for before each use.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from shared.tokens import Clock, Role, mint

ServiceToken = Callable[[], Awaitable[str]]
"""Gives a token that is good now."""

FRESH_S: Final = 60.0
"""How long a file's content is believed, and how long before its end a minted token is replaced."""
MINTED_S: Final = 3_600.0


class FileToken:
    """The token in a file, which somebody else keeps fresh."""

    def __init__(self, file: Path, clock: Clock = time.time) -> None:
        self._file = file
        self._clock = clock
        self._token = ""
        self._read_at = float("-inf")

    async def __call__(self) -> str:
        """The file's content, at most `FRESH_S` old. Raises `OSError`."""
        now = self._clock()
        if now - self._read_at >= FRESH_S:
            self._token = (await asyncio.to_thread(self._file.read_text)).strip()
            self._read_at = now
        return self._token


class MintedToken:
    """A token signed with the secret that all services share."""

    def __init__(
        self, secret: bytes, name: str, clock: Clock = time.time, *, role: Role = "service"
    ) -> None:
        """*name* is the service's, without the prefix; or whose token it is, in another role."""
        self._secret = secret
        self._name = name
        self._role = role
        self._clock = clock
        self._token = ""
        self._good_until = float("-inf")

    async def __call__(self) -> str:
        """A token with at least `FRESH_S` left."""
        now = self._clock()
        if now >= self._good_until - FRESH_S:
            self._token = mint(
                self._secret, self._name, roles=[self._role], ttl_s=MINTED_S, now=now
            )
            self._good_until = now + MINTED_S
        return self._token
