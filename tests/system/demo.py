"""A running system as its visitors see it."""

import time
from pathlib import Path
from typing import NamedTuple

from shared.secret_file import load_or_make_secret
from shared.tokens import Role, mint


class Demo(NamedTuple):
    """Where it is, and what it keeps."""

    url: str
    data: Path

    @property
    def chat_url(self) -> str:
        """The address of the websocket."""
        return self.url.replace("http", "ws", 1) + "/v1/chat"

    def token(
        self,
        user_id: str,
        *,
        role: Role = "user",
        orders: list[str] | None = None,
        ttl_s: float = 3_600,
    ) -> str:
        """A token the system takes."""
        secret = load_or_make_secret(self.data)
        return mint(secret, user_id, roles=[role], orders=orders, ttl_s=ttl_s, now=time.time())
