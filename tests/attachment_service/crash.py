"""A process that ends at a chosen step: everything it asks of its engines is counted, and just
before or just after one of these calls it is gone.

The engines are the real ones; what is put between them and the service adds nothing but the end.
"""

from collections.abc import Awaitable, Callable
from typing import Any


class Gone(BaseException):
    """The process is no more. Nothing handles it; what it had asked for may have been done."""


class Fuse:
    """Counts steps, each a moment before or after a call, and ends the process at one of them."""

    def __init__(self, at: int | None, end: Callable[[], None]) -> None:
        self.at = at
        self.steps = 0
        self.calls: list[str] = []
        self._end = end

    def step(self, name: str) -> None:
        self.steps += 1
        self.calls.append(name)
        if self.steps == self.at:
            self._end()


class Fused:
    """An engine whose calls are steps."""

    def __init__(self, engine: Any, fuse: Fuse, *names: str) -> None:
        self._engine = engine
        self._fuse = fuse
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._fused(name, found) if name in self._names else found

    def _fused(
        self, name: str, call: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def fused(*arguments: Any, **more: Any) -> Any:
            self._fuse.step(f"before {name}")
            answer = await call(*arguments, **more)
            self._fuse.step(f"after {name}")
            return answer

        return fused


UPLOADS = ("add", "get", "replace")
BLOBS = ("stat", "read", "join", "publish", "put", "remove")
