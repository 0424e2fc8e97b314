"""Whether the brokers are heard of: silence is what all that may be stuck has in common."""

import asyncio
from collections.abc import Mapping
from typing import Any


class Heard:
    """When the brokers last said something of each partition, even if it was that there is no news.

    Only time spent listening counts: a consumer whose records nobody takes asks for no more.
    """

    def __init__(self, every_s: float) -> None:
        """*every_s*: how often it is listened, while it is."""
        self._every_s = every_s
        self._last: dict[int, tuple[Any, float]] = {}
        self._listened_at = 0.0

    def listen(self, answers: Mapping[int, Any]) -> float:
        """For how long the partition heard of least has not been heard of, in s. *answers*: by
        partition, what changes whenever it is heard of."""
        now = asyncio.get_running_loop().time()
        if now - self._listened_at > 2 * self._every_s:
            self._last.clear()
        self._listened_at = now
        self._last = {
            partition: last
            if (last := self._last.get(partition)) is not None and last[0] == answer
            else (answer, now)
            for partition, answer in answers.items()
        }
        return now - min((since for _, since in self._last.values()), default=now)
